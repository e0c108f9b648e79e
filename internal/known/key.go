package known

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Keys makes the keys of the pieces of content on disk. Pieces with the same bytes of
// the same files have the same key, whatever torrent they are in.
type Keys struct {
	Tree *piece.Tree
	At   time.Time // when the identities of the files were taken
	buf  []byte
}

// V1 returns the key of the SHA-1 of a piece. ok is false if a file of the piece may
// change and keep its identity.
func (k *Keys) V1(l *metainfo.Layout, piece int) (key SumKey, ok bool) {
	k.buf = append(k.buf[:0], '1')
	ok, zeros := true, int64(0)
	for c := l.Cursor(piece); ; {
		span, more := c.Next()
		if more && (span.File == metainfo.Gap || k.Tree.Files[span.File].Pad) {
			zeros += span.Length
			continue
		}
		if zeros > 0 {
			k.buf = binary.LittleEndian.AppendUint64(append(k.buf, '0'), uint64(zeros))
			zeros = 0
		}
		if !more {
			break
		}
		ok = k.span(span) && ok
	}
	return k.sum(), ok
}

// V2 returns the key of the root of a piece, which is in one file. ok is as that of V1.
func (k *Keys) V2(l *metainfo.Layout, piece int) (key SumKey, ok bool) {
	c := l.Cursor(piece)
	span, _ := c.Next()
	k.buf = append(k.buf[:0], '2')
	if l.Length(span.File) > l.PieceLength() { // else the tree is only as high as needed
		k.buf = binary.LittleEndian.AppendUint64(k.buf, uint64(l.PieceLength()))
	}
	ok = k.span(span)
	return k.sum(), ok
}

// span appends a range of a file.
func (k *Keys) span(span metainfo.Span) (ok bool) {
	id := k.Tree.ID(span.File)
	k.buf = id.Append(append(k.buf, 'f'))
	k.buf = binary.LittleEndian.AppendUint64(k.buf, uint64(span.Offset))
	k.buf = binary.LittleEndian.AppendUint64(k.buf, uint64(span.Length))
	return !id.IsRacy(k.At)
}

func (k *Keys) sum() SumKey {
	sum := sha256.Sum256(k.buf)
	return SumKey(sum[:])
}
