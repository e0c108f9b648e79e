package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/urfave/cli/v2"
)

// The syntax of the command line follows git and curl:
//
//   - flags may be before or after the arguments; "--" ends the flags; "-" alone
//     is an argument
//   - --flag VALUE, --flag=VALUE, -f VALUE, -fVALUE, -f=VALUE; the value is
//     the next argument even if it starts with a dash
//   - -qv is -q -v; a long flag needs two dashes
//   - a switch takes =true or =false; if a flag is repeated, the last value is used
//   - the global flags work before the command too
//
// cli/v2 does little of this: it stops at the first argument and does not accept
// global flags after the command. So parseArgs parses the line by the flags that
// the commands declare, and setFlags sets their values.

// invocation is a parsed command line.
type invocation struct {
	command *cli.Command // nil if the line names no command
	flags   []givenFlag  // in the order given
	args    []string     // the arguments after the command
	help    bool         // --help, -h
	rest    []string     // arguments after an error, not parsed
	version bool         // --version
}

// givenFlag is a flag that was given, under the first of its names. A switch has
// the value true or false.
type givenFlag struct{ name, value string }

// name returns the name of the command, or "" if the line names none.
func (inv *invocation) name() string {
	if inv.command == nil {
		return ""
	}
	return inv.command.Name
}

// mentions reports whether flag occurs, without a value, after the argument that
// caused an error.
func (inv *invocation) mentions(flag string) bool {
	rest := inv.rest
	if end := slices.Index(rest, "--"); end >= 0 {
		rest = rest[:end]
	}
	return slices.Contains(rest, flag)
}

// argParser is the state of parseArgs.
type argParser struct {
	inv      invocation
	rest     []string   // arguments that are not parsed yet
	ended    bool       // by "--": what follows are arguments
	flags    []cli.Flag // the valid flags: first the global ones, then the command's
	commands []*cli.Command
}

// parseArgs parses a command line. root lists the flags that are valid before the
// command; a command's own list must repeat them. If it returns an error, the
// invocation holds what was parsed before it.
func parseArgs(args []string, root []cli.Flag, commands []*cli.Command) (*invocation, error) {
	p := argParser{rest: args, flags: root, commands: commands}
	for len(p.rest) > 0 {
		if err := p.step(); err != nil {
			p.inv.rest = p.rest
			return &p.inv, err
		}
	}
	return &p.inv, nil
}

// step parses the next argument, and its value if it is a flag that has one.
func (p *argParser) step() error {
	arg := p.next()
	switch {
	case p.isArgument(arg):
		return p.argument(arg)
	case arg == "--":
		p.ended = true
		return nil
	case strings.HasPrefix(arg, "--"):
		return p.long(arg)
	}
	return p.cluster(arg)
}

// isArgument reports whether arg is not a flag.
func (p *argParser) isArgument(arg string) bool {
	return p.ended || arg == "-" || !strings.HasPrefix(arg, "-")
}

func (p *argParser) next() string {
	arg := p.rest[0]
	p.rest = p.rest[1:]
	return arg
}

// argument handles an argument that is not a flag: the first is the command.
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
	// The shell may expand *.torrent to a file name that begins with a dash.
	if _, err := os.Lstat(arg); err == nil && strings.HasSuffix(arg, ".torrent") {
		return withHint(failf(exitUsage, "%s is parsed as flags, but a file of that name exists", arg), dashHint(arg))
	}
	// Users who type -output nearly always mean --output. Parsing it as -o with
	// the value "utput" would write a file of the wrong name.
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

// set records a flag and its value. Without an inline value it takes the next
// argument, even if that begins with a dash.
func (p *argParser) set(f cli.Flag, shown, value string, hasValue bool) error {
	switch {
	case hasValue:
	case isSwitch(f):
		value = "true"
	case len(p.rest) == 0:
		return fail(exitUsage, &noValueError{f, shown})
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

// A noValueError reports a flag at the end of the line that lacks its value.
type noValueError struct {
	flag  cli.Flag
	shown string
}

func (e *noValueError) Error() string { return "flag " + e.shown + " needs a value" }

// findFlag returns the flag that has the name, or nil.
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

// isSwitch reports whether a flag takes no separate value.
func isSwitch(f cli.Flag) bool {
	if g, ok := f.(*cli.GenericFlag); ok { // may have a value after =
		b, ok := g.Value.(interface{ IsBoolFlag() bool })
		return ok && b.IsBoolFlag()
	}
	d, ok := f.(cli.DocGenerationFlag)
	return ok && !d.TakesValue()
}

// isShort reports whether a flag name takes one dash instead of two.
func isShort(name string) bool {
	return utf8.RuneCountInString(name) == 1
}
