package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// interopContent is the content of the torrents to check: a tree, a file, or a
// directory with one file.
type interopContent struct {
	single bool
	files  []interopFile
}

// The files are smaller and larger than a block of 16 KiB and a piece of 64 KiB,
// and exactly as large.
var (
	interopTreeContent = &interopContent{files: []interopFile{
		{"a", 50_000}, {"b/1", 20_000}, {"b/2", 100}, {"b/3", 70_000}, {"c", 0}, {"d", 64 * kib}, {"e", 1},
		{"f", 2 * 64 * kib}, {"g", 16 * kib}, {"z", 3*64*kib + 3392},
	}}
	interopSingleContent = &interopContent{single: true, files: []interopFile{{"content", 100_000}}}
	interopLoneContent   = &interopContent{files: []interopFile{{"lone", 100_000}}}
)

// interopDamage is a change of content after its torrents were made.
type interopDamage struct {
	name    string
	content *interopContent // nil for the tree
	do      func(d *interopDir)
}

// interopDir changes the files in a directory and records the changes.
type interopDir struct {
	*interopContent
	t       *testing.T
	dir     string
	lost    map[string][]interopRange
	touched map[string]bool // files that bt verify must report
}

// interopRange is a byte range of a file.
type interopRange struct{ from, to int }

func (d *interopDir) check(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *interopDir) lose(path string, from, to int) {
	d.touched[path] = true
	if from < to {
		d.lost[path] = append(d.lost[path], interopRange{from, to})
	}
}

func (d *interopDir) flip(path string, offset int) {
	d.t.Helper()
	d.lose(path, offset, offset+1)
	path = filepath.Join(d.dir, path)
	b, err := os.ReadFile(path)
	d.check(err)
	b[offset] ^= 0x10
	d.check(os.WriteFile(path, b, 0o644))
}

// resize truncates a file or extends it with zeros.
func (d *interopDir) resize(path string, size int) {
	d.t.Helper()
	i := slices.IndexFunc(d.files, func(f interopFile) bool { return f.path == path })
	d.lose(path, size, d.files[i].size)
	d.check(os.Truncate(filepath.Join(d.dir, path), int64(size)))
}

// remove removes a file or a directory.
func (d *interopDir) remove(path string) {
	d.t.Helper()
	for _, f := range d.files {
		if path == "" || f.path == path || strings.HasPrefix(f.path, path+"/") {
			d.lose(f.path, 0, f.size)
		}
	}
	d.check(os.RemoveAll(filepath.Join(d.dir, path)))
}

// expect returns the pieces that are now bad, the number of pieces, and the files
// that are not ok. In v2 and hybrid torrents every file begins a piece. Without
// its piece layer, a v2 file is good or bad as a whole.
func (d *interopDir) expect(format string, pieceLength int) (bad []int, pieces int, files []string) {
	starts := make([]int, len(d.files))
	end := 0
	for i, f := range d.files {
		if rest := end % pieceLength; format != "v1" && f.size > 0 && rest > 0 {
			end += pieceLength - rest
		}
		starts[i] = end
		end += f.size
		for _, r := range d.lost[f.path] {
			if format == "v2 without layers" {
				r = interopRange{0, f.size}
			}
			for piece := (starts[i] + r.from) / pieceLength; piece <= (starts[i]+r.to-1)/pieceLength; piece++ {
				bad = append(bad, piece)
			}
		}
	}
	slices.Sort(bad)
	bad = slices.Compact(bad)
	for i, f := range d.files {
		shares := slices.ContainsFunc(bad, func(piece int) bool {
			return f.size > 0 && piece >= starts[i]/pieceLength && piece <= (starts[i]+f.size-1)/pieceLength
		})
		if shares || d.touched[f.path] {
			files = append(files, f.path)
		}
	}
	return bad, (end + pieceLength - 1) / pieceLength, files
}

