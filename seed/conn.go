package seed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/discover/pex"
	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peerid"
	"bt/internal/store"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// Reasons to close a connection, besides those of package link.
var (
	errSeed    = fmt.Errorf("%w: the peer is a seed too", swarm.ErrNeedless)
	errStopped = errors.New("the torrent has stopped meanwhile")
)

// A conn is a connection to a peer, for one torrent. One goroutine runs it and owns
// its fields, except where a comment says otherwise. It is the handler of its link.
type conn struct {
	*swarm.Peer
	seeder  *Seeder
	torrent *Torrent
	loaded  *loadedMetainfo // of torrent
	swarm   *swarmStats
	hello   peer.Handshake // of the peer
	mu      sync.Mutex
	client  string     // name of the client; written with mu locked
	joined  *EventPeer // the event when the peer joined; nil: it has not
	reason  error      // why the connection has ended

	up         upload.Peer
	extensions link.PeerIDs
	has        peer.Bitfield // pieces of the peer; nil: none yet
	hasCount   atomic.Int64
	super      *superPeer // nil: not super-seeding
	exchange   *pex.Peer  // nil: it does not take part
	sentPort   bool       // it has sent the port of its DHT node
}

// Run serves the peer until the connection ends, and returns the reason.
func (c *conn) Run(ctx context.Context, theirs peer.Handshake, early []byte) error {
	c.reason = c.serve(ctx, theirs, early)
	return c.reason
}

func (c *conn) serve(ctx context.Context, theirs peer.Handshake, early []byte) error {
	c.hello = theirs
	c.setClient(peerid.Client(theirs.PeerID[:]))
	joined := EventPeer{Torrent: c.torrent, Addr: c.Addr, Client: c.client, Joined: true}
	c.joinExchange()
	defer c.leaveExchange()
	c.seeder.conns.add(c)
	defer c.seeder.conns.remove(c)
	c.up.Join(theirs.Has(peer.FeatureFast))
	defer c.up.Leave()
	if !c.torrent.emitJoined(c.loaded, joined) {
		return errStopped
	}
	c.joined = &joined
	defer c.leaveSuper()
	c.introduce()
	return c.Link.Run(ctx, c.torrent.pieces, early, c)
}

// End emits the event that the peer has left.
func (c *conn) End() {
	c.torrent.leave(c.loaded)
	if c.joined == nil {
		return
	}
	e := *c.joined
	e.Joined, e.Client, e.Uploaded = false, c.client, c.up.Slot.Uploaded()
	if link.IsViolation(c.reason) {
		e.Err = c.reason
	}
	c.torrent.emit(e)
}

// Use says how useful it is to serve the peer.
func (c *conn) Use(now time.Time) swarm.Use { return c.up.Slot.Use(now) }

func (c *conn) setClient(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = name
}

// Prepare queues messages about what others have changed.
func (c *conn) Prepare() {
	c.up.ApplyChoke()
	c.advertise()
	c.sendExchange()
}

// Owes returns 0: a seed requests nothing.
func (c *conn) Owes() int { return 0 }

// advertise sends have messages for the pieces that super chooses and, when
// super-seeding has ended, for all others (BEP 16).
func (c *conn) advertise() {
	if !c.up.News.Swap(false) {
		return
	}
	if c.super != nil {
		rate, _ := c.up.Slot.Rates()
		rate /= max(1, float64(c.torrent.pieceLength)) // pieces per second
		pieces, all := c.super.next(c.up.Advertised(), rate, c.up.Interested(), c.up.Unchoked(), time.Now())
		for _, i := range pieces {
			c.Queue(peer.Message{ID: peer.IDHave, Index: uint32(i)})
		}
		if !all {
			return
		}
	}
	c.up.Advertise(c.torrent.have(), c.has)
}

// joinSuper joins super-seeding, if the torrent is super-seeded.
func (c *conn) joinSuper() {
	if s := c.torrent.super.Load(); s != nil && !s.isOver() {
		c.super = s.join(c.up.Notify, time.Now())
		c.up.News.Store(true)
	}
}

func (c *conn) leaveSuper() {
	if c.super != nil {
		c.super.leave(c.has, time.Now())
	}
}

// Send sends blocks.
func (c *conn) Send() (until time.Time, err error) { return c.up.Send() }

// Midway reports whether a block has been sent in part.
func (c *conn) Midway() bool { return c.up.Midway() }

// Handled does nothing.
func (c *conn) Handled() error { return nil }

// Rest frees memory of the uploads.
func (c *conn) Rest() { c.up.Rest() }

// Content, Length, Sent and Unread make c the source of its uploads.

// Content returns the content of the torrent.
func (c *conn) Content() *store.Content { return c.loaded.data }

// Length returns the length up to which blocks of a piece may be requested.
func (c *conn) Length(piece int) int64 { return c.loaded.paddedLength(piece) }

// Sent counts n bytes of blocks as sent.
func (c *conn) Sent(n int64) {
	c.swarm.uploaded.Add(n)
	c.seeder.uploaded.Add(n)
}

// Unread schedules a recheck of blocks.
func (c *conn) Unread(blocks ...store.Block) { c.torrent.suspectRead(blocks...) }
