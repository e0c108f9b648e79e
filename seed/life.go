package seed

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/piece"
)

// A State is the state of a torrent. Its value is what JSON documents show.
type State string

// States of a torrent.
const (
	StateQueued       State = "queued" // waits for a check
	StateChecking     State = "checking"
	StateSeeding      State = "seeding"
	StateSuperSeeding State = "super-seeding" // only in a Status: StateSeeding, until all pieces were sent
	StateWaiting      State = "waiting"       // waits until its data, which is missing or has changed, changes again
	StateDone         State = "done"          // reached its ratio or its time
	StateRemoved      State = "removed"
	StateError        State = "error" // only in the Status of a Directory: a file that can't be seeded
)

// transitions maps each state to the states that may follow it.
var transitions = map[State][]State{
	StateQueued:   {StateChecking, StateSeeding, StateWaiting, StateDone, StateRemoved},
	StateChecking: {StateSeeding, StateWaiting, StateDone, StateRemoved},
	StateSeeding:  {StateWaiting, StateDone, StateRemoved},
	StateWaiting:  {StateQueued, StateDone, StateRemoved},
	StateDone:     {StateRemoved},
}

// serves reports whether peers may connect.
func (s State) serves() bool { return s == StateSeeding || s == StateSuperSeeding }

// isOver reports whether the torrent has reached an end: no work is done for it and
// no events are emitted.
func (s State) isOver() bool { return s == StateDone || s == StateRemoved }

// An epoch counts the state changes of a torrent. Code that inspects a torrent and
// then changes its state passes the epoch of the inspection; the change is refused if
// another one came first.
type epoch uint64

// A life is the mutable state of a torrent. It is changed only by its methods, and
// the State only by setState.
type life struct {
	torrent   *Torrent
	suspected atomic.Bool // in Seeder.suspects

	mu              sync.Mutex
	state           State
	epoch           epoch
	cause           error              // why the torrent is not served
	cancel          context.CancelFunc // cancels the current step; nil: there was none
	made            bool               // the torrent was just made from the data, and the data has not been checked since
	checked         int64              // StateChecking: bytes
	toCheck         int64              // StateChecking: total bytes, pad files included
	identity        piece.Digest       // StateSeeding: identities of the files when they were checked
	since           time.Time          // StateSeeding: start of the state
	served          time.Duration      // time seeded before since, earlier runs included
	unreadableSince time.Time          // StateSeeding: since when the torrent file can't be read; zero: it can
	unreadBlocks    []block            // StateSeeding: blocks that could not be read for peers
	settling        settling           // StateWaiting
	later           *time.Timer        // schedules a recheck
	loaded          *loadedMetainfo    // StateSeeding; nil: not in use
	users           int                // peers that use loaded
	linger          *time.Timer        // drops loaded
	speed           speed
}

// A settling tracks whether data that has changed or failed is stable again.
type settling struct {
	retry bool         // check again even if the files are the same as when the torrent failed
	first piece.Digest // identities of the files when the torrent failed
	last  piece.Digest // identities of the files at the last recheck
	since time.Time    // when last was first seen

	probe []block       // blocks to read successfully first
	wait  time.Duration // before the next probe
	next  time.Time     // time of the next probe
}

// setState changes the state and emits e, if the transition is legal and, with a
// non-nil seen, *seen is the current epoch. It then sets *seen to the new epoch. set,
// if non-nil, is called with l.mu locked; e may be nil. setState reports whether the
// state was changed.
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
		l.torrent.updateAnnouncer()
	}
	return true
}

// now returns the state and the current epoch.
func (l *life) now() (State, epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state, l.epoch
}

// Served returns how long the torrent has been seeded, in this run and in the earlier
// runs that Input.Served counts.
func (l *life) Served() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.serves() {
		return l.served + time.Since(l.since)
	}
	return l.served
}

// emit emits an event that belongs to no change of state.
func (l *life) emit(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.state.isOver() {
		l.torrent.seeder.events.put(e)
	}
}

