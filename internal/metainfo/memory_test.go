package metainfo

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"bt/internal/testenv"
)

// A torrent of millions of files uses a few dozen bytes per file, apart from its own
// bytes. Memory that only parsing needs is freed afterwards.
func TestMemory(t *testing.T) {
	testenv.Large(t)
	const files, least = 200_000, 16 << 10
	for _, tt := range []struct {
		name   string
		v1, v2 bool
		most   uint64 // bytes a file; a hybrid has a pad file for each
	}{
		{"v1", true, false, 128}, {"v2", false, true, 128}, {"hybrid", true, true, 256},
	} {
		b := Builder{V1: tt.v1, V2: tt.v2, Name: "x", PieceLength: least}
		for i := range files {
			b.Files = append(b.Files, BuildFile{Path: []string{fmt.Sprintf("d%03d", i/1000), fmt.Sprintf("f%06d.txt", i)}, Length: 100})
		}
		l, err := b.Layout()
		if err != nil {
			t.Fatal(err)
		}
		b.Pieces, b.PiecesRoots = make([]byte, 20*l.Pieces()), make([][32]byte, files)
		for i := range b.PiecesRoots {
			b.PiecesRoots[i][i%32] = 1
		}
		if !tt.v1 {
			b.Pieces = nil
		}
		out, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		if room := cap(out) - len(out); room > len(out)/20+8192 {
			t.Errorf("%s: %d bytes of room for a torrent of %d", tt.name, cap(out), len(out))
		}
		before := inUse()
		tor, err := Parse(out)
		if err != nil {
			t.Fatal(err)
		}
		if got := (inUse() - before) / files; got > tt.most || slices.ContainsFunc(tor.Findings, func(f Finding) bool { return f.Code != CodeLargeTorrent }) {
			t.Errorf("%s: %d bytes a file, more than %d; findings %v", tt.name, got, tt.most, tor.Findings)
		}
		runtime.KeepAlive(tor)
	}
}

// inUse returns the number of bytes in use on the heap.
func inUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
