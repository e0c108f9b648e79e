package dht

import (
	"container/heap"
	"math/rand/v2"
	"net/netip"
	"time"

	"bt/internal/discover"
	"bt/internal/discover/krpc"
)

const (
	// Each info-hash is announced about every meanInterval, give or take the jitter. If
	// there are too many for the limit of queries, the interval grows to maxInterval.
	meanInterval = 28 * time.Minute
	maxInterval  = 50 * time.Minute
	jitter       = 4 * time.Minute

	// reannounceTime is the time after an announce in which a search is no announce.
	reannounceTime = 15 * time.Minute

	// A hurried search comes at least hurryTime after the last one. The time doubles with
	// each, up to maxHurries.
	hurryTime  = 2 * time.Minute
	maxHurries = 3

	// A lookup that achieved nothing is repeated after retryTime. The time doubles with each,
	// up to maxRetries.
	retryTime  = time.Minute
	maxRetries = 5

	maxLookups = 64 // at once
	burst      = 8  // info-hashes that are announced at once after a pause

	typicalCost = 40  // packets of a lookup in one family
	minAsked    = 16  // nodes that a lookup may ask in each family, however many hashes there are
	load        = 0.8 // the part of the limit of queries that is planned for lookups
)

// A schedule holds the swarms that are announced.
type schedule struct {
	due    dueHeap
	fresh  []*entry  // new ones, which are not in due; the newest is the next
	next   time.Time // when the next fresh one may begin
	byHash map[krpc.ID]*entry
	added  []*entry // those of which it is not known yet whether this side seeds
	count  int
	active int     // lookups that are running
	cost   float64 // packets of a lookup, on average
}

// An entry is a swarm that is announced. There may be many, so it is kept small.
type entry struct {
	node      *Node
	hash      krpc.ID
	swarm     discover.Swarm
	due       time.Time // when the next lookup begins
	regular   time.Time // when it would without Hurry
	searched  time.Time // when the last lookup ended
	announced time.Time // when the last announce succeeded
	lookup    *lookup   // that is running
	place     int32     // in the heap; -1: in none
	hurries   uint8
	fails     uint8
	seeds     bool // this side has everything, at the last look
	busy      bool // a lookup is about to start, or running
	removed   bool
}

// Add implements discover.Finder. The first few entries are announced at once, and many
// are spread over time: the newest is the next, so that one that is added to many does not
// wait for them.
func (n *Node) Add(infoHash [20]byte, s discover.Swarm) discover.Entry {
	n.mu.Lock()
	defer n.unlock()
	e := &entry{node: n, hash: infoHash, swarm: s, place: -1}
	n.schedule.byHash[e.hash] = e
	n.schedule.count++
	n.schedule.fresh = append(n.schedule.fresh, e)
	n.schedule.added = append(n.schedule.added, e)
	n.signal()
	return e
}

// takeFresh removes and returns a fresh entry that may begin now, or nil. They are spread
// by what lookups cost at present, of which little is known at first.
func (n *Node) takeFresh(now time.Time) *entry {
	s := &n.schedule
	for len(s.fresh) > 0 && !s.next.After(now) {
		last := len(s.fresh) - 1
		e := s.fresh[last]
		s.fresh[last] = nil
		s.fresh = s.fresh[:last]
		if e.removed {
			continue
		}
		space := time.Duration(s.cost / (load * n.options.Rate) * float64(time.Second))
		if earliest := now.Add(-(burst - 1) * space); s.next.Before(earliest) {
			s.next = earliest
		}
		s.next = s.next.Add(space)
		e.regular = now
		return e
	}
	return nil
}

// setDue puts an entry into the heap, or moves it.
func (n *Node) setDue(e *entry, due time.Time) {
	e.due = due
	if e.place < 0 {
		heap.Push(&n.schedule.due, e)
	} else {
		heap.Fix(&n.schedule.due, int(e.place))
	}
	n.wakeBy(due)
}

// Hurry implements discover.Entry.
func (e *entry) Hurry() {
	n := e.node
	n.mu.Lock()
	defer n.unlock()
	if e.removed || e.busy {
		return
	}
	due := e.searched.Add(hurryTime << e.hurries)
	if now := time.Now(); due.Before(now) {
		due = now
	}
	if !e.searched.IsZero() && due.Before(e.due) {
		n.setDue(e, due)
	}
}

// Remove implements discover.Entry.
func (e *entry) Remove() {
	n := e.node
	n.mu.Lock()
	defer n.unlock()
	if e.removed {
		return
	}
	e.removed = true
	n.schedule.count--
	if n.schedule.byHash[e.hash] == e {
		delete(n.schedule.byHash, e.hash)
	}
	if e.place >= 0 {
		heap.Remove(&n.schedule.due, int(e.place))
	}
	if e.busy {
		e.busy = false
		n.schedule.active--
		if e.lookup != nil {
			e.lookup.over = true
			e.lookup = nil
		}
		n.signal()
	}
}

