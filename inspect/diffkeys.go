package inspect

import (
	"encoding/binary"
	"hash/maphash"

	"bt/internal/metainfo"
)

func writeInt(h *maphash.Hash, n int64) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(n))
	h.Write(b[:])
}

func writeText(h *maphash.Hash, s string) {
	writeInt(h, int64(len(s)))
	h.WriteString(s)
}

func (m *matching) pathKey(h *maphash.Hash, s *matchSide, i int) bool {
	s.path = s.t.Files[i].AppendPath(s.path[:0])
	for _, c := range s.path {
		writeText(h, c)
	}
	return true
}

func (m *matching) rootKey(h *maphash.Hash, s *matchSide, i int) bool {
	f := &s.t.Files[i]
	if f.PiecesRoot != nil {
		h.Write(f.PiecesRoot[:])
	}
	return f.PiecesRoot != nil
}

func (m *matching) piecesKey(h *maphash.Hash, s *matchSide, i int) bool {
	p, ok := s.pieces(i)
	if ok {
		writeInt(h, s.size(i))
		writeInt(h, p.offset)
		h.Write(p.hashes)
	}
	return ok
}

func (m *matching) nameKey(h *maphash.Hash, s *matchSide, i int) bool {
	writeText(h, s.t.Files[i].Base())
	writeInt(h, s.size(i))
	return s.t.Files[i].HasPath()
}

// leastBySize is the least size in bytes of files that are paired by nothing else. Small
// files have the same size by chance.
const leastBySize = metainfo.BlockLength

func (m *matching) sizeKey(h *maphash.Hash, s *matchSide, i int) bool {
	writeInt(h, s.size(i))
	return s.size(i) >= leastBySize
}
