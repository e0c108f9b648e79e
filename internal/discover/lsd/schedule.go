package lsd

import (
	"container/list"
	"time"
)

const (
	// interval is how often each torrent is announced, if there are not too many, and
	// minInterval the minimum time until it is announced again for any reason.
	interval    = 5 * time.Minute
	minInterval = time.Minute

	// A message is sent at most every pause, on each interface and for each address
	// family. BEP 14 allows one per minute, which would not do for many torrents: with
	// 10,000 this is one round in 42 minutes. Up to 120 torrents need no more than one
	// message per minute.
	pause = 6 * time.Second
)

// A schedule has the torrents in the order in which they are announced. Each is in one of
// three lists of *entry.
type schedule struct {
	fresh list.List // they were not announced yet, the last first, so that one that is added beside many does not wait long
	asked list.List // they were asked for
	round list.List // others, the one that was announced the longest ago first
	renew time.Time // what was announced before this is due
	sent  time.Time // when the last message was sent
}

// add adds a new entry.
func (s *schedule) add(e *entry) { e.list, e.element = &s.fresh, s.fresh.PushFront(e) }

// remove removes an entry.
func (s *schedule) remove(e *entry) { e.list.Remove(e.element) }

// hurry lets an entry be announced as soon as it may be.
func (s *schedule) hurry(e *entry) {
	if e.list == &s.round {
		s.round.Remove(e.element)
		e.list, e.element = &s.asked, s.asked.PushBack(e)
	}
}

// next returns the entries to announce now, in one message. They count as announced.
func (s *schedule) next(now time.Time) []*entry {
	if !s.sent.IsZero() && now.Sub(s.sent) < pause {
		return nil
	}
	isNew := func(*entry) bool { return true }
	mayBe := func(e *entry) bool { return now.Sub(e.announced) >= minInterval }
	isDue := func(e *entry) bool { return now.Sub(e.announced) >= interval || e.announced.Before(s.renew) }
	entries := take(nil, &s.fresh, maxHashes, isNew)
	// Those that are asked for leave half of the rest to the others.
	entries = take(entries, &s.asked, (len(entries)+maxHashes)/2, mayBe)
	entries = take(entries, &s.round, maxHashes, isDue)
	entries = take(entries, &s.asked, maxHashes, mayBe)
	for _, e := range entries {
		e.announced = now
		e.list, e.element = &s.round, s.round.PushBack(e)
	}
	if len(entries) > 0 {
		s.sent = now
	}
	return entries
}

// take moves entries that are due from a list to entries, until it has n.
func take(entries []*entry, l *list.List, n int, isDue func(*entry) bool) []*entry {
	var next *list.Element
	for at := l.Front(); at != nil && len(entries) < n; at = next {
		next = at.Next()
		if e := at.Value.(*entry); isDue(e) {
			l.Remove(at)
			entries = append(entries, e)
		}
	}
	return entries
}
