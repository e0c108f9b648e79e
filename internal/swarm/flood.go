package swarm

import (
	"fmt"
	"time"

	"bt/internal/link"
)

// Costs, in points, of messages that are of no use to the peer. An honest peer sends
// a have for each piece that it gets from others, and few other messages.
const (
	CostSmall     = 1  // a have, a keep-alive
	CostUseless   = 5  // a request that can't be served, a cancel of nothing
	CostMetadata  = 20 // the answer has 16 KiB
	CostHandshake = 50 // it must be parsed
	CostHashes    = 50 // they must be computed
	CostExchange  = 50 // it must be parsed, and its addresses may be called

	// CostEarly is that of a message that a peer sends more often than it may, and
	// CostRelay that of one that makes us send another peer one.
	CostEarly = 1000
	CostRelay = 500
)

// CostLong returns the cost of a message of n bytes that is of no use. A peer could send
// long ones as fast as the network allows if each cost the same.
func CostLong(n int) int {
	const pointLength = 100 // at most 500 kB per second are within the limits
	return CostUseless + n/pointLength
}

const (
	floodBurst = 50_000 // points allowed at once
	floodRate  = 5_000  // points allowed per second
)

var errFlood = fmt.Errorf("%w: it sends too many useless messages", link.ErrProtocol)

// A Flood meters the useless messages of a peer.
type Flood struct {
	Burst float64 // points allowed at once in addition to floodBurst

	points float64
	last   time.Time
}

// Useful resets the points after the peer has done something useful.
func (f *Flood) Useful() { f.points = 0 }

// Pay charges the peer for a message. It fails if the peer floods us.
func (f *Flood) Pay(cost int) error {
	if cost > 0 && !f.Add(cost) {
		return errFlood
	}
	return nil
}

// Add adds points, and reports whether they are within the limits.
func (f *Flood) Add(points int) bool {
	now := time.Now()
	f.points = max(0, f.points-now.Sub(f.last).Seconds()*floodRate)
	f.last = now
	f.points += float64(points)
	return f.points <= floodBurst+f.Burst
}

// Over returns when the points will be within the limits again.
func (f *Flood) Over() time.Time {
	return f.last.Add(time.Duration((f.points - floodBurst - f.Burst) / floodRate * float64(time.Second)))
}
