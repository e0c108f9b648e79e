package get

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"bt/internal/discover/pex"
	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peerid"
	"bt/internal/picker"
	"bt/internal/store"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// A conn is a connection to a peer. It is the handler of its link, whose goroutine owns
// its fields, except where a comment says otherwise.
type conn struct {
	*swarm.Peer
	getter *Getter
	swarm  *membership
	hello  peer.Handshake // of the peer
	v2     bool           // our handshake has said that we support v2
	joined EventPeer      // the event when the peer joined; zero: it has not
	reason error          // why the connection has ended

	up         upload.Peer
	extensions link.PeerIDs
	early      early // what the peer has said of its pieces before we knew the torrent

	pieces   *pieces // nil: the torrent is not known yet
	requests requests
	has      atomic.Int64 // number of pieces of the peer
	lied     atomic.Bool  // it has sent wrong data
	exchange *pex.Peer    // nil: NoPEX
	sentNode bool         // it has sent the port of its DHT node
	fault    error        // the reason to end the connection, if Prepare has found one

	// Guarded by getter.mu.
	client  string
	remote  *picker.Peer // nil: pieces is nil
	chokes  bool
	idle    bool // there were fewer blocks to request than the peer may owe
	excused int  // blocks that may arrive although their requests were cancelled or given up
	pending pending
}

// pending is what other goroutines want to be sent to a peer.
type pending struct {
	metadata []int              // pieces of the info dict to request
	hashes   []peer.HashRequest // to request
	cancels  []picker.Block
}

// newConn returns the role for a peer. g.mu is locked.
func newConn(g *Getter, p *swarm.Peer, s *membership) *conn {
	_, v2 := g.hashV2()
	c := &conn{Peer: p, getter: g, swarm: s, v2: v2, chokes: true}
	c.up = upload.Peer{Link: p.Link, Slot: swarm.NewSlot(entry{g}, p.Number, p.Joined, p.Wake), Torrent: g.uploads, Source: c}
	c.requests.budget.Rates = &g.downloads
	return c
}

// Run exchanges messages with the peer until the connection ends, and returns the reason.
func (c *conn) Run(ctx context.Context, theirs peer.Handshake, early []byte) error {
	c.reason = c.serve(ctx, theirs, early)
	return c.reason
}

func (c *conn) serve(ctx context.Context, theirs peer.Handshake, early []byte) error {
	g := c.getter
	c.hello = theirs
	c.client = peerid.Client(theirs.PeerID[:])
	c.joined = EventPeer{Addr: c.Addr, Client: c.client, Joined: true}
	c.up.Join(theirs.Has(peer.FeatureFast))
	defer c.up.Leave()
	g.events.Put(c.joined)
	c.joinExchange()
	defer c.leaveExchange()
	g.add(c)
	defer g.remove(c)
	defer c.requests.budget.End()
	c.introduce()
	pieces := peer.UnknownPieces
	if c.pieces != nil {
		pieces = c.pieces.count
	}
	err := c.Link.Run(ctx, pieces, early, c)
	return cmp.Or(err, c.settle()) // what came before a violation
}

// End emits the event that the peer has left.
func (c *conn) End() {
	if !c.joined.Joined {
		return
	}
	c.getter.mu.Lock()
	e := EventPeer{Addr: c.Addr, Client: c.client, Downloaded: c.up.Slot.Downloaded(), Uploaded: c.up.Slot.Uploaded()}
	c.getter.mu.Unlock()
	switch {
	case c.lied.Load():
		e.Err = errLie
	case link.IsViolation(c.reason):
		e.Err = c.reason
	}
	c.getter.events.Put(e)
}

// Use says how useful the peer is.
func (c *conn) Use(now time.Time) swarm.Use { return c.up.Slot.Use(now) }

// introduce sends the messages that follow the handshake: extensions, and the pieces
// that we have.
func (c *conn) introduce() {
	c.introduceExtensions(false)
	if c.start(); c.serves() {
		c.up.Introduce(c.pieces.have())
	} else if c.hello.Has(peer.FeatureFast) {
		c.Queue(peer.Message{ID: peer.IDHaveNone})
	}
	c.sendPort()
}

// start begins to download from the peer, if the torrent is known.
func (c *conn) start() {
	g := c.getter
	if c.pieces != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pieces != nil {
		c.pieces = g.pieces
		c.remote = g.pieces.picker.Join(c, c.hello.Has(peer.FeatureFast))
		if !c.chokes {
			g.pieces.picker.Unchoke(c.remote)
		}
	}
}

// Prepare queues messages about what others have changed.
func (c *conn) Prepare() {
	c.up.ApplyChoke()
	if c.pieces == nil {
		if c.start(); c.pieces != nil {
			c.fault = c.catchUp()
		}
	}
	c.sendPending()
	c.sendExchange()
	if c.pieces == nil || c.fault != nil {
		return
	}
	if c.serves() && c.up.News.Swap(false) {
		c.up.Advertise(c.pieces.have(), nil)
	}
	c.request()
}

// serves reports whether the peer is served.
func (c *conn) serves() bool { return c.pieces != nil && c.pieces.files != nil }

// Send sends blocks. It returns early enough to request further ones.
func (c *conn) Send() (until time.Time, err error) {
	if c.fault != nil {
		return until, c.fault
	}
	until, err = c.up.Send()
	if !c.requests.after.IsZero() && c.requests.after.Before(until) {
		until = c.requests.after
	}
	return until, err
}

// Midway reports whether a block has been sent in part.
func (c *conn) Midway() bool { return c.up.Midway() }

// Owes returns how many blocks the peer owes.
func (c *conn) Owes() int { return c.requests.owed }

// Rest frees memory of the uploads.
func (c *conn) Rest() { c.up.Rest() }

// Content, Length, Sent and Unread make c the source of its uploads.

// Content returns the content of the torrent.
func (c *conn) Content() *store.Content { return c.pieces.files }

// Length returns the length up to which blocks of a piece may be requested.
func (c *conn) Length(piece int) int64 { return c.pieces.paddedLength(piece) }

// Sent counts n bytes of blocks as sent.
func (c *conn) Sent(n int64) {
	c.swarm.uploaded.Add(n)
	c.getter.uploaded.Add(n)
}

// Unread reports that blocks could not be read. That of the disk is reported when it is
// written.
func (c *conn) Unread(...store.Block) {}

// sendPending queues what other goroutines want to be sent.
func (c *conn) sendPending() {
	c.getter.mu.Lock()
	p := c.pending
	c.pending = pending{}
	c.getter.mu.Unlock()
	id := extensions.PeerID(c.extensions, peer.MetadataName)
	for _, i := range p.metadata {
		m := peer.Metadata{Kind: peer.MetadataRequest, Piece: i}
		c.QueueBytes(func(b []byte) []byte { return m.Append(b, id) })
	}
	for _, r := range p.hashes {
		c.QueueBytes(r.Append)
	}
	for _, b := range p.cancels {
		c.Queue(peer.Message{ID: peer.IDCancel, Index: b.Piece, Begin: b.Begin, Length: b.Length})
	}
}
