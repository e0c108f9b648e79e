package torrentpage

import (
	"fmt"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/term"
)

func pageOf(t *testing.T, torrents ...*Torrent) string {
	t.Helper()
	p := New(Options{Version: "1"})
	for _, x := range torrents {
		p.Add(x)
	}
	var b strings.Builder
	if n, err := p.WriteTo(&b); err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes of %d, %v", n, b.Len(), err)
	}
	return b.String()
}

// files returns a tree of n files, each with a path.
func files(n int, path func(i int) []string) (term.TreeFiles, int) {
	return term.TreeFiles{
		Numbers: func(yield func(int) bool) {
			for i := range n {
				if !yield(i) {
					return
				}
			}
		},
		Path: path,
		Note: func(int) string { return "1.0 KiB" },
	}, n
}

// The size of a page is bounded, and it says what is left out.
func TestLimits(t *testing.T) {
	many := make([]*Torrent, maxTorrents+5)
	for i := range many {
		many[i] = &Torrent{Name: fmt.Sprintf("name %d", i), Format: "v1", Facts: [][2]string{{"comment", strings.Repeat("c", 400)}}}
	}
	var findings []inspect.Finding
	for i := range 100 {
		findings = append(findings, inspect.Finding{Code: "unsafe-path", Severity: inspect.SeverityError, Message: fmt.Sprint("message ", i)})
	}
	withTree := func(n int, path func(int) []string) *Torrent {
		x := &Torrent{Name: "x", Root: "x"}
		x.Files, x.FileCount = files(n, path)
		return x
	}
	for _, tt := range []struct {
		name     string
		torrents []*Torrent
		says     []string
	}{
		{"torrents", many, []string{"… and 5 more torrents", "name 9999", "are left out, to keep this page small"}},
		{"findings", []*Torrent{{Name: "x", Findings: findings}}, []string{"message 19", "… and 80 more of this kind", "100 errors"}},
		{"files", []*Torrent{withTree(7000, func(i int) []string { return []string{fmt.Sprint(i)} })}, []string{"… and 2,000 more files"}},
		{"directories", []*Torrent{withTree(7000, func(i int) []string {
			path := strings.Split(strings.Repeat(fmt.Sprint("d", i, "/"), 40), "/")
			return append(path, "file")
		})}, []string{"more files."}},
		{"long names", []*Torrent{withTree(7000, func(i int) []string { return []string{strings.Repeat("<", 900), fmt.Sprint(i)} })}, []string{"more files."}},
		{"magnet", []*Torrent{{Name: "x", Magnet: "magnet:?xt=urn:btih:" + strings.Repeat("a", 100_000)}}, []string{"The link is too long for this page."}},
		{"no magnet", []*Torrent{{Name: "x", Magnet: "javascript:alert(1)"}}, []string{"The link is too long for this page."}},
		{"none", nil, []string{"0 torrents"}},
	} {
		page := pageOf(t, tt.torrents...)
		if len(page) > 8<<20 {
			t.Errorf("%s: %d bytes", tt.name, len(page))
		}
		for _, s := range tt.says {
			if !strings.Contains(page, s) {
				t.Errorf("%s: the page does not say %q", tt.name, s)
			}
		}
	}
	if page := pageOf(t, many...); strings.Contains(page, fmt.Sprintf("name %d", maxTorrents)) {
		t.Error("a torrent beyond the limit is listed")
	}
}
