package get

import (
	"errors"
	"fmt"
	"time"

	"bt/internal/partial"
	"bt/internal/peer"
	"bt/internal/picker"
	"bt/internal/swarm"
)

const (
	// queueTime is for how long a peer's requests suffice at its rate, so that it never
	// waits for us.
	queueTime = 3 * time.Second

	// At least minQueue and at most maxQueue blocks are requested from a peer. Peers
	// that do not say how many requests they queue are taken to queue defaultQueue.
	minQueue     = 8
	maxQueue     = 2000
	defaultQueue = 250

	// maxBurst is how many requests are queued at once. The rest follows when they are
	// sent.
	maxBurst = 200

	// snubTime is for how long a peer may send nothing of what it owes. After that it is
	// snubbed: its requests are given to others, and it owes a single block until it
	// sends one.
	snubTime = 20 * time.Second

	// waitTime is how soon blocks are picked again for a peer for which there were none.
	waitTime = 2 * time.Second
)

// requests are the requests to one peer. The goroutine of its link owns them.
type requests struct {
	owed    int       // blocks that the peer owes
	allowed int       // requests that the peer queues; 0: unknown
	queue   int       // requests that it may owe now
	grows   bool      // the queue grows with each block, until the rate does not
	rate    float64   // of the last second or so, in bytes per second
	ticked  time.Time // when rate was measured
	bytes   int64     // that the peer had sent then
	moved   time.Time // when the peer last sent a block, or was first sent a request
	snubbed bool

	interested bool         // we have said so
	budget     swarm.Budget // of the download rate
	after      time.Time    // when to request more; zero: after the next message
	blocks     []picker.Block
}

// request sends interested and requests, as many as the peer may owe.
func (c *conn) request() {
	r, g, p := &c.requests, c.getter, c.pieces
	r.after = time.Time{}
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.owed > 0 && !r.snubbed && now.Sub(r.moved) >= snubTime {
		r.snubbed = true
		c.excused += c.remote.Owes()
		p.picker.Lapse(c.remote, now)
		p.wakeIdle()
	}
	if interested := p.picker.Interesting(c.remote); interested != r.interested {
		r.interested = interested
		id := peer.IDNotInterested
		if interested {
			id = peer.IDInterested
		}
		c.Queue(peer.Message{ID: id})
	}
	r.owed = c.remote.Owes()
	r.adapt(c.up.Slot.Downloaded(), now)
	n := min(r.room(), maxBurst)
	r.budget.Want(r.interested && n > 0)
	if !r.interested || n <= 0 {
		return
	}
	if g.downloads.All != nil {
		var bytes int64
		if bytes, r.after = r.budget.Allowance(peer.BlockLength); bytes <= 0 {
			return
		}
		n = min(n, int((bytes-1)/peer.BlockLength)+1)
	}
	_, c.remote.Rate = c.up.Slot.Rates()
	r.blocks = p.picker.Pick(c.remote, n, now, r.blocks[:0])
	if len(r.blocks) > 0 && r.owed == 0 {
		r.moved = now
	}
	for _, b := range r.blocks {
		c.Queue(peer.Message{ID: peer.IDRequest, Index: b.Piece, Begin: b.Begin, Length: b.Length})
		r.budget.Spend(int64(b.Length))
	}
	r.owed += len(r.blocks)
	if c.idle = len(r.blocks) < n; c.idle && r.owed == 0 {
		r.after = now.Add(waitTime)
	}
}

// room returns how many more blocks to request. It is 0 until it would be a part of the
// queue: many requests at once cost both sides less.
func (r *requests) room() int {
	most := r.allowed
	if most == 0 {
		most = defaultQueue
	}
	most = min(most, maxQueue)
	if r.snubbed {
		return 1 - r.owed
	}
	r.queue = min(max(r.queue, minQueue), most)
	if room := r.queue - r.owed; room >= r.queue/4 {
		return room
	}
	return 0
}

// adapt adapts the length of the queue to the rate. It grows with each block as long as the
// rate does.
func (r *requests) adapt(received int64, now time.Time) {
	elapsed := now.Sub(r.ticked)
	switch {
	case r.ticked.IsZero():
		r.grows = true
	case elapsed < time.Second:
		return
	default:
		rate := float64(received-r.bytes) / elapsed.Seconds()
		if r.rate > 0 && rate < 1.1*r.rate {
			r.grows = false
		}
		if r.rate = rate; !r.grows {
			r.queue = int(rate * queueTime.Seconds() / peer.BlockLength)
		}
	}
	r.ticked, r.bytes = now, received
}

// block handles a block.
func (c *conn) block(m peer.Message) error {
	g, p, r := c.getter, c.pieces, &c.requests
	if p == nil {
		return errUnrequested(m.ID)
	}
	n, now := int64(len(m.Payload)), time.Now()
	g.mu.Lock()
	ok, _, cancels := p.picker.Received(c.remote, picker.Block{Piece: m.Index, Begin: m.Begin, Length: uint32(n)}, now)
	cancelRequests(cancels)
	r.owed = c.remote.Owes()
	excused := ok || c.excused > 0
	if !ok && excused {
		c.excused--
	}
	g.mu.Unlock()
	c.up.Slot.Received(n)
	c.swarm.downloaded.Add(n)
	g.downloaded.Add(n)
	r.moved, r.snubbed = now, false
	if r.grows {
		r.queue++
	}
	switch {
	case !excused:
		return errUnrequested(m.ID)
	case !ok:
		return c.pay(swarm.CostSmall)
	}
	g.arrived.Store(now.UnixNano())
	err := p.sink.Write(int(m.Index), int64(m.Begin), m.Payload)
	if errors.Is(err, partial.ErrFull) || errors.Is(err, partial.ErrBlock) {
		g.fail(fmt.Errorf("piece %d: %w", m.Index, err)) // the picker counts the block as received
	}
	return err
}

// cancelRequests cancels requests to peers. Getter.mu is locked.
func cancelRequests(list []picker.Request) {
	for _, q := range list {
		c := q.Peer.Data.(*conn)
		c.pending.cancels = append(c.pending.cancels, q.Block)
		c.excused++
		c.Wake()
	}
}
