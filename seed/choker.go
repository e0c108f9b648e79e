package seed

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// A peer keeps its slot for at least slotPieces pieces and slotTime, as in
	// libtorrent's round robin.
	slotPieces = 20
	slotTime   = time.Minute

	// A slot is taken away after slotMaxTime, or a slow peer would keep it.
	slotMaxTime = 5 * time.Minute

	// A peer that has a slot and sends no request for this long loses it.
	slotUnused = 20 * time.Second

	// One slot in trialShare is an optimistic unchoke, for trialTime. There is at
	// least one if there are two slots.
	trialShare = 5
	trialTime  = 30 * time.Second

	// decidePause is how long the choker waits for further changes before it decides.
	decidePause = 5 * time.Millisecond

	// slotRate is the rate, in bytes per second, that a peer should get where the
	// rate is limited. It sets the number of slots.
	slotRate = 64 << 10
)

// An unchokeSlot is the state that a connection and the choker share.
type unchokeSlot struct {
	uploaded atomic.Int64 // bytes of blocks, ever
	asked    atomic.Int64 // time of the last request, in Unix nanoseconds
	served   atomic.Int64 // time of the last block sent, in Unix nanoseconds
	pending  atomic.Int64 // time of the first request accepted since then, in Unix nanoseconds

	mu         sync.Mutex
	joined     time.Time
	interested time.Time // since when the peer is interested; zero: it is not
	wanted     bool      // it has been interested at least once
	given      bool      // unchoked
	trial      bool      // an optimistic unchoke
	since      time.Time // time of the last change of given or trial; zero: never
	before     int64     // uploaded at that time
	speed      speed
}

// isGiven reports whether the peer is unchoked.
func (s *unchokeSlot) isGiven() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.given
}

// set gives or takes the slot, and reports whether that is a change. s.mu is locked.
func (s *unchokeSlot) set(given, trial bool, now time.Time) bool {
	news := s.given != given
	if news || s.trial != trial {
		s.since, s.before = now, s.uploaded.Load()
	}
	s.given, s.trial = given, trial
	return news
}

// keeps reports whether the peer keeps a given slot. s.mu is locked.
func (s *unchokeSlot) keeps(now time.Time, pieceLength int64) bool {
	held := now.Sub(s.since)
	if lastAsked := time.Unix(0, s.asked.Load()); held >= slotUnused && now.Sub(lastAsked) >= slotUnused {
		return false
	}
	if s.trial {
		return held < trialTime
	}
	return held < slotTime || held < slotMaxTime && s.uploaded.Load()-s.before < slotPieces*pieceLength
}

// waits returns since when the peer has waited. A peer whose turn has just ended
// waits from now on. s.mu is locked.
func (s *unchokeSlot) waits(now time.Time) time.Time {
	switch {
	case s.given:
		return now
	case s.since.After(s.interested):
		return s.since
	}
	return s.interested
}

// A choker decides which peers are unchoked.
type choker struct {
	max int // number of slots; 0: all interested peers are unchoked

	soon chan struct{} // signals a change of interest; has a buffer of one

	mu    sync.Mutex
	conns map[*conn]bool
}

func (s *choker) add(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[c] = true
}

func (s *choker) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
}

// all returns the connected peers in no particular order.
func (s *choker) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// disconnect closes the connections of all peers of a torrent.
func (s *choker) disconnect(t *Torrent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.torrent == t {
			c.Close()
		}
	}
}

// interestChanged records that a peer has become interested or has stopped being so.
// Where the number of slots is unlimited, it is unchoked at once.
func (s *choker) interestChanged(c *conn) {
	now := time.Now()
	l := &c.slot
	l.mu.Lock()
	switch {
	case !c.interested:
		l.interested = time.Time{}
		l.set(false, false, now)
	case l.interested.IsZero():
		l.interested, l.wanted = now, true
		if s.max == 0 {
			l.set(true, false, now)
		}
	}
	l.mu.Unlock()
	if s.max > 0 {
		select {
		case s.soon <- struct{}{}:
		default: // a signal is pending already
		}
	}
}

// run assigns the slots until ctx ends.
func (s *choker) run(ctx context.Context) {
	if s.max == 0 {
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		case <-s.soon:
			time.Sleep(decidePause) // collect further changes
		}
		s.decide(time.Now())
	}
}

// A waiter is an interested peer without a slot, or one whose turn is over.
type waiter struct {
	*conn
	since    time.Time
	newcomer bool
}

// shareFairly moves the n waiters that are to get slots to the front. Within a
// torrent the longest waiting come first. Among torrents it balances (slots held, as
// in had, plus slots given) × (other seeds + 1). line is ordered by waiting time, and
// the rest stays in that order.
func shareFairly(line []waiter, had map[*Torrent]int, n int) []waiter {
	if n >= len(line) {
		return line
	}
	type share struct {
		weight int64 // 1 + number of other seeds
		slots  int64
		line   []waiter
	}
	var shares []*share
	of := make(map[*Torrent]*share)
	for _, w := range line {
		s := of[w.torrent]
		if s == nil {
			s = &share{weight: 1 + w.torrent.seeds.Load(), slots: int64(had[w.torrent])}
			of[w.torrent] = s
			shares = append(shares, s)
		}
		s.line = append(s.line, w)
	}
	chosen := make(map[*conn]bool)
	front := make([]waiter, 0, len(line))
	for range n {
		var best *share
		for _, s := range shares {
			if len(s.line) > 0 && (best == nil || (s.slots+1)*s.weight < (best.slots+1)*best.weight) {
				best = s
			}
		}
		front = append(front, best.line[0])
		chosen[best.line[0].conn] = true
		best.slots++
		best.line = best.line[1:]
	}
	for _, w := range line {
		if !chosen[w.conn] {
			front = append(front, w)
		}
	}
	return front
}

// decide assigns the slots. A peer keeps its slot until its turn is over. Free slots
// go to the longest waiting peers, fairly among torrents. Optimistic slots go to
// newcomers first and are short, so that a newcomer does not wait for all others.
func (s *choker) decide(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var line []waiter
	had := make(map[*Torrent]int) // slots kept, by torrent
	trials := max(s.max/trialShare, min(s.max-1, 1))
	regular := s.max - trials
	for c := range s.conns {
		l := &c.slot
		l.mu.Lock()
		free := &regular
		if l.trial {
			free = &trials
		}
		switch {
		case l.interested.IsZero():
		case l.given && *free > 0 && l.keeps(now, c.torrent.pieceLength):
			*free--
			had[c.torrent]++
		default:
			line = append(line, waiter{c, l.waits(now), l.since.IsZero()})
		}
		l.mu.Unlock()
	}
	slices.SortFunc(line, func(a, b waiter) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.Number, b.Number)) })
	next := func(n int, given, trial bool) {
		n = min(n, len(line))
		for _, w := range line[:n] {
			w.slot.mu.Lock()
			news := w.slot.set(given, trial, now)
			w.slot.mu.Unlock()
			if news {
				w.Wake()
			}
		}
		line = line[n:]
	}
	line = shareFairly(line, had, regular)
	next(regular, true, false)
	slices.SortStableFunc(line, func(a, b waiter) int { // stable: newcomers first, each part by waiting time
		switch {
		case a.newcomer == b.newcomer:
			return 0
		case a.newcomer:
			return -1
		}
		return 1
	})
	next(trials, true, true)
	next(len(line), false, false)
}
