package main

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bt/inspect"
)

// A directory that disappears while the data is read is an error of writing, and leaves
// nothing.
func TestReportCantBeWritten(t *testing.T) {
	for _, ending := range []string{".html", ".csv", ".txt"} {
		dir := filepath.Join(t.TempDir(), "out")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		f := verifyReportFlags{path: option[string]{filepath.Join(dir, "r"+ending), true}}
		e, _, _ := testEnv()
		u := &ui{env: e}
		if err := f.check(u); err != nil {
			t.Fatal(err)
		}
		w := f.writer(u)
		w.add(&verified{name: "x.torrent", torrent: &inspect.Torrent{Name: "x", Single: true}, took: time.Second, verdict: &inspect.Verdict{
			OK: true, Content: "x", Files: slices.Values[[]inspect.FileVerdict](nil), BadPieces: slices.Values[[]inspect.BadPiece](nil),
		}})
		if err := os.Remove(dir); err != nil {
			t.Fatal(err)
		}
		if err := w.write(); codeOf(err) != exitWrite {
			t.Errorf("%s: exit code %d: %v", ending, codeOf(err), err)
		}
		if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: something was made: %v", ending, err)
		}
		// It can be written where there is a directory.
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := w.write(); err != nil {
			t.Errorf("%s: %v", ending, err)
		}
	}
}

func TestReportPath(t *testing.T) {
	for path, want := range map[string]bool{
		"a.html": true, "a.csv": true, "a.txt": true, "A.HTML": true, "d/e.f.csv": true, ".txt": true,
		"": false, "-": false, "html": false, "a.htm": false, "a.html/": false, "a.html ": false, "a.csv.gz": false, "a.html.d/x": false, "a.": false,
	} {
		if got, err := reportPath(path); (err == nil) != want || want && got != path {
			t.Errorf("%q: %q, %v", path, got, err)
		}
	}
}
