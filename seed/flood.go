package seed

import "time"

// Costs, in points, of messages that are of no use to the peer. An honest peer sends
// a have for each piece that it gets from others, and few other messages.
const (
	costSmall     = 1  // a have, a keep-alive
	costUseless   = 5  // a request that can't be served, a cancel of nothing
	costMetadata  = 20 // the answer has 16 KiB
	costHandshake = 50 // it must be parsed
	costHashes    = 50 // they must be computed
)

const (
	floodBurst = 50_000 // points allowed at once
	floodRate  = 5_000  // points allowed per second
)

// A flood meters the useless messages of a peer.
type flood struct {
	points float64
	last   time.Time
	burst  float64 // points allowed at once in addition to floodBurst
}

// useful resets the points after the peer has done something useful.
func (f *flood) useful() { f.points = 0 }

// add adds points, and reports whether they are within the limits.
func (f *flood) add(points int) bool {
	now := time.Now()
	f.points = max(0, f.points-now.Sub(f.last).Seconds()*floodRate)
	f.last = now
	f.points += float64(points)
	return f.points <= floodBurst+f.burst
}

// over returns when the points will be within the limits again.
func (f *flood) over() time.Time {
	return f.last.Add(time.Duration((f.points - floodBurst - f.burst) / floodRate * float64(time.Second)))
}
