package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// suggest finds the candidate that was probably meant by typed, "" when none
// is near: a third of its letters may be wrong, or it may be the beginning of a
// name. cli/v2 has a function for this too, but that one
// always suggests something.
func suggest(typed string, candidates []string) string {
	best, limit := "", len(typed)/3
	for _, c := range candidates {
		if d := distance(typed, c); d <= limit {
			best, limit = c, d-1
		}
	}
	if best != "" || len(typed) < 2 {
		return best
	}
	for _, c := range candidates {
		if strings.HasPrefix(c, typed) {
			return c
		}
	}
	return ""
}

// distance counts the letters to add, drop, change, or swap with their
// neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	// Three rows of the table are enough: swaps look two rows back.
	before := make([]int, len(b)+1)
	above := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range row {
		above[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := above[j-1]
			if a[i-1] != b[j-1] {
				change++
			}
			row[j] = min(change, above[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(b)]
}

// unknownCommand is the error for a command that does not exist.
func unknownCommand(name string, commands []*cli.Command) error {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	hint := "bt help lists the commands"
	if near := suggest(name, names); near != "" {
		hint = "did you mean " + near + "?"
	}
	return withHint(failf(exitUsage, "unknown command %s", name), hint)
}

// unknownFlag is the error for a flag that does not exist here, as typed in
// arg: the two differ where it is one of several letters behind one dash.
func (p *argParser) unknownFlag(shown, arg string) error {
	err := failf(exitUsage, "unknown flag %s", shown)
	if shown != arg {
		err = failf(exitUsage, "unknown flag %s in %s", shown, arg)
	}
	return withHint(err, p.hintForFlag(arg))
}

func (p *argParser) hintForFlag(arg string) string {
	name := strings.TrimLeft(arg, "-")
	name, _, _ = strings.Cut(name, "=")
	near := suggest(name, longNames(p.flags))
	switch {
	case isShort(name) && strings.HasPrefix(arg, "--") && findFlag(p.flags, name) != nil:
		return "did you mean -" + name + "?"
	case p.inv.command == nil && p.belongsToCommand(name):
		return "flags of a command stand after it: bt COMMAND " + arg
	case near != "" && !isShort(name): // one letter is near to everything
		return "did you mean --" + near + "?"
	case p.inv.command == nil:
		return "bt help lists the flags"
	}
	return "bt help " + p.inv.command.Name + " lists its flags"
}

func (p *argParser) belongsToCommand(name string) bool {
	for _, c := range p.commands {
		if findFlag(c.Flags, name) != nil {
			return true
		}
	}
	return false
}

func longNames(flags []cli.Flag) []string {
	var names []string
	for _, f := range flags {
		for _, name := range f.Names() {
			if !isShort(name) {
				names = append(names, name)
			}
		}
	}
	return names
}
