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
	// A peer keeps its slot for so many pieces and so long (libtorrent's round
	// robin), then another has its turn.
	slotPieces = 20
	slotTime   = time.Minute

	// A turn is over at last after this, or who takes little would keep its slot.
	slotMaxTime = 5 * time.Minute

	// A peer that has a slot and asks for nothing loses it.
	slotUnused = 20 * time.Second

	// One slot in so many is for trial, for so long ("optimistic unchoke"); one at
	// least where there are two.
	trialShare = 5
	trialTime  = 30 * time.Second

	// decidePause is how long the choker waits for further changes before it decides.
	decidePause = 5 * time.Millisecond

	// slotRate is what a peer should get, in bytes a second, where the rate is
	// limited: so many slots are given out then.
	slotRate = 64 << 10
)

// An unchokeSlot is the state that a connection and the choker share.
type unchokeSlot struct {
	uploaded atomic.Int64 // bytes of blocks, ever
	asked    atomic.Int64 // when the last request came, in nanoseconds since 1970
	served   atomic.Int64 // when the last block was sent, the same
	pending  atomic.Int64 // when the first request was taken since then, the same

	mu         sync.Mutex
	interested time.Time // since when; zero: not
	wanted     bool      // it was interested at least once
	given      bool
	trial      bool      // given for trial
	changed    bool      // and the connection does not know yet
	since      time.Time // when it was given or taken last; zero: never
	before     int64     // uploaded then
	speed      speed
}

// take returns whether the connection has a slot.
func (s *unchokeSlot) take() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed = false
	return s.given
}

func (s *unchokeSlot) isChanged() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.changed
}

// set gives the slot or takes it, and reports whether that is news. The slot is
// locked.
func (s *unchokeSlot) set(given, trial bool, now time.Time) bool {
	news := s.given != given
	if news || s.trial != trial {
		s.since, s.before = now, s.uploaded.Load()
	}
	s.given, s.trial = given, trial
	s.changed = s.changed || news
	return news
}

// keeps reports whether the turn of a given slot goes on. The slot is locked.
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

// waits is since when the peer has waited: who has a slot now that is over stands
// at the end. The slot is locked.
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
	max int // 0: all that are interested

	soon chan struct{} // somebody is interested; room for one

	mu        sync.Mutex
	conns     map[*conn]bool
	leaving   int       // of conns, evicted
	useless   []*conn   // who goes next
	allServed time.Time // when nobody could go last
}

func (s *choker) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.evicted {
		s.leaving--
	}
}

// all are the connected peers in no order.
func (s *choker) all() []*conn {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.conns))
}

// disconnect closes the connections to all peers of a torrent.
func (s *choker) disconnect(t *Torrent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		if c.torrent == t {
			c.socket.Close()
		}
	}
}

// interestChanged takes note that a peer wants something, or nothing any more. Where all
// are served it has its slot at once.
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
		default: // it is coming
		}
	}
}

// run gives everybody a turn until ctx ends.
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
			time.Sleep(decidePause) // peers may change their minds faster than it pays
		}
		s.decide(time.Now())
	}
}

// A waiter is a peer that wants a slot.
type waiter struct {
	*conn
	since    time.Time
	newcomer bool
}

// shareFairly puts n in front who are to get slots: of each torrent who has waited
// longest, and so many of it that the slots it has, with those it had before, times
// the seeds that it has elsewhere are about the same for all. The line is in the
// order of waiting, and so is its rest.
func shareFairly(line []waiter, had map[*Torrent]int, n int) []waiter {
	if n >= len(line) {
		return line
	}
	type share struct {
		weight int64 // of a slot
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

// decide gives the slots out. Who has one keeps it until the turn is over; free
// ones go to who has waited longest, fairly among the torrents. A few are for trial: newcomers get them
// first, for a short time, so that nobody waits for the turns of all others.
func (s *choker) decide(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var line []waiter
	had := make(map[*Torrent]int) // slots, of each torrent, that stay where they are
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
	slices.SortFunc(line, func(a, b waiter) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.number, b.number)) })
	next := func(n int, given, trial bool) {
		n = min(n, len(line))
		for _, w := range line[:n] {
			w.slot.mu.Lock()
			news := w.slot.set(given, trial, now)
			w.slot.mu.Unlock()
			if news {
				w.wake()
			}
		}
		line = line[n:]
	}
	line = shareFairly(line, had, regular)
	next(regular, true, false)
	slices.SortStableFunc(line, func(a, b waiter) int { // who waited longest is still first
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