// work returns the epoch for a step toward seeding. cancel is called if the torrent
// leaves that path. ok is false if the torrent is over.
func (l *life) work(cancel context.CancelFunc) (seen epoch, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cancel = cancel
	return l.epoch, !l.state.isOver()
}

// takeMade reports whether the torrent was just made from the data, and clears that
// mark: data that changes later must be checked.
func (l *life) takeMade() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	made := l.made
	l.made = false
	return made
}

// progress records and emits the progress of a check.
func (l *life) progress(done, total int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.checked = done; l.state == StateChecking {
		l.torrent.seeder.events.put(EventChecking{l.torrent, done, total})
	}
}

// suspect schedules a recheck.
func (l *life) suspect() {
	if l.suspected.CompareAndSwap(false, true) {
		l.torrent.seeder.suspects.put(l.torrent)
	}
}

// suspectRead records blocks that could not be read, and schedules a recheck.
func (l *life) suspectRead(blocks ...block) {
	l.mu.Lock()
	if l.state.serves() && len(l.unreadBlocks) < maxProbes {
		l.unreadBlocks = append(l.unreadBlocks, blocks[:min(len(blocks), maxProbes-len(l.unreadBlocks))]...)
	}
	l.mu.Unlock()
	l.suspect()
}

// takeUnreadBlocks returns the blocks that could not be read, and clears the list.
func (l *life) takeUnreadBlocks() []block {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := l.unreadBlocks
	l.unreadBlocks = nil
	return list
}

// probes returns the blocks that must be readable before the torrent is checked
// again. due reports whether it is time to try.
func (l *life) probes() (blocks []block, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settling.probe, !time.Now().Before(l.settling.next)
}

// probeLater schedules the next probe, after twice the last wait.
func (l *life) probeLater() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settling.wait = min(max(2*l.settling.wait, l.torrent.seeder.options.recheckEvery), maxProbePause)
	l.settling.next = time.Now().Add(l.settling.wait)
	l.recheckIn(l.settling.wait)
}

// recheckLater schedules a recheck for when the data may have settled. l.mu is
// locked.
func (l *life) recheckLater() { l.recheckIn(l.torrent.seeder.options.recheckEvery) }

// recheckIn schedules a recheck after wait. l.mu is locked.
func (l *life) recheckIn(wait time.Duration) {
	if l.later == nil {
		l.later = time.AfterFunc(wait, l.suspect)
	} else {
		l.later.Reset(wait)
	}
}

// waitOut reports whether to ignore err for now and recheck later. It does so when
// resources are scarce, and for a short time when the torrent file can't be read: it
// may just have been removed, or is being written.
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

// hasSettled reports whether two rechecks in a row have seen the identities now, and
// whether they differ from those at the failure, unless retry is set.
func (l *life) hasSettled(now piece.Digest) bool {
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

// supplies returns the loaded metainfo, nil if it is not in use, and the identities
// of the files when they were checked.
func (l *life) supplies() (m *loadedMetainfo, identity piece.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loaded, l.identity
}

// join adds a user of the loaded metainfo, if there is any. Otherwise m is nil, and
// ok reports whether the torrent is served at all.
func (l *life) join() (m *loadedMetainfo, seen epoch, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state.serves() && l.loaded != nil {
		l.users++
	}
	return l.loaded, l.epoch, l.state.serves()
}

// supply sets the loaded metainfo, with one user, if seen is still the current epoch.
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

// leave removes a user that join or supply has added.
func (l *life) leave(m *loadedMetainfo) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded != m {
		return // the state has changed since
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

// emitJoined emits the event that a peer connected, if m is still what the torrent is
// served from. Otherwise the torrent has stopped since, and has disconnected only the
// peers that it knew.
func (l *life) emitJoined(m *loadedMetainfo, joined EventPeer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.loaded != m {
		return false
	}
	l.torrent.seeder.events.put(joined)
	return true
}

func (l *life) tick(uploaded int64, peers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speed.tick(uploaded, peers)
}

// describe sets the fields of s that depend on the state.
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
