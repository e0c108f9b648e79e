package maketorrent

import (
	"crypto/sha256"
	"fmt"
	"iter"

	"bt/internal/metainfo"
)

// Shared returns how many files of an earlier torrent a newer one has too, and how many
// bytes. Files are the same if their pieces roots are (v2, hybrid), or their pieces that
// have bytes of no other file (v1, hybrid). In v1 only the bytes of these pieces count,
// and files without such pieces do not.
func Shared(earlier, newer *Torrent) (files int, bytes int64) {
	a, errA := earlier.Content()
	b, errB := newer.Content()
	if errA != nil || errB != nil {
		return 0, 0
	}
	has := make(map[contentKey]bool)
	for i := range b.Files {
		for key := range contentKeys(b, i) {
			has[key] = true
		}
	}
	for i := range a.Files {
		most := int64(0)
		for key, n := range contentKeys(a, i) {
			if has[key] {
				most = max(most, n)
			}
		}
		if bytes += most; most > 0 {
			files++
		}
	}
	return files, bytes
}

// A contentKey is the same for files of the same content. It is a hash.
type contentKey [sha256.Size]byte

// contentKeys yields the keys of a file, with the number of bytes that they prove.
func contentKeys(c *metainfo.Content, file int) iter.Seq2[contentKey, int64] {
	return func(yield func(contentKey, int64) bool) {
		f := &c.Files[file]
		if f.Pad || f.IsLink() || f.Length == 0 {
			return
		}
		if f.PiecesRoot != nil && !yield(*f.PiecesRoot, f.Length) || !c.V1 {
			return
		}
		first, last, _ := c.Layout.FilePieces(file)
		h, n := sha256.New(), int64(0)
		fmt.Fprintln(h, c.Layout.PieceLength(), f.Length)
		for piece := first; piece <= last; piece++ {
			cursor := c.Layout.Cursor(piece)
			if span, _ := cursor.Next(); span.File == file && span.Length == c.Layout.PieceLength() {
				fmt.Fprintf(h, "%d %x\n", span.Offset, c.Pieces[20*piece:][:20])
				n += span.Length
			}
		}
		if n > 0 {
			yield(contentKey(h.Sum(nil)), n)
		}
	}
}
