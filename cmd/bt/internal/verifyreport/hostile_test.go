package verifyreport

import (
	"encoding/csv"
	"encoding/hex"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"

	"bt/inspect"
	"bt/internal/term"
	"bt/repair"
)

// hostileNames are names that a report must not pass on unchanged.
var hostileNames = []string{
	"plain", "", " ", "a/b", `a"b`, "a'b", "a,b", "a;b", "a\nb", "a\rb", "a\tb", "\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "\u202egpj.exe", "\u2066", "\x00",
	"bad\xff\xfebytes", "\xff=1", "=1+1", "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "＝1", "＋1", "－1", "＠1", "'=1",
	"<script>alert(1)</script>", "</title>", "</style>", "<!--", "-->", "]]>", "&amp;", "{{.}}", "\" onload=\"x", "' x='", "javascript:alert(1)", "http://t.example/?passkey=x",
	strings.Repeat("n", 5000), strings.Repeat("\u0301", 600), "\ufeff", "\u2028", "\U000e0001", "ok\\n",
}

// hostileTorrent returns a torrent with a name in every place.
func hostileTorrent(name string) *Torrent {
	v := verdict([]file{
		ok(name, 1),
		{path: name, at: name, size: 5, status: inspect.StatusMissing, bad: []inspect.Range{{Length: 5, Cause: inspect.CauseMissing}}},
		{path: name, size: 5, status: inspect.StatusUnverifiable, doubt: true},
	}, inspect.BadPiece{Index: 0, Cause: inspect.CauseCorrupt, Files: slices.Values([]string{name, name}), FileCount: 2, Doubtful: true})
	v.Extra, v.Content = []string{name}, name
	v.Found = []inspect.Found{{Index: 1, Path: name, At: name, Proof: inspect.ProofRoot}}
	v.Maybe = []inspect.Maybe{{Index: 2, Path: name, At: []string{name, name}, Count: 2, Reason: inspect.ReasonDiffer}}
	t := torrentOf(v)
	t.Repaired = &Repaired{
		Report: &repair.Report{
			Files: []repair.File{{Index: 1, Pieces: 1, Bytes: 5, Made: true, Sources: []int{0}}}, Refused: []repair.Refusal{{Index: 2}},
			Sources: []repair.Supplied{{Pieces: 1, Files: 1}},
		},
		From: []Source{{name, name}}, Reason: func(repair.Refusal) string { return name },
	}
	t.Linked = &Linked{Err: name}
	t.Name, t.Path, t.Result, t.Summary, t.Proof, t.Facts = name, name, name, name, name, [][2]string{{name, name}}
	t.Detail = func(*inspect.FileVerdict) string { return name }
	return t
}

func FuzzHostileNames(f *testing.F) {
	for _, name := range hostileNames {
		f.Add(name)
	}
	plain := shape(f, reportOf(f, HTML, hostileTorrent("plain"), &Torrent{Path: "plain", Result: "plain", Summary: "plain"}))
	f.Fuzz(func(t *testing.T, name string) {
		failed := &Torrent{Path: name, Result: name, Summary: name}
		page := reportOf(t, HTML, hostileTorrent(name), failed)
		// A name changes the text of the page, and never its elements.
		if name != "" {
			if got := shape(t, page); got != plain {
				t.Errorf("the name %q changes the page:\n%s\nwant\n%s", name, got, plain)
			}
		}
		checkSafe(t, page, "\n\t")
		checkSafe(t, reportOf(t, Text, hostileTorrent(name), failed), "\n")
		table := reportOf(t, CSV, hostileTorrent(name), failed)
		checkSafe(t, table, "\n")
		checkCells(t, table, name)
	})
}

// shape returns the elements and attributes of a page, without the texts and without
// those of pictures.
func shape(t testing.TB, page string) string {
	t.Helper()
	var b strings.Builder
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return b.String()
		case html.TextToken:
		default:
			token := z.Token()
			b.WriteString(kind.String() + " " + token.Data)
			for _, a := range token.Attr {
				b.WriteString(" " + a.Key + "=" + a.Val)
			}
			b.WriteByte('\n')
		}
	}
}

// checkSafe checks that a terminal shows a report as it is.
func checkSafe(t *testing.T, report, allowed string) {
	t.Helper()
	text := strings.Map(func(r rune) rune {
		if strings.ContainsRune(allowed, r) {
			return -1
		}
		return r
	}, report)
	if !utf8.ValidString(report) || term.Safe(text) != text {
		t.Errorf("a report has control characters or invalid UTF-8: %q", report)
	}
}

// checkCells checks that no cell is a formula, and that the paths can be had from their
// cells.
func checkCells(t *testing.T, table, name string) {
	t.Helper()
	lines, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 1+3+1+2+1+1 { // files, an extra one, candidates, no tree, no verdict
		t.Fatalf("%d lines: %q", len(lines), table)
	}
	column := func(name string) int { return slices.Index(lines[0], name) }
	exact := func(line []string, name string) string {
		if b, err := hex.DecodeString(line[column(name+"_bytes")]); err != nil || len(b) > 0 {
			return string(b)
		}
		return line[column(name)]
	}
	for _, line := range lines[1:] {
		for _, cell := range line {
			if strings.IndexAny(cell, "=+-@\t\r\n＝＋－＠") == 0 {
				t.Errorf("a cell begins a formula: %q", cell)
			}
		}
	}
	for _, line := range lines[1:7] {
		if got := exact(line, "path"); got != name {
			t.Errorf("the path %q comes back as %q", name, got)
		}
	}
	if got := exact(lines[2], "at"); got != name {
		t.Errorf("the path on disk %q comes back as %q", name, got)
	}
	for _, line := range append(lines[5:7:7], lines[2]) {
		if got := exact(line, "found_at"); got != name {
			t.Errorf("the path elsewhere %q comes back as %q", name, got)
		}
	}
}
