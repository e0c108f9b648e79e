package seed

import (
	"errors"
	"fmt"
	"time"

	"bt/internal/peer"
	"bt/internal/store"
)

const (
	// maxOut is the length of conn.out from which on further messages of the peer are
	// left unhandled until it is sent. A single answer may exceed it.
	maxOut = 4 << 10

	// maxIn is the maximum length of an extended message. The longest that a seed
	// receives from honest peers, the handshake, has some hundred bytes.
	maxIn = 8 << 10
)

// introduce sends the messages that follow the handshake: extensions, and the pieces
// that we have.
func (c *conn) introduce() {
	t := c.torrent
	c.joinSuper()
	c.fast = c.hello.Has(peer.FeatureFast)
	if c.hello.Has(peer.FeatureExtensions) {
		h := peer.ExtendedHandshake{
			Extensions:   map[string]uint8{peer.MetadataName: peer.ExtMetadata},
			Client:       c.seeder.options.Client,
			Port:         c.seeder.port,
			Queue:        maxRequests,
			MetadataSize: len(c.loaded.info),
			UploadOnly:   c.super == nil, // not while super-seeding: a peer without pieces that wants none would look useless
			YourIP:       c.addr.Addr(),
		}
		c.out = h.Append(c.out)
	}
	have := t.have()
	if c.super != nil {
		have = c.advertised
	}
	switch {
	case c.fast && have.All(t.pieces):
		c.out = peer.Message{ID: peer.IDHaveAll}.Append(c.out)
	case c.fast && have.Count() == 0:
		c.out = peer.Message{ID: peer.IDHaveNone}.Append(c.out)
	case have.Count() > 0:
		c.out = peer.Message{ID: peer.IDBitfield, Payload: have}.Append(c.out)
	}
}

// expects handles an incomplete message of n bytes that begins with b: a long one is
// refused or skipped.
func (c *conn) expects(id peer.ID, b []byte, n int) error {
	switch id {
	case peer.IDPiece, peer.IDHashes:
		return fmt.Errorf("%w: it sends a %v message that was not requested", errProtocol, id)
	case peer.IDExtended:
		const header = 6 // including the extension's number
		if n <= maxIn || len(b) < header {
			return nil
		}
		if b[header-1] == peer.ExtHandshake {
			return fmt.Errorf("%w: its extended handshake has %d bytes", errProtocol, n)
		}
		c.skip = n - len(b)
		return c.pay(costUseless)
	}
	return nil
}

