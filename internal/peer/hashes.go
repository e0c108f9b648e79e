package peer

import (
	"encoding/binary"
	"math/bits"
)

const (
	// MaxHashCount is how many hashes of a layer a request should ask for at
	// most (BEP 52).
	MaxHashCount = 512

	// MaxLeaves is how many leaves one may ask for if they are those of one
	// piece: libtorrent asks for those of a broken piece at once, and that is its
	// limit too.
	MaxLeaves = 8192

	// maxHeight is that of the tree of the longest file, of less than 2^63 bytes.
	maxHeight = 49

	hashRequestBody = 32 + 4*4 // bytes
)

// A HashRequest names hashes of a file's hash tree (BEP 52). Layers count from
// the leaves, which are layer 0; the root is the layer of the tree's height.
//
//	layer 3                      root
//	layer 2          x                         *       * is the one uncle of a request with
//	layer 1    x           x             x           x   base layer 0, index 0, length 4
//	layer 0  |h     h     h     h|    x     x     x      and 2 proof layers
//
// A peer who asks for enough proof layers can compute the root from what it gets.
type HashRequest struct {
	PiecesRoot  [32]byte // of the file
	BaseLayer   uint32   // where the hashes are
	Index       uint32   // of the first, in its layer
	Length      uint32   // how many
	ProofLayers uint32   // how many layers above the base layer to prove them by
}

// Append writes the request.
func (r *HashRequest) Append(b []byte) []byte {
	return r.appendBody(appendHead(b, IDHashRequest, hashRequestBody))
}

// AppendReject writes the answer that there will be no hashes.
func (r *HashRequest) AppendReject(b []byte) []byte {
	return r.appendBody(appendHead(b, IDHashReject, hashRequestBody))
}

// AppendHashesHeader writes a hashes message up to the hashes, which are for the
// caller to append: Length of the base layer, from left to right, and then the
// uncles from the lowest. Where the layer ends before, the hashes are those of
// trees of zeros.
func (r *HashRequest) AppendHashesHeader(b []byte) []byte {
	_, uncles := r.Uncles()
	return r.appendBody(appendHead(b, IDHashes, hashRequestBody+32*(int(r.Length)+uncles)))
}

func (r *HashRequest) appendBody(b []byte) []byte {
	b = append(b, r.PiecesRoot[:]...)
	b = binary.BigEndian.AppendUint32(b, r.BaseLayer)
	b = binary.BigEndian.AppendUint32(b, r.Index)
	b = binary.BigEndian.AppendUint32(b, r.Length)
	return binary.BigEndian.AppendUint32(b, r.ProofLayers)
}

// ParseHashRequest reads the payload of a hash request or of a hash reject. Check
// reports whether it makes sense.
func ParseHashRequest(payload []byte) (r HashRequest, err error) {
	if len(payload) != hashRequestBody {
		return r, errorf("a hash request of %d bytes", len(payload))
	}
	return parseHashRequest(payload), nil
}

func parseHashRequest(b []byte) HashRequest {
	return HashRequest{
		PiecesRoot:  [32]byte(b),
		BaseLayer:   binary.BigEndian.Uint32(b[32:]),
		Index:       binary.BigEndian.Uint32(b[36:]),
		Length:      binary.BigEndian.Uint32(b[40:]),
		ProofLayers: binary.BigEndian.Uint32(b[44:]),
	}
}

// ParseHashes reads the payload of a hashes message. The hashes are a part of
// it: Length of the base layer, and then the uncles, 32 bytes each. Whether they
// were asked for, and prove anything, is for the caller to find out.
func ParseHashes(payload []byte) (r HashRequest, hashes []byte, err error) {
	if len(payload) < hashRequestBody {
		return r, nil, errorf("a hashes message of %d bytes", len(payload))
	}
	r, hashes = parseHashRequest(payload), payload[hashRequestBody:]
	if r.Length == 0 || r.Length > MaxLeaves || r.ProofLayers > maxHeight {
		return HashRequest{}, nil, errorf("%d hashes with %d proof layers", r.Length, r.ProofLayers)
	}
	if _, uncles := r.Uncles(); len(hashes) != 32*(int(r.Length)+uncles) {
		return HashRequest{}, nil, errorf("%d hashes and %d uncles in %d bytes", r.Length, uncles, len(hashes))
	}
	return r, hashes, nil
}

// Uncles tells how many uncles an answer has, one a layer upwards from the given
// one, where the hashes that were asked for have their own root. BEP 52 counts
// the layers between as proof layers too, and leaves them out: they can be
// computed. For a request that passes Check they are all in the tree, below its
// root.
func (r *HashRequest) Uncles() (layer, n int) {
	own := heightOf(r.Length)
	return int(r.BaseLayer) + own, max(0, int(r.ProofLayers)-(own-1))
}

// heightOf is the height of the least tree that has so many leaves.
func heightOf(leaves uint32) int {
	if leaves == 0 {
		return 0
	}
	return bits.Len32(leaves - 1)
}

// Check reports whether r makes sense for a file of so many blocks of 16 KiB, in a
// torrent whose pieces are layer pieceLayer, so that hashes are there to answer
// it with. A request that does not is to be rejected, and is no reason to close
// the connection. The file must be the one of r.PiecesRoot. Clients need to answer
// for no base layer but 0 and pieceLayer.
//
// BEP 52 wants a power of two of hashes, from a multiple of it, unless the layer
// ends before. Then both are taken: fewer hashes, and hashes beyond the end.
func (r *HashRequest) Check(blocks int64, pieceLayer int) error {
	if blocks < 1 {
		return errorf("an empty file has no hashes")
	}
	height := bits.Len64(uint64(blocks - 1))
	if int64(r.BaseLayer) >= int64(height) {
		return errorf("no layer %d below the root of a tree of height %d", r.BaseLayer, height)
	}
	most := uint32(MaxHashCount)
	if r.BaseLayer == 0 {
		most = max(most, 1<<min(max(pieceLayer, 0), heightOf(MaxLeaves)))
	}
	if r.Length > most {
		return errorf("%d hashes at once", r.Length)
	}
	// The layer as the file fills it, and as a tree of zeros fills it up.
	inFile := uint64(blocks-1)>>r.BaseLayer + 1
	inTree := uint64(1) << (uint64(height) - uint64(r.BaseLayer))
	own := uint64(1) << heightOf(r.Length) // what Length would be if the layer did not end
	switch index := uint64(r.Index); {
	case index >= inFile || own > inTree:
		return errorf("%d hashes from %d in a layer of %d", r.Length, r.Index, inFile)
	case index%own != 0:
		return errorf("%d hashes from %d, which is no multiple", r.Length, r.Index)
	case (r.Length < 2 || uint64(r.Length) != own) && index+uint64(r.Length) != inFile:
		return errorf("%d hashes, which is no power of two", r.Length)
	case uint64(r.ProofLayers) > uint64(height)-1-uint64(r.BaseLayer):
		return errorf("%d proof layers above layer %d in a tree of height %d", r.ProofLayers, r.BaseLayer, height)
	}
	return nil
}
