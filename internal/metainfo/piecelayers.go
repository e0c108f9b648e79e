package metainfo

import (
	"iter"
	"maps"
	"slices"

	"bt/internal/bencode"
)

// pieceLayers are the piece layers (BEP 52) of a torrent by pieces root.
type pieceLayers map[[32]byte]pieceLayer

// A pieceLayer is the place in the torrent of the hashes of a file's pieces.
type pieceLayer struct {
	start, end uint32
	state      layerState
}

// A layerState is what is known about a pieceLayer.
type layerState uint8

const (
	layerAbsent layerState = iota
	layerFound
	layerWrong // there is a finding about it
	layerProven
)

// hashes returns the bytes of a layer, or nil if it is absent.
func (l pieceLayer) hashes(torrent []byte) []byte {
	if l.state == layerAbsent {
		return nil
	}
	return torrent[l.start:l.end:l.end]
}

// layers parses the piece layers: the hashes of the pieces of every file of more than
// one piece. They are outside the info dict, so a client that got the info dict from a
// peer has none: their absence is not an error. A layer that does not match its pieces
// root is an error, and is dropped, so that the stored ones are proven.
func (r *reader) layers() {
	dict := r.root.Get("piece layers")
	if dict.Exists() && dict.Kind() != bencode.KindDict {
		r.add(CodeBadPieceLayers, dict.Offset(), "piece layers is %v and not a dict", dict.Kind())
		return
	}
	layers := r.t.absentLayers()
	for root, hashes := range dict.Entries() {
		r.findLayer(layers, root, hashes)
	}
	if r.t.PieceLength < BlockLength {
		return // there is a finding about that already
	}
	for f := range r.t.layeredFiles() {
		r.proveLayer(layers, f)
	}
	maps.DeleteFunc(layers, func(_ [32]byte, l pieceLayer) bool { return l.state != layerProven })
	r.t.pieceLayers = layers
}

// layeredFiles yields the files of more than one piece, which need a piece layer.
func (t *Torrent) layeredFiles() iter.Seq[*File] {
	return func(yield func(*File) bool) {
		for i := range t.Files {
			if f := &t.Files[i]; f.PiecesRoot != nil && f.Length > t.PieceLength && !yield(f) {
				return
			}
		}
	}
}

// absentLayers returns the layers that the files need, before any is found.
func (t *Torrent) absentLayers() pieceLayers {
	n := 0
	for range t.layeredFiles() {
		n++
	}
	layers := make(pieceLayers, n)
	for f := range t.layeredFiles() {
		layers[*f.PiecesRoot] = pieceLayer{}
	}
	return layers
}

// findLayer parses an entry of the piece layers, and sets the place of the layer if a
// file needs it.
func (r *reader) findLayer(layers pieceLayers, key, hashes bencode.Value) {
	if n := len(key.Bytes()); n != 32 {
		r.add(CodeBadPieceLayers, key.Offset(), "a key of piece layers has %d bytes and not 32", n)
		return
	}
	root, size := [32]byte(key.Bytes()), len(hashes.Bytes())
	switch layer, needed := layers[root]; {
	case hashes.Kind() != bencode.KindString:
		r.add(CodeBadPieceLayers, hashes.Offset(), "a piece layer is %v and not a string", hashes.Kind())
	case size%32 != 0:
		r.add(CodeBadPieceLayers, hashes.Offset(), "a piece layer has %d bytes, no multiple of 32", size)
		if needed {
			layers[root] = pieceLayer{state: layerWrong}
		}
	case !needed && r.count[CodeHybridMismatch] > 0: // the layer may be of a file that was not compared
	case !needed:
		r.add(CodeNeedlessPieceLayer, key.Offset(), "a piece layer belongs to no file of several pieces")
	case layer.state == layerAbsent:
		end := hashes.Offset() + len(hashes.Raw())
		layers[root] = pieceLayer{uint32(end - size), uint32(end), layerFound}
	}
}

// proveLayer checks the layer of a file against its length and its pieces root. Each
// root is computed once, as several files may have it.
func (r *reader) proveLayer(layers pieceLayers, f *File) {
	l := layers[*f.PiecesRoot]
	hashes := l.hashes(r.t.raw)
	have, want := len(hashes)/32, (f.Length-1)/r.t.PieceLength+1
	switch {
	case l.state == layerWrong:
	case l.state == layerAbsent:
		r.add(CodeMissingPieceLayers, int(f.at), "the pieces of %s can't be checked one by one: its piece layer is absent", quotePath(f.Path()))
	case int64(have) != want:
		r.add(CodeBadPieceLayers, int(f.at), "the piece layer of %s has %d hashes; its length makes %d pieces", quotePath(f.Path()), have, want)
	case l.state == layerProven:
	case rootOf(hashes, r.t.PieceLength) != *f.PiecesRoot:
		r.add(CodeBadPieceLayers, int(f.at), "the piece layer of %s does not hash to its pieces root", quotePath(f.Path()))
		l.state = layerWrong
		layers[*f.PiecesRoot] = l
	default:
		l.state = layerProven
		layers[*f.PiecesRoot] = l
	}
}

// rootOf returns the pieces root of a piece layer.
func rootOf(layer []byte, pieceLength int64) [32]byte {
	var t HashTree
	t.Reset(PieceHeight(pieceLength))
	for h := range slices.Chunk(layer, 32) {
		t.Add((*[32]byte)(h))
	}
	return t.Root(0)
}
