package seed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// State is what becomes of a torrent, as it stands in JSON.
type State string

// The states.
const (
	StateQueued       State = "queued" // to be checked
	StateChecking     State = "checking"
	StateSeeding      State = "seeding"
	StateSuperSeeding State = "super-seeding" // in a Status: StateSeeding, until all of it is out
	StateWaiting      State = "waiting"       // for its data, which is not what it was
	StateDone         State = "done"          // it has reached its ratio or its time
	StateRemoved      State = "removed"
	StateError        State = "error" // in a Status of a Directory: a file that can't be seeded
)

// transitions are the states that may follow each.
var transitions = map[State][]State{
	StateQueued:   {StateChecking, StateSeeding, StateWaiting, StateDone, StateRemoved},
	StateChecking: {StateSeeding, StateWaiting, StateDone, StateRemoved},
	StateSeeding:  {StateWaiting, StateDone, StateRemoved},
	StateWaiting:  {StateQueued, StateDone, StateRemoved},
	StateDone:     {StateRemoved},
}

// serves reports whether peers are let in.
func (s State) serves() bool { return s == StateSeeding || s == StateSuperSeeding }

// isOver reports whether nothing more is done for the torrent, or told of it.
func (s State) isOver() bool { return s == StateDone || s == StateRemoved }

// An epoch is the time from one change of a state to the next. Who looks at a
// torrent and then changes its state names the epoch in which it looked: what it saw
// is no longer so if another has begun.
type epoch uint64

// A life is what changes of a torrent. Only its methods change it, and setState alone
// changes the state.
type life struct {
	torrent   *Torrent
	suspected atomic.Bool // it is among Seeder.suspects

	mu              sync.Mutex
	state           State
	epoch           epoch
	cause           error              // why it is not served
	cancel          context.CancelFunc // ends the check; nil: there was none
	made            bool               // of the data just now, and not looked at since
	checked         int64              // StateChecking: bytes
	toCheck         int64              // StateChecking: bytes in all, pad files included
	identity        digest             // StateSeeding: of the files as they were checked
	since           time.Time          // StateSeeding
	served          time.Duration      // before that, earlier runs included
	unreadableSince time.Time          // StateSeeding: since when the torrent can't be read again; zero: it can
	unreadBlocks    []block            // StateSeeding: what could not be read from its files
	settling        settling           // StateWaiting
	later           *time.Timer        // has the data looked at
	loaded          *loadedMetainfo    // StateSeeding; nil: nobody needs it
	users           int                // peers that use loaded
	linger          *time.Timer        // drops loaded
	speed           speed
}

// A settling tells when data that has changed is at rest.
type settling struct {
	retry bool      // even if it seems to be what it was when it failed
	first string    // when it failed, as identityOf tells
	last  string    // when it was looked at last
	since time.Time // of last

	probe []block       // to be read before it is at rest
	wait  time.Duration // before the next probe
	next  time.Time     // of it
}

// setState changes the state and queues the event, if that is a legal transition in
// the epoch *seen, and makes the epoch that begins *seen; nil: in whatever epoch. set
// is called with the life locked; e and set may be nil.
func (l *life) setState(seen *epoch, to State, e Event, set func()) bool {
	s := l.torrent.seeder
	s.delay()
	l.mu.Lock()
	if seen != nil && *seen != l.epoch || !slices.Contains(transitions[l.state], to) {
		l.mu.Unlock()
		return false
	}
	from, was := l.state, l.loaded
	l.state, l.cause = to, nil
	l.epoch++
	if seen != nil {
		*seen = l.epoch
	}
	if now := time.Now(); to.serves() {
		l.since = now
	} else if from.serves() {
		l.served += now.Sub(l.since)
	}
	if set != nil {
		set()
	}
	l.unreadBlocks = nil
	if l.loaded, l.users = nil, 0; l.cancel != nil && (to.isOver() || to == StateWaiting) {
		l.cancel()
	}
	if e != nil && !from.isOver() {
		s.events.put(e)
	}
	l.mu.Unlock()
	s.delay()
	if from.serves() {
		s.choker.disconnect(l.torrent)
	}
	if was != nil {
		s.mappings.forget(was.data)
	}
	if from.serves() || to.serves() || to == StateRemoved {
		l.torrent.tellTrackers()
	}
	return true
}

// now returns the state, and the epoch in which it is so.
func (l *life) now() (State, epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.epoch
}

// Served is how long the torrent was seeded, as far as is known in all runs.
func (l *life) Served() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.serves() {
		return l.served + time.Since(l.since)
	}
	return l.served
}

// emit queues an event that changes no state.
func (l *life) emit(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.state.isOver() {
		l.torrent.seeder.events.put(e)
	}
}

// work returns the epoch for a step on the way to be seeded, which cancel ends; ok is
// false if there is nothing more to do.
func (l *life) work(cancel context.CancelFunc) (seen epoch, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = cancel
	return l.epoch, !l.state.isOver()
}

// takeMade reports whether the torrent was made of the data just now: this once, for
// data that changes is checked like any other.
func (l *life) takeMade() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := l.made
	l.made = false
	return made
}

