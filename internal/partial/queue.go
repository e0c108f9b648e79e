package partial

import (
	"time"

	"bt/internal/lanes"
	"bt/internal/metainfo"
)

// gatherTime is how long a complete piece waits for others: the lanes of package lanes hash
// many pieces in the time of few.
const gatherTime = 20 * time.Millisecond

// batchOf returns how many pieces are best hashed together, of limit that are in memory: as
// many as fill the lanes, and not more than half, so that as many arrive meanwhile. If these fill
// only few lanes, there is nothing to gain.
func batchOf(c *metainfo.Content, limit int) int {
	var want int
	if c.V1 {
		want = lanes.NewSHA1().Lanes()
	} else {
		perPiece := max(c.Layout.PieceLength()/metainfo.BlockLength, 1)
		want = int((int64(lanes.NewSHA256().Lanes()) + perPiece - 1) / perPiece)
	}
	n := min(want, limit/2)
	if 2*n < want {
		return 1
	}
	return max(n, 1)
}

// enqueue has a complete piece hashed. g.mu is locked.
func (g *gatherer) enqueue(b *buffer) {
	g.queue = append(g.queue, b)
	g.waiting++
	g.gather()
	if g.isDue() {
		g.changed.Broadcast()
	}
}

// gather lets the queue wait for further pieces, unless it is empty. g.mu is locked.
func (g *gatherer) gather() {
	if len(g.queue) > 0 && g.ripens == nil && !g.isDue() {
		g.ripens = time.AfterFunc(gatherTime, func() {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.ripe = true
			g.changed.Broadcast()
		})
	}
}

// isDue reports whether the queue is to be hashed now. g.mu is locked.
func (g *gatherer) isDue() bool {
	return len(g.queue) >= g.batch || len(g.queue) > 0 && (g.ripe || g.closed || g.err != nil)
}

// next waits for complete pieces, and returns some, or nil at the end.
func (g *gatherer) next() (some []*buffer) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for !g.isDue() && !g.closed {
		g.changed.Wait()
	}
	n := min(len(g.queue), lanes.Max)
	some = append(some, g.queue[:n]...)
	g.queue = append(g.queue[:0], g.queue[n:]...)
	if g.ripe = false; g.ripens != nil {
		g.ripens.Stop()
		g.ripens = nil
	}
	g.gather()
	return some
}
