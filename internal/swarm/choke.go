package swarm

import (
	"cmp"
	"context"
	"slices"
	"sync"
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
)

// A Group is a torrent, as a choker sees it.
type Group interface {
	PieceLength() int64
	OtherSeeds() int64 // according to trackers
	Leeches() bool     // slots are given for what peers give, and not in turn
}

// A Choker decides which peers are unchoked.
type Choker struct {
	most int // number of slots; 0: all interested peers are unchoked

	soon chan struct{} // signals a change of interest; has a buffer of one

	mu    sync.Mutex
	slots map[*Slot]bool
	round time.Time // when the peers of torrents that leech were last compared
}

// NewChoker returns a choker of a number of slots. 0 means that all interested peers are
// unchoked at once.
func NewChoker(most int) *Choker {
	return &Choker{most: most, slots: make(map[*Slot]bool), soon: make(chan struct{}, 1)}
}

// Add adds a peer, which is not interested yet.
func (c *Choker) Add(s *Slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.slots[s] = true
}

// Remove removes a peer.
func (c *Choker) Remove(s *Slot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.slots, s)
}

// SetInterested records that a peer has become interested or has stopped being so. Where
// the number of slots is unlimited, it is unchoked at once.
func (c *Choker) SetInterested(s *Slot, interested bool) {
	now := time.Now()
	s.mu.Lock()
	switch {
	case !interested:
		s.interested = time.Time{}
		s.set(false, false, now)
	case s.interested.IsZero():
		s.interested, s.wanted = now, true
		if c.most == 0 {
			s.set(true, false, now)
		}
	}
	s.mu.Unlock()
	if c.most > 0 {
		select {
		case c.soon <- struct{}{}:
		default: // a signal is pending already
		}
	}
}

// Run assigns the slots until ctx ends.
func (c *Choker) Run(ctx context.Context) {
	if c.most == 0 {
		return
	}
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-second.C:
		case <-c.soon:
			time.Sleep(decidePause) // collect further changes
		}
		c.decide(time.Now())
	}
}

// A waiter is an interested peer without a slot, or one whose turn is over.
type waiter struct {
	*Slot
	since    time.Time
	gives    float64 // bytes per second
	newcomer bool
}

// shareFairly moves the n waiters that are to get slots to the front. Within a torrent the
// longest waiting come first, or where it leeches those that give most. Among torrents it
// balances (slots held, as in had, plus slots given) × (other seeds + 1). line is ordered
// by waiting time, and the rest stays in that order.
func shareFairly(line []waiter, had map[Group]int, n int) []waiter {
	if n >= len(line) {
		return line
	}
	type share struct {
		weight int64 // 1 + number of other seeds
		slots  int64
		line   []waiter
	}
	var shares []*share
	of := make(map[Group]*share)
	for _, w := range line {
		s := of[w.group]
		if s == nil {
			s = &share{weight: 1 + w.group.OtherSeeds(), slots: int64(had[w.group])}
			of[w.group] = s
			shares = append(shares, s)
		}
		s.line = append(s.line, w)
	}
	for g, s := range of {
		if g.Leeches() {
			slices.SortStableFunc(s.line, func(a, b waiter) int { return cmp.Compare(b.gives, a.gives) })
		}
	}
	chosen := make(map[*Slot]bool)
	front := make([]waiter, 0, len(line))
	for range n {
		var best *share
		for _, s := range shares {
			if len(s.line) > 0 && (best == nil || (s.slots+1)*s.weight < (best.slots+1)*best.weight) {
				best = s
			}
		}
		front = append(front, best.line[0])
		chosen[best.line[0].Slot] = true
		best.slots++
		best.line = best.line[1:]
	}
	for _, w := range line {
		if !chosen[w.Slot] {
			front = append(front, w)
		}
	}
	return front
}

// roundTime is how long those that give most keep their slots where we leech (BEP 3).
const roundTime = 10 * time.Second

// decide assigns the slots. A peer keeps its slot until its turn is over. Free slots go to
// the longest waiting peers or, where we leech, to those that give most; fairly among
// torrents. Optimistic slots go to newcomers first and are short, so that a newcomer does
// not wait for all others.
func (c *Choker) decide(now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	compare := now.Sub(c.round) >= roundTime
	if compare {
		c.round = now
	}
	trials := max(c.most/trialShare, min(c.most-1, 1))
	regular := c.most - trials
	line, had := c.line(now, compare, &regular, &trials)
	next := func(n int, given, trial bool) {
		n = min(n, len(line))
		for _, w := range line[:n] {
			w.mu.Lock()
			news := w.set(given, trial, now)
			w.mu.Unlock()
			if news {
				w.wake()
			}
		}
		line = line[n:]
	}
	line = shareFairly(line, had, regular)
	next(regular, true, false)
	// Stable: newcomers first, each part by waiting time.
	slices.SortStableFunc(line, func(a, b waiter) int {
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

// line returns the interested peers whose turn is not on, by waiting time, and the
// number of slots that the others keep, by torrent. It subtracts these from the free
// ones. With compare, where we leech no turn goes on. c.mu is locked.
func (c *Choker) line(now time.Time, compare bool, regular, trials *int) (line []waiter, had map[Group]int) {
	had = make(map[Group]int)
	for s := range c.slots {
		s.mu.Lock()
		free := regular
		if s.trial {
			free = trials
		}
		keeps := s.keeps(now)
		if s.group.Leeches() && !s.trial {
			keeps = !compare
		}
		switch {
		case s.interested.IsZero():
		case s.given && *free > 0 && keeps:
			*free--
			had[s.group]++
		default:
			line = append(line, waiter{s, s.waits(now), s.down.Rate, s.since.IsZero()})
		}
		s.mu.Unlock()
	}
	slices.SortFunc(line, func(a, b waiter) int { return cmp.Or(a.since.Compare(b.since), cmp.Compare(a.number, b.number)) })
	return line, had
}
