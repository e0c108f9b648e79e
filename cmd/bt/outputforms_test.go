package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"bt/internal/testenv"
)

// An outputForm is a form of output that shows a file, or two.
type outputForm struct {
	args []string // FILE and OTHER stand for the files
	data bool     // lines are as long as their values, such as JSON
}

// outputForms are the forms of output that show whatever file they are given. A new form
// needs a line here.
var outputForms = []outputForm{
	{args: []string{"info", "FILE"}},
	{args: []string{"info", "FILE", "--files"}},
	{args: []string{"info", "FILE", "--tree"}},
	{args: []string{"info", "FILE", "--no-files"}},
	{args: []string{"info", "FILE", "--tree", "--pads", "--reveal"}},
	{args: []string{"info", "FILE", "--no-files", "--pieces"}},
	{args: []string{"info", "FILE", "--color", "always"}},
	{args: []string{"info", "--diff", "FILE", "OTHER"}},
	{args: []string{"info", "--diff", "FILE", "OTHER", "--files", "--pads", "--reveal"}},
	{args: []string{"info", "FILE", "--raw"}, data: true},
	{args: []string{"info", "FILE", "--json"}, data: true},
	{args: []string{"info", "FILE", "--jsonl", "--pieces", "--pads"}, data: true},
	{args: []string{"info", "FILE", "--magnet"}, data: true},
	{args: []string{"info", "FILE", "--field", "path,name,magnet,comment,files,files.path,trackers.0.0,unknown_keys,findings.message,info,info.name,info.files.path"}, data: true},
	{args: []string{"info", "--diff", "FILE", "OTHER", "--json"}, data: true},
	{args: []string{"get", "FILE", "--list"}},
	{args: []string{"get", "FILE", "--list", "--json"}, data: true},
}

// outputWidths are the widths of terminals that every form of output is tried in.
var outputWidths = []int{40, 80, 200}

// TestOutputForms shows torrents that are made to break the output in every form of
// output: no line is wider than the terminal, and no byte of a torrent that could control
// the terminal reaches it.
func TestOutputForms(t *testing.T) {
	checkForms(t, hostileFiles(t))
}

// TestCorpusOutputForms is TestOutputForms for all files of the corpus, and for pairs of
// the first ones.
func TestCorpusOutputForms(t *testing.T) {
	testenv.Large(t)
	checkForms(t, corpusFiles(t))
}

func checkForms(t *testing.T, files []string) {
	for _, form := range outputForms {
		t.Run(strings.Join(form.args, " "), func(t *testing.T) {
			t.Parallel()
			for i, file := range files {
				others := []string{""}
				if slices.Contains(form.args, "OTHER") {
					others = files[:min(len(files), 24)]
					if i >= len(others) {
						break
					}
				}
				for _, other := range others {
					form.check(t, file, other)
				}
			}
		})
	}
}

// check shows files in terminals of each width, which need not succeed.
func (f outputForm) check(t *testing.T, file, other string) {
	t.Helper()
	widths := outputWidths
	if f.data {
		widths = widths[:1]
	}
	for _, width := range widths {
		var args []string
		for _, arg := range f.args {
			switch arg {
			case "FILE":
				arg = file
			case "OTHER":
				arg = other
			}
			args = append(args, arg)
		}
		e, out, stderr := testEnv(args...)
		e.stdoutTerminal, e.width = true, width
		if code := run(e); code > exitTorrent || code == exitUsage {
			t.Errorf("%q at %d columns: exit code %d: %s", args, width, code, stderr)
		}
		limit := width
		if f.data {
			limit = 0
		}
		for _, text := range []string{out.String(), stderr.String()} {
			if problem := terminalProblem(text, limit); problem != "" {
				t.Errorf("%q at %d columns: %s", args, width, problem)
			}
			limit = 0 // messages on stderr, whose width is unknown, are not wrapped
		}
	}
}

// terminalProblem returns what is wrong with output for a terminal, or "": bytes that
// control it, other than colours, or a line of more than limit columns if that is not 0.
func terminalProblem(text string, limit int) string {
	for line := range strings.SplitSeq(text, "\n") {
		for _, color := range []string{"0", "1", "2", "31", "32", "33"} {
			line = strings.ReplaceAll(line, "\x1b["+color+"m", "")
		}
		if columns := twwidth.WidthNoCache(line); limit > 0 && columns > limit {
			return fmt.Sprintf("a line of %d columns: %q", columns, line)
		}
		if !utf8.ValidString(line) {
			return fmt.Sprintf("a line that is not UTF-8: %q", line)
		}
		for _, r := range line {
			if r < ' ' && r != '\t' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
				return fmt.Sprintf("a raw %U: %q", r, line)
			}
		}
	}
	return ""
}

// corpusFiles returns the files of the corpus that may be shown.
func corpusFiles(t *testing.T) []string {
	t.Helper()
	dir := testenv.Corpus(t)
	var files []string
	err := filepath.WalkDir(filepath.Join(dir, "files"), func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in the corpus, %v", len(files), err)
	}
	return files
}

// hostileFiles writes torrents with texts that would break the output of a terminal, and
// returns their paths.
func hostileFiles(t *testing.T) []string {
	t.Helper()
	const rest = "12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
	text := func(s string) string { return fmt.Sprintf("%d:%s", len(s), s) }
	evil := "\x1b]0;x\x07\x1b[2J\r\u202e\u2066\u0085\x7f\xff\xfe\t\n"
	long := strings.Repeat("a long name without end ", 40)
	wide := strings.Repeat("日本語", 60)
	path := strings.Repeat("5:depth", 60)
	file := func(size int, more, path string) string {
		return fmt.Sprintf("d%s6:lengthi%de4:pathl%see", more, size, path)
	}
	list := func(name string, files ...string) string {
		return "4:infod5:filesl" + strings.Join(files, "") + "e4:name" + text(name) + rest
	}
	dir := t.TempDir()
	var names []string
	for i, torrent := range []string{
		"d7:comment" + text(evil) + "10:created by" + text(evil) + list(evil, file(5, "", text(evil)), file(6, "", text("dir")+text(evil))) + "e",
		"d8:announce" + text("http://t.example/"+evil) + "7:comment" + text(long) + list(long, file(5, "", text(long)), file(1<<40, "", text(wide)+text(wide))) + "e",
		"d7:comment" + text(wide) + list(wide, file(5, "", path+text("end")), file(6, "", text("x"))) + "8:url-listl" + text("http://w.example/"+long) + "ee",
		"d" + list("links", "d4:attr2:lx4:pathl1:ae12:symlink pathl"+text(evil)+text(long)+"eed4:attr1:p6:lengthi9e4:pathl4:.pad1:9eed4:attr2:xh6:lengthi9e4:pathl"+text(wide)+"ee") + "e",
		"d" + text("k"+evil) + text(evil) + "4:infod6:lengthi5e4:name1:x" + text("zz"+evil) + text(evil) + rest + "e",
		"d4:infod6:lengthi007e4:name" + text(long) + rest + "e\x1b[2J",
		"d4:infod9:file treed" + text(wide) + "d0:d6:lengthi5e11:pieces root32:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaeee12:meta versioni2e4:name" + text(evil) + "12:piece lengthi16384eee",
		"\x1b[2J\x1b]0;x\x07",
	} {
		name := filepath.Join(dir, fmt.Sprintf("%d.torrent", i))
		if err := os.WriteFile(name, []byte(torrent), 0o644); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}
