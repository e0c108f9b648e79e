package get

import (
	"cmp"
	"slices"
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
	maxQueue     = 3000
	defaultQueue = 250

	// maxArrived is how many blocks that have arrived together are settled at once.
	maxArrived = 16

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
	arrived    []partial.Block // that are not settled yet
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
		p.picker.Snub(c.remote, now)
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
	c.QueueBytes(r.append)
	r.owed += len(r.blocks)
	if c.idle = len(r.blocks) < n; c.idle && r.owed == 0 {
		r.after = now.Add(waitTime)
	}
}

// append appends the requests for the blocks.
func (r *requests) append(b []byte) []byte {
	const length = 4 + 1 + 3*4
	b = slices.Grow(b, len(r.blocks)*length)
	for _, q := range r.blocks {
		b = peer.Message{ID: peer.IDRequest, Index: q.Piece, Begin: q.Begin, Length: q.Length}.Append(b)
		r.budget.Spend(int64(q.Length))
	}
	return b
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
	if room := r.queue - r.owed; room >= r.queue/8 {
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
	if c.pieces == nil || len(m.Payload) == 0 || len(m.Payload) > peer.BlockLength {
		return errUnrequested(m.ID)
	}
	r := &c.requests
	r.arrived = append(r.arrived, partial.NewBlock(int(m.Index), int64(m.Begin), m.Payload, c.Keep()))
	if len(r.arrived) < maxArrived {
		return nil
	}
	return c.settle()
}

// settle records the blocks that have arrived. Those that arrive together are settled under
// one lock.
func (c *conn) settle() error {
	g, r := c.getter, &c.requests
	if len(r.arrived) == 0 {
		return nil
	}
	now := time.Now()
	bytes := int64(0)
	for i := range r.arrived {
		bytes += int64(r.arrived[i].Len())
	}
	c.up.Slot.Received(bytes)
	c.swarm.downloaded.Add(bytes)
	g.downloaded.Add(bytes)
	r.moved, r.snubbed = now, false
	if r.grows {
		r.queue += len(r.arrived)
	}
	arrived := r.arrived
	defer clear(arrived) // their memory belongs to others then
	wanted, excused, unrequested := c.sort(arrived, now)
	r.arrived = arrived[:0]
	var err error
	if len(wanted) > 0 {
		g.arrived.Store(now.UnixNano())
		err = c.pieces.take(wanted...)
	}
	if unrequested {
		err = cmp.Or(err, errUnrequested(peer.IDPiece))
	}
	return cmp.Or(err, c.pay(excused*swarm.CostSmall))
}

// sort records blocks in the picker, and returns those that are wanted, how many of the others
// are excused, and whether any is not. It changes list, and frees what is not wanted.
func (c *conn) sort(list []partial.Block, now time.Time) (wanted []partial.Block, excused int, unrequested bool) {
	wanted = list[:0]
	c.getter.mu.Lock()
	defer c.getter.mu.Unlock()
	for _, b := range list {
		ok, _, cancels := c.pieces.picker.Received(c.remote, picker.Block{Piece: uint32(b.Piece), Begin: uint32(b.Begin), Length: uint32(b.Len())}, now)
		cancelRequests(cancels)
		switch {
		case ok:
			wanted = append(wanted, b)
			continue
		case c.excused > 0:
			c.excused--
			excused++
		default:
			unrequested = true
		}
		b.Free()
	}
	c.requests.owed = c.remote.Owes()
	return wanted, excused, unrequested
}

// cancelRequests cancels requests to peers. Getter.mu is locked.
func cancelRequests(list []picker.Request) {
	for _, q := range list {
		c, ok := q.Peer.Data.(*conn)
		if !ok {
			continue // a web seed sends it all the same
		}
		c.pending.cancels = append(c.pending.cancels, q.Block)
		c.excused++
		c.Wake()
	}
}
