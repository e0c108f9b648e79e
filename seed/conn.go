package seed

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/store"
)

// timeouts limit how long a peer may take for a step or stay silent.
type timeouts struct {
	handshake time.Duration // for the whole handshake
	keepAlive time.Duration // after the last message sent, until a keep-alive is sent
	drop      time.Duration // after the last message received, until the peer is dropped
	stall     time.Duration // for the peer to receive stallBytes
}

var defaultTimeouts = timeouts{
	handshake: 10 * time.Second,
	keepAlive: 110 * time.Second,
	drop:      5 * time.Minute,
	stall:     time.Minute,
}

// Reasons to close a connection. isStrike says which count as strikes.
var (
	errProtocol = errors.New("the peer violates the protocol")
	errFlood    = errors.New("the peer sends too many useless messages")
	errSilent   = errors.New("the peer has been silent for five minutes")
	errSeed     = errors.New("the peer is a seed too")
)

// A conn is a connection to a peer, for one torrent. One goroutine runs it and owns
// its fields, except where a comment says otherwise.
type conn struct {
	number  uint64 // in the order of arrival
	seeder  *Seeder
	torrent *Torrent
	loaded  *loadedMetainfo // of torrent
	swarm   *swarm
	socket  *socket
	crypto  *mse.Session // nil: plaintext
	addr    netip.AddrPort
	hello   peer.Handshake // of the peer
	client  string         // name of the client; written with slot.mu locked
	joined  time.Time
	evicted bool // guarded by choker.mu

	fast         bool  // both sides support BEP 6
	metadataID   uint8 // the peer's message id for ut_metadata; 0: not supported
	interested   bool
	unchoked     bool
	has          peer.Bitfield // pieces of the peer; nil: none yet
	advertised   peer.Bitfield // pieces that the peer was sent a have for; nil: all of ours
	super        *superPeer    // nil: not super-seeding
	superChanged atomic.Bool   // super may have new pieces to advertise; set by other goroutines
	hasCount     atomic.Int64
	queue        queue
	in           []byte // start of an incomplete message, or whole messages if more is set
	more         bool   // in holds messages that wait for room in out, or for resume
	resume       time.Time
	skip         int    // bytes still to be received of a message that is ignored
	room         int64  // estimate of the bytes of blocks that the socket accepts at once
	out          []byte // messages to be sent
	lastReceived time.Time
	lastSent     time.Time
	flood        flood
	hashing      flood // hash requests

	accounts [2]account // for the global rate and the rate of the torrent
	wants    bool       // counted in torrent.wanting

	slot unchokeSlot // shared with the choker
}

// run serves the peer until the connection ends, and returns the reason. The
// handshakes have been exchanged; early is the data that followed the peer's.
func (c *conn) run(ctx context.Context, early []byte) error {
	// Close rather than wake: the goroutine may be waiting to send, and would set a
	// new deadline.
	stop := context.AfterFunc(ctx, func() { c.socket.Close() })
	defer stop()
	defer c.want(false)
	defer c.refund()
	defer c.leaveSuper()
	c.lastReceived, c.lastSent = time.Now(), time.Now()
	c.hashing.burst = float64(layerTries * costHashes * c.loaded.trees.requests)
	c.introduce()
	if err := c.parse(early); err != nil {
		return err
	}
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if c.queue.begun == 0 { // not in the middle of a message
			c.applyChoke()
			c.advertise()
			if err := c.flush(); err != nil {
				return err
			}
		}
		until, err := c.sendBlocks()
		if err != nil {
			return err
		}
		if err := c.listen(ctx, until); err != nil {
			return err
		}
	}
}

// wake interrupts the conn's goroutine if it waits for the peer, so that it handles
// changes of slot and super.
func (c *conn) wake() { _ = c.socket.SetReadDeadline(time.Unix(1, 0)) }

// maxPause is the longest sleep while a peer is throttled. Between sleeps it may be
// choked or disconnected.
const maxPause = 100 * time.Millisecond

// listen reads and handles what the peer has sent. If until is not zero, it waits for
// data until then.
func (c *conn) listen(ctx context.Context, until time.Time) error {
	wait := !until.IsZero()
	if c.more {
		if pause := time.Until(c.resume); wait && pause > 0 {
			time.Sleep(min(pause, time.Until(until), maxPause))
		}
		return c.parse(nil)
	}
	if wait {
		if alive := c.lastSent.Add(c.seeder.timeouts.keepAlive); alive.Before(until) {
			until = alive
		}
		if end := c.lastReceived.Add(c.seeder.timeouts.drop); end.Before(until) {
			until = end
		}
		if err := c.socket.SetReadDeadline(until); err != nil {
			return err
		}
		if ctx.Err() != nil || c.slot.isChanged() || c.superChanged.Load() {
			return nil // wake was called before the deadline was set
		}
	}
	err := c.socket.receive(wait, c.take)
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	if !wait {
		// An old deadline or a wake is done with. It must not keep further data from
		// being read.
		return c.socket.SetReadDeadline(time.Time{})
	}
	now := time.Now()
	if now.Sub(c.lastReceived) >= c.seeder.timeouts.drop {
		return errSilent
	}
	if now.Sub(c.lastSent) >= c.seeder.timeouts.keepAlive {
		c.out = peer.Message{ID: peer.IDKeepAlive}.Append(c.out)
	}
	c.shrink()
	return nil
}

