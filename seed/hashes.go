package seed

import (
	"crypto/sha256"

	"bt/internal/metainfo"
	"bt/internal/store"
	"bt/internal/upload"
)

// blockLayers returns the layers of the hash tree of one piece, from its blocks up,
// and the number of blocks that were hashed. layers is nil if the piece is missing or
// wrong.
func (m *loadedMetainfo) blockLayers(f upload.HashedFile, n int) (layers [][]byte, blocks int) {
	first, _, _ := m.content.Layout.FilePieces(f.Index)
	want, ok := m.content.PieceHash(f.Index, n)
	if !ok || !m.torrent.have().Has(first+n) {
		return nil, 0
	}
	file, err := m.data.Open(f.Index)
	if err != nil {
		m.torrent.suspect()
		return nil, 0
	}
	defer file.Close()
	buf := buffers.Get()
	defer buffers.Put(buf)
	at := int64(n) * m.meta.PieceLength
	end := min(at+m.meta.PieceLength, f.Length)
	leaves := make([]byte, 0, 32*((end-at+metainfo.BlockLength-1)/metainfo.BlockLength))
	for ; at < end; at += metainfo.BlockLength {
		b := buf[:min(metainfo.BlockLength, end-at)]
		m.torrent.uploads.Take()
		_, err := file.ReadAt(b, at)
		m.torrent.uploads.Give()
		if err != nil {
			m.torrent.suspectRead(store.Block{Piece: uint32(first + n), Begin: uint32(at - int64(n)*m.meta.PieceLength), Length: uint32(len(b))})
			return nil, len(leaves) / 32
		}
		h := sha256.Sum256(b)
		leaves = append(leaves, h[:]...)
	}
	blocks = len(leaves) / 32
	height := metainfo.PieceHeight(m.meta.PieceLength)
	if f.Length <= m.meta.PieceLength { // a single piece has no padding above its blocks
		height = 0
	}
	layers = upload.LayersAbove(0, leaves, height)
	if [32]byte(layers[len(layers)-1]) != want {
		return nil, blocks
	}
	return layers, blocks
}
