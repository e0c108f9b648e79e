package repair

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bt/inspect"
	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/maketorrent"
)

// content is a tree in memory: paths below the root, with slashes, and their bytes.
type content map[string][]byte

func (c content) write(t testing.TB, dir string) {
	t.Helper()
	for path, b := range c {
		name := filepath.Join(dir, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o755), os.WriteFile(name, b, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
}

// read returns what is on disk. A temporary file is an error.
func read(t testing.TB, dir string) content {
	t.Helper()
	c := content{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && atomicfile.IsTemp(d.Name()) {
			t.Errorf("a temporary file stays: %s", path)
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		c[filepath.ToSlash(name)] = b
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return c
}

func randomBytes(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func randomContent(r *rand.Rand) content {
	c := content{}
	for i := range 1 + r.IntN(12) {
		size := r.IntN(100_000)
		switch r.IntN(6) {
		case 0:
			size = 0
		case 1:
			size = r.IntN(1000)
		case 2:
			size = 16 << 10 * (1 + r.IntN(3))
		}
		path := fmt.Sprintf("f%02d", i)
		if r.IntN(3) == 0 {
			path = fmt.Sprintf("d%d/%s", r.IntN(3), path)
		}
		c[path] = randomBytes(r, size)
	}
	return c
}

// damaged returns a copy with random damages.
func damaged(r *rand.Rand, c content) content {
	d := content{}
	paths := slices.Sorted(maps.Keys(c))
	for _, path := range paths {
		b := bytes.Clone(c[path])
		switch r.IntN(10) {
		case 0: // missing
			continue
		case 1:
			b = b[:r.IntN(len(b)+1)]
		case 2:
			b = append(b, randomBytes(r, 1+r.IntN(40_000))...)
		case 3, 4: // some bytes
			for range 1 + r.IntN(4) {
				if len(b) > 0 {
					b[r.IntN(len(b))] ^= 1 << r.IntN(8)
				}
			}
		case 5: // a range of zeros, as of a lost sector
			if len(b) > 0 {
				at := r.IntN(len(b))
				clear(b[at:min(at+r.IntN(30_000), len(b))])
			}
		case 6: // the bytes of another file
			other := paths[r.IntN(len(paths))]
			if kept, ok := d[other]; ok {
				d[other], b = b, kept
			}
		}
		d[path] = b
	}
	return d
}

// makeTorrent makes a torrent of a tree named "content".
func makeTorrent(t testing.TB, dir string, o maketorrent.Options) *inspect.Torrent {
	t.Helper()
	o.Path = filepath.Join(dir, "content")
	if o.PieceLength == 0 {
		o.PieceLength = 16 << 10
	}
	made, err := maketorrent.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return made.Torrent
}

// verify returns the verdict and the bad pieces.
func verify(t testing.TB, tor *inspect.Torrent, path string) (v *inspect.Verdict, bad []int) {
	t.Helper()
	v, err := inspect.Verify(t.Context(), tor, path, inspect.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for p := range v.BadPieces {
		bad = append(bad, p.Index)
	}
	return v, bad
}

// isRight reports whether a tree has the right bytes of a range.
func isRight(tor *inspect.Torrent, c, original content, span metainfo.Span) bool {
	if span.File == metainfo.Gap || tor.Files[span.File].Pad {
		return true
	}
	path := pathIn(tor, span.File)
	b := c[path]
	end := span.Offset + span.Length
	return int64(len(b)) >= end && bytes.Equal(b[span.Offset:end], original[path][span.Offset:end])
}

func pathIn(tor *inspect.Torrent, file int) string {
	if tor.Single {
		return "."
	}
	return filepath.ToSlash(filepath.Join(tor.Files[file].Path()...))
}

// together returns the pieces of which, range by range of its files, some tree has the
// right bytes.
func together(tor *inspect.Torrent, original content, trees ...content) []bool {
	l := tor.Layout()
	can := make([]bool, l.Pieces())
	for p := range can {
		can[p] = true
		for _, span := range l.Spans(p, p) {
			can[p] = can[p] && slices.ContainsFunc(trees, func(c content) bool { return isRight(tor, c, original, span) })
		}
	}
	return can
}

// checkMended compares the data after a repair with the oracle.
func checkMended(t *testing.T, tor *inspect.Torrent, dir string, original, before content, can []bool, r *Report) {
	t.Helper()
	after := read(t, filepath.Join(dir, "content"))
	good := 0
	for p := range can {
		now, was := together(tor, original, after)[p], together(tor, original, before)[p]
		if now != can[p] {
			t.Errorf("piece %d is good: %v, want %v", p, now, can[p])
		}
		if now && !was {
			good++
		}
	}
	if r.Pieces != good {
		t.Errorf("%d pieces are reported, want %d", r.Pieces, good)
	}
	// No good byte has changed.
	for path, b := range before {
		for i := range min(len(b), len(original[path])) {
			if b[i] == original[path][i] && (i >= len(after[path]) || after[path][i] != b[i]) {
				t.Fatalf("%s: the good byte %d was changed", path, i)
			}
		}
	}
	// A file of which all pieces are good is the original, also if it was too long.
	for i := range tor.Files {
		first, last, ok := tor.Layout().FilePieces(i)
		if tor.Files[i].Pad || ok && slices.Contains(can[first:last+1], false) {
			continue
		}
		if path := pathIn(tor, i); !bytes.Equal(after[path], original[path]) {
			t.Errorf("%s: %d bytes, want %d", path, len(after[path]), len(original[path]))
		}
	}
	want := 0
	for _, c := range can {
		if c {
			want++
		}
	}
	v, _ := verify(t, tor, dir)
	if v.Pieces.Good != want {
		t.Errorf("bt verify finds %d good pieces, want %d", v.Pieces.Good, want)
	}
	if whole := want == len(can); v.OK != whole {
		t.Errorf("the verdict is %v, want %v", v.OK, whole)
	}
}

// Data with random damages, and copies of it with others: a repair restores what they
// have together.
func TestRandomDamages(t *testing.T) {
	formats := map[string]maketorrent.Options{
		"v1": {}, "v1 with long pieces": {PieceLength: 64 << 10}, "v1 with pads": {Align: true},
		"v2": {Format: maketorrent.FormatV2}, "hybrid": {Format: maketorrent.FormatHybrid, PieceLength: 32 << 10},
	}
	for _, format := range slices.Sorted(maps.Keys(formats)) {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(24) {
				r := rand.New(rand.NewPCG(seed, 18))
				dir, copies := t.TempDir(), []string{t.TempDir(), t.TempDir()}[:1+seed%2]
				original := randomContent(r)
				original.write(t, filepath.Join(dir, "content"))
				if len(original) == 1 {
					original["another"] = randomBytes(r, 5)
					original.write(t, filepath.Join(dir, "content"))
				}
				tor := makeTorrent(t, dir, formats[format])
				before := damaged(r, original)
				if err := os.RemoveAll(filepath.Join(dir, "content")); err != nil {
					t.Fatal(err)
				}
				if err := os.Mkdir(filepath.Join(dir, "content"), 0o755); err != nil {
					t.Fatal(err)
				}
				before.write(t, filepath.Join(dir, "content"))
				trees := []content{before}
				var sources []Source
				for _, at := range copies {
					c := damaged(r, original)
					c.write(t, filepath.Join(at, "content"))
					trees = append(trees, c)
					sources = append(sources, Source{Path: at})
				}
				can := together(tor, original, trees...)
				_, bad := verify(t, tor, dir)
				root := filepath.Join(dir, "content")
				dry, err := Repair(t.Context(), tor, root, bad, sources, Options{DryRun: true})
				if err != nil {
					t.Fatal(err)
				}
				if now := read(t, root); !maps.EqualFunc(now, before, bytes.Equal) {
					t.Fatal("a dry run has changed the data")
				}
				report, err := Repair(t.Context(), tor, root, bad, sources, Options{})
				if err != nil {
					t.Fatal(err)
				}
				if len(report.Refused) > 0 {
					t.Errorf("refused: %v", report.Refused)
				}
				if fmt.Sprint(dry.Files, dry.Pieces, dry.Bytes) != fmt.Sprint(report.Files, report.Pieces, report.Bytes) {
					t.Errorf("a dry run says %+v, want %+v", dry, report)
				}
				checkMended(t, tor, dir, original, before, can, report)
				for i, at := range copies {
					if now := read(t, filepath.Join(at, "content")); !maps.EqualFunc(now, trees[i+1], bytes.Equal) {
						t.Error("a source was changed")
					}
				}
				if t.Failed() {
					t.Fatalf("with seed %d", seed)
				}
			}
		})
	}
}