// shrink frees buffers that an idle peer does not need.
func (c *conn) shrink() {
	if len(c.in) == 0 {
		c.in = nil
	}
	if len(c.out) == 0 {
		c.out = nil
	}
	c.queue.shrink()
}

// take decrypts and handles received data. It does not keep b.
func (c *conn) take(b []byte) error {
	c.lastReceived = time.Now()
	c.crypto.Decrypt(b)
	return c.parse(b)
}

// parse handles the messages in b, which is decrypted, and keeps an incomplete one in
// c.in.
func (c *conn) parse(b []byte) error {
	n := min(c.skip, len(b))
	c.skip, b = c.skip-n, b[n:]
	if len(c.in) > 0 {
		// b continues the message in c.in.
		c.in = append(c.in, b...)
		b = c.in
	}
	c.more = false
	for len(b) > 0 {
		if len(c.out) >= maxOut || !c.resume.IsZero() && time.Until(c.resume) > 0 {
			c.more = true
			break
		}
		m, n, err := peer.Next(b, c.torrent.pieces)
		if err != nil {
			return errors.Join(errProtocol, err)
		}
		if n > len(b) {
			if err := c.expects(m.ID, b, n); err != nil {
				return err
			}
			if c.skip > 0 {
				b = nil
			}
			break
		}
		if err := c.handle(m); err != nil {
			return err
		}
		b = b[n:]
	}
	c.in = append(c.in[:0], b...)
	c.in = fitted(c.in)
	return nil
}

// fitted returns b, copied if it has much spare capacity.
func fitted(b []byte) []byte {
	switch {
	case len(b) == 0 && cap(b) > 1<<10:
		return nil
	case cap(b) > len(b)+1<<10:
		return append(make([]byte, 0, len(b)), b...)
	}
	return b
}

// flush sends the messages in c.out.
func (c *conn) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	c.crypto.Encrypt(c.out)
	for {
		n, err := c.write([][]byte{c.out})
		if err != nil {
			return err
		}
		if n == int64(len(c.out)) {
			break
		}
		c.out = append([]byte(nil), c.out[n:]...)
		if err := c.socket.await(c.seeder.timeouts.stall); err != nil {
			return err
		}
	}
	c.out = fitted(c.out[:0])
	return nil
}

// write writes parts to the socket, and returns how many bytes it accepted.
func (c *conn) write(parts [][]byte) (n int64, err error) {
	n, err = c.socket.write(parts)
	if n > 0 {
		c.lastSent = time.Now()
	}
	return n, err
}

