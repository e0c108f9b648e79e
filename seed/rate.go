package seed

import (
	"time"

	"golang.org/x/time/rate"
)

// A rateLimit grants bytes to peers in turns. A peer holds no buffer while it waits
// for its turn.
type rateLimit struct {
	limiter *rate.Limiter
	grant   int64 // bytes per turn
}

// newRateLimit returns a rate limit, or nil if bytesPerSecond is 0.
func newRateLimit(bytesPerSecond int64) *rateLimit {
	if bytesPerSecond <= 0 {
		return nil
	}
	// Twenty turns per second, but none smaller than a block.
	grant := min(max(bytesPerSecond/20, maxBlock), maxBatch)
	return &rateLimit{rate.NewLimiter(rate.Limit(bytesPerSecond), int(grant)), grant}
}

// reserve grants bytes, to be sent at or after from. sharers is the number of peers
// that want bytes for the same torrent. Together they get as many turns as a single
// peer of another torrent. first is the length of the first pending block: at the
// slowest limits a smaller block does not wait for a whole turn.
func (r *rateLimit) reserve(first, sharers int64) (bytes int64, from time.Time) {
	bytes = r.grant
	if r.grant == maxBlock {
		bytes = first
	}
	bytes = max(1, bytes/max(1, sharers))
	now := time.Now()
	return bytes, now.Add(r.limiter.ReserveN(now, int(bytes)).DelayFrom(now))
}

// refund returns bytes that were granted and not sent.
func (r *rateLimit) refund(bytes int64) { r.limiter.ReserveN(time.Now(), -int(bytes)) }
