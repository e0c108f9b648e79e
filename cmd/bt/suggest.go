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

// suggest returns the candidate that typed probably means, or "". A third of the
// letters may differ, or typed may be the beginning of a single candidate. The
// similar function of cli/v2 always suggests something.
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

// distance returns the number of letters to add, drop, change, or swap with a
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	// Three rows of the matrix are enough, because a swap refers to two rows
	// above.
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

// unknownCommand returns the error for an unknown command.
func unknownCommand(name string, commands []*cli.Command) error {
	return withHint(failf(exitUsage, "unknown command %s", shown(name)), hintForCommand(name, commands))
}

func hintForCommand(name string, commands []*cli.Command) string {
	var names []string
	for _, c := range commands {
		if !c.Hidden {
			names = append(names, c.Name)
		}
	}
	if hint := lookUp(spelling(name), otherCommands); hint != "" {
		return hint
	}
	if near := suggest(name, names); near != "" {
		return "did you mean " + near + "?"
	}
	if slices.Contains(topicNames(), spelling(name)) {
		return "bt help " + spelling(name) + " shows it"
	}
	if metainfo.IsMagnet(name) {
		return "bt info LINK shows a magnet link, and bt get LINK downloads it"
	}
	if _, err := os.Stat(name); err != nil {
		return "bt help lists the commands"
	}
	if isTorrent(name) {
		return fmt.Sprintf("bt info %s shows this torrent; bt help lists the commands", shellQuote(name))
	}
	return fmt.Sprintf("bt make %s makes a torrent of it; bt help lists the commands", shellQuote(name))
}

// unknownFlag returns the error for an unknown flag. arg is the whole argument,
// which differs from shown if shown is one of several letters after one dash.
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
	if !isShort(name) { // one letter is similar to every other
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

// hintBeforeCommand returns the hint for an unknown flag before the command. Some
// tools have flags for what are commands of bt.
func (p *argParser) hintBeforeCommand(name, arg string) string {
	if p.belongsToCommand(name) {
		return "put the flags of a command after it: bt COMMAND " + arg
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

// spelling returns a word as bt spells its names: in lower case and with dashes
// instead of underscores. It does not change single letters, because their case
// matters.
func spelling(word string) string {
	if isShort(word) {
		return word
	}
	return strings.ReplaceAll(strings.ToLower(word), "_", "-")
}

// suggestFlag returns the flag that was probably meant, or "". A similar flag may
// be the wrong one, so it does not suggest flags that do more than was asked, or
// the opposite.
func suggestFlag(command, typed string, flags []string) string {
	if isShort(typed) {
		return "" // one letter is similar to every other
	}
	no := ""
	if strings.HasPrefix(typed, "no-") {
		no = "no-" // not part of the comparison
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

// riskyFlags lists flags that register with trackers, delete, overwrite, override
// a refusal, show secrets, accept any certificate, or change the info-hash.
var riskyFlags = []string{
	"announce-fallback", "peers", "availability", "seed", "force", "reveal", "insecure", "new-infohash", "entropy",
	"remove", "drop-dead", "unset", "from", "from-json", "rules",
}

// isRisky reports whether a flag must not be suggested because of a similar name.
func isRisky(command, flag string) bool {
	return slices.Contains(riskyFlags, flag) ||
		command == "retracker" && (strings.HasPrefix(flag, "no-") || changesInfo(flag))
}

// changesInfo reports whether a flag of retracker changes the info dict.
func changesInfo(flag string) bool {
	return slices.ContainsFunc(new(editFlags).infoFlags(), func(f givenSwitch) bool { return f.name == flag })
}

// negates reports whether a word may be a negation, such as no-date.
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

// isFileName reports whether an argument that begins with a dash is probably a
// file name: it has the extension of one, or the file exists.
func isFileName(arg string) bool {
	for _, extension := range []string{".torrent", ".fastresume"} {
		if strings.HasSuffix(strings.ToLower(arg), extension) {
			return true
		}
	}
	_, err := os.Lstat(arg)
	return err == nil
}

// dashHint returns the hint for a file name that begins with a dash.
func dashHint(arg string) string {
	if _, err := os.Lstat(arg); err != nil {
		return "if it is the name of a file, write " + shellQuote(arg)
	}
	return "a file of that name is " + shellQuote(arg)
}

// shellQuote quotes a file name for the shell if necessary, and keeps a leading
// dash from being read as a flag.
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
