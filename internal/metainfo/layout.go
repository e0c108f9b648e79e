package metainfo

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"sort"
)

// A Layout maps pieces to byte ranges of files.
type Layout struct {
	pieceLength int64
	alignment   Alignment
	ends        []int64 // of each file in the stream, ascending; all that is kept of it, for there may be millions
	end         int64   // of the stream
	pieces      int
}

// An Alignment says where files begin in the stream that pieces are cut from.
type Alignment uint8

const (
	AlignmentPacked  Alignment = iota // each where the one before it ends (v1)
	AlignmentAligned                  // each that is not empty at a piece; gaps are in no piece (v2)
	AlignmentPadded                   // the same, but gaps are zeros in their piece, also at the end (hybrid, BEP 47)
)

// A Span is a range of bytes of one file, or of a gap between files.
type Span struct {
	File           int // index into the torrent's files, or Gap
	Offset, Length int64
}

// Gap is the file of spans that are zeros of no file.
const Gap = -1

// NewLayout lays out files of the given lengths. It fails when a length is
// negative, the sum passes 64 bits, or there are more than 2^31 - 1 pieces.
func NewLayout(pieceLength int64, lengths []int64, alignment Alignment) (*Layout, error) {
	if pieceLength <= 0 {
		return nil, fmt.Errorf("a piece length of %d bytes", pieceLength)
	}
	l := &Layout{pieceLength: pieceLength, alignment: alignment, ends: make([]int64, len(lengths))}
	var end int64
	for i, n := range lengths {
		if n < 0 {
			return nil, fmt.Errorf("a file of %d bytes", n)
		}
		if n > 0 && alignment != AlignmentPacked {
			end = roundUp(end, pieceLength)
		}
		if end > math.MaxInt64-n {
			return nil, errors.New("the sizes add up to more than 64 bits hold")
		}
		end += n
		l.ends[i] = end
	}
	if alignment == AlignmentPadded {
		end = roundUp(end, pieceLength)
	}
	l.end = end
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
func (l *Layout) Files() int { return len(l.ends) }

// Length is the number of bytes of a file.
func (l *Layout) Length(file int) int64 { return l.ends[file] - l.Offset(file) }

// Offset is where a file begins in the stream that pieces are cut from.
func (l *Layout) Offset(file int) int64 {
	if file == 0 {
		return 0
	}
	before := l.ends[file-1]
	if l.alignment != AlignmentPacked && l.ends[file] > before {
		return roundUp(before, l.pieceLength)
	}
	return before // an empty file is not aligned
}

// Total is the length of the stream: all files, and the gaps of aligned ones.
func (l *Layout) Total() int64 { return l.end }

// Bytes is the sum of all lengths.
func (l *Layout) Bytes() int64 {
	var n int64
	for i := range l.ends {
		n += l.Length(i)
	}
	return n
}

// Spans yields the parts of the files, and of padded gaps, that make the pieces
// first to last, in order, each with the piece that it belongs to. Empty files
// are in no piece.
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
	file := sort.Search(len(l.ends), func(i int) bool { return l.ends[i] > pos })
	return Cursor{l, pos, l.pieceLength, file}
}

// Next returns the next span; false at the end of the piece.
func (c *Cursor) Next() (Span, bool) {
	for c.left > 0 {
		next := c.l.end
		if c.file < len(c.l.ends) {
			next = c.l.Offset(c.file)
		}
		if c.pos < next { // a gap
			n := min(next-c.pos, c.left)
			c.pos, c.left = c.pos+n, c.left-n
			if c.l.alignment == AlignmentPadded {
				return Span{Gap, 0, n}, true
			}
			continue
		}
		if c.file == len(c.l.ends) {
			break
		}
		s := Span{File: c.file, Offset: c.pos - next}
		s.Length = min(c.l.ends[c.file]-c.pos, c.left)
		c.pos, c.left = c.pos+s.Length, c.left-s.Length
		if c.pos == c.l.ends[c.file] {
			c.file++
		}
		if s.Length > 0 {
			return s, true
		}
	}
	return Span{}, false
}

// gapAfter is the length of the padded gap that follows a file.
func (l *Layout) gapAfter(file int) int64 {
	if l.alignment != AlignmentPadded || l.Length(file) == 0 {
		return 0
	}
	return roundUp(l.ends[file], l.pieceLength) - l.ends[file]
}

// FilePieces returns the first and last piece that hold bytes of a file; false
// for an empty file, which is in none.
func (l *Layout) FilePieces(file int) (first, last int, ok bool) {
	start, end := l.Offset(file), l.ends[file]
	if start == end {
		return 0, 0, false
	}
	return int(start / l.pieceLength), int((end - 1) / l.pieceLength), true
}

// roundUp returns the least multiple of unit that is not less than n, or the
// largest int64.
func roundUp(n, unit int64) int64 {
	if rest := n % unit; rest > 0 {
		return addSaturating(n, unit-rest)
	}
	return n
}

// addSaturating adds two numbers that are not negative.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
