package store

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A disk is a v1 content in a temporary directory.
type disk struct {
	*Content
	dir    string
	stream []byte // all files in order
}

const pieceLength = 64 << 10

// newDisk writes files of the given sizes.
func newDisk(t *testing.T, cache *Cache, sizes ...int64) *disk {
	t.Helper()
	d := &disk{dir: t.TempDir()}
	random := rand.NewChaCha8([32]byte{})
	for i, n := range sizes {
		b := make([]byte, n)
		random.Read(b)
		d.stream = append(d.stream, b...)
		if err := os.WriteFile(d.path(i), b, 0o644); err != nil {
			t.Fatal(err)
		}
		// The times of files that were just written do not show a further change.
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(d.path(i), old, old); err != nil {
			t.Fatal(err)
		}
	}
	tree := &piece.Tree{Files: make([]piece.Source, len(sizes)), Path: d.path}
	if err := tree.Stat(context.Background(), 1); err != nil {
		t.Fatal(err)
	}
	layout, err := metainfo.NewLayout(pieceLength, sizes, metainfo.AlignmentPacked)
	if err != nil {
		t.Fatal(err)
	}
	d.Content = cache.Content(layout, tree)
	return d
}

func (d *disk) path(i int) string { return filepath.Join(d.dir, string(rune('a'+i))) }

// bytesOf returns the bytes of a batch.
func bytesOf(b *Batch) []byte { return bytes.Join(b.Parts(), nil) }

// Blocks have the bytes of the files, mapped or copied, whole or without their start.
func TestBatch(t *testing.T) {
	d := newDisk(t, NewCache(8, 8), 3, SmallFile+5, 1, 0, SmallFile-1, 300_001, 11)
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		b := Batch{CopyAll: random.IntN(2) == 0}
		var want []byte
		for b.Fits(16<<10) && random.IntN(10) > 0 {
			block := Block{Begin: uint32(random.IntN(pieceLength)), Piece: uint32(random.IntN(len(d.stream) / pieceLength))}
			block.Length = 1 + uint32(random.IntN(min(16<<10, pieceLength-int(block.Begin))))
			skip := random.IntN(int(block.Length) + 1)
			if err := b.Add(d.Content, block, int64(skip)); err != nil {
				t.Fatal(err)
			}
			at := int(block.Piece)*pieceLength + int(block.Begin)
			want = append(want, d.stream[at+skip:at+int(block.Length)]...)
			if random.IntN(3) == 0 {
				b.Put([]byte("header"))
				want = append(want, "header"...)
			}
		}
		if err := b.Check(); err != nil {
			t.Fatal(err)
		}
		if got := bytesOf(&b); !bytes.Equal(got, want) {
			t.Fatal("the batch has other bytes")
		}
		if b.CopyAll && !bytes.Equal(b.Copied(), want) {
			t.Fatal("the copy has other bytes")
		}
		b.Release()
	}
	all, users := d.cache.InUse()
	if users != 0 || all == 0 {
		t.Errorf("%d mappings with %d users", all, users)
	}
	if d.Trim(); d.inUse() != 0 {
		t.Errorf("%d mappings after Trim", d.inUse())
	}
}

func (d *disk) inUse() int { n, _ := d.cache.InUse(); return n }

// A cache keeps as many mappings as it may, and more only while they are in use.
func TestCacheLimit(t *testing.T) {
	sizes := make([]int64, 20)
	for i := range sizes {
		sizes[i] = SmallFile
	}
	d := newDisk(t, NewCache(3, 1), sizes...)
	var batches [5]Batch
	for i := range batches {
		if err := batches[i].Add(d.Content, Block{Piece: uint32(i), Length: 1}, 0); err != nil {
			t.Fatal(err)
		}
	}
	if n := d.inUse(); n != len(batches) {
		t.Errorf("%d mappings in use", n)
	}
	for i := range batches {
		batches[i].Release()
	}
	for i := range sizes {
		var b Batch
		if err := b.Add(d.Content, Block{Piece: uint32(i), Length: 1}, 0); err != nil {
			t.Fatal(err)
		}
		b.Release()
	}
	if n := d.inUse(); n != 3 {
		t.Errorf("%d mappings are kept", n)
	}
}

// Files that are not what they were are refused, also once they are mapped.
func TestChanged(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"removed": os.Remove,
		"cut":     func(path string) error { return os.Truncate(path, 1000) },
		"longer":  func(path string) error { return os.Truncate(path, 1<<20) },
		"other": func(path string) error {
			return errors.Join(os.Remove(path), os.WriteFile(path, make([]byte, 200_000), 0o644))
		},
		"rewritten": func(path string) error { return os.WriteFile(path, make([]byte, 200_000), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range []int64{200_000, SmallFile - 1} {
				d := newDisk(t, NewCache(8, 8), size)
				block := Block{Length: 16 << 10}
				var open Batch
				if err := open.Add(d.Content, block, 0); err != nil {
					t.Fatal(err)
				}
				if err := change(d.path(0)); err != nil {
					t.Fatal(err)
				}
				if err := open.Check(); size >= SmallFile && runtime.GOOS != "windows" && name != "removed" && name != "other" && !errors.Is(err, ErrChanged) {
					t.Errorf("%d bytes, mapped before: %v", size, err)
				}
				open.Release()
				d.Trim()
				var b Batch
				if err := b.Add(d.Content, block, 0); !errors.Is(err, ErrChanged) {
					t.Errorf("%d bytes: Add: %v", size, err)
				}
				b.Release()
				if err := d.Probe(block, make([]byte, 1000)); !errors.Is(err, ErrChanged) {
					t.Errorf("%d bytes: Probe: %v", size, err)
				}
			}
		})
	}
}

// A closed content gives nothing more, and its mappings end with their users.
func TestClose(t *testing.T) {
	d := newDisk(t, NewCache(8, 8), 200_000, 200_000)
	var b Batch
	if err := b.Add(d.Content, Block{Length: 1}, 0); err != nil {
		t.Fatal(err)
	}
	d.Close()
	if !bytes.Equal(bytesOf(&b), d.stream[:1]) {
		t.Error("what was added before has changed")
	}
	if err := new(Batch).Add(d.Content, Block{Piece: 4, Length: 1}, 0); !errors.Is(err, ErrChanged) {
		t.Errorf("after Close: %v", err)
	}
	b.Release()
	if n := d.inUse(); n != 0 {
		t.Errorf("%d mappings are left", n)
	}
}
