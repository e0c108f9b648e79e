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
	ends        []int64 // end of each file in the stream, ascending; usually nothing else is stored, as there may be millions of files
	starts      []int64 // start of each file, if the alignment does not say it; else nil
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

// Anywhere is the offset in a piece of a file that begins where the one before ends.
const Anywhere = -1

// offset returns the offset in its piece of a file of several, or for file == files of
// the end of the stream.
func (a Alignment) offset(file, files int) int64 {
	if a == AlignmentPacked || a == AlignmentAligned && file == files {
		return Anywhere
	}
	return 0
}

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
	l := &Layout{pieceLength: pieceLength, alignment: alignment}
	return l.lay(lengths, func(i int) int64 { return alignment.offset(i, len(lengths)) })
}

// NewPaddedLayout returns the layout of a v1 torrent with pad files (BEP 47) before some
// files: file i, unless it is empty, begins at offset offsets[i] of a piece, and the
// stream ends at the last offset. An offset may be Anywhere. The errors are those of
// NewLayout.
func NewPaddedLayout(pieceLength int64, lengths, offsets []int64) (*Layout, error) {
	l := &Layout{pieceLength: pieceLength, alignment: AlignmentPadded, starts: make([]int64, len(lengths))}
	return l.lay(lengths, func(i int) int64 { return offsets[i] })
}

// lay sets where files begin and end, and returns the layout. offset returns the offset in
// its piece of each file and, after them, of the end of the stream.
func (l *Layout) lay(lengths []int64, offset func(i int) int64) (*Layout, error) {
	if l.pieceLength <= 0 {
		return nil, fmt.Errorf("a piece length of %d bytes", l.pieceLength)
	}
	l.ends = make([]int64, len(lengths))
	var end int64
	for i, n := range lengths {
		if n < 0 {
			return nil, fmt.Errorf("a file of %d bytes", n)
		}
		if n > 0 {
			end = PadTo(end, offset(i), l.pieceLength)
		}
		if l.starts != nil {
			l.starts[i] = end
		}
		if end > math.MaxInt64-n {
			return nil, errors.New("the sizes add up to more than 64 bits hold")
		}
		end += n
		l.ends[i] = end
	}
	l.end = PadTo(end, offset(len(lengths)), l.pieceLength)
	pieces := l.end / l.pieceLength
	if l.end%l.pieceLength > 0 {
		pieces++
	}
	if pieces > math.MaxInt32 {
		return nil, fmt.Errorf("%d pieces; 2^31 - 1 is the most that clients can number", pieces)
	}
	l.pieces = int(pieces)
	return l, nil
}

// PadTo returns the first position in the stream, from pos on, that is at an offset of a
// piece. It is at most math.MaxInt64.
func PadTo(pos, offset, pieceLength int64) int64 {
	if offset == Anywhere {
		return pos
	}
	gap := (offset - pos) % pieceLength
	if gap < 0 {
		gap += pieceLength
	}
	return addSaturating(pos, gap)
}

// Equal reports whether two layouts divide content into the same pieces.
func (l *Layout) Equal(other *Layout) bool {
	if l == other {
		return true
	}
	if l.pieceLength != other.pieceLength || l.end != other.end || !slices.Equal(l.ends, other.ends) ||
		(l.alignment == AlignmentAligned) != (other.alignment == AlignmentAligned) {
		return false
	}
	for i := range l.ends {
		if l.Offset(i) != other.Offset(i) {
			return false
		}
	}
	return true
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
	if l.starts != nil {
		return l.starts[file]
	}
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

// gapAfter returns the length of the padded gap after a file, or before the first file if
// file is -1.
func (l *Layout) gapAfter(file int) int64 {
	if l.alignment != AlignmentPadded || file >= 0 && l.Length(file) == 0 {
		return 0
	}
	end := int64(0)
	if file >= 0 {
		end = l.ends[file]
	}
	for next := file + 1; next < len(l.ends); next++ {
		if l.Length(next) > 0 {
			return l.Offset(next) - end
		}
	}
	return l.end - end
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
