package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// The command line, as users of git and curl type it:
//
//   - flags stand before or after the arguments; "--" ends them; "-" alone is
//     an argument
//   - --flag VALUE, --flag=VALUE, -f VALUE, -fVALUE, -f=VALUE; the value is
//     the next argument even if it starts with a dash
//   - -qv is -q -v; a long flag needs two dashes
//   - a switch takes =true or =false; of a flag given twice the last wins
//   - the global flags work before the command too
//
// cli/v2 can do little of this: it stops at the first argument and knows no
// global flag behind the command. So parseArgs takes the line apart by the
// flags that the commands declare, and setFlags gives these their values.

// invocation is a command line taken apart.
type invocation struct {
	command *cli.Command // nil when the line names none
	flags   []givenFlag  // in the order given
	args    []string     // what is neither flag nor command
	help    bool         // --help, -h
	rest    []string     // behind an error, not looked at
	version bool         // --version
}

// givenFlag is a flag under the first of its names. A switch has a value too.
type givenFlag struct{ name, value string }

// name is that of the command, "" when the line names none.
func (inv *invocation) name() string {
	if inv.command == nil {
		return ""
	}
	return inv.command.Name
}

// mentions reports whether a flag without a value stands behind an error.
func (inv *invocation) mentions(flag string) bool {
	rest := inv.rest
	if end := slices.Index(rest, "--"); end >= 0 {
		rest = rest[:end]
	}
	return slices.Contains(rest, flag)
}

// argParser walks over a command line.
type argParser struct {
	inv      invocation
	rest     []string   // what was not looked at yet
	flags    []cli.Flag // those that exist here: the root's, then the command's
	commands []*cli.Command
}

// parseArgs takes a command line apart. root are the flags that stand before
// the command; a command's own list is expected to repeat the global ones.
// With an error comes what was understood before it.
func parseArgs(args []string, root []cli.Flag, commands []*cli.Command) (*invocation, error) {
	p := argParser{rest: args, flags: root, commands: commands}
	ended := false
	for len(p.rest) > 0 {
		arg := p.next()
		var err error
		switch {
		case ended || arg == "-" || !strings.HasPrefix(arg, "-"):
			err = p.argument(arg)
		case arg == "--":
			ended = true
		case strings.HasPrefix(arg, "--"):
			err = p.long(arg)
		default:
			err = p.cluster(arg)
		}
		if err != nil {
			p.inv.rest = p.rest
			return &p.inv, err
		}
	}
	return &p.inv, nil
}

func (p *argParser) next() string {
	arg := p.rest[0]
	p.rest = p.rest[1:]
	return arg
}

// argument takes what is no flag: the first is the command.
func (p *argParser) argument(arg string) error {
	if p.inv.command != nil {
		p.inv.args = append(p.inv.args, arg)
		return nil
	}
	for _, c := range p.commands {
		if c.HasName(arg) {
			p.inv.command, p.flags = c, c.Flags
			return nil
		}
	}
	return unknownCommand(arg, p.commands)
}

// long takes --name, --name=value or --name value.
func (p *argParser) long(arg string) error {
	shown, value, hasValue := strings.Cut(arg, "=")
	name := strings.TrimPrefix(shown, "--")
	f := findFlag(p.flags, name)
	if f == nil || isShort(name) {
		return p.unknownFlag(shown, shown)
	}
	return p.set(f, shown, value, hasValue)
}

// cluster takes -q, -qv, -o value, -ovalue or -o=value.
func (p *argParser) cluster(arg string) error {
	// A shell writes the names of files for *.torrent, whatever they begin with.
	if _, err := os.Lstat(arg); err == nil && strings.HasSuffix(arg, ".torrent") {
		return withHint(failf(exitUsage, "%s is taken for flags, and there is a file of that name", arg), dashHint(arg))
	}
	// -output is a long flag with a dash missing much more often than it is
	// -o with the value "utput", and reading it so would write a wrong file.
	if whole, _, _ := strings.Cut(arg, "="); !isShort(whole[1:]) && findFlag(p.flags, whole[1:]) != nil {
		return p.unknownFlag(whole, whole)
	}
	for body := arg[1:]; body != ""; {
		_, size := utf8.DecodeRuneInString(body)
		name := body[:size]
		body = body[size:]
		f := findFlag(p.flags, name)
		if f == nil {
			return p.unknownFlag("-"+name, arg)
		}
		value, hasValue := strings.CutPrefix(body, "=")
		if hasValue || (body != "" && !isSwitch(f)) {
			return p.set(f, "-"+name, value, true)
		}
		if err := p.set(f, "-"+name, "", false); err != nil {
			return err
		}
	}
	return nil
}

// set notes a flag with its value, which without one of its own is the next
// argument, whatever that looks like.
func (p *argParser) set(f cli.Flag, shown, value string, hasValue bool) error {
	switch {
	case hasValue:
	case isSwitch(f):
		value = "true"
	case len(p.rest) == 0:
		return failf(exitUsage, "flag %s needs a value", shown)
	default:
		value = p.next()
	}
	given := givenFlag{f.Names()[0], value}
	for name, on := range map[string]*bool{"help": &p.inv.help, "version": &p.inv.version} {
		if given.name == name {
			b, err := strconv.ParseBool(value)
			if err != nil {
				return flagError(f, given, err)
			}
			*on = b
			return nil
		}
	}
	p.inv.flags = append(p.inv.flags, given)
	return nil
}

// findFlag is the flag that has the name among its names, nil when none has.
func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		for _, n := range f.Names() {
			if n == name {
				return f
			}
		}
	}
	return nil
}

// isSwitch tells flags that stand alone from those with a value.
func isSwitch(f cli.Flag) bool {
	if g, ok := f.(*cli.GenericFlag); ok { // one that may have a value behind =
		b, ok := g.Value.(interface{ IsBoolFlag() bool })
		return ok && b.IsBoolFlag()
	}
	d, ok := f.(cli.DocGenerationFlag)
	return ok && !d.TakesValue()
}

// isShort tells names that take one dash from those that take two.
func isShort(name string) bool {
	return utf8.RuneCountInString(name) == 1
}
