package metainfo

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

// naiveSpans says byte by byte what Spans says at once. The offsets are those of
// NewPaddedLayout, also for other layouts. If padded, gaps are in pieces.
func naiveSpans(pieceLength int64, lengths, offsets []int64, padded bool) [][]Span {
	var pieces [][]Span
	pos := int64(0)
	add := func(file int, offset int64) {
		piece := int(pos / pieceLength)
		for len(pieces) <= piece {
			pieces = append(pieces, nil)
		}
		p := &pieces[piece]
		if k := len(*p); k > 0 && (*p)[k-1].File == file {
			(*p)[k-1].Length++
		} else {
			*p = append(*p, Span{file, offset, 1})
		}
		pos++
	}
	align := func(offset int64) {
		for offset != Anywhere && pos%pieceLength != offset {
			if padded {
				add(Gap, 0)
			} else {
				pos++
			}
		}
	}
	for file, n := range lengths {
		if n > 0 {
			align(offsets[file])
		}
		for i := range n {
			add(file, i)
		}
	}
	align(offsets[len(lengths)])
	return pieces
}

// randomLayout returns a layout of the lengths, and its offsets. Some layouts have the
// offsets of an alignment.
func randomLayout(rnd *rand.Rand, pieceLength int64, lengths []int64) (l *Layout, offsets []int64, err error) {
	offsets = make([]int64, len(lengths)+1)
	if rnd.IntN(3) == 0 {
		for i := range offsets {
			offsets[i] = max(rnd.Int64N(pieceLength+pieceLength/2+1)-pieceLength/2-1, Anywhere)
		}
		l, err = NewPaddedLayout(pieceLength, lengths, offsets)
		return l, offsets, err
	}
	alignment := Alignment(rnd.IntN(3))
	for i := range offsets {
		if alignment == AlignmentPacked || alignment == AlignmentAligned && i == len(lengths) {
			offsets[i] = Anywhere
		}
	}
	if alignment == AlignmentPadded && rnd.IntN(2) == 0 {
		l, err = NewPaddedLayout(pieceLength, lengths, offsets)
		return l, offsets, err
	}
	l, err = NewLayout(pieceLength, lengths, alignment)
	return l, offsets, err
}

func TestLayout(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		pieceLength := 1 + rnd.Int64N(12)
		lengths := make([]int64, rnd.IntN(8))
		for i := range lengths {
			lengths[i] = rnd.Int64N(30) * rnd.Int64N(2)
		}
		l, offsets, err := randomLayout(rnd, pieceLength, lengths)
		if err != nil {
			t.Fatal(err)
		}
		want := naiveSpans(pieceLength, lengths, offsets, l.alignment == AlignmentPadded)
		if l.Pieces() != len(want) {
			t.Fatalf("%v by %d, offsets %v: %d pieces, want %d", lengths, pieceLength, offsets, l.Pieces(), len(want))
		}
		// All at once, and from a piece in the middle.
		for _, first := range []int{0, rnd.IntN(len(want) + 1)} {
			got := make([][]Span, len(want))
			for piece, s := range l.Spans(first, len(want)-1) {
				got[piece] = append(got[piece], s)
			}
			for i := first; i < len(want); i++ {
				if !slices.Equal(got[i], want[i]) {
					t.Fatalf("%v by %d, offsets %v: piece %d is %v, want %v", lengths, pieceLength, offsets, i, got[i], want[i])
				}
			}
		}
		for file := range lengths {
			var in []int
			for i, spans := range want {
				if slices.ContainsFunc(spans, func(s Span) bool { return s.File == file }) {
					in = append(in, i)
				}
			}
			first, last, ok := l.FilePieces(file)
			if ok != (len(in) > 0) || ok && (first != in[0] || last != in[len(in)-1]) {
				t.Fatalf("%v by %d: file %d is in pieces %d to %d (%v), want %v", lengths, pieceLength, file, first, last, ok, in)
			}
		}
	}
}

// Layouts are equal if they divide content into the same pieces, however they were made.
func TestLayoutEqual(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	equal := 0
	for range 5000 {
		pieceLength := 1 + rnd.Int64N(3)
		lengths := make([]int64, 1+rnd.IntN(3))
		for i := range lengths {
			lengths[i] = rnd.Int64N(4)
		}
		a, offsetsA, err := randomLayout(rnd, pieceLength, lengths)
		b, offsetsB, errB := randomLayout(rnd, pieceLength, lengths)
		if err != nil || errB != nil {
			t.Fatal(err, errB)
		}
		want := (a.alignment == AlignmentAligned) == (b.alignment == AlignmentAligned) && reflect.DeepEqual(
			naiveSpans(pieceLength, lengths, offsetsA, true), naiveSpans(pieceLength, lengths, offsetsB, true))
		if got := a.Equal(b); got != want {
			t.Fatalf("%v by %d, offsets %v and %v: equal %v, want %v", lengths, pieceLength, offsetsA, offsetsB, got, want)
		}
		if want {
			equal++
		}
	}
	if equal < 500 {
		t.Errorf("only %d were equal", equal)
	}
}

func TestLayoutLimits(t *testing.T) {
	const huge = math.MaxInt64
	for _, tt := range []struct {
		name        string
		pieceLength int64
		lengths     []int64
		alignment   Alignment
		pieces      int // -1: refused
	}{
		{"no piece length", 0, []int64{1}, AlignmentPacked, -1},
		{"negative piece length", -1, []int64{1}, AlignmentPacked, -1},
		{"negative length", 1 << 20, []int64{5, -1}, AlignmentPacked, -1},
		{"sum over 64 bits", 1 << 60, []int64{huge, 1}, AlignmentPacked, -1},
		{"sum at 64 bits", 1 << 60, []int64{huge - 1, 1}, AlignmentPacked, 8},
		{"one huge piece", huge, []int64{huge}, AlignmentPacked, 1},
		{"two huge pieces", huge - 5, []int64{10, huge - 10}, AlignmentPacked, 2},
		{"alignment over 64 bits", 1 << 62, []int64{huge, 1}, AlignmentAligned, -1},
		{"alignment to 64 bits", 1 << 62, []int64{5, 1 << 61}, AlignmentAligned, 2},
		{"padding to 64 bits", 1 << 62, []int64{5, 1 << 61}, AlignmentPadded, 2},
		{"too many pieces", 1, []int64{1 << 31}, AlignmentPacked, -1},
		{"as many as can be", 1, []int64{1<<31 - 1}, AlignmentPacked, 1<<31 - 1},
		{"empty", 1, nil, AlignmentPacked, 0},
	} {
		l, err := NewLayout(tt.pieceLength, tt.lengths, tt.alignment)
		if err != nil {
			if tt.pieces >= 0 {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if l.Pieces() != tt.pieces {
			t.Errorf("%s: %d pieces, want %d", tt.name, l.Pieces(), tt.pieces)
			continue
		}
		if l.Pieces() > 100 {
			continue
		}
		var sum int64
		for _, s := range l.Spans(0, l.Pieces()-1) {
			if s.Length <= 0 || s.Offset < 0 || s.Length > tt.pieceLength {
				t.Errorf("%s: span %v", tt.name, s)
			}
			sum += s.Length
		}
		if sum != l.Total() && tt.alignment == AlignmentPacked {
			t.Errorf("%s: spans add up to %d of %d", tt.name, sum, l.Total())
		}
	}
}
