package seed

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peerid"
	"bt/internal/store"
	"bt/internal/swarm"
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

	fast         bool // both sides support BEP 6
	extensions   link.PeerIDs
	interested   bool
	unchoked     bool
	has          peer.Bitfield // pieces of the peer; nil: none yet
	advertised   peer.Bitfield // pieces that the peer was sent a have for; nil: all of ours
	super        *superPeer    // nil: not super-seeding
	superChanged atomic.Bool   // super may have new pieces to advertise; set by other goroutines
	hasCount     atomic.Int64
	queue        queue
	flood        swarm.Flood
	hashing      swarm.Flood // hash requests
	budget       swarm.Budget

	slot *swarm.Slot // shared with the choker
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
	c.seeder.conns.add(c)
	defer c.seeder.conns.remove(c)
	c.seeder.choker.Add(c.slot)
	defer c.seeder.choker.Remove(c.slot)
	if !c.torrent.emitJoined(c.loaded, joined) {
		return errStopped
	}
	c.joined = &joined
	defer c.budget.End()
	defer c.leaveSuper()
	c.hashing.Burst = float64(layerTries * swarm.CostHashes * c.loaded.trees.requests)
	c.introduce()
	return c.Link.Run(ctx, c.torrent.pieces, early, c)
}

// End tells that the peer has left.
func (c *conn) End() {
	c.torrent.leave(c.loaded)
	if c.joined == nil {
		return
	}
	e := *c.joined
	e.Joined, e.Client, e.Uploaded = false, c.client, c.slot.Uploaded()
	if link.IsViolation(c.reason) {
		e.Err = c.reason
	}
	c.torrent.emit(e)
}

// Use says how useful it is to serve the peer.
func (c *conn) Use(now time.Time) swarm.Use { return c.slot.Use(now) }

func (c *conn) setClient(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.client = name
}

// Prepare queues messages about what others have changed.
func (c *conn) Prepare() {
	c.applyChoke()
	c.advertise()
}

// Expects returns false: a seed requests nothing.
func (c *conn) Expects() bool { return false }

// Rest frees the queue.
func (c *conn) Rest() { c.queue.shrink() }

// Midway reports whether a block has been sent in part.
func (c *conn) Midway() bool { return c.queue.begun != 0 }

// applyChoke sends the choke or unchoke that the choker has decided.
func (c *conn) applyChoke() {
	switch want := c.slot.Given(); {
	case want && !c.unchoked:
		c.unchoked = true
		c.Queue(peer.Message{ID: peer.IDUnchoke})
	case !want && c.unchoked:
		c.unchoked = false
		c.Queue(peer.Message{ID: peer.IDChoke})
		if c.fast { // BEP 6: pending requests are rejected explicitly
			for _, b := range c.queue.waiting() {
				c.reject(b)
			}
		}
		c.queue.clear()
	}
}

// maxHaves is how many have messages are sent at once.
const maxHaves = 1000

// advertise sends have messages for the pieces that super chooses and, when
// super-seeding has ended, for all others (BEP 16).
func (c *conn) advertise() {
	if !c.superChanged.Swap(false) || c.advertised == nil {
		return
	}
	rate, _ := c.slot.Rates()
	rate /= max(1, float64(c.torrent.pieceLength)) // pieces per second
	pieces, all := c.super.next(c.advertised, rate, c.interested, c.unchoked, time.Now())
	for _, i := range pieces {
		c.Queue(peer.Message{ID: peer.IDHave, Index: uint32(i)})
	}
	if !all {
		return
	}
	have := c.torrent.have()
	sent := 0
	for i := range c.torrent.pieces {
		if !have.Has(i) || c.advertised.Has(i) {
			continue
		}
		c.advertised.Set(i)
		if c.has != nil && c.has.Has(i) {
			continue
		}
		c.Queue(peer.Message{ID: peer.IDHave, Index: uint32(i)})
		if sent++; sent == maxHaves {
			c.superChanged.Store(true) // the rest follows when these are sent
			return
		}
	}
	c.advertised = nil
}

// joinSuper joins super-seeding, if the torrent is super-seeded.
func (c *conn) joinSuper() {
	if s := c.torrent.super.Load(); s != nil && !s.isOver() {
		c.super = s.join(c.notifySuper, time.Now())
		c.advertised = peer.NewBitfield(c.torrent.pieces)
		c.superChanged.Store(true)
	}
}

func (c *conn) notifySuper() {
	if !c.superChanged.Swap(true) {
		c.Wake()
	}
}

func (c *conn) leaveSuper() {
	if c.super != nil {
		c.super.leave(c.has, time.Now())
	}
}

// Send sends as many requested blocks as the socket accepts at once.
func (c *conn) Send() (until time.Time, err error) {
	forever := c.Idle()
	if c.superChanged.Load() {
		forever = time.Time{}
	}
	wants := c.queue.len() > 0
	c.budget.Want(wants)
	if !wants {
		return forever, nil
	}
	limit, after := c.budget.Allowance(int64(c.queue.first().Length))
	if !after.IsZero() {
		return after, nil
	}
	err = c.sendBatch(limit)
	if errors.Is(err, syscall.EFAULT) || errors.Is(err, store.ErrChanged) {
		// The mapped file has shrunk, or the disk has failed. The message may have
		// been sent in part.
		c.torrent.suspectRead(c.queue.waiting()...)
	}
	return time.Time{}, err
}

// sendBatch sends as many bytes of blocks as the socket accepts, up to limit.
func (c *conn) sendBatch(limit int64) error {
	c.seeder.turns.take(&c.torrent.turn)
	defer c.seeder.turns.give(&c.torrent.turn)
	b := batches.Get()
	defer batches.Put(b)
	defer b.release()
	b.CopyAll = c.Encrypts()
	begun := c.queue.begun
	for _, want := range c.queue.waiting() {
		if !b.fits(want, min(limit, c.Room())) {
			break
		}
		if err := b.add(c.loaded.data, want, begun); err != nil {
			c.torrent.suspectRead(want)
			return err
		}
		begun = 0
	}
	err := b.Check()
	if err != nil {
		return err
	}
	var n int64
	if b.CopyAll {
		n, err = c.WriteEncrypted(b.Copied())
	} else {
		n, err = c.Write(b.Parts())
	}
	if done := c.queue.advance(n); done > 0 {
		c.spent(done)
	}
	return err
}

// spent counts n bytes of blocks as sent.
func (c *conn) spent(n int64) {
	c.budget.Spend(n)
	c.flood.Useful()
	c.Alive() // a peer that receives blocks is not silent
	c.slot.Sent(n)
	c.swarm.uploaded.Add(n)
	c.seeder.uploaded.Add(n)
}
