package swarm

import (
	"sync"
	"sync/atomic"
	"time"
)

// A Slot is the state that a connection and a choker share: whether the peer is unchoked,
// and what is known to decide that. Its methods may be called by several goroutines.
type Slot struct {
	group  Group
	number uint64
	wake   func() // makes the connection apply a change

	uploaded   atomic.Int64 // bytes of blocks, ever
	downloaded atomic.Int64
	asked      atomic.Int64 // time of the last request, in Unix nanoseconds
	served     atomic.Int64 // time of the last block sent or received, in Unix nanoseconds
	pending    atomic.Int64 // time of the first request accepted since then, in Unix nanoseconds

	mu         sync.Mutex
	joined     time.Time
	interested time.Time // since when the peer is interested; zero: it is not
	wanted     bool      // it has been interested at least once
	given      bool      // unchoked
	trial      bool      // an optimistic unchoke
	since      time.Time // time of the last change of given or trial; zero: never
	before     int64     // uploaded at that time
	up, down   Speed
}

// NewSlot returns the slot of a peer. number is in the order of arrival, as in [Peer], and
// joined is its time. wake is called when the slot was given or taken away.
func NewSlot(g Group, number uint64, joined time.Time, wake func()) *Slot {
	return &Slot{group: g, number: number, wake: wake, joined: joined}
}

// Given reports whether the peer is unchoked.
func (s *Slot) Given() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

// Uploaded and Downloaded return the bytes of blocks that were sent and received.
func (s *Slot) Uploaded() int64   { return s.uploaded.Load() }
func (s *Slot) Downloaded() int64 { return s.downloaded.Load() }

// Rates returns the rates over the last seconds, in bytes per second.
func (s *Slot) Rates() (up, down float64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.up.Rate, s.down.Rate
}

// Tick measures the rates. It is called once per second.
func (s *Slot) Tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.up.Tick(s.uploaded.Load(), 1)
	s.down.Tick(s.downloaded.Load(), 1)
}

// Asked records a request of the peer, which is accepted or not.
func (s *Slot) Asked(accepted bool) {
	now := time.Now().UnixNano()
	s.asked.Store(now)
	if accepted && s.pending.Load() <= s.served.Load() {
		s.pending.Store(now)
	}
}

// Sent records that n bytes of blocks were sent.
func (s *Slot) Sent(n int64) {
	now := time.Now().UnixNano()
	s.served.Store(now)
	s.asked.Store(now) // a peer with a long queue need not send requests
	s.uploaded.Add(n)
}

// Received records that n bytes of blocks were received.
func (s *Slot) Received(n int64) {
	s.served.Store(time.Now().UnixNano())
	s.downloaded.Add(n)
}

const (
	// A peer counts as active if a block was sent to it or received from it within
	// servedTime, or if it is unchoked and has had a request pending for less than
	// pendingTime. The latter is limited because a peer may cancel all its requests,
	// again and again.
	servedTime  = time.Minute
	pendingTime = 10 * time.Second

	// introTime is how long a new peer may take to send interested.
	introTime = 10 * time.Second
)

// Use says how useful the peer is.
func (s *Slot) Use(now time.Time) Use {
	s.mu.Lock()
	defer s.mu.Unlock()
	served, pending := time.Unix(0, s.served.Load()), time.Unix(0, s.pending.Load())
	return Use{
		Active:   now.Sub(served) < servedTime || s.given && now.Sub(pending) < pendingTime,
		Since:    served,
		Needless: !s.wanted && now.Sub(s.joined) >= introTime,
	}
}

// set gives or takes the slot, and reports whether that is a change. s.mu is locked.
func (s *Slot) set(given, trial bool, now time.Time) bool {
	news := s.given != given
	if news || s.trial != trial {
		s.since, s.before = now, s.uploaded.Load()
	}
	s.given, s.trial = given, trial
	return news
}

// keeps reports whether the peer keeps a given slot. s.mu is locked.
func (s *Slot) keeps(now time.Time) bool {
	held := now.Sub(s.since)
	if lastAsked := time.Unix(0, s.asked.Load()); held >= slotUnused && now.Sub(lastAsked) >= slotUnused {
		return false
	}
	if s.trial {
		return held < trialTime
	}
	return held < slotTime || held < slotMaxTime && s.uploaded.Load()-s.before < slotPieces*s.group.PieceLength()
}

// waits returns since when the peer has waited. A peer whose turn has just ended
// waits from now on. s.mu is locked.
func (s *Slot) waits(now time.Time) time.Time {
	switch {
	case s.given:
		return now
	case s.since.After(s.interested):
		return s.since
	}
	return s.interested
}

// A Speed measures the rate at which a counter of bytes grows.
type Speed struct {
	Last int64   // value of the counter at the last tick
	Rate float64 // bytes per second, smoothed
}

// Tick is called once per second with the counter. Without peers the rate drops to 0 at
// once.
func (s *Speed) Tick(count int64, peers int) {
	if s.Rate = 0.7*s.Rate + 0.3*float64(count-s.Last); s.Rate < 1 || peers == 0 {
		s.Rate = 0
	}
	s.Last = count
}