func interopDamages() []interopDamage {
	return []interopDamage{
		{name: "intact", do: func(*interopDir) {}},
		{name: "first byte", do: func(d *interopDir) { d.flip("a", 0) }},
		{name: "last byte of a block", do: func(d *interopDir) { d.flip("a", 16*kib-1) }},
		{name: "first byte of a block", do: func(d *interopDir) { d.flip("a", 16*kib) }},
		{name: "first byte of the last block", do: func(d *interopDir) { d.flip("a", 3*16*kib) }},
		{name: "last byte of a file", do: func(d *interopDir) { d.flip("a", 49_999) }},
		{name: "first byte of a file", do: func(d *interopDir) { d.flip("b/1", 0) }},
		{name: "in a small file", do: func(d *interopDir) { d.flip("b/2", 50) }},
		{name: "last byte of a small file", do: func(d *interopDir) { d.flip("b/2", 99) }},
		{name: "in a file of a piece", do: func(d *interopDir) { d.flip("d", 30_000) }},
		{name: "first byte of a file of a piece", do: func(d *interopDir) { d.flip("d", 0) }},
		{name: "last byte of a file of a piece", do: func(d *interopDir) { d.flip("d", 64*kib-1) }},
		{name: "the one byte", do: func(d *interopDir) { d.flip("e", 0) }},
		{name: "last byte of a piece", do: func(d *interopDir) { d.flip("f", 64*kib-1) }},
		{name: "first byte of a piece", do: func(d *interopDir) { d.flip("f", 64*kib) }},
		{name: "last byte of a file of pieces", do: func(d *interopDir) { d.flip("f", 2*64*kib-1) }},
		{name: "last byte of a file of a block", do: func(d *interopDir) { d.flip("g", 16*kib-1) }},
		{name: "second of four pieces", do: func(d *interopDir) { d.flip("z", 64*kib+40_000) }},
		{name: "first byte of the last piece", do: func(d *interopDir) { d.flip("z", 3*64*kib) }},
		{name: "last byte", do: func(d *interopDir) { d.flip("z", 3*64*kib+3391) }},
		{name: "cut inside a block", do: func(d *interopDir) { d.resize("b/3", 35_000) }},
		{name: "cut between blocks", do: func(d *interopDir) { d.resize("d", 2*16*kib) }},
		{name: "cut between pieces", do: func(d *interopDir) { d.resize("z", 64*kib) }},
		{name: "cut between pieces of v1", do: func(d *interopDir) { d.resize("b/3", 6*16*kib-70_100) }},
		{name: "cut before the last piece", do: func(d *interopDir) { d.resize("z", 3*64*kib) }},
		{name: "cut to nothing", do: func(d *interopDir) { d.resize("b/3", 0) }},
		{name: "cut to a byte", do: func(d *interopDir) { d.resize("f", 1) }},
		{name: "cut by a byte", do: func(d *interopDir) { d.resize("z", 3*64*kib+3391) }},
		{name: "whole pieces cut by a byte", do: func(d *interopDir) { d.resize("f", 2*64*kib-1) }},
		{name: "small file cut", do: func(d *interopDir) { d.resize("b/2", 99) }},
		{name: "longer", do: func(d *interopDir) { d.resize("b/3", 70_001) }},
		{name: "whole pieces longer", do: func(d *interopDir) { d.resize("f", 3*64*kib) }},
		{name: "empty file filled", do: func(d *interopDir) { d.resize("c", 1) }},
		{name: "files called like pads", do: func(d *interopDir) {
			interopWrite(d.t, d.dir, "pads", []interopFile{{".pad/15536", 15_536}, {".pad/16284", 16_284}, {".pad/45536", 45_536}})
		}},
		{name: "first file gone", do: func(d *interopDir) { d.remove("a") }},
		{name: "small file gone", do: func(d *interopDir) { d.remove("b/2") }},
		{name: "empty file gone", do: func(d *interopDir) { d.remove("c") }},
		{name: "file of a piece gone", do: func(d *interopDir) { d.remove("d") }},
		{name: "file of pieces gone", do: func(d *interopDir) { d.remove("f") }},
		{name: "last file gone", do: func(d *interopDir) { d.remove("z") }},
		{name: "directory gone", do: func(d *interopDir) { d.remove("b") }},
		{name: "all gone", do: func(d *interopDir) { d.remove("") }},
		{name: "in many places", do: func(d *interopDir) {
			d.flip("a", 20_000)
			d.remove("b/2")
			d.resize("d", 100)
			d.flip("f", 0)
			d.flip("f", 64*kib)
			d.resize("z", 100)
		}},
		{name: "single, intact", content: interopSingleContent, do: func(*interopDir) {}},
		{name: "single, a byte", content: interopSingleContent, do: func(d *interopDir) { d.flip("content", 50_000) }},
		{name: "single, last byte", content: interopSingleContent, do: func(d *interopDir) { d.flip("content", 99_999) }},
		{name: "single, cut", content: interopSingleContent, do: func(d *interopDir) { d.resize("content", 50_000) }},
		{name: "single, longer", content: interopSingleContent, do: func(d *interopDir) { d.resize("content", 200_000) }},
		{name: "single, gone", content: interopSingleContent, do: func(d *interopDir) { d.remove("content") }},
		{name: "lone, intact", content: interopLoneContent, do: func(*interopDir) {}},
		{name: "lone, last byte", content: interopLoneContent, do: func(d *interopDir) { d.flip("lone", 99_999) }},
		{name: "lone, cut", content: interopLoneContent, do: func(d *interopDir) { d.resize("lone", 70_000) }},
	}
}

// interopChecked is a torrent for checking data.
type interopChecked struct {
	maker       string
	content     *interopContent
	format      string
	pieceLength int
	torrent     string
}

func (c *interopChecked) String() string {
	return fmt.Sprintf("%s by %s, pieces of %d KiB", c.format, c.maker, c.pieceLength/kib)
}

