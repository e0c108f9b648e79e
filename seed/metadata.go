package seed

import (
	"errors"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
)

func init() { extensions.Add(peer.MetadataName, (*conn).handleMetadata) }

// handleMetadata answers a request for a piece of the info dict (BEP 9).
func (c *conn) handleMetadata(payload []byte) error {
	m, err := peer.ParseMetadata(payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	id := extensions.PeerID(c.extensions, peer.MetadataName)
	if m.Kind != peer.MetadataRequest || id == 0 {
		return c.pay(swarm.CostUseless)
	}
	answer := peer.Metadata{Kind: peer.MetadataReject, Piece: m.Piece}
	if data, ok := peer.MetadataPiece(c.loaded.info, m.Piece); ok {
		answer = peer.Metadata{Kind: peer.MetadataData, Piece: m.Piece, TotalSize: len(c.loaded.info), Data: data}
	}
	c.QueueBytes(func(b []byte) []byte { return answer.Append(b, id) })
	return c.pay(swarm.CostMetadata)
}
