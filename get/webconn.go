package get

import (
	"context"
	"errors"
	"time"

	"bt/internal/partial"
	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/swarm"
)

const (
	// A run is as long as the server needs runTime for, but at least minRun and at most
	// maxRun. The first one has firstRun.
	runTime  = 8 * time.Second
	minRun   = 64 << 10
	maxRun   = 8 << 20
	firstRun = 1 << 20
)

// A webConn asks a web seed for one run after another. Its goroutine owns its fields,
// except where a comment says otherwise.
type webConn struct {
	seed   *webSeed
	getter *Getter
	pieces *pieces
	source source
	budget swarm.Budget // of the download rate
	bytes  int64        // of the next run
	block  [peer.BlockLength]byte
	waking chan struct{} // has a buffer of one

	// Guarded by getter.mu.
	remote *picker.Peer
	idle   bool // there was nothing to ask for
	drops  int  // of the web seed before
}

// A source reads blocks from a web seed, in order.
type source interface {
	// plan sets what will be read: blocks in order.
	plan(blocks []picker.Block)

	// read reads one of the blocks into b. skipped is called for bytes that the server
	// sends in vain.
	read(ctx context.Context, block picker.Block, b []byte, skipped func(n int) error) error

	// end ends the reading of a run. goesOn is whether the next one may follow.
	end(goesOn bool)
}

// errNotNeeded is returned if other peers were faster with the rest of a run.
var errNotNeeded = errors.New("the blocks are not needed any more")

// newConn returns a connection, which the picker knows, or nil if there are enough.
func (w *webSeed) newConn() *webConn {
	c := &webConn{seed: w, getter: w.getter, pieces: w.pieces, bytes: firstRun, waking: make(chan struct{}, 1)}
	c.budget.Rates = &w.getter.downloads
	switch {
	case w.isMixed():
		c.source = &mixedSource{seed: w}
	case w.byPiece:
		c.source = &pieceSource{seed: w}
	default:
		c.source = &fileSource{seed: w}
	}
	w.getter.mu.Lock()
	defer w.getter.mu.Unlock()
	if len(w.conns) >= w.most || !w.isUsable() {
		return nil
	}
	c.drops = w.drops
	k := w.pieces.picker
	c.remote = k.Join(c, true)
	c.remote.Server = w
	k.Unchoke(c.remote)
	if k.HaveAll(c.remote); w.has != nil {
		k.SetPieces(c.remote, w.has)
	}
	w.conns = append(w.conns, c)
	return c
}

// leave ends the connection.
func (c *webConn) leave() {
	c.source.end(false)
	c.budget.End()
	g, w := c.getter, c.seed
	g.mu.Lock()
	defer g.mu.Unlock()
	if !w.isUsable() {
		c.pieces.revoke(c.remote)
	}
	c.pieces.picker.Leave(c.remote, time.Now())
	w.forget(c)
	c.pieces.wakeIdle()
}

// run downloads until ctx ends, which it does if the web seed is dropped.
func (c *webConn) run(ctx context.Context) {
	defer c.leave()
	failures := 0
	for ctx.Err() == nil {
		blocks := c.pick()
		if len(blocks) == 0 {
			c.wait(ctx, waitTime)
			continue
		}
		begun := time.Now()
		n, err := c.fetch(ctx, blocks)
		c.finish(n, time.Since(begun))
		if n > 0 {
			failures = 0
		}
		switch {
		case err == nil || err == errNotNeeded:
			c.seed.grow(ctx)
			continue
		case ctx.Err() != nil:
			return
		}
		failures++
		if (isOverloaded(err) || failures == manyFailures && isForNow(err)) && c.seed.shrink(c) {
			return
		}
		c.failed(ctx, err, failures)
	}
}

// pick returns the next run. It is nil if there is nothing to ask for. A web seed that lacks
// all that is still missing is dropped.
func (c *webConn) pick() []picker.Block {
	c.getter.mu.Lock()
	defer c.getter.mu.Unlock()
	w, k := c.seed, c.pieces.picker
	if w.whole && w.conns[0] != c {
		return nil // one connection reads all files
	}
	blocks := k.PickRun(c.remote, picker.Run{Bytes: c.bytes, Onward: w.whole}, time.Now(), nil)
	if c.idle = len(blocks) == 0; c.idle && w.missingErr != nil && k.Missing() > 0 && !k.Interesting(c.remote) && !w.isInMix() {
		w.drop(w.missingErr)
	}
	return blocks
}

// wait waits for some time. It ends earlier if there may be something to ask for.
func (c *webConn) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.waking:
	case <-ctx.Done():
	}
}

// wake makes a connection ask for blocks for which there were none before. Getter.mu is
// locked.
func (c *webConn) wake() {
	if !c.idle {
		return
	}
	c.idle = false
	select {
	case c.waking <- struct{}{}:
	default:
	}
}

// fetch reads the blocks of a run, and returns the number of bytes that were of use.
func (c *webConn) fetch(ctx context.Context, blocks []picker.Block) (n int64, err error) {
	c.budget.Want(true)
	defer c.budget.Want(false)
	c.source.plan(blocks)
	defer func() { c.source.end(err == nil || err == errNotNeeded) }()
	skipped := func(n int) error {
		c.getter.arrived.Store(time.Now().UnixNano())
		return c.spend(ctx, int64(n))
	}
	for i, block := range blocks {
		b := c.block[:block.Length]
		if err := c.source.read(ctx, block, b, skipped); err != nil {
			return n, err
		}
		came, owes, err := c.receive(block, b)
		if came {
			n += int64(len(b))
		}
		switch {
		case err != nil:
			return n, err
		case owes == 0 && i < len(blocks)-1:
			return n, errNotNeeded
		}
		if err := c.spend(ctx, int64(len(b))); err != nil {
			return n, err
		}
	}
	return n, nil
}

// spend counts bytes that have arrived, and waits until more may arrive.
func (c *webConn) spend(ctx context.Context, n int64) error {
	if c.getter.downloads.All == nil {
		return nil
	}
	c.budget.Spend(n)
	for {
		bytes, after := c.budget.Allowance(peer.BlockLength)
		if bytes > 0 {
			return nil
		}
		timer := time.NewTimer(time.Until(after))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

// receive handles a block. owes is how many blocks of the run are still to come.
func (c *webConn) receive(block picker.Block, b []byte) (came bool, owes int, err error) {
	g, now := c.getter, time.Now()
	g.mu.Lock()
	came, _, cancels := c.pieces.picker.Received(c.remote, block, now)
	cancelRequests(cancels)
	owes = c.remote.Owes()
	if !c.seed.isMixed() {
		c.seed.count(int64(len(b)))
	}
	g.mu.Unlock()
	g.downloaded.Add(int64(len(b)))
	if !came {
		return false, owes, nil
	}
	g.arrived.Store(now.UnixNano())
	return true, owes, c.pieces.take(partial.NewBlock(int(block.Piece), int64(block.Begin), b, nil))
}

// finish ends a run that took some time, and of which n bytes have arrived. Others may ask
// for the rest.
func (c *webConn) finish(n int64, took time.Duration) {
	rate := float64(n) / max(took, time.Millisecond).Seconds()
	if n > 0 {
		c.bytes = min(max(int64(rate*runTime.Seconds()), minRun), maxRun)
	}
	c.getter.mu.Lock()
	defer c.getter.mu.Unlock()
	c.remote.Rate = rate
	if c.remote.Owes() > 0 {
		c.pieces.picker.Lapse(c.remote, time.Now())
		c.pieces.wakeIdle()
	}
}
