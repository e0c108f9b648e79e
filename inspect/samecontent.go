package inspect

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// A ContentID identifies the content of a torrent: its files, without their names.
type ContentID [sha256.Size]byte

// ContentIDs returns what the hashes in a torrent prove about its content. If two torrents
// have an ID in common, they have the same files, apart from names, order and empty files.
//
// A torrent has up to two IDs:
//
//   - of v2 and hybrids: the sizes and pieces roots of the files, which do not depend on
//     the piece length
//   - of v1 and hybrids: the piece length, the sizes of the files in order, with the pad
//     files, and the hashes of the pieces. Thus v1 torrents of the same files that have
//     another order or piece length have no ID in common.
//
// A torrent without content, or with invalid sizes or hashes, has none.
func ContentIDs(t *Torrent) []ContentID {
	l := t.Layout()
	if l == nil || l.Total() == 0 {
		return nil
	}
	var ids []ContentID
	if t.V2 {
		if id, ok := idOfRoots(t); ok {
			ids = append(ids, id)
		}
	}
	if t.V1 && len(t.Pieces) == 20*l.Pieces() {
		ids = append(ids, idOfPieces(t, l))
	}
	return ids
}

// idOfRoots returns the ID of the sizes and pieces roots.
func idOfRoots(t *Torrent) (id ContentID, ok bool) {
	type file [8 + 32]byte
	files := make([]file, 0, len(t.Files))
	for i := range t.Files {
		f := &t.Files[i]
		if f.Pad || f.IsLink() || f.Length == 0 {
			continue
		}
		if f.PiecesRoot == nil {
			return id, false
		}
		var x file
		binary.BigEndian.PutUint64(x[:], uint64(f.Length))
		copy(x[8:], f.PiecesRoot[:])
		files = append(files, x)
	}
	slices.SortFunc(files, func(a, b file) int { return bytes.Compare(a[:], b[:]) })
	h := sha256.New()
	h.Write([]byte("roots"))
	for i := range files {
		h.Write(files[i][:])
	}
	return ContentID(h.Sum(nil)), true
}

// idOfPieces returns the ID of the sizes and the hashes of pieces.
func idOfPieces(t *Torrent, l *Layout) ContentID {
	h := sha256.New()
	h.Write([]byte("pieces"))
	var buf [9]byte
	number := func(n int64, pad byte) {
		buf[0] = pad
		binary.BigEndian.PutUint64(buf[1:], uint64(n))
		h.Write(buf[:])
	}
	number(l.PieceLength(), 0)
	for i := range t.Files {
		f := &t.Files[i]
		switch n := l.Length(i); {
		case n == 0:
		case f.Pad:
			number(n, 1)
		default:
			number(n, 0)
		}
	}
	number(0, 0) // the end of the files
	h.Write(t.Pieces)
	return ContentID(h.Sum(nil))
}
