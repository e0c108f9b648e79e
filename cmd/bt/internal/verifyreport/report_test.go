package verifyreport

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"bt/inspect"
)

// A file is a file of a made-up torrent, with its pieces.
type file struct {
	path   string
	size   int64
	status inspect.Status
	found  int64
	bad    []inspect.Range
	doubt  bool // not certainly damaged
	at     string
	err    error
}

const pieceLength = 1 << 20

// verdict returns the verdict of a v2 torrent, in which each file begins a piece.
func verdict(files []file, more ...inspect.BadPiece) *inspect.Verdict {
	v := &inspect.Verdict{Content: "/srv/data/content", OK: true, FileCount: len(files), Statuses: make(map[inspect.Status]int)}
	var list []inspect.FileVerdict
	var bad []inspect.BadPiece
	next := 0
	for i, f := range files {
		fv := inspect.FileVerdict{Index: i, Path: f.path, At: f.at, Status: f.status, Size: f.size, Found: f.found, Err: f.err}
		for _, r := range f.bad {
			for p := r.Offset / pieceLength; p <= (r.Offset+r.Length-1)/pieceLength; p++ {
				r.Pieces = append(r.Pieces, next+int(p))
				bad = append(bad, inspect.BadPiece{Index: next + int(p), Cause: r.Cause, Files: slices.Values([]string{f.path}), FileCount: 1, Doubtful: f.doubt})
			}
			fv.Bad = append(fv.Bad, r)
		}
		next += int((f.size + pieceLength - 1) / pieceLength)
		fv.Certain = f.status != inspect.StatusOK && !f.doubt
		v.OK = v.OK && f.status == inspect.StatusOK
		v.Statuses[f.status]++
		list = append(list, fv)
	}
	bad = append(bad, more...)
	v.Pieces.Total = next
	for _, p := range bad {
		switch p.Cause {
		case inspect.CauseUnverifiable:
			v.Pieces.Unverifiable++
		case inspect.CauseMissing, inspect.CauseShort:
			v.Pieces.Missing++
		case inspect.CauseUnreadable:
			v.Pieces.Unreadable++
		default:
			v.Pieces.Bad++
		}
	}
	v.Pieces.Good = v.Pieces.Total - len(bad)
	v.Files, v.BadPieces = slices.Values(list), slices.Values(bad)
	v.File = func(i int) inspect.FileVerdict { return list[i] }
	return v
}

// ok returns a file that is ok.
func ok(path string, size int64) file {
	return file{path: path, size: size, status: inspect.StatusOK, found: size}
}

// absent returns a file that is missing.
func absent(path string, size int64) file {
	return file{path: path, size: size, status: inspect.StatusMissing, bad: []inspect.Range{{Length: size, Cause: inspect.CauseMissing}}}
}

func rangeOf(first, length int64, cause inspect.Cause) inspect.Range {
	return inspect.Range{Offset: first * pieceLength, Length: length * pieceLength, Cause: cause}
}

// demoTorrent returns a torrent with every kind of damage.
func demoTorrent() *Torrent {
	files := []file{ok("Planet.Survey.S01/readme.txt", 4_012)}
	for i := 1; i <= 24; i++ {
		f := ok(fmt.Sprintf("Planet.Survey.S01/Planet.Survey.S01E%02d.1080p.BluRay.x264.mkv", i), 83<<20+int64(i)*77_777)
		switch i {
		case 3:
			f.status, f.bad = inspect.StatusCorrupt, []inspect.Range{rangeOf(11, 1, inspect.CauseCorrupt), rangeOf(40, 3, inspect.CauseCorrupt), rangeOf(61, 1, inspect.CauseCorrupt)}
		case 7:
			f.status, f.found, f.bad = inspect.StatusMissing, 0, []inspect.Range{{Length: f.size, Cause: inspect.CauseMissing}}
		case 12:
			f.status, f.found = inspect.StatusShort, 50<<20
			f.bad = []inspect.Range{{Offset: 50 << 20, Length: f.size - 50<<20, Cause: inspect.CauseShort}}
		case 18:
			f.status, f.err, f.bad = inspect.StatusUnreadable, errors.New("input/output error"), []inspect.Range{rangeOf(20, 6, inspect.CauseUnreadable)}
		case 20:
			f.status, f.doubt, f.bad = inspect.StatusUnverifiable, true, []inspect.Range{rangeOf(83, 1, inspect.CauseUnverifiable)}
			f.bad[0].Length = 77_777 * 20
		case 21:
			f.status, f.found = inspect.StatusLong, f.size+512
		case 22:
			f.at = "Planet.Survey.S01/Planet.Survey.S01E22.1080p.BluRay.x264.mkv.part"
		}
		files = append(files, f)
	}
	v := verdict(files)
	v.Extra = []string{"Thumbs.db", "Sample/sample.mkv"}
	t := torrentOf(v)
	t.Name, t.Path = "Planet.Survey.S01.1080p.BluRay.x264-GROUP", "/srv/torrents/planet.torrent"
	t.Result, t.Summary = "damaged", "6 of 25 files not in order, 1 of them in doubt only; 1,999 of 2,131 pieces good, 5 bad, 119 missing, 2 unverifiable, 6 unreadable; 2 extra files"
	t.Facts = [][2]string{
		{"torrent", t.Path}, {"name", t.Name}, {"format", "v2"}, {"info-hash v2", "d8dd32ac93357c368556af3ac1d95c9d76bd0dff6fa9833ecdac3d53134efabb"},
		{"size", "2.0 GiB (2,111,111,111 bytes)"}, {"files", "25"}, {"pieces", "2,131 × 1.0 MiB"}, {"private", "yes"},
		{"tracker, tier 1", "https://tracker.example.org/****/announce"}, {"tracker, tier 2", "udp://open.example.net:1337/announce"},
		{"comment", "the first season, from the discs"}, {"created by", "bt 0.1.0"}, {"created", "2026-01-02T15:04:05Z"},
	}
	return t
}

// torrentOf returns a torrent of a verdict.
func torrentOf(v *inspect.Verdict) *Torrent {
	t := &Torrent{Path: "x.torrent", Name: "x", Result: "ok", Summary: "all is well", Proof: "every byte was read and hashed", Verdict: v,
		Detail: func(f *inspect.FileVerdict) string {
			if f.Err != nil {
				return f.Err.Error()
			}
			return fmt.Sprintf("%d of %d bytes", f.Found, f.Size)
		}}
	if !v.OK {
		t.Result, t.Summary = "damaged", "some of it is not in order"
	}
	for f := range v.Files {
		t.Size += f.Size
		if f.Certain {
			t.Damaged = append(t.Damaged, int32(f.Index))
		}
	}
	return t
}

func reportOf(t testing.TB, format Format, torrents ...*Torrent) string {
	t.Helper()
	r := New(Options{Format: format, Version: "1.2.3", Time: time.Date(2026, 1, 2, 15, 4, 5, 0, time.UTC)})
	for _, x := range torrents {
		r.Add(x)
	}
	var b, again bytes.Buffer
	for _, b := range []*bytes.Buffer{&b, &again} {
		if n, err := r.WriteTo(b); err != nil || n != int64(b.Len()) {
			t.Fatalf("%d bytes of %d, %v", n, b.Len(), err)
		}
	}
	if b.String() != again.String() {
		t.Error("the second time another report is written")
	}
	return b.String()
}
