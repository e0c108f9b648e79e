package seed

import "time"

// What messages cost that are of no use to the peer, in points. Honest peers send
// a have for each piece that they get from others, and nothing else in numbers.
const (
	costSmall     = 1  // a have, a keep-alive
	costUseless   = 5  // a request that can't be served, a cancel of nothing
	costMetadata  = 20 // answered with 16 KiB
	costHandshake = 50 // parsed
	costHashes    = 50 // computed
)

const (
	floodBurst = 50_000 // points that may come at once
	floodRate  = 5_000  // points a second that may go on
)

// A flood counts what a peer sends without use.
type flood struct {
	points float64
	last   time.Time
	burst  float64 // what may come at once beyond floodBurst
}

// useful forgives what came before.
func (f *flood) useful() { f.points = 0 }

// add counts; false: it is too much.
func (f *flood) add(points int) bool {
	now := time.Now()
	f.points = max(0, f.points-now.Sub(f.last).Seconds()*floodRate)
	f.last = now
	f.points += float64(points)
	return f.points <= floodBurst+f.burst
}

// over is when it will not be too much any more.
func (f *flood) over() time.Time {
	return f.last.Add(time.Duration((f.points - floodBurst - f.burst) / floodRate * float64(time.Second)))
}
