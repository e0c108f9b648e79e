package maketorrent

import (
	"fmt"

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

// mostPadding is the limit of padding, in percent of the content.
const mostPadding = 10

// choosePieceLength chooses a piece length by the size of the content, and returns why.
// If each file begins a piece, it then halves the length while there is too much
// padding: many small files would be padded to many times their size.
func choosePieceLength(b *metainfo.Builder, limit int64) (n int64, why string) {
	size := b.ContentLength()
	bySize := AutoPieceLength(size, limit)
	n = bySize
	for n > leastPieceLength && b.Padding(n) > size/100*mostPadding {
		n /= 2
	}
	switch {
	case n < bySize:
		return n, fmt.Sprintf("%s for the size of the content, halved while padding between files was over %d %% of it", kibibytes(bySize), mostPadding)
	case n > usualPieceLength:
		return n, fmt.Sprintf("of %s there would be more than %d", kibibytes(n/2), metainfo.ManyPiecesLimit)
	case limit != 0 && n != AutoPieceLength(size, 0):
		return n, "the longest that is allowed"
	}
	return n, "for the size of the content"
}

// kibibytes formats a length that is a multiple of 1 KiB.
func kibibytes(n int64) string {
	if n%(1<<20) == 0 {
		return fmt.Sprintf("%d MiB", n>>20)
	}
	return fmt.Sprintf("%d KiB", n>>10)
}
