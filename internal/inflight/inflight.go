// Package inflight keeps the requests that a peer has not answered yet: it limits their
// number, gives up those that the peer does not answer in time, and asks a peer that
// does not answer less and less often. It is for requests of which a download needs few,
// such as those for the info dict (BEP 9) and for hashes (BEP 52), and not for blocks.
//
// The package sends nothing and reads no clock.
package inflight

import (
	"slices"
	"time"
)

const (
	// Timeout is how long a peer may send no answer at all before its requests lapse.
	Timeout = 10 * time.Second

	// maxTime is how long an answer to one request may take while the peer answers
	// others.
	maxTime = 3 * Timeout

	// maxBackOff limits the pauses, which double from Timeout on.
	maxBackOff = 32 * Timeout

	// maxKept limits the requests that are kept for each peer, lapsed ones included.
	maxKept = 128
)

// A Peer holds the requests of type R to one peer. The zero Peer has none.
type Peer[R comparable] struct {
	kept     []request[R] // the oldest first
	answered time.Time    // when the latest answer arrived
	failures int          // since the latest answer
	retry    time.Time    // before which nothing is requested
}

type request[R comparable] struct {
	what   R
	at     time.Time
	lapsed bool // the request may be made to another peer, but an answer is still welcome
}

// Room returns how many requests may be made now, so that at most most are in flight.
// After a failure it is 1 at most, until the peer answers.
func (p *Peer[R]) Room(most int, now time.Time) int {
	switch {
	case now.Before(p.retry):
		return 0
	case p.failures > 0:
		most = 1
	}
	return max(0, min(most, maxKept)-p.InFlight())
}

// InFlight returns the number of requests that have not lapsed.
func (p *Peer[R]) InFlight() int {
	n := 0
	for range p.All() {
		n++
	}
	return n
}

// All yields the requests that have not lapsed.
func (p *Peer[R]) All() func(yield func(R) bool) {
	return func(yield func(R) bool) {
		for _, r := range p.kept {
			if !r.lapsed && !yield(r.what) {
				return
			}
		}
	}
}

// Failed reports whether the peer has failed since its latest answer. What it is asked
// for then should be requested from others too.
func (p *Peer[R]) Failed() bool { return p.failures > 0 }

// Has reports whether a request is in flight.
func (p *Peer[R]) Has(r R) bool {
	return slices.ContainsFunc(p.kept, func(k request[R]) bool { return k.what == r && !k.lapsed })
}

// Owes reports whether any answer would be one to a request, lapsed or not.
func (p *Peer[R]) Owes() bool { return len(p.kept) > 0 }

// Add adds a request that is made now.
func (p *Peer[R]) Add(r R, now time.Time) {
	p.remove(r)
	if len(p.kept) == maxKept {
		// Room ensures that not all are in flight.
		i := slices.IndexFunc(p.kept, func(k request[R]) bool { return k.lapsed })
		p.kept = slices.Delete(p.kept, max(i, 0), max(i, 0)+1)
	}
	p.kept = append(p.kept, request[R]{what: r, at: now})
}

// Answer removes a request that the peer has answered. It returns false if there was no
// such request.
func (p *Peer[R]) Answer(r R, now time.Time) bool {
	if !p.remove(r) {
		return false
	}
	p.answered, p.failures, p.retry = now, 0, time.Time{}
	return true
}

// Reject removes a request that the peer has rejected. It returns false if there was no
// such request.
func (p *Peer[R]) Reject(r R) bool { return p.remove(r) }

func (p *Peer[R]) remove(r R) bool {
	i := slices.IndexFunc(p.kept, func(k request[R]) bool { return k.what == r })
	if i < 0 {
		return false
	}
	p.kept = slices.Delete(p.kept, i, i+1)
	return true
}

// Expire lapses the requests that the peer has not answered in time, and returns them.
// If there are any, it backs off.
func (p *Peer[R]) Expire(now time.Time) []R {
	var lapsed []R
	for i := range p.kept {
		r := &p.kept[i]
		silent := now.Sub(r.at) >= Timeout && now.Sub(p.answered) >= Timeout
		if !r.lapsed && (silent || now.Sub(r.at) >= maxTime) {
			r.lapsed = true
			lapsed = append(lapsed, r.what)
		}
	}
	if len(lapsed) > 0 {
		p.BackOff(now)
	}
	return lapsed
}

// Lapse lapses all requests, and returns those that were in flight.
func (p *Peer[R]) Lapse() []R {
	lapsed := slices.Collect(p.All())
	for i := range p.kept {
		p.kept[i].lapsed = true
	}
	return lapsed
}

// BackOff makes the peer pause. Each pause is longer than the one before, until the peer
// answers.
func (p *Peer[R]) BackOff(now time.Time) {
	p.retry = now.Add(min(Timeout<<min(p.failures, 10), maxBackOff))
	p.failures++
}
