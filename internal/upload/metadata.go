package upload

import (
	"bt/internal/peer"
	"bt/internal/swarm"
)

// MetadataRequest answers a request for a piece of the info dict (BEP 9), which is nil if it
// is not known. id is the number of ut_metadata in the peer's handshake.
func (p *Peer) MetadataRequest(piece int, info []byte, id uint8) error {
	answer := peer.Metadata{Kind: peer.MetadataReject, Piece: piece}
	if data, ok := peer.MetadataPiece(info, piece); ok {
		answer = peer.Metadata{Kind: peer.MetadataData, Piece: piece, TotalSize: len(info), Data: data}
	}
	p.Link.QueueBytes(func(b []byte) []byte { return answer.Append(b, id) })
	return p.Flood.Pay(swarm.CostMetadata)
}
