package main

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// Findings are wrapped to the window, and no text is lost.
func TestFindingsFit(t *testing.T) {
	path := retrackerTorrent(t, "8:announce60:http://tracker.example/with a blank/and a very long path/ann", "")
	e, out, _ := testEnv("info", path, "--no-files")
	if run(e) != exitOK || !strings.Contains(out.String(), "bad-tracker") {
		t.Fatalf("no finding about a URL:\n%s", out)
	}
	_, findings, _ := strings.Cut(out.String(), "\n\n")
	letters := func(s string) string { return strings.Join(strings.Fields(s), "") }
	for columns := 30; columns <= 200; columns++ {
		e, out, _ := testEnv("info", path, "--no-files")
		e.stdoutTerminal, e.width = true, columns
		run(e)
		plain := strings.NewReplacer("\x1b[31m", "", "\x1b[33m", "", "\x1b[2m", "", "\x1b[1m", "", "\x1b[0m", "").Replace(out.String())
		_, got, _ := strings.Cut(plain, "\n\n")
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > columns {
				t.Fatalf("in %d columns one line has %d: %s", columns, n, line)
			}
		}
		if columns < narrow {
			if a, b := len(letters(got)), len(letters(findings)); a != b+2*strings.Count(findings, "at byte") {
				t.Fatalf("in %d columns %d letters, of %d:\n%s", columns, a, b, got)
			}
		} else if strings.Contains(got, "…") {
			t.Fatalf("in %d columns something is cut:\n%s", columns, got)
		}
	}
}
