package maketorrent

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

func TestChoosePieceLength(t *testing.T) {
	const k, m, g = 1 << 10, 1 << 20, 1 << 30
	files := func(n int, length int64) []metainfo.BuildFile {
		list := make([]metainfo.BuildFile, n)
		for i := range list {
			list[i] = metainfo.BuildFile{Path: []string{fmt.Sprintf("%07d", i)}, Length: length}
		}
		return list
	}
	one := func(n int, length, large int64) []metainfo.BuildFile {
		return append(files(n, length), metainfo.BuildFile{Path: []string{"z"}, Length: large})
	}
	for _, tt := range []struct {
		name           string
		files          []metainfo.BuildFile
		limit          int64
		v1, v2, hybrid int64 // the expected lengths
	}{
		{"300,000 small files", files(300_000, 800), 0, 128 * k, 16 * k, 16 * k},
		{"300,000 files of a block", files(300_000, 16*k), 0, 4 * m, 16 * k, 16 * k},
		{"1000 files of 1 MiB", files(1000, m), 0, 512 * k, 512 * k, 512 * k},
		{"1000 files of 1 MiB and a byte", files(1000, m+1), 0, 1 * m, 64 * k, 64 * k},
		{"one large file", one(0, 0, 4*g), 0, 4 * m, 4 * m, 4 * m},
		{"one large file, and a byte", one(0, 0, 4*g+1), 0, 4 * m, 4 * m, 4 * m},
		{"a large file and few small ones", one(10, 100, 4*g), 0, 4 * m, 4 * m, 4 * m},
		{"a large file and many small ones", one(1000, 100, 4*g), 0, 4 * m, 256 * k, 256 * k},
		{"empty files have no padding", one(100_000, 0, 4*g), 0, 4 * m, 4 * m, 4 * m},
		{"a limit is not passed", one(10, 100, 4*g), 1 * m, 1 * m, 1 * m, 1 * m},
		{"a limit is a start", one(1000, 100, 4*g), 1 * m, 1 * m, 256 * k, 256 * k},
		{"never under a block", files(10, 1), 0, 16 * k, 16 * k, 16 * k},
		{"sizes of 63 bits", one(2, 1<<61, 1<<61), 0, 128 * m, 128 * m, 128 * m},
	} {
		for format, want := range map[Format]int64{FormatV1: tt.v1, FormatV2: tt.v2, FormatHybrid: tt.hybrid} {
			b := &metainfo.Builder{V1: format != FormatV2, V2: format != FormatV1, Name: "x", Files: tt.files}
			got, why := (&Options{MaxPieceLength: tt.limit}).withoutRules(b)
			size := b.ContentLength()
			if bySize := AutoPieceLength(size, tt.limit); got != want || (why == ChoicePadding) != (want < bySize) {
				t.Errorf("%s, format %d: %d by choice %d, want %d", tt.name, format, got, why, want)
			}
			if format == FormatV1 || got == 16*k {
				continue
			}
			if pads := b.Padding(got); pads > size/10 {
				t.Errorf("%s, format %d: %d bytes of padding for %d", tt.name, format, pads, size)
			}
		}
	}
}

// Padding returns the bytes that the layout leaves empty.
func TestPaddingOfLayout(t *testing.T) {
	lengths := []int64{0, 1, 16383, 16384, 16385, 0, 40000, 5}
	b := &metainfo.Builder{Name: "x", PieceLength: 16384}
	for i, n := range lengths {
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{fmt.Sprint(i)}, Length: n})
	}
	for _, format := range []Format{FormatV1, FormatV2, FormatHybrid} {
		b.V1, b.V2 = format != FormatV2, format != FormatV1
		l, err := b.Layout()
		if err != nil {
			t.Fatal(err)
		}
		want := int64(l.Pieces())*l.PieceLength() - l.Bytes()
		if format == FormatV1 {
			want = 0
		}
		if got := b.Padding(b.PieceLength); got != want {
			t.Errorf("format %d: %d bytes, want %d", format, got, want)
		}
	}
}

