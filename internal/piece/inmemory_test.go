package piece_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/maketorrent"
)

// The sums of pieces in memory are those of the same pieces on disk, and the torrent's:
// of any number of pieces at once, in any order.
func TestBlockHasher(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	dir := t.TempDir()
	for i, size := range []int{0, 1, 100, 16 << 10, 16<<10 + 1, 64 << 10, 64<<10 + 5, 300_000, 1 << 20} {
		b := make([]byte, size)
		for k := range b {
			b[k] = byte(random.Uint32())
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid} {
		for _, length := range []int64{16 << 10, 64 << 10, 512 << 10} {
			t.Run(fmt.Sprint(format, " ", length), func(t *testing.T) {
				made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: dir, Format: format, PieceLength: length})
				if err != nil {
					t.Fatal(err)
				}
				c, err := made.Torrent.Content()
				if err != nil {
					t.Fatal(err)
				}
				pieces := inMemory(t, c, dir)
				hasher := piece.NewBlockHasher(c)
				for _, n := range []int{1, 3, len(pieces)} {
					random.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
					for some := range slices.Chunk(pieces, n) {
						checkResults(t, c, hasher.Hash(some), some, true)
					}
				}
				for i := range pieces { // one wrong byte each
					blocks := pieces[i].Blocks
					b := blocks[random.IntN(len(blocks))]
					b[random.IntN(len(b))] ^= 1
				}
				checkResults(t, c, hasher.Hash(pieces), pieces, false)
			})
		}
	}
}

func checkResults(t *testing.T, c *metainfo.Content, results []piece.Result, pieces []piece.InMemory, want bool) {
	t.Helper()
	if len(results) != len(pieces) {
		t.Fatalf("%d results of %d pieces", len(results), len(pieces))
	}
	prover := piece.Prover{Content: c}
	for i := range results {
		if results[i].Index != pieces[i].Index {
			t.Errorf("result %d is of piece %d, want %d", i, results[i].Index, pieces[i].Index)
		}
		if ok, alone := prover.Check(&results[i]); ok != want || !alone {
			t.Errorf("piece %d: %v, %v", pieces[i].Index, ok, alone)
		}
	}
}

// inMemory reads all pieces that have bytes of files.
func inMemory(t *testing.T, c *metainfo.Content, dir string) (pieces []piece.InMemory) {
	tree, err := piece.At(context.Background(), c, dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i := range c.Layout.Pieces() {
		var all []byte
		for _, span := range c.Layout.Spans(i, i) {
			if span.File == metainfo.Gap || c.Files[span.File].Pad {
				continue
			}
			b, err := os.ReadFile(tree.Path(span.File))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b[span.Offset:span.Offset+span.Length]...)
		}
		pieces = append(pieces, piece.InMemory{Index: i, Blocks: slices.Collect(slices.Chunk(all, metainfo.BlockLength))})
	}
	return pieces
}

// A piece that is all padding has the sum of zeros.
func TestBlockHasherPadding(t *testing.T) {
	layout, err := metainfo.NewPaddedLayout(32<<10, []int64{5}, []int64{0, metainfo.Anywhere})
	if err != nil {
		t.Fatal(err)
	}
	padded, err := metainfo.NewLayout(32<<10, []int64{100 << 10}, metainfo.AlignmentPacked)
	if err != nil {
		t.Fatal(err)
	}
	hasher := piece.NewBlockHasher(&metainfo.Content{V1: true, Layout: padded})
	results := hasher.Hash([]piece.InMemory{{Index: 0}, {Index: 3}, {Index: 1}})
	for i, want := range []string{
		"5188431849b4613152fd7bdba6a3ff0a4fd6424b", "1ceaf73df40e531df3bfb26b4fb7cd95fb7bff1d", "5188431849b4613152fd7bdba6a3ff0a4fd6424b",
	} {
		if got := fmt.Sprintf("%x", results[i].SHA1); got != want {
			t.Errorf("piece %d: %s, want %s", i, got, want)
		}
	}
	short := piece.NewBlockHasher(&metainfo.Content{V1: true, Layout: layout}).Hash([]piece.InMemory{{Blocks: [][]byte{[]byte("hello")}}})
	if got := fmt.Sprintf("%x", short[0].SHA1); got != "aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d" { // of "hello"
		t.Error(got)
	}
}