// applyChoke sends the choke or unchoke that the choker has decided.
func (c *conn) applyChoke() {
	switch want := c.slot.take(); {
	case want && !c.unchoked:
		c.unchoked = true
		c.out = peer.Message{ID: peer.IDUnchoke}.Append(c.out)
	case !want && c.unchoked:
		c.unchoked = false
		c.out = peer.Message{ID: peer.IDChoke}.Append(c.out)
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
	rate := 0.0 // pieces per second
	c.slot.mu.Lock()
	if c.torrent.pieceLength > 0 {
		rate = c.slot.speed.rate / float64(c.torrent.pieceLength)
	}
	c.slot.mu.Unlock()
	pieces, all := c.super.next(c.advertised, rate, c.interested, c.unchoked, time.Now())
	for _, i := range pieces {
		c.out = peer.Message{ID: peer.IDHave, Index: uint32(i)}.Append(c.out)
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
		c.out = peer.Message{ID: peer.IDHave, Index: uint32(i)}.Append(c.out)
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
		c.wake()
	}
}

func (c *conn) leaveSuper() {
	if c.super != nil {
		c.super.leave(c.has, time.Now())
	}
}

// sendBlocks sends as many requested blocks as the socket accepts at once. It returns
// the time until which to wait for the peer, or the zero time if there may be more to
// send immediately.
func (c *conn) sendBlocks() (until time.Time, err error) {
	forever := c.lastSent.Add(c.seeder.timeouts.keepAlive)
	if c.superChanged.Load() {
		forever = time.Time{}
	}
	c.want(c.queue.len() > 0)
	if !c.wants {
		return forever, nil
	}
	limit, after := c.allowance()
	if !after.IsZero() {
		return after, nil
	}
	whole, err := c.sendBatch(limit)
	if errors.Is(err, syscall.EFAULT) || errors.Is(err, store.ErrChanged) {
		// The mapped file has shrunk, or the disk has failed. The message may have
		// been sent in part.
		c.torrent.suspectRead(c.queue.waiting()...)
	}
	if err == nil && !whole {
		err = c.socket.await(c.seeder.timeouts.stall)
	}
	return time.Time{}, err
}

// minRoom is the minimum of conn.room.
const minRoom = 32 << 10

// sendBatch sends as many bytes of blocks as the socket accepts, up to limit. whole
// reports whether it accepted all of them.
func (c *conn) sendBatch(limit int64) (whole bool, err error) {
	c.seeder.turns.take(&c.torrent.turn)
	defer c.seeder.turns.give(&c.torrent.turn)
	b := batches.Get()
	defer batches.Put(b)
	defer b.release()
	b.CopyAll = c.crypto.Encrypts()
	begun := c.queue.begun
	for _, want := range c.queue.waiting() {
		if !b.fits(want, min(limit, c.room)) {
			break
		}
		if err := b.add(c.loaded.data, want, begun); err != nil {
			c.torrent.suspectRead(want)
			return false, err
		}
		begun = 0
	}
	if err := b.Check(); err != nil {
		return false, err
	}
	var n int64
	if b.CopyAll {
		all := b.Copied()
		n, err = c.writeEncrypted(all)
		whole = n == int64(len(all))
	} else {
		n, err = c.write(b.Parts())
		whole = n == b.length()
	}
	if whole {
		c.room = min(2*c.room, maxBatch)
	} else {
		c.room = max(n, minRoom)
	}
	if done := c.queue.advance(n); done > 0 {
		c.spent(done)
	}
	return whole, err
}

// encryptLength is how many bytes are encrypted at once before they are written.
// Bytes that the socket does not accept are encrypted again later.
const encryptLength = 32 << 10

// writeEncrypted encrypts and writes b, and returns how many bytes the socket
// accepted.
func (c *conn) writeEncrypted(b []byte) (written int64, err error) {
	for len(b) > 0 {
		part := b[:min(len(b), encryptLength)]
		before := c.crypto.Mark()
		c.crypto.Encrypt(part)
		n, err := c.write([][]byte{part})
		written += n
		if n < int64(len(part)) {
			c.crypto.Rewind(before, int(n))
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}

// spent counts n bytes of blocks as sent.
func (c *conn) spent(n int64) {
	for i := range c.accounts {
		c.accounts[i].grant -= n
	}
	c.flood.useful()
	c.lastReceived = time.Now() // a peer that receives blocks is not idle
	c.slot.served.Store(c.lastReceived.UnixNano())
	c.slot.asked.Store(c.lastReceived.UnixNano()) // a peer with a long queue need not send requests
	c.slot.uploaded.Add(n)
	c.swarm.uploaded.Add(n)
	c.seeder.uploaded.Add(n)
}

// An account is the budget that a rate limit grants a peer.
type account struct {
	grant int64     // bytes; negative: overdrawn
	after time.Time // the grant may be used from then on
}

// allowance returns how many bytes may be sent now. If that is 0, after is when more
// may be sent.
func (c *conn) allowance() (bytes int64, after time.Time) {
	bytes = maxBatch
	now := time.Now()
	for i, limit := range [...]*rateLimit{c.seeder.rate, c.torrent.rate} {
		if limit == nil {
			continue
		}
		sharers := int64(1)
		if i == 0 {
			sharers = c.torrent.wanting.Load()
		}
		a := &c.accounts[i]
		for a.grant <= 0 {
			var more int64
			more, a.after = limit.reserve(int64(c.queue.first().Length), sharers)
			a.grant += more
		}
		if now.Before(a.after) {
			bytes = 0
			if a.after.After(after) {
				after = a.after
			}
		}
		bytes = min(bytes, a.grant)
	}
	if bytes == 0 {
		return 0, after
	}
	return bytes, time.Time{}
}

// refund returns unused grants to the rate limits.
func (c *conn) refund() {
	for i, limit := range [...]*rateLimit{c.seeder.rate, c.torrent.rate} {
		if grant := c.accounts[i].grant; limit != nil && grant > 0 {
			limit.refund(grant)
		}
	}
}

// want counts the peer in torrent.wanting while it waits for blocks.
func (c *conn) want(blocks bool) {
	if blocks != c.wants {
		c.wants = blocks
		if blocks {
			c.torrent.wanting.Add(1)
		} else {
			c.torrent.wanting.Add(-1)
		}
	}
}
