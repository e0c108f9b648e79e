package swarm

import (
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"bt/internal/link"
	"bt/internal/peer"
)

// A Rate limits what is sent to peers, or what is received from them. It grants them
// bytes in turns. A peer holds no buffer while it waits for its turn.
type Rate struct {
	limiter *rate.Limiter
	grant   int64 // bytes per turn
}

// NewRate returns a rate limit, or nil, which is no limit, if bytesPerSecond is 0.
func NewRate(bytesPerSecond int64) *Rate {
	if bytesPerSecond <= 0 {
		return nil
	}
	// Twenty turns per second, but none smaller than a block.
	grant := min(max(bytesPerSecond/20, peer.MaxBlock), link.MaxWrite)
	return &Rate{rate.NewLimiter(rate.Limit(bytesPerSecond), int(grant)), grant}
}

// minTurn is the minimum of bytes per turn. It bounds how often peers are woken.
const minTurn = 512

// reserve grants bytes, to be used at or after from. sharers is the number of peers
// that want bytes for the same torrent. Together they get as many turns as a single
// peer of another torrent. first is the length of the first pending block: at the
// slowest limits a smaller block does not wait for a whole turn.
func (r *Rate) reserve(first, sharers int64) (bytes int64, from time.Time) {
	bytes = r.grant
	if r.grant == peer.MaxBlock {
		bytes = first
	}
	bytes = max(minTurn, bytes/max(1, sharers))
	now := time.Now()
	return bytes, now.Add(r.limiter.ReserveN(now, int(bytes)).DelayFrom(now))
}

// refund returns bytes that were granted and not used.
func (r *Rate) refund(bytes int64) { r.limiter.ReserveN(time.Now(), -int(bytes)) }

// Rates are the limits of one torrent, for one direction.
type Rates struct {
	All *Rate // shared by all torrents
	Own *Rate // of this torrent

	wanting atomic.Int64 // peers that wait for blocks
}

// A Budget is what the rates of a torrent have granted to one peer.
type Budget struct {
	Rates *Rates

	grants [2]int64  // bytes, of Rates.All and Rates.Own; negative: overdrawn
	after  time.Time // the grants may be used from then on
	wants  bool      // counted in Rates.wanting
}

// Want records whether the peer waits for blocks.
func (b *Budget) Want(blocks bool) {
	if blocks != b.wants {
		b.wants = blocks
		if blocks {
			b.Rates.wanting.Add(1)
		} else {
			b.Rates.wanting.Add(-1)
		}
	}
}

// Allowance returns how many bytes may be used now, at most [link.MaxWrite]. If that is
// 0, after is when some may be used. first is the length of the first pending block.
func (b *Budget) Allowance(first int64) (bytes int64, after time.Time) {
	for {
		if time.Now().Before(b.after) {
			return 0, b.after
		}
		// One turn at a time: peers of other torrents have theirs before the next one.
		bytes = b.reserve(first)
		if bytes > 0 && !time.Now().Before(b.after) {
			return bytes, time.Time{}
		}
	}
}

// reserve reserves a turn of each rate whose grant is used up. It returns how many bytes
// may be used from b.after on; 0 or less if that is still not enough.
func (b *Budget) reserve(first int64) (bytes int64) {
	bytes = link.MaxWrite
	for i, limit := range [...]*Rate{b.Rates.All, b.Rates.Own} {
		if limit == nil {
			continue
		}
		if b.grants[i] <= 0 {
			sharers := int64(1)
			if limit == b.Rates.All {
				sharers = b.Rates.wanting.Load()
			}
			more, from := limit.reserve(first, sharers)
			b.grants[i] += more
			if from.After(b.after) {
				b.after = from
			}
		}
		bytes = min(bytes, b.grants[i])
	}
	return bytes
}

// Spend counts n bytes of blocks as used.
func (b *Budget) Spend(n int64) {
	for i := range b.grants {
		b.grants[i] -= n
	}
}

// End returns unused grants to the rates.
func (b *Budget) End() {
	b.Want(false)
	for i, limit := range [...]*Rate{b.Rates.All, b.Rates.Own} {
		if grant := b.grants[i]; limit != nil && grant > 0 {
			limit.refund(grant)
		}
	}
}
