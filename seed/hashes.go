package seed

import (
	"crypto/sha256"
	"sync"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/store"
)

// trees answers hash requests (BEP 52). Hashes of the piece layer and above come from
// the metainfo. Those below it are computed from the data; peers request them to find
// out which block of a piece was bad.
type trees struct {
	torrent    *metainfo.Torrent
	files      map[[32]byte]hashedFile // by pieces root
	pieceLayer int
	requests   int // number of requests for the piece layers of all files

	mu    sync.Mutex
	known map[[32]byte][][]byte // layers by pieces root
}

const (
	// layerHashes is the number of hashes that libtorrent requests at once.
	layerHashes = 512

	// layerTries is how often a peer may request all piece layers of a torrent
	// without being slowed down. A peer that started from a magnet link needs all of
	// them once. They cost less than the blocks that they cover.
	layerTries = 3
)

type hashedFile struct {
	index  int
	length int64
}

func newTrees(t *metainfo.Torrent, c *metainfo.Content) *trees {
	x := &trees{torrent: t, files: make(map[[32]byte]hashedFile)}
	if !t.V2 {
		return x
	}
	x.pieceLayer = metainfo.PieceHeight(t.PieceLength)
	for i := range c.Files {
		f := &c.Files[i]
		if f.PiecesRoot != nil && (f.Length <= t.PieceLength || len(t.PieceLayer(f.PiecesRoot)) > 0) {
			x.files[*f.PiecesRoot] = hashedFile{i, f.Length}
		}
		if f.Length > t.PieceLength {
			pieces := (f.Length + t.PieceLength - 1) / t.PieceLength
			x.requests += int((pieces + layerHashes - 1) / layerHashes)
		}
	}
	return x
}

// hashes returns the hashes that r requests, followed by their uncles; ok is false if
// they are not available. blocks is the number of blocks that were read and hashed.
func (m *loadedMetainfo) hashes(r *peer.HashRequest) (hashes []byte, blocks int, ok bool) {
	x := m.trees
	f, ok := x.files[r.PiecesRoot]
	if !ok || r.Check((f.length+metainfo.BlockLength-1)/metainfo.BlockLength, x.pieceLayer) != nil {
		return nil, 0, false
	}
	var below, layers [][]byte
	var piece int // the piece that below belongs to
	base := int(r.BaseLayer)
	if base < x.pieceLayer {
		up := x.pieceLayer - base
		piece = int(r.Index) >> up
		if (int(r.Index)+int(r.Length)-1)>>up != piece { // one piece at a time, to bound the cost
			return nil, 0, false
		}
		if below, blocks = m.blockLayers(f, piece); below == nil {
			return nil, blocks, false
		}
	}
	if f.length > x.torrent.PieceLength {
		layers = x.layers(&r.PiecesRoot)
	}
	node := func(layer, index int) []byte {
		if layer < x.pieceLayer {
			return x.node(below, 0, layer, index-piece<<(x.pieceLayer-layer))
		}
		return x.node(layers, x.pieceLayer, layer, index)
	}
	for i := range int(r.Length) {
		hashes = append(hashes, node(base, int(r.Index)+i)...)
	}
	first, n := r.Uncles()
	for layer := first; layer < first+n; layer++ {
		hashes = append(hashes, node(layer, int(r.Index)>>(layer-base)^1)...)
	}
	return hashes, blocks, true
}

// blockLayers returns the layers of the hash tree of one piece, from its blocks up,
// and the number of blocks that were hashed. layers is nil if the piece is missing or
// wrong.
func (m *loadedMetainfo) blockLayers(f hashedFile, n int) (layers [][]byte, blocks int) {
	first, _, _ := m.content.Layout.FilePieces(f.index)
	want, ok := m.content.PieceHash(f.index, n)
	if !ok || !m.torrent.have().Has(first+n) {
		return nil, 0
	}
	file, err := m.data.Open(f.index)
	if err != nil {
		m.torrent.suspect()
		return nil, 0
	}
	defer file.Close()
	buf := buffers.Get()
	defer buffers.Put(buf)
	at := int64(n) * m.meta.PieceLength
	end := min(at+m.meta.PieceLength, f.length)
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
	height := m.trees.pieceLayer
	if f.length <= m.meta.PieceLength { // a single piece has no padding above its blocks
		height = 0
	}
	layers = layersAbove(0, leaves, height)
	if [32]byte(layers[len(layers)-1]) != want {
		return nil, blocks
	}
	return layers, blocks
}

// layers returns the layers of a file's tree from the piece layer to the root. They
// are computed once and kept; otherwise each proof would cost as many hashes as the
// file has pieces.
func (x *trees) layers(root *[32]byte) [][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	if layers := x.known[*root]; layers != nil {
		return layers
	}
	if x.known == nil {
		x.known = make(map[[32]byte][][]byte)
	}
	layers := layersAbove(x.pieceLayer, x.torrent.PieceLayer(root), 0)
	x.known[*root] = layers
	return layers
}

// layersAbove returns a layer of a tree and the layers above it, up to a single hash,
// and at least least layers above. layer is the height of the first, counted from the
// leaves.
func layersAbove(layer int, hashes []byte, least int) [][]byte {
	layers := [][]byte{hashes}
	for ; len(hashes) > 32 || len(layers) <= least; layer++ {
		above := make([]byte, 0, (len(hashes)/32+1)/2*32)
		for at := 0; at < len(hashes); at += 64 {
			var tree metainfo.HashTree
			tree.Reset(layer)
			tree.Add((*[32]byte)(hashes[at:]))
			if at+32 < len(hashes) {
				tree.Add((*[32]byte)(hashes[at+32:]))
			}
			h := tree.Root(1)
			above = append(above, h[:]...)
		}
		layers = append(layers, above)
		hashes = above
	}
	return layers
}

// node returns the hash at an index of a layer, or the hash of a tree of zeros beyond
// its end. layers[0] is the layer with number first.
func (x *trees) node(layers [][]byte, first, layer, index int) []byte {
	if at, up := 32*index, layer-first; up < len(layers) && at < len(layers[up]) {
		return layers[up][at : at+32]
	}
	var zeros metainfo.HashTree
	zeros.Reset(layer)
	h := zeros.Root(0)
	return h[:]
}
