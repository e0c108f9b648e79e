package peer

import (
	"encoding/binary"
	"math/bits"
)

const (
	// MaxHashCount is the maximum number of hashes that a request should ask for (BEP
	// 52).
	MaxHashCount = 512

	// MaxLeaves is the maximum number of leaves of one piece that a request may ask
	// for. libtorrent, which has the same limit, asks for all leaves of a corrupt piece
	// at once.
	MaxLeaves = 8192

	// maxHeight is the height of the tree of the longest file, of less than 2^63 bytes.
	maxHeight = 49

	hashRequestBody = 32 + 4*4 // bytes
)

// A HashRequest identifies hashes in a file's hash tree (BEP 52). Layers are counted
// from the leaves, which are layer 0, to the root, whose layer is the height of the
// tree.
//
//	layer 3                      root
//	layer 2          x                         *       * is the only uncle for a request with
//	layer 1    x           x             x           x   base layer 0, index 0, length 4
//	layer 0  |h     h     h     h|    x     x     x      and 2 proof layers
//
// With enough proof layers, the receiver can compute the root from the answer.
type HashRequest struct {
	PiecesRoot  [32]byte // of the file
	BaseLayer   uint32   // the layer of the hashes
	Index       uint32   // index of the first hash in its layer
	Length      uint32   // number of hashes
	ProofLayers uint32   // number of layers above the base layer for the proof
}

// Append appends the request.
func (r *HashRequest) Append(b []byte) []byte {
	return r.appendBody(appendHead(b, IDHashRequest, hashRequestBody))
}

// AppendReject appends a rejection of the request.
func (r *HashRequest) AppendReject(b []byte) []byte {
	return r.appendBody(appendHead(b, IDHashReject, hashRequestBody))
}

// AppendHashesHeader appends a hashes message without the hashes. The caller appends
// those: Length hashes of the base layer, from left to right, and then the uncles, from
// the lowest layer up. Hashes beyond the end of the layer are the roots of trees of
// zeros.
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

// ParseHashRequest parses the payload of a hash request or hash reject. It does not
// check the values, see Check.
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

// ParseHashes parses the payload of a hashes message. hashes is a part of the payload:
// Length hashes of the base layer, and then the uncles, 32 bytes each. The caller must
// check that they were requested, and verify them.
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

// Uncles returns the number of uncles in the answer: one for each proof layer from the
// layer of the root of the requested hashes up. BEP 52 also counts the layers below
// that as proof layers, but their hashes can be computed and are omitted. For a request
// that passes Check, all uncles are in the tree, below the root.
func (r *HashRequest) Uncles() (layer, n int) {
	own := heightOf(r.Length)
	return int(r.BaseLayer) + own, max(0, int(r.ProofLayers)-(own-1))
}

// heightOf returns the height of the smallest tree with the given number of leaves.
func heightOf(leaves uint32) int {
	if leaves == 0 {
		return 0
	}
	return bits.Len32(leaves - 1)
}

// Check reports whether r is valid for a file with the given number of blocks of 16
// KiB, in a torrent whose pieces are in layer pieceLayer. The file must be that of
// r.PiecesRoot. A request that is not valid is to be rejected, but is no reason to
// close the connection. Clients need not support base layers other than 0 and
// pieceLayer.
//
// BEP 52 requires Length to be a power of two, and Index a multiple of it, unless the
// layer ends before. In that case, Check accepts both a smaller Length, and hashes
// beyond the end.
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
	// The layer with the hashes of the file, and padded with zeros to a power of two.
	inFile := uint64(blocks-1)>>r.BaseLayer + 1
	inTree := uint64(1) << (uint64(height) - uint64(r.BaseLayer))
	own := uint64(1) << heightOf(r.Length) // Length, if the layer did not end
	switch index := uint64(r.Index); {
	case index >= inFile || own > inTree:
		return errorf("%d hashes from %d in a layer of %d", r.Length, r.Index, inFile)
	case index%own != 0:
		return errorf("%d hashes from %d, which is not a multiple", r.Length, r.Index)
	case (r.Length < 2 || uint64(r.Length) != own) && index+uint64(r.Length) != inFile:
		return errorf("%d hashes, which is not a power of two", r.Length)
	case uint64(r.ProofLayers) > uint64(height)-1-uint64(r.BaseLayer):
		return errorf("%d proof layers above layer %d in a tree of height %d", r.ProofLayers, r.BaseLayer, height)
	}
	return nil
}