// Progress counts content without padding, and reaches the total.
func TestProgressCountsContent(t *testing.T) {
	root := tree(t)
	for i := range 200 {
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("%03d", i)), make([]byte, 100+i), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, format := range formats {
		for _, read := range []ReadMode{ReadParallel, ReadSequential} {
			var last, total int64
			r, err := Make(context.Background(), Options{Path: root, Format: format, Read: read, PieceLength: 1 << 20, Progress: func(d, n int64) {
				if d < last || d > n {
					t.Errorf("%s: %d of %d bytes after %d", name, d, n, last)
				}
				last, total = d, n
			}})
			if err != nil {
				t.Fatal(err)
			}
			if size := r.Torrent.Size(); last != size || total != size {
				t.Errorf("%s: progress ends at %d of %d, want %d", name, last, total, size)
			}
		}
	}
}

// Many small files cause no finding about the chosen length.
func TestManySmallFiles(t *testing.T) {
	b := &metainfo.Builder{V1: true, V2: true, Name: "x"}
	for i := range 300_000 {
		b.Files = append(b.Files, metainfo.BuildFile{Path: []string{fmt.Sprintf("%06d", i)}, Length: 800})
	}
	l, choice, err := new(Options).chooseLayout(b)
	if err != nil || l.Total() > 5<<30 {
		t.Fatalf("a stream of %d bytes, %v", l.Total(), err)
	}
	b.Pieces, b.PiecesRoots = make([]byte, 20*l.Pieces()), make([][32]byte, len(b.Files))
	for i := range b.PiecesRoots {
		b.PiecesRoots[i][0] = 1
	}
	d := draft{Options: new(Options), builder: b}
	d.Result = new(Result)
	if err := d.finish(); err != nil {
		t.Fatal(err)
	}
	for _, f := range d.Result.Findings {
		if f.Code != metainfo.CodeLargeTorrent {
			t.Errorf("found %v", f)
		}
	}
	if choice != ChoicePadding {
		t.Errorf("the choice is %d", choice)
	}
}

// randomBuilder returns a builder for a random tree, without hashes.
func randomBuilder(rnd *rand.Rand) *metainfo.Builder {
	format := Format(rnd.IntN(3))
	b := &metainfo.Builder{V1: format != FormatV2, V2: format != FormatV1, Name: "x", Single: rnd.IntN(4) == 0}
	n := 1
	if !b.Single {
		n += rnd.IntN(200)
	}
	for i := range n {
		path := []string{fmt.Sprintf("%03d", i), strings.Repeat("n", 1+rnd.IntN(40))}
		b.Files = append(b.Files, metainfo.BuildFile{Path: path[:1+rnd.IntN(2)], Length: rnd.Int64N(1 << (1 + rnd.IntN(30)))})
	}
	b.Trackers = [][]string{{"http://t.example/" + strings.Repeat("a", rnd.IntN(100))}}
	b.Files[0].Length++
	return b
}