// For every torrent of bt, libtorrent finds the same pieces good as bt verify,
// and the same holds for torrents of libtorrent.
func TestInteropCheck(t *testing.T) {
	t.Parallel()
	torrents := interopCheckedTorrents(t)
	if t.Failed() {
		return
	}
	var requests []ltRequest
	var answered []func(*ltAnswer)
	for _, damage := range interopDamages() {
		root := t.TempDir()
		if damage.content == nil {
			damage.content = interopTreeContent
		}
		d := damage.content.write(t, root)
		damage.do(d)
		for _, c := range torrents {
			if c.content != damage.content {
				continue
			}
			bad, pieces, files := d.expect(c.format, c.pieceLength)
			// First, because libtorrent may create empty files.
			if err := interopVerify(c.torrent, root, bad, pieces, files); err != nil {
				t.Errorf("%s: %s: bt verify: %v", c, damage.name, err)
			}
			if c.maker != "bt" {
				continue
			}
			data := root
			if c.content == interopLoneContent && c.format == "v2" {
				data = d.dir // BEP 52: a file tree with one file is a single file without a directory
			}
			requests = append(requests, ltRequest{Op: "check", Torrent: c.torrent, Data: data})
			answered = append(answered, func(got *ltAnswer) {
				var good []int
				for piece := range pieces {
					if !slices.Contains(bad, piece) {
						good = append(good, piece)
					}
				}
				if !slices.Equal(got.Have, good) {
					t.Errorf("%s: %s: libtorrent has the pieces %v, want %v", c, damage.name, got.Have, good)
				}
				if complete := len(bad) == 0; (got.Progress == 1) != complete {
					t.Errorf("%s: %s: libtorrent is at %v", c, damage.name, got.Progress)
				}
			})
		}
	}
	for i, got := range interopLibtorrent(t, requests) {
		answered[i](&got)
	}
}

// write writes the content into root, always with the same bytes.
func (c *interopContent) write(t *testing.T, root string) *interopDir {
	t.Helper()
	d := &interopDir{c, t, filepath.Join(root, "content"), map[string][]interopRange{}, map[string]bool{}}
	if c.single {
		d.dir = root
	}
	interopWrite(t, d.dir, "checked", d.files)
	return d
}

// interopCheckedTorrents makes torrents of each format with bt and libtorrent.
func interopCheckedTorrents(t *testing.T) []*interopChecked {
	t.Helper()
	testenv.Python(t, "libtorrent") // check this before the work
	dir := t.TempDir()
	var list []*interopChecked
	var requests []ltRequest
	for _, content := range []*interopContent{interopTreeContent, interopSingleContent, interopLoneContent} {
		root := t.TempDir()
		content.write(t, root)
		path := filepath.Join(root, "content")
		for _, pieceLength := range []int{16 * kib, 64 * kib} {
			add := func(maker, format string) (torrent string) {
				torrent = filepath.Join(dir, fmt.Sprintf("%d.torrent", len(list)))
				list = append(list, &interopChecked{maker, content, format, pieceLength, torrent})
				return torrent
			}
			for _, format := range interopFormats {
				var made struct{}
				interopBt(t, exitOK, &made, "make", path, "--json", "--format", format, "--piece-length", strconv.Itoa(pieceLength), "--output", add("bt", format))
			}
			// Also torrents that bt does not make: some programs do not pad the
			// last file of a hybrid, and a torrent from a magnet link may have no
			// piece layers.
			for _, format := range slices.Concat(interopFormats, []string{"unpadded hybrid", "v2 without layers", "hybrid without layers"}) {
				requests = append(requests, ltRequest{Op: "make", Format: format, Path: path, PieceLength: int64(pieceLength), Output: add("libtorrent", format)})
			}
		}
	}
	interopLibtorrent(t, requests)
	return list
}

// interopVerify checks that bt verify reports exactly the damage.
func interopVerify(torrent, root string, bad []int, pieces int, files []string) error {
	var v struct {
		OK     bool           `json:"ok"`
		Pieces map[string]int `json:"pieces"`
		Files  []struct {
			Path   string `json:"path"`
			Status string `json:"status"`
		} `json:"files"`
		BadPieces []struct {
			Index int `json:"index"`
		} `json:"bad_pieces"`
	}
	code := exitNo
	if len(files) == 0 {
		code = exitOK
	}
	if err := interopTryBt(code, &v, "verify", torrent, root, "--json"); err != nil {
		return err
	}
	var gotBad []int
	for _, p := range v.BadPieces {
		gotBad = append(gotBad, p.Index)
	}
	var gotFiles []string
	for _, f := range v.Files {
		if f.Status != "ok" {
			gotFiles = append(gotFiles, f.Path)
		}
	}
	if !slices.Equal(gotBad, bad) || !slices.Equal(gotFiles, files) || v.OK != (len(files) == 0) {
		return fmt.Errorf("ok is %t, bad pieces are %v, in %q; want %v, in %q", v.OK, gotBad, gotFiles, bad, files)
	}
	if v.Pieces["total"] != pieces || v.Pieces["good"] != pieces-len(bad) {
		return fmt.Errorf("counts %v, and lists %d bad pieces of %d", v.Pieces, len(bad), pieces)
	}
	return nil
}
