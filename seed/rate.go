package seed

import (
	"time"

	"golang.org/x/time/rate"
)

// A rateLimit gives out what may be sent, in turns. Nobody holds a buffer while
// waiting for a turn.
type rateLimit struct {
	limiter *rate.Limiter
	grant   int64 // bytes a turn
}

// newRateLimit returns a limit of so many bytes a second; nil is none.
func newRateLimit(bytesPerSecond int64) *rateLimit {
	if bytesPerSecond <= 0 {
		return nil
	}
	// Twenty turns a second, but none smaller than a block.
	grant := min(max(bytesPerSecond/20, maxBlock), maxBatch)
	return &rateLimit{rate.NewLimiter(rate.Limit(bytesPerSecond), int(grant)), grant}
}

// reserve grants bytes, from when on they may be sent. sharers are how many want
// them for the same torrent: all of these together get one turn after another, as
// does who wants them for its torrent alone. A first block that is smaller than a
// turn of the slowest limit is not kept waiting for more.
func (r *rateLimit) reserve(first, sharers int64) (bytes int64, from time.Time) {
	bytes = r.grant
	if r.grant == maxBlock {
		bytes = first
	}
	bytes = max(1, bytes/max(1, sharers))
	now := time.Now()
	return bytes, now.Add(r.limiter.ReserveN(now, int(bytes)).DelayFrom(now))
}

// refund takes back what was reserved and not sent.
func (r *rateLimit) refund(bytes int64) { r.limiter.ReserveN(time.Now(), -int(bytes)) }