// begin begins lookups that are due, and returns when the next is.
func (n *Node) begin(now time.Time) time.Time {
	s := &n.schedule
	for _, e := range s.added {
		n.calls = append(n.calls, e.look)
	}
	s.added = nil
	if !n.isReady() {
		return now.Add(time.Hour)
	}
	for _, l := range n.waiting {
		n.start(l)
	}
	n.waiting = nil
	for s.active < maxLookups {
		e := n.takeFresh(now)
		if e == nil && len(s.due) > 0 && !s.due[0].due.After(now) {
			e = heap.Pop(&s.due).(*entry)
		}
		if e == nil {
			return n.nextDue(now)
		}
		e.busy = true
		s.active++
		n.calls = append(n.calls, e.start)
	}
	return now.Add(time.Hour)
}

// nextDue returns when the next lookup is due.
func (n *Node) nextDue(now time.Time) time.Time {
	s, next := &n.schedule, now.Add(time.Hour)
	if len(s.fresh) > 0 {
		next = s.next
	}
	if len(s.due) > 0 {
		next = earlier(next, s.due[0].due)
	}
	return next
}

// look notes whether this side seeds. mu is not locked.
func (e *entry) look() {
	seeds := e.swarm.Seeds()
	e.node.mu.Lock()
	defer e.node.unlock()
	e.seeds = seeds
}

// start starts the lookup of an entry. mu is not locked.
func (e *entry) start() {
	e.look()
	n := e.node
	n.mu.Lock()
	defer n.unlock()
	if e.removed || n.closed {
		return
	}
	now := time.Now()
	l := n.newLookup(e.hash, krpc.GetPeers)
	l.noSeeds, l.seed = e.seeds, e.seeds
	l.announce = n.options.Port != 0 && now.Sub(e.announced) >= reannounceTime
	l.maxAsked = n.budget()
	l.peers = func(peers []netip.AddrPort) { n.calls = append(n.calls, func() { e.found(peers) }) }
	l.done = func() { n.finish(e, l) }
	e.lookup = l
	n.start(l)
}

// found passes peers on. mu is not locked.
func (e *entry) found(peers []netip.AddrPort) {
	e.node.mu.Lock()
	removed := e.removed
	e.node.unlock()
	if !removed && e.swarm.Wanted() > 0 {
		e.swarm.Found(peers)
	}
}

// finish schedules the next lookup of an entry after one has ended.
func (n *Node) finish(e *entry, l *lookup) {
	now := time.Now()
	hurried := now.Before(e.regular)
	e.lookup, e.busy, e.searched = nil, false, now
	n.schedule.active--
	n.counters.Lookups++
	if hurried {
		e.hurries = min(e.hurries+1, maxHurries)
	} else {
		e.hurries = 0
	}
	if l.announced > 0 {
		e.announced = now
		n.counters.Announces++
		n.schedule.cost += (float64(l.packets) - n.schedule.cost) / 64
	}
	switch {
	case l.answers == 0 || l.announce && l.announced == 0:
		again := now.Add(min(retryTime<<e.fails, n.interval()))
		e.fails = min(e.fails+1, maxRetries)
		if hurried {
			again = earlier(again, e.regular)
		}
		e.regular = again
	case l.announce || !hurried:
		e.fails = 0
		e.regular = now.Add(n.interval())
	}
	n.setDue(e, e.regular)
	n.signal()
}

// interval returns the time until an info-hash is announced again.
func (n *Node) interval() time.Duration {
	s := &n.schedule
	needed := time.Duration(float64(s.count) * s.cost / (load * n.options.Rate) * float64(time.Second))
	return min(max(needed, meanInterval), maxInterval) + rand.N(2*jitter) - jitter
}

// budget returns how many nodes a lookup may ask in each family, such that all entries
// can be announced within maxInterval.
func (n *Node) budget() int {
	packets := load * n.options.Rate * maxInterval.Seconds() / float64(max(1, n.schedule.count))
	return min(max(int(packets)/len(n.families)-k, minAsked), maxAsked)
}

// A dueHeap is a heap of entries by their due time.
type dueHeap []*entry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, k int) bool { return h[i].due.Before(h[k].due) }
func (h dueHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].place, h[k].place = int32(i), int32(k)
}

func (h *dueHeap) Push(x any) {
	e := x.(*entry)
	e.place = int32(len(*h))
	*h = append(*h, e)
}

func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.place = -1
	return e
}
