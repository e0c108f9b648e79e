package seed

import (
	"sync"

	"bt/internal/metainfo"
	"bt/internal/peer"
)

// trees answer hash requests (BEP 52) from the piece layers of a torrent. What
// lies below the pieces is in no torrent; a peer that asks for it is refused, and
// hashes the pieces whole.
type trees struct {
	torrent    *metainfo.Torrent
	files      map[[32]byte]int64 // length by pieces root, of files of several pieces
	pieceLayer int

	mu    sync.Mutex
	known map[[32]byte][][]byte // layers by pieces root
}

func newTrees(t *metainfo.Torrent, c *metainfo.Content) *trees {
	x := &trees{torrent: t, files: make(map[[32]byte]int64)}
	if !t.V2 {
		return x
	}
	x.pieceLayer = metainfo.PieceHeight(t.PieceLength)
	for i := range c.Files {
		f := &c.Files[i]
		if f.PiecesRoot != nil && f.Length > t.PieceLength && len(t.PieceLayer(f.PiecesRoot)) > 0 {
			x.files[*f.PiecesRoot] = f.Length
		}
	}
	return x
}

// hashes returns the hashes that r asks for and their uncles; false if there are
// none to give.
func (t *torrent) hashes(r *peer.HashRequest) ([]byte, bool) {
	x := t.trees
	length, ok := x.files[r.PiecesRoot]
	if !ok || int(r.BaseLayer) != x.pieceLayer {
		return nil, false
	}
	blocks := (length + metainfo.BlockLength - 1) / metainfo.BlockLength
	if r.Check(blocks, x.pieceLayer) != nil {
		return nil, false
	}
	layers := x.layers(&r.PiecesRoot)
	hashes := make([]byte, 0, 32*int(r.Length))
	for i := range int(r.Length) {
		hashes = append(hashes, x.node(layers, 0, int(r.Index)+i)...)
	}
	first, n := r.Uncles()
	for i := range n {
		up := first + i - x.pieceLayer // layers above the pieces
		hashes = append(hashes, x.node(layers, up, int(r.Index)>>up^1)...)
	}
	return hashes, true
}

// layers returns the layers of a file's tree from the pieces up to the root. They
// are computed when the first peer asks and kept, or every proof would cost as
// many hashes as the file has pieces.
func (x *trees) layers(root *[32]byte) [][]byte {
	x.mu.Lock()
	defer x.mu.Unlock()
	if layers := x.known[*root]; layers != nil {
		return layers
	}
	layers := [][]byte{x.torrent.PieceLayer(root)}
	for len(layers[len(layers)-1]) > 32 {
		up := len(layers) - 1
		below := layers[up]
		above := make([]byte, 0, (len(below)/32+1)/2*32)
		for at := 0; at < len(below); at += 64 {
			var tree metainfo.HashTree
			tree.Reset(x.pieceLayer + up)
			tree.Add((*[32]byte)(below[at:]))
			if at+32 < len(below) {
				tree.Add((*[32]byte)(below[at+32:]))
			}
			h := tree.Root(1)
			above = append(above, h[:]...)
		}
		layers = append(layers, above)
	}
	if x.known == nil {
		x.known = make(map[[32]byte][][]byte)
	}
	x.known[*root] = layers
	return layers
}

// node is a hash of a layer, or that of a tree of zeros behind its end.
func (x *trees) node(layers [][]byte, up, index int) []byte {
	if at := 32 * index; up < len(layers) && at < len(layers[up]) {
		return layers[up][at : at+32]
	}
	var zeros metainfo.HashTree
	zeros.Reset(x.pieceLayer + up)
	h := zeros.Root(0)
	return h[:]
}
