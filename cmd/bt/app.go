package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/urfave/cli/v2"
)

// commands lists the commands, in the order of the help.
func commands(e *env) []*cli.Command {
	return []*cli.Command{makeCommand(e), infoCommand(e), verifyCommand(e), retrackerCommand(e), scrapeCommand(e), seedCommand(e)}
}

func run(e *env) int {
	return runWith(e, commands(e))
}

// runWith runs one command line and returns the exit code. Everything that a
// command did not print itself is printed here.
func runWith(e *env, cmds []*cli.Command) int {
	ctx, stop := withSignals(context.Background())
	defer stop()

	app := newApp(e, cmds)
	inv, err := parseArgs(e.args, app.Flags, app.Commands)
	if err == nil {
		err = dispatch(ctx, e, app, inv)
	}
	var status exitStatus
	if err == nil || errors.As(err, &status) {
		return int(status)
	}
	_, pal, _ := e.palettes(inv.color()) // no colour if that is the error
	printError(e, pal, inv.reveal(), err)
	if asJSON, line := inv.json(); asJSON {
		u := &ui{env: e, command: inv.name(), json: true, jsonl: line, reveal: inv.reveal(), out: bufio.NewWriter(e.stdout)}
		_ = u.printJSON(u.failureDocument(err)) // the error is said, and its exit code stays
		_ = u.out.Flush()
	}
	return codeOf(err)
}

func dispatch(ctx context.Context, e *env, app *cli.App, inv *invocation) error {
	if _, _, err := e.palettes(inv.color()); err != nil {
		return err
	}
	switch {
	case inv.version:
		return writeStdout(e, versionLine())
	case inv.help && (inv.command == nil || inv.command.Name == "help"):
		return writeStdout(e, appHelp(app, helpColumns(e.stdoutTerminal, e.width)))
	case inv.help:
		return writeStdout(e, commandHelp(inv.command, helpColumns(e.stdoutTerminal, e.width)))
	case inv.command == nil:
		columns := 0
		if e.stderrWidth != nil {
			columns = e.stderrWidth()
		}
		_, _ = io.WriteString(e.stderr, appHelp(app, helpColumns(e.stderrTerminal, columns)))
		return exitStatus(exitUsage)
	}
	err := app.RunContext(ctx, inv.argv())
	var status exitStatus
	if err == nil || errors.As(err, &status) {
		return err
	}
	// Actions end in an exitStatus (see action), so this is cli/v2's own
	// complaint about the command line: a required flag, a value of a type
	// that parseArgs does not check.
	return fail(exitUsage, err)
}

func writeStdout(e *env, text string) error {
	_, err := io.WriteString(e.stdout, text)
	return stdoutError(err)
}

// newApp builds what cli/v2 runs. The rest of cli/v2 is switched off: its help
// and its version (ours know "bt help" and leave -v alone), its exits from
// inside, its printing of usage errors on stdout, its commas in lists.
func newApp(e *env, cmds []*cli.Command) *cli.App {
	app := &cli.App{
		Name:                      "bt",
		Usage:                     "make, show, check, edit, scrape and seed torrents: a toolkit for publishers",
		UsageText:                 "bt COMMAND [FLAGS] [ARGUMENTS]\nbt help COMMAND|TOPIC",
		Flags:                     append(globalFlags(), versionFlag()),
		HideHelp:                  true,
		HideVersion:               true,
		Writer:                    io.Discard,
		ErrWriter:                 io.Discard,
		ExitErrHandler:            func(*cli.Context, error) {},
		DisableSliceFlagSeparator: true,
	}
	app.Commands = append(cmds, helpCommand(e, app))
	for _, c := range app.Commands {
		c.HideHelp = true // "bt verify help" is about a torrent named help
		for _, f := range c.Flags {
			if s, ok := f.(*cli.StringSliceFlag); ok {
				s.KeepSpace = true // file names may end in blanks
			}
		}
		c.Flags = append(c.Flags, globalFlags()...)
	}
	return app
}

// colorDefault is what --color means without being given.
const colorDefault = "auto"

// globalFlags work on every command, before or after it. Flags hold state, so
// each list gets its own.
func globalFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "print the result only"},
		&cli.BoolFlag{Name: "verbose", Aliases: []string{"v"}, Usage: "explain choices"},
		&cli.StringFlag{Name: "color", Value: colorDefault, Usage: "colour the output: `WHEN` is auto, always or never"},
		&cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"},
	}
}

func versionFlag() cli.Flag {
	return &cli.BoolFlag{Name: "version", Usage: "print the version"}
}

func helpCommand(e *env, app *cli.App) *cli.Command {
	return &cli.Command{
		Name:      "help",
		Usage:     "show the help of bt, of a command or of a topic",
		UsageText: "bt help [COMMAND|TOPIC]",
		Action: action(e, func(_ context.Context, u *ui, c *cli.Context) error {
			if c.NArg() > 1 {
				return failf(exitUsage, "help is for one command at a time")
			}
			text, err := helpText(app, c.Args().First(), helpColumns(e.stdoutTerminal, e.width))
			if err != nil {
				return err
			}
			_, err = u.out.WriteString(text)
			return stdoutError(err)
		}),
	}
}

// helpText is the help of a command or topic; "" and help stand for all.
func helpText(app *cli.App, name string, width int) (string, error) {
	if name == "" || name == "help" {
		return appHelp(app, width), nil
	}
	for _, t := range topics {
		if t.name == name {
			return t.text(width), nil
		}
	}
	command := app.Command(name)
	if command == nil {
		return "", unknownCommand(name, app.Commands)
	}
	return commandHelp(command, width), nil
}
