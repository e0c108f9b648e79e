package inspect

import "bytes"

// filePieces are the v1 pieces that have bytes of a file.
type filePieces struct {
	offset  int64   // of the file in the first piece
	length  int64   // of a piece
	end     int64   // length of the last piece
	hashes  []byte  // 20 bytes each
	sharers []uint8 // as in matchSide
}

// pieces returns the v1 pieces of a file, or false if it has none, is a pad file, or the
// hashes are not known.
func (s *matchSide) pieces(i int) (filePieces, bool) {
	if s.shared == nil || s.t.Files[i].Pad {
		return filePieces{}, false
	}
	l := s.t.Layout()
	first, last, ok := l.FilePieces(i)
	if !ok {
		return filePieces{}, false
	}
	length := l.PieceLength()
	return filePieces{
		offset:  l.Offset(i) - int64(first)*length,
		length:  length,
		end:     min(length, l.Total()-int64(last)*length),
		hashes:  s.t.Pieces[20*first : 20*(last+1)],
		sharers: s.shared[first : last+1],
	}, true
}

// align returns the number of pieces of two files of the same size, or false if their
// pieces can't be compared. lastToo reports whether the last one can be.
func (p *filePieces) align(q *filePieces) (n int, lastToo, ok bool) {
	n = len(p.sharers)
	return n, p.end == q.end, p.offset == q.offset && n == len(q.sharers) && (n == 1 || p.length == q.length)
}

// equal reports whether piece i is the same.
func (p *filePieces) equal(q *filePieces, i int) bool {
	return bytes.Equal(p.hashes[20*i:20*i+20], q.hashes[20*i:20*i+20])
}

// compare compares the pieces of two files of the same size.
func (p *filePieces) compare(q *filePieces) sameness {
	n, lastToo, ok := p.align(q)
	switch {
	case !ok:
		return sameSize
	case lastToo && bytes.Equal(p.hashes, q.hashes):
		return samePieces
	}
	for i := range n {
		own := p.sharers[i] == 1 && q.sharers[i] == 1
		if own && (i < n-1 || lastToo) && !p.equal(q, i) {
			return sameNot
		}
	}
	return sameSize
}

// equalPieces returns how many pieces of two files are the same, of how many that they
// have; zeros if they can't be compared.
func (m *matching) equalPieces(i, j int) (equal, all int) {
	p, ok := m.a.pieces(i)
	q, ok2 := m.b.pieces(j)
	if !ok || !ok2 {
		return 0, 0
	}
	n, lastToo, ok := p.align(&q)
	if !ok {
		return 0, 0
	}
	for i := range n {
		if p.equal(&q, i) && (i < n-1 || lastToo) {
			equal++
		}
	}
	return equal, n
}
