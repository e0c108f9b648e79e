package upload

import (
	"errors"
	"sync"

	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/swarm"
)

// HashTrees answer hash requests (BEP 52). Hashes of the piece layer and above come from
// the metainfo. Those below it are computed from the data; peers request them to find
// out which block of a piece was bad.
type HashTrees struct {
	torrent    *metainfo.Torrent
	files      map[[32]byte]HashedFile // by pieces root
	pieceLayer int
	requests   int // number of requests for the piece layers of all files

	mu    sync.Mutex
	known map[[32]byte][][]byte // layers by pieces root
}

const (
	// layerHashes is the number of hashes that libtorrent requests at once.
	layerHashes = 512

	// LayerTries is how often a peer may request all piece layers of a torrent
	// without being slowed down. A peer that started from a magnet link needs all of
	// them once. They cost less than the blocks that they cover.
	LayerTries = 3
)

// A HashedFile is a file of a v2 torrent.
type HashedFile struct {
	Index  int   // in the torrent
	Length int64 // bytes
}

// NewHashTrees returns the trees of a torrent. One without v2 has none.
func NewHashTrees(t *metainfo.Torrent, c *metainfo.Content) *HashTrees {
	x := &HashTrees{torrent: t, files: make(map[[32]byte]HashedFile)}
	if !t.V2 {
		return x
	}
	x.pieceLayer = metainfo.PieceHeight(t.PieceLength)
	for i := range c.Files {
		f := &c.Files[i]
		if f.PiecesRoot != nil && (f.Length <= t.PieceLength || len(t.PieceLayer(f.PiecesRoot)) > 0) {
			x.files[*f.PiecesRoot] = HashedFile{i, f.Length}
		}
		if f.Length > t.PieceLength {
			pieces := (f.Length + t.PieceLength - 1) / t.PieceLength
			x.requests += int((pieces + layerHashes - 1) / layerHashes)
		}
	}
	return x
}

// Requested returns the number of files of which hashes were requested.
func (x *HashTrees) Requested() int {
	x.mu.Lock()
	defer x.mu.Unlock()
	return len(x.known)
}

// Below returns the layers of the hash tree of piece n of a file, from its blocks up, and
// the number of blocks that were hashed. layers is nil if the piece is missing or wrong.
type Below func(f HashedFile, n int) (layers [][]byte, blocks int)

// HashRequest answers a request for hashes of a v2 torrent with their proof (BEP 52).
// Hashes below the piece layer come from below; nil means that there are none.
func (p *Peer) HashRequest(payload []byte, x *HashTrees, below Below) error {
	r, err := peer.ParseHashRequest(payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	hashes, blocks, ok := x.hashes(&r, below)
	if ok {
		p.Link.QueueBytes(func(b []byte) []byte { return append(r.AppendHashesHeader(b), hashes...) })
	} else {
		p.Link.QueueBytes(r.AppendReject)
	}
	p.hashing.Burst = float64(LayerTries * swarm.CostHashes * x.requests)
	if !p.hashing.Add(swarm.CostHashes + blocks) {
		// The connection is kept: libtorrent (2.0.8) requests the same hashes
		// repeatedly where there are many files.
		p.Link.Pause(p.hashing.Over())
	}
	return nil
}

// hashes returns the hashes that r requests, followed by their uncles; ok is false if
// they are not available. blocks is the number of blocks that were read and hashed.
func (x *HashTrees) hashes(r *peer.HashRequest, below Below) (hashes []byte, blocks int, ok bool) {
	f, ok := x.files[r.PiecesRoot]
	if !ok || r.Check((f.Length+metainfo.BlockLength-1)/metainfo.BlockLength, x.pieceLayer) != nil {
		return nil, 0, false
	}
	var lower, layers [][]byte
	var piece int // the piece that lower belongs to
	base := int(r.BaseLayer)
	if base < x.pieceLayer {
		up := x.pieceLayer - base
		piece = int(r.Index) >> up
		if below == nil || (int(r.Index)+int(r.Length)-1)>>up != piece { // one piece at a time, to bound the cost
			return nil, 0, false
		}
		if lower, blocks = below(f, piece); lower == nil {
			return nil, blocks, false
		}
	}
	if f.Length > x.torrent.PieceLength {
		layers = x.layers(&r.PiecesRoot)
	}
	node := func(layer, index int) []byte {
		if layer < x.pieceLayer {
			return x.node(lower, 0, layer, index-piece<<(x.pieceLayer-layer))
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

// layers returns the layers of a file's tree from the piece layer to the root. They
// are computed once and kept; otherwise each proof would cost as many hashes as the
// file has pieces.
func (x *HashTrees) layers(root *[32]byte) [][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	if layers := x.known[*root]; layers != nil {
		return layers
	}
	if x.known == nil {
		x.known = make(map[[32]byte][][]byte)
	}
	layers := LayersAbove(x.pieceLayer, x.torrent.PieceLayer(root), 0)
	x.known[*root] = layers
	return layers
}

// LayersAbove returns a layer of a tree and the layers above it, up to a single hash,
// and at least least layers above. layer is the height of the first, counted from the
// leaves.
func LayersAbove(layer int, hashes []byte, least int) [][]byte {
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
func (x *HashTrees) node(layers [][]byte, first, layer, index int) []byte {
	if at, up := 32*index, layer-first; up < len(layers) && at < len(layers[up]) {
		return layers[up][at : at+32]
	}
	var zeros metainfo.HashTree
	zeros.Reset(layer)
	h := zeros.Root(0)
	return h[:]
}
