package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
)

// The scripts of bt completion ask bt what may be at the cursor:
//
//	bt __complete SHELL -- WORD...
//
// The last WORD is the one at the cursor, up to the cursor, and may be empty. bash
// passes its line instead; see bashLine. bt prints a line
//
//	KIND TAB PREFIX
//
// and a line VALUE TAB DESCRIPTION for each value. PREFIX is the beginning of the word
// that is not of the value, such as --format=v1, of --format=v1,v2. The shell itself
// completes names of files, because it knows how its users write them.
//
// Nothing is changed, no torrent is read and no error is printed.

// A completion is what may be at the cursor.
type completion struct {
	kind   completionKind
	prefix string
	values []completionValue
}

// A completionKind says what the shell does.
type completionKind string

const (
	kindWords       completionKind = "words"       // takes one of the values, which are complete
	kindPart        completionKind = "part"        // takes one of the values, to which the user adds
	kindFiles       completionKind = "files"       // completes paths
	kindDirectories completionKind = "directories" // completes paths of directories
	kindTorrents    completionKind = "torrents"    // completes paths of .torrent files and directories
)

type completionValue struct {
	value, description string
	part               bool // the user adds to it
}

// completeTimeout limits the time for a completion; the config file may be on a disk
// that does not answer.
const completeTimeout = 2 * time.Second

// completeCommand returns the command that the scripts of bt completion call.
func completeCommand(e *env, app *cli.App) *cli.Command {
	return &cli.Command{
		Name:   "__complete",
		Hidden: true,
		Action: func(c *cli.Context) error {
			args := c.Args().Slice()
			if len(args) < 2 {
				return failf(exitUsage, "__complete is for the scripts of bt completion")
			}
			shell, err := findShell(args[0])
			if err != nil {
				return err
			}
			line := &bashLine{words: args[1:]}
			switch last := len(args) - 1; {
			case shell.name == "bash":
				line = splitBash(args[1], strings.Join(args[2:], ""))
			case args[last] == `""`: // PowerShell may not pass an empty argument
				args[last] = ""
			}
			ctx, cancel := context.WithTimeout(c.Context, completeTimeout)
			defer cancel()
			found := completion{kind: kindFiles}
			if !line.redirects {
				found = (&completer{env: e, app: app}).complete(ctx, line.words)
			}
			return found.print(e, line.words[len(line.words)-1], shell, line)
		},
	}
}

// print prints a completion for a shell. word is the one at the cursor.
func (x *completion) print(e *env, word string, shell *shell, line *bashLine) error {
	matches := func(v completionValue) bool { return strings.HasPrefix(x.prefix+v.value, word) }
	part := func(v completionValue) bool { return v.part || !matches(v) }
	if slices.ContainsFunc(x.values, matches) && !slices.ContainsFunc(x.values, func(v completionValue) bool { return !part(v) }) {
		x.kind = kindPart
	}
	out := bufio.NewWriter(e.stdout)
	fmt.Fprintf(out, "%s\t%s\n", x.kind, term.Safe(x.prefix[min(line.kept, len(x.prefix)):]))
	for _, v := range x.values {
		value := v.value
		if shell.quote != nil {
			if !matches(v) {
				continue
			}
			value = shell.quote(line, (x.prefix + value)[line.kept:])
		}
		if term.Safe(value) == value { // the name of a preset may be any text
			fmt.Fprintf(out, "%s\t%s\n", value, term.Safe(v.description))
		}
	}
	return stdoutError(out.Flush())
}

// A completer completes command lines.
type completer struct {
	env *env
	app *cli.App
	inv *invocation
}

// complete returns what may be instead of the last word.
func (c *completer) complete(ctx context.Context, words []string) completion {
	before, word := words[:len(words)-1], words[len(words)-1]
	p := argParser{rest: before, flags: c.app.Flags, commands: c.app.Commands}
	c.inv = &p.inv
	for len(p.rest) > 0 {
		isArgument := p.isArgument(p.rest[0])
		err := p.step()
		if lacking, ok := errors.AsType[*noValueError](err); ok {
			return c.value(ctx, lacking.flag, "", word)
		}
		if err != nil && isArgument { // the command is unknown
			return completion{kind: kindWords}
		}
	}
	switch {
	case p.isArgument(word) && word != "-":
		return c.argument(word)
	case p.ended:
		return c.argument(word)
	case strings.HasPrefix(word, "--"):
		return c.long(ctx, &p, word)
	}
	return c.short(ctx, &p, word)
}

// long completes --name or --name=value.
func (c *completer) long(ctx context.Context, p *argParser, word string) completion {
	name, value, hasValue := strings.Cut(word, "=")
	if !hasValue {
		return completion{kind: kindWords, values: c.flags(p.flags, false)}
	}
	if f := findFlag(p.flags, name[2:]); f != nil && !isShort(name[2:]) {
		return c.value(ctx, f, name+"=", value)
	}
	return completion{kind: kindWords}
}

// short completes a dash and short flags, of which the last may have a value.
func (c *completer) short(ctx context.Context, p *argParser, word string) completion {
	if word == "-" {
		return completion{kind: kindWords, values: c.flags(p.flags, true)}
	}
	for i, r := range word {
		if i == 0 {
			continue
		}
		f := findFlag(p.flags, string(r))
		end := i + len(string(r))
		if f == nil {
			return completion{kind: kindWords}
		}
		if !isSwitch(f) && end < len(word) {
			if word[end] == '=' {
				end++
			}
			return c.value(ctx, f, word[:end], word[end:])
		}
	}
	return completion{kind: kindWords, values: []completionValue{{value: word}}}
}

// flags returns the flags that may follow those that were given.
func (c *completer) flags(flags []cli.Flag, short bool) []completionValue {
	var values []completionValue
	for _, f := range flags {
		if v, ok := f.(cli.VisibleFlag); ok && !v.IsVisible() || !c.mayFollow(f) {
			continue
		}
		row := flagRow(f)
		for _, name := range f.Names() {
			switch {
			case !isShort(name):
				values = append(values, completionValue{value: "--" + name, description: firstClause(row[1])})
			case short:
				values = append(values, completionValue{value: "-" + name, description: firstClause(row[1])})
			}
		}
	}
	return values
}

// mayFollow reports whether a flag was not given or may be repeated.
func (c *completer) mayFollow(f cli.Flag) bool {
	if g, ok := f.(*cli.GenericFlag); ok {
		if _, ok := g.Value.(listSetter); ok {
			return true
		}
	}
	name := f.Names()[0]
	return !slices.ContainsFunc(c.inv.flags, func(g givenFlag) bool { return g.name == name })
}

// firstClause returns the beginning of the usage of a flag, for a list.
func firstClause(usage string) string {
	clause, _, _ := strings.Cut(usage, "; ")
	clause, _, _ = strings.Cut(clause, " (default")
	return clause
}

// lastGiven returns the value of a flag, or "".
func (inv *invocation) lastGiven(name string) string {
	value := ""
	for _, g := range inv.flags {
		if g.name == name {
			value = cmp.Or(g.value, value)
		}
	}
	return value
}
