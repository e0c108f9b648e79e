package store

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A growing is content whose files are written while they are read.
type growing struct {
	*Content
	t      *testing.T
	dir    string
	sizes  []int64
	stream []byte // all files in order
}

const padFile = 2

// newGrowing creates files with their full size, either sparse or allocated.
func newGrowing(t *testing.T, sparse bool) *growing {
	t.Helper()
	g := &growing{t: t, dir: t.TempDir(), sizes: []int64{300_001, SmallFile - 1, 20_000, SmallFile + 7}}
	random := rand.NewChaCha8([32]byte{})
	for i, n := range g.sizes {
		b := make([]byte, n)
		if i != padFile {
			random.Read(b)
		}
		g.stream = append(g.stream, b...)
		f, err := os.Create(g.part(i))
		if err == nil && sparse {
			err = f.Truncate(n)
		} else if err == nil {
			_, err = f.Write(make([]byte, n))
		}
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
	}
	layout, err := metainfo.NewLayout(pieceLength, g.sizes, metainfo.AlignmentPacked)
	if err != nil {
		t.Fatal(err)
	}
	tree := &piece.Tree{Files: make([]piece.Source, len(g.sizes))}
	tree.Files[padFile].Pad = true
	g.Content = NewCache(8, 8).Live(layout, tree, g.open)
	t.Cleanup(g.Close)
	return g
}

func (g *growing) final(i int) string { return filepath.Join(g.dir, string(rune('a'+i))) }
func (g *growing) part(i int) string  { return g.final(i) + ".part" }

func (g *growing) open(i int) (*os.File, error) {
	f, err := os.Open(g.part(i))
	if errors.Is(err, fs.ErrNotExist) {
		return os.Open(g.final(i))
	}
	return f, err
}

// write writes a piece to the files, and rename gives a file its final name.
func (g *growing) write(p int) {
	g.t.Helper()
	for _, s := range g.layout.Spans(p, p) {
		f, err := os.OpenFile(g.part(s.File), os.O_WRONLY, 0)
		if errors.Is(err, fs.ErrNotExist) {
			f, err = os.OpenFile(g.final(s.File), os.O_WRONLY, 0)
		}
		if err == nil {
			at := g.layout.Offset(s.File) + s.Offset
			_, err = f.WriteAt(g.stream[at:at+s.Length], s.Offset)
		}
		if err := errors.Join(err, f.Close()); err != nil {
			g.t.Fatal(err)
		}
	}
}

func (g *growing) rename(i int) {
	g.t.Helper()
	if err := os.Rename(g.part(i), g.final(i)); err != nil {
		g.t.Fatal(err)
	}
}

// read compares the bytes of a piece with what was written.
func (g *growing) read(p int, copyAll bool) {
	g.t.Helper()
	b := Batch{CopyAll: copyAll}
	defer b.Release()
	from := int64(p) * pieceLength
	to := min(from+pieceLength, int64(len(g.stream)))
	for at := from; at < to; at += 16 << 10 {
		n := min(16<<10, to-at)
		if err := b.Add(g.Content, Block{uint32(p), uint32(at - from), uint32(n)}, 0); err != nil {
			g.t.Fatalf("piece %d: %v", p, err)
		}
	}
	if err := b.Check(); err != nil {
		g.t.Fatalf("piece %d: %v", p, err)
	}
	if !bytes.Equal(bytesOf(&b), g.stream[from:to]) {
		g.t.Errorf("piece %d has other bytes", p)
	}
}

// Files are served while they are written and renamed: pieces in any order, from mappings
// that were made before the bytes were written, and under either name.
func TestLive(t *testing.T) {
	for name, sparse := range map[string]bool{"sparse": true, "allocated": false} {
		t.Run(name, func(t *testing.T) {
			g := newGrowing(t, sparse)
			random := rand.New(rand.NewPCG(1, 2))
			order := random.Perm(g.Pieces())
			for n, p := range order {
				g.write(p)
				if n == len(order)/2 {
					g.rename(0)
					g.rename(1)
				}
				if n%3 == 2 {
					g.Trim()
				}
				for _, before := range order[:n+1] {
					g.read(before, random.IntN(2) == 0)
				}
			}
			g.rename(3)
			g.Trim()
			for _, p := range order {
				g.read(p, false)
			}
		})
	}
}

// A live file that has shrunk, is missing or can't be read ends as an error.
func TestLiveErrors(t *testing.T) {
	for _, sparse := range []bool{true, false} {
		g := newGrowing(t, sparse)
		g.write(0)
		g.read(0, true)
		if err := os.Truncate(g.part(0), 0); err != nil {
			t.Fatal(err)
		}
		b := Batch{CopyAll: true}
		if err := b.Add(g.Content, Block{Length: 100}, 0); err == nil && runtime.GOOS != "windows" { // nothing is mapped there
			t.Errorf("sparse %v: a block of a file that has shrunk", sparse)
		}
		b.Release()
		g.Trim()
		if err := os.Remove(g.part(0)); err != nil {
			t.Fatal(err)
		}
		if err := b.Add(g.Content, Block{Length: 100}, 0); !errors.Is(err, ErrChanged) || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a missing file: %v", err)
		}
	}
	broken := &fs.PathError{Op: "open", Path: "some/path", Err: syscall.EIO}
	g := newGrowing(t, true)
	c := g.cache.Live(g.layout, g.tree, func(int) (*os.File, error) { return nil, broken })
	var failed *ReadError
	if err := new(Batch).Add(c, Block{Length: 100}, 0); !errors.As(err, &failed) || failed.Path != "some/path" {
		t.Errorf("a file that can't be read: %v", err)
	}
}
