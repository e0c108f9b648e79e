package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// interopDamage is content that something was done to, after its torrent was
// made.
type interopDamage struct {
	name   string
	single bool
	do     func(dir interopDir)
	bad    []int // the pieces that are no longer good
	ok     bool  // bt verify finds nothing to say
}

// interopDir does things to the files in a directory.
type interopDir struct {
	t   *testing.T
	dir string
}

func (d interopDir) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d interopDir) flip(path string, offset int) {
	d.t.Helper()
	path = filepath.Join(d.dir, path)
	b, err := os.ReadFile(path)
	d.check(err)
	b[offset] ^= 0x10
	d.check(os.WriteFile(path, b, 0o644))
}

// resize cuts a file short, or makes it longer with zeros.
func (d interopDir) resize(path string, size int64) {
	d.t.Helper()
	d.check(os.Truncate(filepath.Join(d.dir, path), size))
}

func (d interopDir) remove(path string) {
	d.t.Helper()
	d.check(os.RemoveAll(filepath.Join(d.dir, path)))
}

// interopDamageFiles are cut into 14 pieces of 16 KiB.
var interopDamageFiles = []interopFile{
	{"a", 50_000},       // pieces 0 to 3
	{"b/1", 20_000},     // 3 to 4
	{"b/2", 100},        // 4
	{"b/3", 70_000},     // 4 to 8
	{"c", 0},            // none
	{"d", 3 * 16 * kib}, // 8 to 11
	{"z", 33_333},       // 11 to 13
}

// The single file has 7 pieces.
const interopDamageSingle = 100_000

func interopDamages() []interopDamage {
	return []interopDamage{
		{name: "intact", do: func(interopDir) {}, ok: true},
		{name: "first byte", do: func(d interopDir) { d.flip("a", 0) }, bad: []int{0}},
		{name: "last byte of a piece", do: func(d interopDir) { d.flip("a", 16*kib-1) }, bad: []int{0}},
		{name: "first byte of a piece", do: func(d interopDir) { d.flip("a", 16*kib) }, bad: []int{1}},
		{name: "last byte of a file", do: func(d interopDir) { d.flip("a", 49_999) }, bad: []int{3}},
		{name: "in a small file", do: func(d interopDir) { d.flip("b/2", 50) }, bad: []int{4}},
		{name: "last byte", do: func(d interopDir) { d.flip("z", 33_332) }, bad: []int{13}},
		{name: "cut inside a piece", do: func(d interopDir) { d.resize("b/3", 35_000) }, bad: []int{6, 7, 8}},
		{name: "cut between pieces", do: func(d interopDir) { d.resize("b/3", 6*16*kib-70_100) }, bad: []int{6, 7, 8}},
		{name: "cut to nothing", do: func(d interopDir) { d.resize("b/3", 0) }, bad: []int{4, 5, 6, 7, 8}},
		{name: "cut by a byte", do: func(d interopDir) { d.resize("z", 33_332) }, bad: []int{13}},
		{name: "longer", do: func(d interopDir) { d.resize("b/3", 70_001) }},
		{name: "first file gone", do: func(d interopDir) { d.remove("a") }, bad: []int{0, 1, 2, 3}},
		{name: "small file gone", do: func(d interopDir) { d.remove("b/2") }, bad: []int{4}},
		{name: "empty file gone", do: func(d interopDir) { d.remove("c") }},
		{name: "last file gone", do: func(d interopDir) { d.remove("z") }, bad: []int{11, 12, 13}},
		{name: "directory gone", do: func(d interopDir) { d.remove("b") }, bad: []int{3, 4, 5, 6, 7, 8}},
		{name: "all gone", do: func(d interopDir) { d.remove("") }, bad: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13}},
		{name: "in three places", do: func(d interopDir) {
			d.flip("a", 20_000)
			d.remove("b/2")
			d.resize("z", 100)
		}, bad: []int{1, 4, 11, 12, 13}},
		{name: "single, intact", single: true, do: func(interopDir) {}, ok: true},
		{name: "single, a byte", single: true, do: func(d interopDir) { d.flip("", 50_000) }, bad: []int{3}},
		{name: "single, cut", single: true, do: func(d interopDir) { d.resize("", 50_000) }, bad: []int{3, 4, 5, 6}},
		{name: "single, longer", single: true, do: func(d interopDir) { d.resize("", 2*interopDamageSingle) }},
		{name: "single, gone", single: true, do: func(d interopDir) { d.remove("") }, bad: []int{0, 1, 2, 3, 4, 5, 6}},
	}
}

// libtorrent must find good exactly the pieces that bt verify finds good, in data
// of torrents that bt made.
func TestInteropCheck(t *testing.T) {
	damages := interopDamages()
	var requests []ltRequest
	for _, d := range damages {
		dir := t.TempDir()
		content := filepath.Join(dir, "content")
		// The name makes the bytes: each torrent has an info-hash of its own, and
		// so they fit into one session.
		if d.single {
			interopWrite(t, dir, d.name, []interopFile{{"content", interopDamageSingle}})
		} else {
			interopWrite(t, content, d.name, interopDamageFiles)
		}
		torrent := filepath.Join(t.TempDir(), "made.torrent")
		var made struct{}
		interopBt(t, exitOK, &made, "make", content, "--json", "--piece-length", "16K", "--output", torrent)
		d.do(interopDir{t, content})
		// First, because libtorrent may create empty files.
		d.verify(t, torrent, dir)
		requests = append(requests, ltRequest{Op: "check", Torrent: torrent, Data: dir})
	}
	for i, got := range interopLibtorrent(t, requests) {
		d := &damages[i]
		var good []int
		for piece := range d.pieces() {
			if !slices.Contains(d.bad, piece) {
				good = append(good, piece)
			}
		}
		if !slices.Equal(got.Have, good) {
			t.Errorf("%s: libtorrent has the pieces %v, bt verify %v", d.name, got.Have, good)
		}
		if complete := len(d.bad) == 0; (got.Progress == 1) != complete {
			t.Errorf("%s: libtorrent is at %v", d.name, got.Progress)
		}
	}
}

func (d *interopDamage) pieces() int {
	if d.single {
		return 7
	}
	return 14
}

// verify makes sure that bt verify finds the damage, all of it and no more.
func (d *interopDamage) verify(t *testing.T, torrent, dir string) {
	t.Helper()
	code := exitNo
	if d.ok {
		code = exitOK
	}
	var v struct {
		OK        bool           `json:"ok"`
		Pieces    map[string]int `json:"pieces"`
		BadPieces []struct {
			Index int `json:"index"`
		} `json:"bad_pieces"`
	}
	interopBt(t, code, &v, "verify", torrent, dir, "--json")
	var bad []int
	for _, p := range v.BadPieces {
		bad = append(bad, p.Index)
	}
	if !slices.Equal(bad, d.bad) || v.OK != d.ok {
		t.Errorf("%s: bt verify: ok is %t, bad pieces are %v, want %t, %v", d.name, v.OK, bad, d.ok, d.bad)
	}
	if total, good := v.Pieces["total"], v.Pieces["good"]; total != d.pieces() || good != total-len(bad) {
		t.Errorf("%s: bt verify counts %v, and lists %d bad pieces of %d", d.name, v.Pieces, len(bad), d.pieces())
	}
}
