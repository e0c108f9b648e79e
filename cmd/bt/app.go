package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
)

// commands returns the commands in the order in which the help lists them.
func commands(e *env) []*cli.Command {
	return []*cli.Command{makeCommand(e), infoCommand(e), verifyCommand(e), retrackerCommand(e), scrapeCommand(e), seedCommand(e), getCommand(e)}
}

func run(e *env) int {
	return runWith(e, commands(e))
}

// runWith runs one command line and returns the exit code. It prints the errors
// that the command has not printed itself.
func runWith(e *env, cmds []*cli.Command) int {
	ctx, stop := withSignals(context.Background())
	defer stop()

	app := newApp(e, cmds)
	inv, err := parseArgs(e.args, app.Flags, app.Commands)
	e.given = inv.flags
	// Set the flags even after a parse error: some of them choose how it is
	// printed.
	c, setErr := newContext(ctx, app, inv)
	if err == nil {
		err = setErr
	}
	if err == nil {
		err = dispatch(e, app, inv, c)
	}
	var status exitStatus
	if err == nil || errors.As(err, &status) {
		return int(status)
	}
	_, pal := e.palettes()
	printError(e, pal, e.options.reveal, err)
	line := e.options.jsonl || inv.mentions("--jsonl")
	if line || e.options.json || inv.mentions("--json") {
		u := &ui{env: e, command: inv.name(), json: true, jsonl: line, reveal: e.options.reveal, out: bufio.NewWriter(e.stdout)}
		_ = u.printJSON(u.failureDocument(err)) // the error is already on stderr and keeps its exit code
		_ = u.out.Flush()
	}
	return codeOf(err)
}

// newContext sets the flags of a parsed command line. If it returns an error, the
// valid flags are set nevertheless.
func newContext(ctx context.Context, app *cli.App, inv *invocation) (*cli.Context, error) {
	flags := app.Flags
	if inv.command != nil {
		flags = inv.command.Flags
	}
	set, err := setFlags(flags, inv.flags)
	if parseErr := set.Parse(append([]string{"--"}, inv.args...)); err == nil {
		err = parseErr
	}
	c := cli.NewContext(app, set, nil)
	c.Context, c.Command = ctx, inv.command
	return c, err
}

func dispatch(e *env, app *cli.App, inv *invocation, c *cli.Context) error {
	switch {
	case inv.version:
		return writeStdout(e, versionLine())
	case inv.help && (inv.command == nil || inv.command.Name == "help"):
		return writeStdout(e, appPage(app).text(helpColumns(e.stdoutTerminal, e.width)))
	case inv.help:
		return writeStdout(e, commandPage(inv.command).text(helpColumns(e.stdoutTerminal, e.width)))
	case inv.command == nil:
		columns := 0
		if e.stderrWidth != nil {
			columns = e.stderrWidth()
		}
		_, _ = io.WriteString(e.stderr, appPage(app).text(helpColumns(e.stderrTerminal, columns)))
		return exitStatus(exitUsage)
	}
	return inv.command.Action(c)
}

func writeStdout(e *env, text string) error {
	_, err := io.WriteString(e.stdout, text)
	return stdoutError(err)
}

// newApp returns the application with its commands and flags. It uses cli/v2 for
// the declarations only: parseArgs parses the command line, and commandHelp and
// appHelp write the help.
func newApp(e *env, cmds []*cli.Command) *cli.App {
	app := &cli.App{
		Name:      "bt",
		Usage:     "make, show, check, edit, scrape, seed and get torrents: a toolkit for publishers",
		UsageText: "bt COMMAND [FLAGS] [ARGUMENTS]\nbt help COMMAND|TOPIC",
		Flags:     append(e.options.flags(), versionFlag()),
	}
	app.Commands = append(cmds, completionCommand(e), helpCommand(e, app), completeCommand(e, app))
	for _, c := range app.Commands {
		c.Flags = append(c.Flags, e.options.flags()...)
	}
	return app
}

// helpFlag and versionFlag store no value: parseArgs handles them.
func helpFlag() cli.Flag {
	return &cli.BoolFlag{Name: "help", Aliases: []string{"h"}, Usage: "show this help"}
}

func versionFlag() cli.Flag {
	return &cli.BoolFlag{Name: "version", Usage: "print the version"}
}

func helpCommand(e *env, app *cli.App) *cli.Command {
	var man option[string]
	return &cli.Command{
		Name:      "help",
		Usage:     "show the help of bt, of a command or of a topic",
		UsageText: "bt help [COMMAND|TOPIC]\nbt help --man DIR",
		Flags:     []cli.Flag{valueFlag(&man, nonEmpty("the directory"), "man", "write the man pages of bt to the directories man1 and man7 in `DIR`, and replace those of another version")},
		Action: action(e, func(_ context.Context, u *ui, args []string) error {
			switch {
			case man.given && len(args) > 0:
				return failf(exitUsage, "--man writes all pages, not that of %s", shown(args[0]))
			case man.given:
				date, err := currentDate(e)
				if err != nil {
					return err
				}
				n, err := writeManPages(app, man.value, date)
				if err != nil || u.quiet {
					return err
				}
				return u.printText(count(n, "man page") + " in " + term.Safe(man.value))
			case len(args) > 1:
				return failf(exitUsage, "help is for one command at a time")
			}
			text, err := helpText(app, strings.Join(args, ""), helpColumns(e.stdoutTerminal, e.width))
			if err != nil {
				return err
			}
			_, err = u.out.WriteString(text)
			return stdoutError(err)
		}),
	}
}

// helpText returns the help of a command or topic, or the general help if name is
// "" or "help".
func helpText(app *cli.App, name string, width int) (string, error) {
	if name == "" || name == "help" {
		return appPage(app).text(width), nil
	}
	if text, ok := topicHelp(name, width); ok {
		return text, nil
	}
	command := app.Command(name)
	if command == nil {
		if near := suggest(spelling(name), topicNames()); near != "" && lookUp(spelling(name), otherCommands) == "" {
			return "", withHint(failf(exitUsage, "unknown command or topic %s", shown(name)), "did you mean "+near+"?")
		}
		return "", unknownCommand(name, app.Commands)
	}
	return commandPage(command).text(width), nil
}
