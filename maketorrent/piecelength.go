package maketorrent

import (
	"errors"
	"slices"

	"bt/internal/metainfo"
)

const (
	leastPieceLength   = metainfo.BlockLength // peers request blocks of this length
	usualPieceLength   = 16 << 20             // limit unless there would be too many pieces
	maxAutoPieceLength = 128 << 20            // limit in that case
)

// AutoPieceLength returns the piece length, in bytes, that Make chooses for content of
// size bytes: a power of two from 16 KiB to 16 MiB that makes 1000 to 2000 pieces. It
// is larger, up to 128 MiB, only to stay under 65,535 pieces. If limit is not 0, the
// piece length is at most limit, or 16 KiB.
func AutoPieceLength(size, limit int64) int64 {
	const pieces = 2000
	n := int64(leastPieceLength)
	for n < maxAutoPieceLength && (limit == 0 || 2*n <= limit) {
		count := (size-1)/n + 1
		if count <= pieces || n >= usualPieceLength && count <= metainfo.ManyPiecesLimit {
			break
		}
		n *= 2
	}
	return n
}

// MaxPadding is the limit of padding, in percent of the content, beyond which a shorter
// piece length is chosen.
const MaxPadding = 10

// A Choice says what decided the piece length of a torrent.
type Choice uint8

// The choices.
const (
	ChoiceGiven       Choice = iota // Options.PieceLength
	ChoiceSize                      // the size of the content, as AutoPieceLength
	ChoiceLimit                     // Options.MaxPieceLength: it would be longer
	ChoicePieces                    // longer than 16 MiB, because there would be more than 65,535 pieces
	ChoicePadding                   // shorter than by the size, because there would be too much padding
	ChoicePrevious                  // that of Options.Previous
	ChoiceTarget                    // Options.TargetPieces
	ChoiceTorrentSize               // longer, for the torrent would be larger than Options.MaxTorrentSize
	ChoiceUnknown                   // StreamPieceLength, for the size of the content is not known
	ChoiceRule                      // Options.Rules
)

// choosePieceLength chooses the piece length of a torrent, and returns why.
func (o *Options) choosePieceLength(b *metainfo.Builder) (n int64, why Choice, err error) {
	if o.PieceLength != 0 {
		return o.PieceLength, ChoiceGiven, nil
	}
	if n, why, err = o.byRule(b); err != nil {
		return 0, 0, err
	}
	if n == 0 {
		n, why = o.withoutRules(b)
	}
	if shorter := o.Rules.more(b, n); why.follows() && shorter < n {
		n, why = shorter, ChoiceRule
	}
	return n, why, nil
}

// withoutRules chooses a piece length that no rule decides, and returns why. If each file
// begins a piece, also in another of Options.Formats, it halves the length while there is
// too much padding: many small files would be padded to many times their size.
func (o *Options) withoutRules(b *metainfo.Builder) (n int64, why Choice) {
	if o.TargetPieces > 0 {
		return o.targetPieceLength(b)
	}
	if o.Previous != nil {
		b := metainfo.Builder{V1: b.V1, V2: b.V2, PieceLength: o.Previous.PieceLength}
		if b.CheckPieceLength() == nil && (o.MaxPieceLength == 0 || b.PieceLength <= o.MaxPieceLength) {
			return b.PieceLength, ChoicePrevious
		}
	}
	size, limit := b.ContentLength(), o.MaxPieceLength
	bySize := AutoPieceLength(size, limit)
	n = bySize
	aligned := *b
	aligned.Align = b.Align || slices.ContainsFunc(o.Formats, func(f Format) bool { return f != FormatV1 })
	for n > leastPieceLength && aligned.Padding(n) > size/100*MaxPadding {
		n /= 2
	}
	switch {
	case n < bySize:
		return n, ChoicePadding
	case n > usualPieceLength:
		return n, ChoicePieces
	case limit != 0 && n != AutoPieceLength(size, 0):
		return n, ChoiceLimit
	}
	return n, ChoiceSize
}

// targetPieceLength returns the piece length that makes the number of pieces whose ratio
// to Options.TargetPieces is nearest to 1.
func (o *Options) targetPieceLength(b *metainfo.Builder) (n int64, why Choice) {
	target := float64(o.TargetPieces)
	n = leastPieceLength
	for o.longer(n) > n {
		count, next := float64(b.PieceCount(n)), float64(b.PieceCount(2*n))
		if count <= target || count/target <= target/next {
			return n, ChoiceTarget
		}
		n *= 2
	}
	if b.PieceCount(n) > int64(o.TargetPieces) && n < maxAutoPieceLength {
		return n, ChoiceLimit
	}
	return n, ChoiceTarget
}

// longer returns twice the piece length n, or n if that is not allowed.
func (o *Options) longer(n int64) int64 {
	if 2*n > maxAutoPieceLength || o.MaxPieceLength > 0 && 2*n > o.MaxPieceLength {
		return n
	}
	return 2 * n
}

// chooseLayout chooses the piece length of a torrent and lays out its files.
func (o *Options) chooseLayout(b *metainfo.Builder) (layout *metainfo.Layout, why Choice, err error) {
	if layout, why, err = o.findLayout(b); err == nil && why.follows() {
		err = o.Rules.conflict(b, layout)
	}
	return layout, why, err
}

// findLayout makes the pieces longer while the torrent is larger than
// Options.MaxTorrentSize, or breaks a rule.
func (o *Options) findLayout(b *metainfo.Builder) (layout *metainfo.Layout, why Choice, err error) {
	if b.ContentLength() == 0 {
		return nil, 0, ErrEmpty
	}
	if b.PieceLength, why, err = o.choosePieceLength(b); err != nil {
		return nil, 0, err
	}
	for {
		if layout, err = layoutOf(b); err != nil {
			return nil, 0, err
		}
		longer := o.longer(b.PieceLength)
		if why.follows() && longer > b.PieceLength && o.Rules.broken(b, layout) {
			b.PieceLength, why = longer, ChoiceRule
			continue
		}
		if o.MaxTorrentSize == 0 {
			return layout, why, nil
		}
		size, _ := b.Measure(layout)
		if size <= o.MaxTorrentSize {
			return layout, why, nil
		}
		if why == ChoiceGiven || longer == b.PieceLength {
			return nil, 0, badOption("torrent size", "the torrent would have %d bytes, with pieces of %d bytes", size, b.PieceLength)
		}
		b.PieceLength, why = longer, ChoiceTorrentSize
	}
}

// layoutOf lays out the files of a torrent. Its error is an *OptionError.
func layoutOf(b *metainfo.Builder) (*metainfo.Layout, error) {
	layout, err := b.Layout()
	switch {
	case errors.Is(err, metainfo.ErrNameOfFile):
		return nil, &OptionError{"name", err}
	case err != nil:
		return nil, &OptionError{"piece length", err}
	}
	return layout, nil
}
