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
		return c.pay(swarm.CostLong(len(payload)))
	}
	return c.up.MetadataRequest(m.Piece, c.loaded.info, id)
}