// built returns the size of the torrent with a piece length.
func built(t *testing.T, b metainfo.Builder, pieceLength int64) int64 {
	t.Helper()
	b.PieceLength = pieceLength
	l, err := b.Layout()
	if err != nil {
		t.Fatal(err)
	}
	if b.V1 {
		b.Pieces = make([]byte, 20*l.Pieces())
	}
	if b.V2 {
		b.PiecesRoots = make([][32]byte, len(b.Files))
		for i, f := range b.Files {
			binary.LittleEndian.PutUint32(b.PiecesRoots[i][:], uint32(i)) // equal files would share a layer
			if first, last, ok := l.FilePieces(i); ok && f.Length > pieceLength {
				b.PieceLayers = append(b.PieceLayers, make([]byte, 32*(last-first+1))...)
			}
		}
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	return int64(len(out))
}

// MaxTorrentSize raises the piece length until the torrent fits, and no further.
func TestMaxTorrentSize(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	raised, refused := 0, 0
	for range 1000 {
		b := randomBuilder(rnd)
		usual, _ := new(Options).withoutRules(b)
		size := built(t, *b, usual)
		o := &Options{MaxTorrentSize: 1 + size*int64(rnd.IntN(130))/100}
		l, choice, err := o.chooseLayout(b)
		if err != nil {
			refused++
			if longest := built(t, *b, maxAutoPieceLength); longest <= o.MaxTorrentSize {
				t.Errorf("%v, but with the longest pieces it has %d bytes of %d", err, longest, o.MaxTorrentSize)
			}
			continue
		}
		n := l.PieceLength()
		if got := built(t, *b, n); got > o.MaxTorrentSize {
			t.Errorf("%d bytes, want %d at most", got, o.MaxTorrentSize)
		}
		switch {
		case n == usual && choice == ChoiceTorrentSize, n != usual && choice != ChoiceTorrentSize:
			t.Errorf("pieces of %d, usual %d, by choice %d", n, usual, choice)
		case n < usual:
			t.Errorf("pieces of %d, usual %d", n, usual)
		case n > usual:
			raised++
			if shorter := built(t, *b, n/2); shorter <= o.MaxTorrentSize {
				t.Errorf("pieces of %d, but with %d it has %d bytes of %d", n, n/2, shorter, o.MaxTorrentSize)
			}
		}
	}
	if raised < 100 || refused == 0 {
		t.Errorf("%d raised, %d refused", raised, refused)
	}
}

// The size is known exactly before hashing.
func TestMeasure(t *testing.T) {
	testenv.Large(t)
	rnd := rand.New(rand.NewPCG(3, 4))
	for range 300 {
		b := randomBuilder(rnd)
		b.PieceLength = 16 << 10 << rnd.IntN(8)
		l, err := b.Layout()
		if err != nil {
			t.Fatal(err)
		}
		if size, _ := b.Measure(l); size != built(t, *b, b.PieceLength) {
			t.Errorf("%d bytes, want %d", size, built(t, *b, b.PieceLength))
		}
	}
}

// TargetPieces chooses the piece length whose number of pieces is nearest.
func TestTargetPieces(t *testing.T) {
	const mb = 1 << 20
	files := func(lengths ...int64) (list []metainfo.BuildFile) {
		for i, n := range lengths {
			list = append(list, metainfo.BuildFile{Path: []string{fmt.Sprint(i)}, Length: n})
		}
		return list
	}
	for _, tt := range []struct {
		name   string
		files  []metainfo.BuildFile
		target int
		limit  int64
		want   int64
		choice Choice
	}{
		{"exact", files(1000 * mb), 1000, 0, 1 * mb, ChoiceTarget},
		{"nearer to more", files(1000 * mb), 1200, 0, 1 * mb, ChoiceTarget},
		{"nearer to fewer", files(1000 * mb), 800, 0, 1 * mb, ChoiceTarget},
		{"far fewer", files(1000 * mb), 600, 0, 2 * mb, ChoiceTarget},
		{"one", files(1000 * mb), 1, 0, 128 * mb, ChoiceTarget},
		{"a limit", files(1000 * mb), 1, 4 * mb, 4 * mb, ChoiceLimit},
		{"more than there can be", files(1 * mb), 1 << 30, 0, 16 << 10, ChoiceTarget},
		{"a tiny file", files(1), 1000, 0, 16 << 10, ChoiceTarget},
	} {
		b := &metainfo.Builder{V1: true, Name: "x", Files: tt.files}
		got, choice := (&Options{TargetPieces: tt.target, MaxPieceLength: tt.limit}).withoutRules(b)
		if got != tt.want || choice != tt.choice {
			t.Errorf("%s: %d by choice %d, want %d by %d", tt.name, got, choice, tt.want, tt.choice)
		}
	}
}