// handle handles a message.
func (c *conn) handle(m peer.Message) error {
	cost := 0
	switch m.ID {
	case peer.IDRequest:
		return c.request(store.Block{Piece: m.Index, Begin: m.Begin, Length: m.Length})
	case peer.IDCancel:
		cost = costSmall
		b := store.Block{Piece: m.Index, Begin: m.Begin, Length: m.Length}
		if !c.queue.remove(b) {
			cost = costUseless // or the block is already sent
		} else if c.fast {
			c.reject(b) // BEP 6: every request gets an answer
		}
	case peer.IDInterested, peer.IDNotInterested:
		cost = costSmall
		c.interested = m.ID == peer.IDInterested
		c.seeder.choker.interestChanged(c)
	case peer.IDBitfield:
		cost = costHandshake
		have, err := peer.ParseBitfield(m.Payload, c.torrent.pieces)
		if err != nil {
			return errors.Join(errProtocol, err)
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
		cost = costSmall
		if int64(m.Index) >= int64(c.torrent.pieces) {
			return fmt.Errorf("%w: it has piece %d of %d", errProtocol, m.Index, c.torrent.pieces)
		}
		if err := c.addPiece(int(m.Index)); err != nil {
			return err
		}
	case peer.IDPiece, peer.IDHashes:
		return c.expects(m.ID, nil, 0)
	case peer.IDExtended:
		return c.handleExtended(m)
	case peer.IDHashRequest:
		return c.handleHashRequest(m.Payload)
	default: // a seed ignores choke, port, suggest, ...
		cost = costSmall
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
func (c *conn) pay(cost int) error {
	if cost > 0 && !c.flood.add(cost) {
		return errFlood
	}
	return nil
}

// request queues a requested block, or rejects it.
func (c *conn) request(b store.Block) error {
	t := c.torrent
	if int64(b.Piece) >= int64(t.pieces) {
		return fmt.Errorf("%w: it asks for piece %d of %d", errProtocol, b.Piece, t.pieces)
	}
	if b.Length == 0 || b.Length > maxBlock || int64(b.Begin)+int64(b.Length) > c.loaded.paddedLength(int(b.Piece)) {
		return fmt.Errorf("%w: it asks for %d bytes at %d of piece %d", errProtocol, b.Length, b.Begin, b.Piece)
	}
	now := time.Now().UnixNano()
	c.slot.asked.Store(now)
	if c.unchoked && t.have().Has(int(b.Piece)) && (c.advertised == nil || c.advertised.Has(int(b.Piece))) && c.queue.push(b) {
		if c.slot.pending.Load() <= c.slot.served.Load() {
			c.slot.pending.Store(now)
		}
		return nil
	}
	c.reject(b)
	return c.pay(costUseless)
}

// reject rejects a request if the peer supports BEP 6. Without BEP 6 there is no
// message for it.
func (c *conn) reject(b store.Block) {
	if c.fast {
		c.out = peer.Message{ID: peer.IDReject, Index: b.Piece, Begin: b.Begin, Length: b.Length}.Append(c.out)
	}
}

func (c *conn) handleExtended(m peer.Message) error {
	switch m.Extension {
	case peer.ExtHandshake:
		if len(m.Payload) > maxIn {
			return fmt.Errorf("%w: its extended handshake has %d bytes", errProtocol, len(m.Payload))
		}
		h, err := peer.ParseExtendedHandshake(m.Payload)
		if err != nil {
			return errors.Join(errProtocol, err)
		}
		if id, ok := h.Extensions[peer.MetadataName]; ok {
			c.metadataID = id
		}
		if h.Client != "" && c.client == "" {
			c.slot.mu.Lock()
			c.client = h.Client
			c.slot.mu.Unlock()
		}
		if h.UploadOnly && h.MetadataSize > 0 { // without the metadata it does not know yet what it wants
			return errSeed
		}
		return c.pay(costHandshake)
	case peer.ExtMetadata:
		return c.handleMetadata(m.Payload)
	}
	return c.pay(costUseless)
}

// handleMetadata answers a request for a piece of the info dict (BEP 9).
func (c *conn) handleMetadata(payload []byte) error {
	m, err := peer.ParseMetadata(payload)
	if err != nil {
		return errors.Join(errProtocol, err)
	}
	if m.Kind != peer.MetadataRequest || c.metadataID == 0 {
		return c.pay(costUseless)
	}
	answer := peer.Metadata{Kind: peer.MetadataReject, Piece: m.Piece}
	if data, ok := peer.MetadataPiece(c.loaded.info, m.Piece); ok {
		answer = peer.Metadata{Kind: peer.MetadataData, Piece: m.Piece, TotalSize: len(c.loaded.info), Data: data}
	}
	c.out = answer.Append(c.out, c.metadataID)
	return c.pay(costMetadata)
}

// handleHashRequest answers a request for hashes of a v2 torrent with their proof
// (BEP 52).
func (c *conn) handleHashRequest(payload []byte) error {
	r, err := peer.ParseHashRequest(payload)
	if err != nil {
		return errors.Join(errProtocol, err)
	}
	hashes, blocks, ok := c.loaded.hashes(&r)
	if ok {
		c.out = append(r.AppendHashesHeader(c.out), hashes...)
	} else {
		c.out = r.AppendReject(c.out)
	}
	if !c.hashing.add(costHashes + blocks) {
		// The connection is kept: libtorrent (2.0.8) requests the same hashes
		// repeatedly where there are many files.
		c.resume = c.hashing.over()
	}
	return nil
}
