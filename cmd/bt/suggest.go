package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"bt/internal/metainfo"
)

// suggest finds the candidate that was probably meant by typed, "" when none
// is near: a third of its letters may be wrong, or it may be the beginning of
// one name. cli/v2 has a function for this too, but that one always suggests
// something.
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
			if best != "" {
				return ""
			}
			best = c
		}
	}
	return best
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
	return withHint(failf(exitUsage, "unknown command %s", shown(name)), hintForCommand(name, commands))
}

func hintForCommand(name string, commands []*cli.Command) string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	if hint := lookUp(spelling(name), otherCommands); hint != "" {
		return hint
	}
	if near := suggest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	if metainfo.IsMagnet(name) {
		return "bt info LINK shows a magnet link"
	}
	if _, err := os.Stat(name); err != nil {
		return "bt help lists the commands"
	}
	if isTorrent(name) {
		return fmt.Sprintf("bt info %s shows this torrent; bt help lists the commands", shellQuote(name))
	}
	return fmt.Sprintf("bt make %s makes a torrent of it; bt help lists the commands", shellQuote(name))
}

// unknownFlag is the error for a flag that does not exist here, as typed in
// arg: the two differ where it is one of several letters behind one dash.
func (p *argParser) unknownFlag(shown, arg string) error {
	err := failf(exitUsage, "unknown flag %s", shown)
	if shown != arg {
		err = failf(exitUsage, "unknown flag %s in %s", shown, arg)
	}
	return withHint(err, p.hintForFlag(shown, arg))
}

func (p *argParser) hintForFlag(shown, arg string) string {
	if isFileName(arg) {
		return dashHint(arg)
	}
	command := ""
	if p.inv.command != nil {
		command = p.inv.command.Name
	}
	name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
	if isShort(name) && strings.HasPrefix(arg, "--") && findFlag(p.flags, name) != nil {
		return "did you mean -" + name + "?"
	}
	if !isShort(name) { // one letter is near to everything
		if same := spelling(name); findFlag(p.flags, same) != nil {
			return "did you mean --" + same + "?"
		}
		if hint := otherFlag(command, spelling(name)); hint != "" {
			return hint
		}
	}
	if command == "" {
		return p.hintBeforeCommand(name, arg)
	}
	if near := suggestFlag(command, name, longNames(p.flags)); near != "" {
		return "did you mean --" + near + "?"
	}
	if hint := otherFlag(command, strings.TrimLeft(shown, "-")); hint != "" {
		return hint
	}
	return "bt help " + command + " lists its flags"
}

// hintBeforeCommand is the hint for an unknown flag where no command was named
// yet. Some tools have flags for what are commands here.
func (p *argParser) hintBeforeCommand(name, arg string) string {
	if p.belongsToCommand(name) {
		return "flags of a command stand after it: bt COMMAND " + arg
	}
	for _, c := range p.commands {
		if c.Name == name {
			return "commands have no dashes: bt " + name
		}
	}
	if near := suggestFlag("", name, longNames(p.flags)); near != "" {
		return "did you mean --" + near + "?"
	}
	if hint := lookUp(spelling(name), otherCommands); hint != "" {
		return hint
	}
	if hint := otherFlag("", name); hint != "" {
		return hint
	}
	return "bt help lists the flags"
}

// spelling is a word as bt would write it: other tools have underscores and
// upper case in theirs. A single letter stays, for its case tells flags apart.
func spelling(word string) string {
	if isShort(word) {
		return word
	}
	return strings.ReplaceAll(strings.ToLower(word), "_", "-")
}

// suggestFlag finds the flag that was probably meant. A flag that is near may
// still be another one, so no flag is suggested that may do more than was asked,
// nor the opposite of what was asked.
func suggestFlag(command, typed string, flags []string) string {
	if isShort(typed) {
		return "" // one letter is near to everything
	}
	no := ""
	if strings.HasPrefix(typed, "no-") {
		no = "no-" // is no part of what has to be near
	}
	var candidates []string
	for _, flag := range flags {
		if !isRisky(command, flag) && negates(typed) == negates(flag) && !strings.HasSuffix(typed, flag) && strings.HasPrefix(flag, no) {
			candidates = append(candidates, flag[len(no):])
		}
	}
	if near := suggest(typed[len(no):], candidates); near != "" {
		return no + near
	}
	return ""
}

// riskyFlags register with trackers, delete, overwrite, override a refusal, show
// secrets, trust anybody, or change the info-hash.
var riskyFlags = []string{
	"announce-fallback", "peers", "seed", "force", "reveal", "insecure", "new-infohash", "entropy",
	"remove", "drop-dead", "unset", "from", "from-json", "rules",
}

// isRisky reports whether a flag must not be suggested only because it is near.
func isRisky(command, flag string) bool {
	return slices.Contains(riskyFlags, flag) ||
		command == "retracker" && (strings.HasPrefix(flag, "no-") || changesInfo(flag))
}

// changesInfo reports whether a flag of retracker changes the info dict.
func changesInfo(flag string) bool {
	return slices.ContainsFunc(new(editFlags).infoFlags(), func(f givenSwitch) bool { return f.name == flag })
}

// negates reports whether a word may say no to something, as --no-date does.
func negates(word string) bool {
	return slices.ContainsFunc([]string{"no", "un", "dis", "without", "skip", "dont", "do-not", "never"}, func(prefix string) bool {
		return strings.HasPrefix(word, prefix)
	})
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

// isFileName reports whether an argument that begins with a dash is rather the
// name of a file: it ends like one, or there is one.
func isFileName(arg string) bool {
	for _, extension := range []string{".torrent", ".fastresume"} {
		if strings.HasSuffix(strings.ToLower(arg), extension) {
			return true
		}
	}
	_, err := os.Lstat(arg)
	return err == nil
}

// dashHint is how to name a file whose name begins with a dash; there may be none.
func dashHint(arg string) string {
	if _, err := os.Lstat(arg); err != nil {
		return "if it is the name of a file, write " + shellQuote(arg)
	}
	return "a file of that name is " + shellQuote(arg)
}

// shellQuote writes a file name as a user can type it: as it is if nothing in it
// has a meaning to the shell or to bt.
func shellQuote(name string) string {
	if strings.HasPrefix(name, "-") {
		name = "./" + name
	}
	safe := "+,-./:=@_%"
	if runtime.GOOS == "windows" {
		safe = `+,-./:=@_\`
	}
	plain := func(r rune) bool {
		return r < utf8.RuneSelf && (unicode.IsLetter(r) || unicode.IsDigit(r)) || strings.ContainsRune(safe, r)
	}
	switch {
	case name != "" && strings.TrimFunc(name, plain) == "":
		return name
	case runtime.GOOS == "windows":
		return `"` + name + `"`
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}
