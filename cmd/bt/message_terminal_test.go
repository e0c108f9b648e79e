package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Errors, hints and warnings are wrapped on a terminal only.
func TestMessagesWrap(t *testing.T) {
	long := strings.Repeat("x", 70) + ".torrent"
	for _, args := range [][]string{
		{"retracker", "x", "--tracker", "y"}, {"make", "a", "b"}, {"info", "x", "--field", "nope"}, {"info", long}, {"scrape", "x", "--max-time", "never"},
	} {
		for _, columns := range []int{20, 40, 60, 80, 0} {
			e, _, stderr := testEnv(append([]string{"--color", "never"}, args...)...)
			e.stderrTerminal, e.stderrWidth = true, func() int { return columns }
			run(e)
			piped, _, want := testEnv(args...)
			run(piped)
			for line := range strings.Lines(stderr.String()) {
				line = strings.TrimSuffix(line, "\n")
				if columns > 0 && utf8.RuneCountInString(line) > columns && strings.Count(line, " ") > 2 { // "bt: error: WORD"
					t.Errorf("%q in %d columns: %q", args, columns, line)
				}
			}
			same := strings.ReplaceAll(stderr.String(), "\n", " ") == strings.ReplaceAll(want.String(), "\n", " ")
			if !same || columns == 0 && stderr.String() != want.String() {
				t.Errorf("%q in %d columns: %q, want the words of %q", args, columns, stderr, want)
			}
			for line := range strings.Lines(want.String()) {
				if !strings.HasPrefix(line, "bt: ") {
					t.Errorf("%q in a pipe: %q", args, want)
				}
			}
		}
	}
}
