package metainfo

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"sort"
)

// A Layout maps pieces to byte ranges of files.
type Layout struct {
	pieceLength int64
	alignment   Alignment
	ends        []int64 // end of each file in the stream, ascending; nothing else is stored, as there may be millions of files
	end         int64   // end of the stream
	pieces      int
}

// An Alignment says where files begin in the stream that pieces are cut from.
type Alignment uint8

const (
	AlignmentPacked  Alignment = iota // each file begins where the one before it ends (v1)
	AlignmentAligned                  // each file that is not empty begins a piece; gaps are in no piece (v2)
	AlignmentPadded                   // likewise, but gaps are zeros in their piece, also after the last file (hybrid, BEP 47)
)

// A Span is a range of bytes of one file, or of a gap between files.
type Span struct {
	File           int // index in the torrent's files, or Gap
	Offset, Length int64
}

// Gap is the File of spans that are padding.
const Gap = -1

// NewLayout returns the layout of files of the given lengths. It returns an error if a
// length is negative, the sum overflows 64 bits, or there are more than 2^31 - 1
// pieces.
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

// Equal reports whether two layouts divide content into the same pieces.
func (l *Layout) Equal(other *Layout) bool {
	return l == other || l.pieceLength == other.pieceLength && l.alignment == other.alignment && slices.Equal(l.ends, other.ends)
}

// Pieces returns the number of pieces.
func (l *Layout) Pieces() int { return l.pieces }

// PieceLength returns the length in bytes of every piece except the last, which is that
// of the torrent in v1 and that of each file in v2.
func (l *Layout) PieceLength() int64 { return l.pieceLength }

// Files returns the number of files.
func (l *Layout) Files() int { return len(l.ends) }

// Length returns the length of a file in bytes.
func (l *Layout) Length(file int) int64 { return l.ends[file] - l.Offset(file) }

// Offset returns the offset of a file in the stream that pieces are cut from.
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

// Total returns the length of the stream, including gaps.
func (l *Layout) Total() int64 { return l.end }

// Bytes returns the sum of the lengths of all files.
func (l *Layout) Bytes() int64 {
	var n int64
	for i := range l.ends {
		n += l.Length(i)
	}
	return n
}

// Spans yields the spans of the pieces first to last, in order, each with the index of
// its piece. Empty files are in no piece.
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

// A Cursor iterates over the spans of one piece.
type Cursor struct {
	l    *Layout
	pos  int64 // in the stream
	left int64 // bytes left in the piece
	file int
}

// Cursor returns a cursor at the start of a piece.
func (l *Layout) Cursor(piece int) Cursor {
	pos := int64(piece) * l.pieceLength
	file := sort.Search(len(l.ends), func(i int) bool { return l.ends[i] > pos })
	return Cursor{l, pos, l.pieceLength, file}
}

// Next returns the next span, or false at the end of the piece.
func (c *Cursor) Next() (Span, bool) {
	for c.left > 0 {
		next := c.l.end
		if c.file < len(c.l.ends) {
			next = c.l.Offset(c.file)
		}
		if c.pos < next { // in a gap
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

// gapAfter returns the length of the padded gap after a file.
func (l *Layout) gapAfter(file int) int64 {
	if l.alignment != AlignmentPadded || l.Length(file) == 0 {
		return 0
	}
	return roundUp(l.ends[file], l.pieceLength) - l.ends[file]
}

// FilePieces returns the first and last piece of a file, or false for an empty file,
// which is in no piece.
func (l *Layout) FilePieces(file int) (first, last int, ok bool) {
	start, end := l.Offset(file), l.ends[file]
	if start == end {
		return 0, 0, false
	}
	return int(start / l.pieceLength), int((end - 1) / l.pieceLength), true
}

// roundUp returns the least multiple of unit that is not less than n, at most
// math.MaxInt64.
func roundUp(n, unit int64) int64 {
	if rest := n % unit; rest > 0 {
		return addSaturating(n, unit-rest)
	}
	return n
}

// addSaturating adds two numbers that are not negative, and returns at most
// math.MaxInt64.
func addSaturating(a, b int64) int64 {
	if a > math.MaxInt64-b {
		return math.MaxInt64
	}
	return a + b
}
