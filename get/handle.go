package get

import (
	"errors"
	"fmt"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// An early has what a peer has said of its pieces before we know the torrent.
type early struct {
	all     bool
	bits    []byte // a bitfield, as it was sent
	haves   []uint32
	allowed []uint32
}

// maxEarly is how many pieces a peer may name one by one before we know the torrent.
const maxEarly = 1 << 16

// Handle handles a message.
func (c *conn) Handle(m peer.Message) error {
	if m.ID == peer.IDPiece {
		return c.block(m)
	}
	if err := c.settle(); err != nil {
		return err
	}
	switch m.ID {
	case peer.IDRequest, peer.IDCancel:
		if !c.serves() {
			return c.pay(swarm.CostUseless)
		}
		return c.up.Handle(m)
	case peer.IDInterested, peer.IDNotInterested:
		return c.up.Handle(m)
	case peer.IDExtended:
		return c.handleExtended(m)
	case peer.IDHashRequest:
		if c.pieces == nil {
			return c.pay(swarm.CostUseless)
		}
		return c.up.HashRequest(m.Payload, c.pieces.trees, nil)
	case peer.IDHashes:
		return c.handleHashes(m.Payload)
	case peer.IDHashReject:
		return c.handleHashReject(m.Payload)
	case peer.IDPort:
		return c.handlePort(m.Port)
	}
	if c.pieces == nil {
		return c.handleEarly(m)
	}
	return c.handleState(m)
}

// Handled settles the blocks that have arrived together.
func (c *conn) Handled() error { return c.settle() }

// handleEarly handles a message about the peer's pieces before we know the torrent.
func (c *conn) handleEarly(m peer.Message) error {
	e := &c.early
	switch m.ID {
	case peer.IDBitfield:
		e.all, e.bits = false, append([]byte(nil), m.Payload...)
		return c.pay(swarm.CostHandshake)
	case peer.IDHaveAll:
		e.all = true
	case peer.IDHave, peer.IDAllowedFast:
		if len(e.haves)+len(e.allowed) == maxEarly {
			return fmt.Errorf("%w: it has sent %d pieces one by one", link.ErrProtocol, maxEarly)
		}
		if m.ID == peer.IDHave {
			e.haves = append(e.haves, m.Index)
		} else {
			e.allowed = append(e.allowed, m.Index)
		}
	case peer.IDChoke, peer.IDUnchoke:
		c.setChokes(m.ID == peer.IDChoke)
	case peer.IDHaveNone, peer.IDKeepAlive, peer.IDSuggest, peer.IDReject:
	default:
		return c.pay(swarm.CostLong(len(m.Payload)))
	}
	return c.pay(swarm.CostSmall)
}

// catchUp handles what the peer has said of its pieces before we knew the torrent.
func (c *conn) catchUp() error {
	e := c.early
	c.early = early{}
	c.SetPieces(c.pieces.count)
	if c.serves() {
		c.up.Begin(c.pieces.count)
		c.up.News.Store(true)
	}
	c.introduceExtensions(true) // with the size of the metadata
	messages := []peer.Message{}
	if e.bits != nil {
		if len(e.bits) != len(peer.NewBitfield(c.pieces.count)) {
			return fmt.Errorf("%w: its bitfield has %d bytes", link.ErrProtocol, len(e.bits))
		}
		messages = append(messages, peer.Message{ID: peer.IDBitfield, Payload: e.bits})
	}
	if e.all {
		messages = append(messages, peer.Message{ID: peer.IDHaveAll})
	}
	for _, i := range e.haves {
		messages = append(messages, peer.Message{ID: peer.IDHave, Index: i})
	}
	for _, i := range e.allowed {
		messages = append(messages, peer.Message{ID: peer.IDAllowedFast, Index: i})
	}
	for _, m := range messages {
		if err := c.handleState(m); err != nil {
			return err
		}
	}
	return nil
}

// handleState handles a message about the peer's state: its pieces, and whether it chokes
// us.
func (c *conn) handleState(m peer.Message) error {
	g, p := c.getter, c.pieces
	cost := swarm.CostSmall
	switch m.ID {
	case peer.IDHave, peer.IDSuggest, peer.IDAllowedFast, peer.IDReject:
		if int64(m.Index) >= int64(p.count) {
			return fmt.Errorf("%w: it names piece %d of %d", link.ErrProtocol, m.Index, p.count)
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	switch m.ID {
	case peer.IDBitfield:
		cost = swarm.CostHandshake
		has, err := peer.ParseBitfield(m.Payload, p.count)
		if err != nil {
			return errors.Join(link.ErrProtocol, err)
		}
		p.picker.SetPieces(c.remote, has)
		c.has.Store(int64(has.Count()))
	case peer.IDHaveAll:
		cost = swarm.CostHandshake
		p.picker.HaveAll(c.remote)
		c.has.Store(int64(p.count))
	case peer.IDHave:
		if !c.remote.Has(int(m.Index)) {
			p.picker.Have(c.remote, int(m.Index))
			c.has.Add(1)
		}
	case peer.IDSuggest:
		p.picker.Suggest(c.remote, int(m.Index))
	case peer.IDAllowedFast:
		p.picker.AllowFast(c.remote, int(m.Index))
	case peer.IDReject:
		if p.picker.Rejected(c.remote, picker.Block{Piece: m.Index, Begin: m.Begin, Length: m.Length}, now) {
			cost = 0
		}
	case peer.IDChoke:
		c.chokes = true
		c.excused += c.remote.Owes()
		p.picker.Choke(c.remote, now)
		c.excused -= c.remote.Owes()
	case peer.IDUnchoke:
		c.chokes = false
		p.picker.Unchoke(c.remote)
	case peer.IDHaveNone, peer.IDKeepAlive:
	default:
		cost = swarm.CostLong(len(m.Payload))
	}
	c.requests.owed = c.remote.Owes()
	return c.pay(cost)
}

func (c *conn) setChokes(chokes bool) {
	c.getter.mu.Lock()
	defer c.getter.mu.Unlock()
	c.chokes = chokes
}

// pay charges the peer for a message. It fails if the peer floods us.
func (c *conn) pay(cost int) error { return c.up.Flood.Pay(cost) }

// maxIn is the maximum length of an extended message without a piece of the info dict.
const maxIn = 8 << 10

// Begun refuses or ignores long messages.
func (c *conn) Begun(id peer.ID, b []byte, n int) (ignore bool, err error) {
	switch id {
	case peer.IDPiece:
		if c.pieces == nil {
			return false, errUnrequested(id)
		}
	case peer.IDHashes:
		if !c.owesHashes() {
			return false, errUnrequested(id)
		}
	case peer.IDExtended:
		const header = 6 // including the extension's number
		if n <= maxIn || len(b) < header {
			return false, nil
		}
		switch b[header-1] {
		case peer.ExtHandshake:
			return false, fmt.Errorf("%w: its extended handshake has %d bytes", link.ErrProtocol, n)
		case extensions.IDs()[peer.MetadataName]:
			if c.owesMetadata() {
				return false, nil
			}
		}
		return true, c.pay(swarm.CostLong(n))
	}
	return false, nil
}

func errUnrequested(id peer.ID) error {
	return fmt.Errorf("%w: it sends a %v message that was not requested", link.ErrProtocol, id)
}

// extensions are the kinds of extended messages that a Getter handles. Each is added by
// the file that has its handler.
var extensions link.Extensions[*conn]

// introduceExtensions sends our extended handshake (BEP 10), if the peer supports any. again
// reports that it was sent before.
func (c *conn) introduceExtensions(again bool) {
	if !c.hello.Has(peer.FeatureExtensions) {
		return
	}
	h := peer.ExtendedHandshake{
		Extensions: c.getter.extensionIDs(again),
		Client:     c.getter.options.Client,
		Port:       c.getter.port,
		Queue:      upload.MaxRequests,
		YourIP:     c.Addr.Addr(),
	}
	if t := c.getter.Torrent(); t != nil {
		h.MetadataSize = len(t.InfoBytes())
	}
	c.QueueBytes(h.Append)
}

// handleExtended handles an extended message.
func (c *conn) handleExtended(m peer.Message) error {
	if m.Extension != peer.ExtHandshake {
		if handle := extensions.Handler(m.Extension); handle != nil {
			return handle(c, m.Payload)
		}
		return c.pay(swarm.CostLong(len(m.Payload)))
	}
	if len(m.Payload) > maxIn {
		return fmt.Errorf("%w: its extended handshake has %d bytes", link.ErrProtocol, len(m.Payload))
	}
	h, err := peer.ParseExtendedHandshake(m.Payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	c.extensions = extensions.Update(c.extensions, &h)
	if h.Queue > 0 {
		c.requests.allowed = h.Queue
	}
	c.getter.mu.Lock()
	if h.Client != "" && c.client == "" {
		c.client = h.Client
	}
	c.getter.mu.Unlock()
	if c.exchange != nil {
		c.exchange.Update(&h)
	}
	c.offerMetadata(&h)
	return c.pay(swarm.CostHandshake)
}
