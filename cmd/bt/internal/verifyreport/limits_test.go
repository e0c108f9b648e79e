package verifyreport

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
)

// manyFiles returns the verdict of many files of one piece each, which all are damaged
// or ok. It keeps none of them.
func manyFiles(n int, status inspect.Status) *inspect.Verdict {
	file := func(i int) inspect.FileVerdict {
		f := inspect.FileVerdict{Index: i, Path: fmt.Sprintf("dir/%07d %s", i, strings.Repeat("x", 30)), Size: 1000, Status: status}
		if status != inspect.StatusOK {
			f.Certain, f.CertainPieces = true, []int{i}
			f.Bad = []inspect.Range{{Length: 1000, Pieces: []int{i}, Cause: inspect.CauseMissing}}
		}
		return f
	}
	v := &inspect.Verdict{OK: status == inspect.StatusOK, FileCount: n, Statuses: map[inspect.Status]int{status: n}, File: file}
	v.Pieces = inspect.PieceCounts{Total: n, Good: n}
	if !v.OK {
		v.Pieces = inspect.PieceCounts{Total: n, Missing: n}
	}
	v.Files = func(yield func(inspect.FileVerdict) bool) {
		for i := range n {
			if !yield(file(i)) {
				return
			}
		}
	}
	v.BadPieces = func(yield func(inspect.BadPiece) bool) {
		for i := range v.Pieces.Missing {
			if !yield(inspect.BadPiece{Index: i, Cause: inspect.CauseMissing, Files: slices.Values([]string{"x"}), FileCount: 1}) {
				return
			}
		}
	}
	return v
}

// A page of a million files is limited, and says what it leaves out; CSV and text leave
// out nothing.
func TestMillionFiles(t *testing.T) {
	testenv.Large(t)
	const files, fewer = 1_000_000, 100_000
	for status, most := range map[inspect.Status]int{inspect.StatusMissing: maxDamaged, inspect.StatusOK: maxOK} {
		x := torrentOf(manyFiles(files, status))
		page := reportOf(t, HTML, x)
		if len(page) > 4<<20 {
			t.Errorf("%s: the page has %d bytes", status, len(page))
		}
		if want := fmt.Sprintf("… and %s more files. A report with the ending .csv has all of them.", strings.TrimSpace(textCount(files-most))); !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %q", status, want)
		}
		if n := strings.Count(page, `<td class="picture">`); n != most {
			t.Errorf("%s: %d rows, want %d", status, n, most)
		}
		x = torrentOf(manyFiles(fewer, status))
		for format, want := range map[Format]int{CSV: fewer + 1, Text: fewer} {
			lines := 0
			for s := bufio.NewScanner(strings.NewReader(reportOf(t, format, x))); s.Scan(); {
				if format == CSV || strings.HasPrefix(s.Text(), string(status)) {
					lines++
				}
			}
			if lines != want {
				t.Errorf("%s, format %d: %d lines, want %d", status, format, lines, want)
			}
		}
	}
}

func textCount(n int) string { return strings.TrimSuffix(count(n, "x"), " xs") }

// A page of many torrents is limited too. Damaged ones have their details when good ones
// have none any more.
func TestManyTorrents(t *testing.T) {
	good, bad := torrentOf(manyFiles(300, inspect.StatusOK)), torrentOf(manyFiles(300, inspect.StatusMissing))
	r := New(Options{Format: HTML})
	for range 3000 {
		r.Add(good)
	}
	if r.page.left == 0 {
		t.Error("the details of all good torrents are kept")
	}
	before := r.page.left
	r.Add(bad)
	if r.page.left != before {
		t.Error("the details of a damaged torrent are left out")
	}
	for range 2000 {
		r.Add(bad)
	}
	for range maxTorrents {
		r.Add(good)
	}
	var b bytes.Buffer
	if _, err := r.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if most := maxPage + 10<<20; b.Len() > most {
		t.Errorf("the page has %d bytes, more than %d", b.Len(), most)
	}
	for _, want := range []string{
		"25,001 torrents, 23,000 ok, 2,001 not ok",
		"The details of " + textCount(r.page.left) + " torrents are left out",
		"… and 5,001 more torrents.",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if n := strings.Count(b.String(), `<section class="torrent"`); n != 25_001-r.page.left {
		t.Errorf("%d sections, and %d left out", n, r.page.left)
	}
}

// A report does not keep the torrents that its texts are parts of.
func TestTorrentsAreNotKept(t *testing.T) {
	const torrents, size = 200, 1 << 20
	for _, format := range []Format{HTML, CSV, Text} {
		r := New(Options{Format: format})
		before := heap()
		for range torrents {
			text := strings.Repeat("x", size)
			x := torrentOf(manyFiles(1, inspect.StatusMissing))
			x.Name, x.Path, x.Summary, x.Result = text[:10], text[10:20], text[20:30], text[30:40]
			r.Add(x)
			r.Add(&Torrent{Path: text[:10], Result: text[10:20], Summary: text[20:30]})
		}
		if kept := heap() - before; kept > torrents*size/10 {
			t.Errorf("format %d: %d bytes are kept for %d torrents", format, kept, torrents)
		}
		runtime.KeepAlive(r)
	}
}

// heap returns the bytes in use.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
