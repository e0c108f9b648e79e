package maketorrent

import (
	"math"

	"bt/internal/metainfo"
)

// Rules are what trackers accept. The choice of the piece length follows them as far as
// it can, unless Options.PieceLength, TargetPieces or Previous decides it. The torrent
// may break them, which the caller can check. The zero value of each field is no rule.
type Rules struct {
	// PieceLength returns the piece length for content of size bytes, or 0 for none in
	// particular. If it returns an error, no torrent is made.
	PieceLength func(size int64) (int64, error)

	MinPieces, MaxPieces int
	MaxTorrentSize       int64 // of the .torrent, in bytes

	// Conflict, if not nil, is called before the content is read if the choice breaks a
	// rule. If Conflict returns an error, no torrent is made.
	Conflict func(measure Measure) error
}

// A Measure returns the number of pieces of a torrent, and of bytes of its file, at a
// piece length.
type Measure = func(pieceLength int64) (pieces int, size int64)

// byRule returns the piece length that Rules.PieceLength asks for and MaxPieceLength
// allows, or 0 if it does not decide.
func (o *Options) byRule(b *metainfo.Builder) (n int64, why Choice, err error) {
	if o.Rules.PieceLength == nil || o.TargetPieces > 0 || o.Previous != nil {
		return 0, 0, nil
	}
	if n, err = o.Rules.PieceLength(b.ContentLength()); err != nil || n == 0 {
		return 0, 0, err
	}
	why = ChoiceRule
	for o.MaxPieceLength > 0 && n > o.MaxPieceLength && n > leastPieceLength {
		n, why = n/2, ChoiceLimit
	}
	return n, why, nil
}

// more returns a shorter piece length than n if there would be too few pieces.
func (r *Rules) more(b *metainfo.Builder, n int64) int64 {
	for n > leastPieceLength && b.PieceCount(n) < int64(r.MinPieces) {
		n /= 2
	}
	return n
}

// conflict calls Rules.Conflict if the layout of a torrent breaks a rule.
func (r *Rules) conflict(b *metainfo.Builder, layout *metainfo.Layout) error {
	if r.Conflict == nil || layout.Pieces() >= r.MinPieces && !r.broken(b, layout) {
		return nil
	}
	return r.Conflict(func(pieceLength int64) (pieces int, size int64) {
		other := *b
		other.PieceLength = pieceLength
		layout, err := other.Layout()
		if err != nil {
			return math.MaxInt, math.MaxInt64 // there are too many pieces
		}
		size, _ = other.Measure(layout)
		return layout.Pieces(), size
	})
}

// broken reports whether a torrent has too many pieces or is too large.
func (r *Rules) broken(b *metainfo.Builder, layout *metainfo.Layout) bool {
	if r.MaxPieces > 0 && layout.Pieces() > r.MaxPieces {
		return true
	}
	if r.MaxTorrentSize == 0 {
		return false
	}
	size, _ := b.Measure(layout)
	return size > r.MaxTorrentSize
}

// follows reports whether the rules may change a piece length that was chosen so.
func (c Choice) follows() bool {
	return c != ChoiceGiven && c != ChoiceTarget && c != ChoicePrevious
}
