package seed

import (
	"errors"
	"fmt"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// maxIn is the maximum length of an extended message. The longest that a seed receives
// from honest peers, the handshake, has some hundred bytes.
const maxIn = 8 << 10

// introduce sends the messages that follow the handshake: extensions, and the pieces
// that we have.
func (c *conn) introduce() {
	t := c.torrent
	c.joinSuper()
	if c.hello.Has(peer.FeatureExtensions) {
		h := peer.ExtendedHandshake{
			Extensions:   t.extensionIDs(),
			Client:       c.seeder.options.Client,
			Port:         c.seeder.port,
			Queue:        upload.MaxRequests,
			MetadataSize: len(c.loaded.info),
			UploadOnly:   c.super == nil, // not while super-seeding: a peer without pieces that wants none would look useless
			YourIP:       c.Addr.Addr(),
		}
		c.QueueBytes(h.Append)
	}
	have := t.have()
	if c.super != nil {
		have = peer.NewBitfield(t.pieces)
	}
	c.up.Introduce(have)
	c.sendPort()
}

// Begun refuses or ignores long messages.
func (c *conn) Begun(id peer.ID, b []byte, n int) (ignore bool, err error) {
	switch id {
	case peer.IDPiece, peer.IDHashes:
		return false, errUnrequested(id)
	case peer.IDExtended:
		const header = 6 // including the extension's number
		if n <= maxIn || len(b) < header {
			return false, nil
		}
		if b[header-1] == peer.ExtHandshake {
			return false, fmt.Errorf("%w: its extended handshake has %d bytes", link.ErrProtocol, n)
		}
		return true, c.pay(swarm.CostLong(n))
	}
	return false, nil
}

func errUnrequested(id peer.ID) error {
	return fmt.Errorf("%w: it sends a %v message that was not requested", link.ErrProtocol, id)
}

// Handle handles a message.
func (c *conn) Handle(m peer.Message) error {
	cost := 0
	switch m.ID {
	case peer.IDRequest, peer.IDCancel, peer.IDInterested, peer.IDNotInterested:
		return c.up.Handle(m)
	case peer.IDBitfield:
		cost = swarm.CostHandshake
		have, err := peer.ParseBitfield(m.Payload, c.torrent.pieces)
		if err != nil {
			return errors.Join(link.ErrProtocol, err)
		}
		for i := range c.torrent.pieces {
			if have.Has(i) {
				if err := c.addPiece(i); err != nil {
					return err
				}
			}
		}
	case peer.IDHaveAll:
		return c.isSeed()
	case peer.IDHave:
		cost = swarm.CostSmall
		if int64(m.Index) >= int64(c.torrent.pieces) {
			return fmt.Errorf("%w: it has piece %d of %d", link.ErrProtocol, m.Index, c.torrent.pieces)
		}
		if err := c.addPiece(int(m.Index)); err != nil {
			return err
		}
	case peer.IDPiece, peer.IDHashes:
		return errUnrequested(m.ID)
	case peer.IDExtended:
		return c.handleExtended(m)
	case peer.IDHashRequest:
		return c.up.HashRequest(m.Payload, c.loaded.trees, c.loaded.blockLayers)
	case peer.IDPort:
		return c.handlePort(m.Port)
	default: // a seed ignores choke, suggest, ...
		cost = swarm.CostSmall
	}
	return c.pay(cost)
}

// addPiece records that the peer has piece i.
func (c *conn) addPiece(i int) error {
	if c.has == nil {
		c.has = peer.NewBitfield(c.torrent.pieces)
	}
	if c.has.Has(i) {
		return nil
	}
	c.has.Set(i)
	if c.hasCount.Add(1) == int64(c.torrent.pieces) {
		return c.isSeed()
	}
	if c.super != nil {
		c.super.addPiece(i, time.Now())
	}
	return nil
}

// isSeed returns the error that disconnects a peer that has all pieces.
func (c *conn) isSeed() error {
	if s := c.torrent.super.Load(); s != nil {
		s.finish()
	}
	return errSeed
}

// pay charges the peer for a message. It fails if the peer floods us.
func (c *conn) pay(cost int) error { return c.up.Flood.Pay(cost) }

// extensions are the kinds of extended messages that a seed handles. Each is added by the
// file that has its handler.
var extensions link.Extensions[*conn]

func (c *conn) handleExtended(m peer.Message) error {
	if m.Extension == peer.ExtHandshake {
		if len(m.Payload) > maxIn {
			return fmt.Errorf("%w: its extended handshake has %d bytes", link.ErrProtocol, len(m.Payload))
		}
		h, err := peer.ParseExtendedHandshake(m.Payload)
		if err != nil {
			return errors.Join(link.ErrProtocol, err)
		}
		c.extensions = extensions.Update(c.extensions, &h)
		if h.Client != "" && c.client == "" {
			c.setClient(h.Client)
		}
		if h.UploadOnly && h.MetadataSize > 0 { // without the metadata it does not know yet what it wants
			return errSeed
		}
		c.seeder.external.Report(c.Addr.Addr(), h.YourIP)
		if c.exchange != nil {
			c.exchange.Update(&h)
		}
		return c.pay(swarm.CostHandshake)
	}
	if handle := extensions.Handler(m.Extension); handle != nil {
		return handle(c, m.Payload)
	}
	return c.pay(swarm.CostLong(len(m.Payload)))
}
