package metainfo

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"sort"
)

// A Layout maps pieces to byte ranges of files. Pieces are cut from the files
// laid end to end (v1), or each file begins a piece of its own (v2).
type Layout struct {
	pieceLength int64
	offsets     []int64 // of each file in the stream; ascending
	lengths     []int64
	pieces      int
}

// A Span is a range of bytes of one file.
type Span struct {
	File           int // index into the torrent's files
	Offset, Length int64
}

// NewLayout lays out files of the given lengths; aligned starts each at a
// piece boundary, as v2 does. It fails when a length is negative, the sum
// passes 64 bits, or there are more than 2^31 - 1 pieces.
func NewLayout(pieceLength int64, lengths []int64, aligned bool) (*Layout, error) {
	if pieceLength <= 0 {
		return nil, fmt.Errorf("a piece length of %d bytes", pieceLength)
	}
	l := &Layout{pieceLength: pieceLength, offsets: make([]int64, len(lengths)), lengths: lengths}
	var end int64
	for i, n := range lengths {
		if n < 0 {
			return nil, fmt.Errorf("a file of %d bytes", n)
		}
		if rest := end % pieceLength; aligned && n > 0 && rest > 0 {
			if end > math.MaxInt64-(pieceLength-rest) {
				return nil, errors.New("the sizes add up to more than 64 bits hold")
			}
			end += pieceLength - rest
		}
		if end > math.MaxInt64-n {
			return nil, errors.New("the sizes add up to more than 64 bits hold")
		}
		l.offsets[i] = end
		end += n
	}
	pieces := end / pieceLength
	if end%pieceLength > 0 {
		pieces++
	}
	if pieces > math.MaxInt32 {
		return nil, fmt.Errorf("%d pieces; 2^31 - 1 is the most that clients can number", pieces)
	}
	l.pieces = int(pieces)
	return l, nil
}

// Pieces is the number of pieces.
func (l *Layout) Pieces() int { return l.pieces }

// PieceLength is the length of every piece but the last (of the torrent in v1,
// of each file in v2), in bytes.
func (l *Layout) PieceLength() int64 { return l.pieceLength }

// Files is the number of files.
func (l *Layout) Files() int { return len(l.lengths) }

// Length is the number of bytes of a file.
func (l *Layout) Length(file int) int64 { return l.lengths[file] }

// Offset is where a file begins in the stream that pieces are cut from.
func (l *Layout) Offset(file int) int64 { return l.offsets[file] }

// Total is the end of the stream: all files, and the gaps of aligned ones.
func (l *Layout) Total() int64 {
	n := len(l.lengths)
	if n == 0 {
		return 0
	}
	return l.offsets[n-1] + l.lengths[n-1]
}

// Bytes is the sum of all lengths.
func (l *Layout) Bytes() int64 {
	var n int64
	for _, length := range l.lengths {
		n += length
	}
	return n
}

// Spans yields the parts of the files that make the pieces first to last, in
// order, each with the piece that it belongs to. Empty files are in no piece.
func (l *Layout) Spans(first, last int) iter.Seq2[int, Span] {
	return func(yield func(int, Span) bool) {
		for piece := first; piece <= last; piece++ {
			c := l.Cursor(piece)
			for s, ok := c.Next(); ok; s, ok = c.Next() {
				if !yield(piece, s) {
					return
				}
			}
		}
	}
}

// A Cursor goes through the spans of one piece.
type Cursor struct {
	l    *Layout
	pos  int64 // in the stream
	left int64 // bytes of the piece from there
	file int
}

// Cursor returns the cursor at the start of a piece.
func (l *Layout) Cursor(piece int) Cursor {
	pos := int64(piece) * l.pieceLength
	file := sort.Search(len(l.offsets), func(i int) bool { return l.offsets[i]+l.lengths[i] > pos })
	return Cursor{l, pos, l.pieceLength, file}
}

// Next returns the next span; false at the end of the piece.
func (c *Cursor) Next() (Span, bool) {
	for ; c.file < len(c.l.offsets) && c.left > 0; c.file++ {
		offset, length := c.l.offsets[c.file], c.l.lengths[c.file]
		if gap := offset - c.pos; gap > 0 { // of an aligned layout
			if gap >= c.left {
				break
			}
			c.pos, c.left = offset, c.left-gap
		}
		from := c.pos - offset
		n := min(length-from, c.left)
		c.pos, c.left = c.pos+n, c.left-n
		if n > 0 {
			return Span{c.file, from, n}, true
		}
	}
	return Span{}, false
}

// FilePieces returns the first and last piece that hold bytes of a file; false
// for an empty file, which is in none.
func (l *Layout) FilePieces(file int) (first, last int, ok bool) {
	if l.lengths[file] == 0 {
		return 0, 0, false
	}
	return int(l.offsets[file] / l.pieceLength), int((l.offsets[file] + l.lengths[file] - 1) / l.pieceLength), true
}

// addSaturating adds two numbers that are not negative.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