// progress notes how far a check is.
func (l *life) progress(done, total int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.checked = done; l.state == StateChecking {
		l.torrent.seeder.events.put(EventChecking{l.torrent, done, total})
	}
}

// suspect has the data looked at soon.
func (l *life) suspect() {
	if l.suspected.CompareAndSwap(false, true) {
		l.torrent.seeder.suspects.put(l.torrent)
	}
}

// suspectRead has blocks looked at that could not be read.
func (l *life) suspectRead(blocks ...block) {
	l.mu.Lock()
	if l.state.serves() && len(l.unreadBlocks) < maxProbes {
		l.unreadBlocks = append(l.unreadBlocks, blocks[:min(len(blocks), maxProbes-len(l.unreadBlocks))]...)
	}
	l.mu.Unlock()
	l.suspect()
}

// takeUnreadBlocks returns the blocks that could not be read, once.
func (l *life) takeUnreadBlocks() []block {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.unreadBlocks
	l.unreadBlocks = nil
	return list
}

// probes returns the blocks to be read before the data is at rest, if it is time to.
func (l *life) probes() (blocks []block, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settling.probe, !time.Now().Before(l.settling.next)
}

// probeLater has the data looked at when what could not be read may be readable.
func (l *life) probeLater() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settling.wait = min(max(2*l.settling.wait, l.torrent.seeder.options.recheckEvery), maxProbePause)
	l.settling.next = time.Now().Add(l.settling.wait)
	l.recheckIn(l.settling.wait)
}

// recheckLater has the data looked at when it may have come to rest. l.mu is locked.
func (l *life) recheckLater() { l.recheckIn(l.torrent.seeder.options.recheckEvery) }

func (l *life) recheckIn(wait time.Duration) {
	if l.later == nil {
		l.later = time.AfterFunc(wait, l.suspect)
	} else {
		l.later.Reset(wait)
	}
}

// waitOut reports whether to wait and see what becomes of a torrent that can't be
// read again: it may have been removed just now, or is being written.
func (l *life) waitOut(err error) bool {
	_, unread := errors.AsType[*unreadError](err)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case isScarcity(err):
	case !unread:
		l.unreadableSince = time.Time{}
		return false
	case l.unreadableSince.IsZero():
		l.unreadableSince = time.Now()
	case time.Since(l.unreadableSince) >= l.torrent.seeder.options.recheckEvery*9/10:
		l.unreadableSince = time.Time{}
		return false
	}
	l.recheckLater()
	return true
}

// hasSettled reports whether two looks have seen the same, and something else than when
// it failed, if that matters.
func (l *life) hasSettled(now string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	r := &l.settling
	if now != r.last {
		r.last, r.since = now, time.Now()
		l.recheckLater()
		return false
	}
	return (r.retry || now != r.first) && time.Since(r.since) >= l.torrent.seeder.options.recheckEvery*9/10
}

// supplies returns what the torrent is served from; m is nil if nobody needs it.
func (l *life) supplies() (m *loadedMetainfo, identity digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded, l.identity
}

// join counts a user of the loaded metainfo, if there is any; else m is nil, and ok
// reports whether the torrent is served at all.
func (l *life) join() (m *loadedMetainfo, seen epoch, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.serves() && l.loaded != nil {
		l.users++
	}
	return l.loaded, l.epoch, l.state.serves()
}

// supply begins to serve from m, which has one peer, if that epoch is not over.
func (l *life) supply(seen epoch, m *loadedMetainfo) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seen != l.epoch {
		return false
	}
	l.loaded, l.users = m, 1
	return true
}

// lingering is how long unused loaded metainfo is kept: peers often reconnect.
const lingering = 30 * time.Second

// leave is called by each peer that has joined.
func (l *life) leave(m *loadedMetainfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded != m {
		return // it was dropped
	}
	if l.users--; l.users > 0 {
		return
	}
	l.torrent.seeder.mappings.trim(m.data)
	if l.linger == nil {
		l.linger = time.AfterFunc(lingering, l.drop)
	}
	l.linger.Reset(lingering)
}

// drop drops the loaded metainfo if no peer uses it.
func (l *life) drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.users == 0 {
		l.loaded = nil
	}
}

func (l *life) hasPeers() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.users > 0
}

// emitJoined queues the event that a peer joined, if m is still what the torrent
// is served from: one that stopped meanwhile has disconnected the peers it found.
func (l *life) emitJoined(m *loadedMetainfo, joined EventPeer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded != m {
		return false
	}
	l.torrent.seeder.events.put(joined)
	return true
}

// tick follows the rate.
func (l *life) tick(uploaded int64, peers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speed.tick(uploaded, peers)
}

// describe fills in what it knows.
func (l *life) describe(s *TorrentStatus) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.State, s.Rate = l.state, int64(l.speed.rate)
	if l.state == StateChecking {
		s.Done, s.Total = l.checked, l.toCheck
	}
	if l.cause != nil {
		s.Message = l.cause.Error()
	}
}
