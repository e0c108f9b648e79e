package maketorrent

import "bt/internal/metainfo"

// A Sharing is what a torrent has of an earlier one.
type Sharing struct {
	Files  int   // unchanged files
	Pieces int   // pieces of the earlier torrent with the same hash
	Bytes  int64 // of the content, in these files and pieces
}

// Shared returns what a newer torrent has of an earlier one. A file is unchanged if it has
// the same pieces root (v2, hybrid), or if the newer torrent has a file of its size and
// the pieces that have bytes of no other file or, if there are none, all its pieces (v1,
// hybrid). Only its bytes in these pieces count then.
func Shared(earlier, newer *Torrent) (shared Sharing) {
	a, errA := earlier.Content()
	b, errB := newer.Content()
	if errA != nil || errB != nil {
		return shared
	}
	has := hashesOf(b)
	same := has.pieces(a)
	for _, is := range same {
		if is {
			shared.Pieces++
		}
	}
	for i := range a.Files {
		if !hasContent(a, i) {
			continue
		}
		f := &a.Files[i]
		unchanged, bytes := samePieces(a, i, same)
		switch {
		case f.PiecesRoot != nil && has.sha256[*f.PiecesRoot]:
			shared.Files++
			bytes = f.Length
		case a.V1 && unchanged && has.lengths[f.Length]:
			shared.Files++
		}
		shared.Bytes += bytes
	}
	return shared
}

// samePieces reports whether the pieces that have bytes of no other file or, if there are
// none, all pieces of a file are the same, and how many bytes of the file are in pieces
// that are.
func samePieces(c *metainfo.Content, file int, same []bool) (unchanged bool, bytes int64) {
	first, last, _ := c.Layout.FilePieces(file)
	pieces, own := [2]int{}, [2]int{} // those that differ, and those that are the same
	for p := first; p <= last; p++ {
		alone, length := true, int64(0)
		for _, span := range c.Layout.Spans(p, p) {
			switch {
			case span.File == file:
				length = span.Length
			case span.File != metainfo.Gap && !c.Files[span.File].Pad:
				alone = false
			}
		}
		is := 0
		if same[p] {
			is = 1
			bytes += length
		}
		pieces[is]++
		if alone {
			own[is]++
		}
	}
	if own == [2]int{} {
		own = pieces
	}
	return own[0] == 0, bytes
}

// hashes are those of the files and pieces of a torrent.
type hashes struct {
	sha1    map[[20]byte]bool // of pieces
	sha256  map[[32]byte]bool // of pieces, and pieces roots
	lengths map[int64]bool    // of files
}

// pieces reports which pieces of a torrent have one of the hashes.
func (h *hashes) pieces(c *metainfo.Content) []bool {
	same := make([]bool, c.Layout.Pieces())
	for p := range same {
		same[p] = c.V1 && h.sha1[[20]byte(c.Pieces[20*p:])]
	}
	for i := range c.Files {
		if !c.V2 || !hasContent(c, i) {
			continue
		}
		first, last, _ := c.Layout.FilePieces(i)
		for p := first; p <= last; p++ {
			hash, ok := c.PieceHash(i, p-first)
			same[p] = same[p] || ok && h.sha256[hash]
		}
	}
	return same
}

func hashesOf(c *metainfo.Content) hashes {
	h := hashes{make(map[[20]byte]bool), make(map[[32]byte]bool), make(map[int64]bool)}
	for p := 0; c.V1 && p < c.Layout.Pieces(); p++ {
		h.sha1[[20]byte(c.Pieces[20*p:])] = true
	}
	for i := range c.Files {
		if !hasContent(c, i) {
			continue
		}
		h.lengths[c.Files[i].Length] = true
		if root := c.Files[i].PiecesRoot; root != nil {
			h.sha256[*root] = true
		}
		first, last, _ := c.Layout.FilePieces(i)
		for p := first; c.V2 && p <= last; p++ {
			if hash, ok := c.PieceHash(i, p-first); ok {
				h.sha256[hash] = true
			}
		}
	}
	return h
}
