package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/term"
)

// --stats and --bencode of every file of the corpus: on terminals of different widths no
// line is too wide, and nothing reaches a terminal raw.
func TestInteropInfoForms(t *testing.T) {
	dir, rows := interopCorpus(t)
	var paths []string
	for _, row := range rows {
		paths = append(paths, filepath.Join(dir, row["path"]))
	}
	for _, flags := range [][]string{{"--stats"}, {"--bencode"}, {"--bencode", "-v"}, {"--bencode", "--reveal"}} {
		for _, width := range []int{40, 80, 200} {
			for _, locale := range []string{"", "C"} {
				name := fmt.Sprintf("%s in %d columns, locale %q", strings.Join(flags, " "), width, locale)
				e, stdout, stderr := testEnv(append(append([]string{"info"}, flags...), paths...)...)
				e.stdoutTerminal, e.width = true, width
				e.getenv = func(key string) string { return map[string]string{"LC_ALL": locale, "NO_COLOR": "1"}[key] }
				if code := run(e); code != exitTorrent {
					t.Errorf("%s: exit code %d, want that of damaged files, %d", name, code, exitTorrent)
				}
				interopHarmless(t, stderr.String())
				checkForm(t, name, stdout.String(), width)
			}
		}
	}
}

// checkForm checks that lines fit the width of a terminal.
func checkForm(t *testing.T, name, text string, width int) {
	t.Helper()
	if !strings.Contains(text, "\n") {
		t.Errorf("%s: nothing was printed", name)
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if term.Safe(line) != line || term.Width(line) > width {
			t.Errorf("%s: a line of %d columns: %q", name, term.Width(line), line)
		}
	}
}

// The pages of the corpus have bt's elements only.
func TestInteropInfoPage(t *testing.T) {
	dir, rows := interopCorpus(t)
	args := []string{}
	for _, row := range rows {
		path := filepath.Join(dir, row["path"])
		args = append(args, path)
		checkMarkup(t, pageOf(t, path))
	}
	page := pageOf(t, args...)
	checkMarkup(t, page)
	if !strings.Contains(page, `<h2 id="all">`+count(len(rows), "torrent")+"</h2>") || len(page) > 20<<20 {
		t.Errorf("a page of %d bytes", len(page))
	}
}
