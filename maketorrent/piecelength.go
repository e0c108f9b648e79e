package maketorrent

import "bt/internal/metainfo"

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

// The choices. All but the first begin with what [AutoPieceLength] returns.
const (
	ChoiceGiven   Choice = iota // Options.PieceLength
	ChoiceSize                  // the size of the content
	ChoiceLimit                 // Options.MaxPieceLength: the size asks for a longer one
	ChoicePieces                // longer than 16 MiB, for there would be more than 65,535 pieces
	ChoicePadding               // shorter than by the size, for there would be too much padding
)

// choosePieceLength chooses a piece length by the size of the content, and returns why.
// If each file begins a piece, it then halves the length while there is too much
// padding: many small files would be padded to many times their size.
func choosePieceLength(b *metainfo.Builder, limit int64) (n int64, why Choice) {
	size := b.ContentLength()
	bySize := AutoPieceLength(size, limit)
	n = bySize
	for n > leastPieceLength && b.Padding(n) > size/100*MaxPadding {
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
