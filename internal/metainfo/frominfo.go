package metainfo

import (
	"bytes"
	"errors"
	"slices"

	"bt/internal/bencode"
)

// A PieceLayer has the hashes of the pieces (BEP 52), 32 bytes each, of the files that
// have a pieces root.
type PieceLayer struct {
	Root   [32]byte
	Hashes []byte
}

// FromInfo returns the torrent that has an info dict, which stays unchanged, and piece
// layers. A client that starts from a magnet link gets both from peers. If layers is nil,
// as for v1, the torrent has no key for them; a v2 torrent whose files need none has an
// empty dict. FromInfo fails like Parse, which also checks the piece layers, or if info is
// more than a dict.
func FromInfo(info []byte, layers []PieceLayer, o *Outside) (*Torrent, error) {
	if err := o.checkTiers(); err != nil {
		return nil, err
	}
	size := len(info) + 1<<10
	for _, l := range layers {
		size += len(l.Hashes) + 64
	}
	var e bencode.Encoder
	e.Grow(size)
	var writeLayers func()
	if layers != nil {
		writeLayers = func() {
			e.Key("piece layers")
			e.Dict()
			sortedLayers(&e, slices.Clone(layers))
			e.End()
		}
	}
	o.write(&e, func() { e.Encoded(info) }, writeLayers)
	t, err := Parse(e.Bytes())
	if err != nil {
		return nil, err
	}
	// What follows the dict would be read as keys of the torrent, and the info-hash would
	// be another one.
	if !bytes.Equal(t.InfoBytes(), info) {
		return nil, errors.New("not an info dict: there is more after its end")
	}
	return t, nil
}
