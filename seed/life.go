package seed

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/swarm"
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

	mu       sync.Mutex
	state    State
	epoch    epoch
	cause    error              // why the torrent is not served
	cancel   context.CancelFunc // cancels the current step; nil: there was none
	made     bool               // the torrent was just made from the data, and the data has not been checked since
	checking checking           // StateChecking
	seeding  seeding            // StateSeeding
	settling settling           // StateWaiting
	served   stopwatch          // time seeded, earlier runs included
	later    *time.Timer        // schedules a recheck
	use      usage
	speed    swarm.Speed
}

// checking is the progress of a check in bytes, pad files included.
type checking struct{ done, total int64 }

// setState changes the state and emits e, if the transition is legal and, with a
// non-nil seen, *seen is the current epoch. It then sets *seen to the new epoch. set,
// if non-nil, is called with l.mu locked; e may be nil. setState reports whether the
// state was changed.
func (l *life) setState(seen *epoch, to State, e Event, set func()) bool {
	s := l.torrent.seeder
	s.delay()
	from, dropped, ok := l.transition(seen, to, e, set)
	if !ok {
		return false
	}
	s.delay()
	if from.serves() {
		s.hub.Forget(entry{l.torrent})
		s.conns.disconnect(l.torrent)
	}
	if dropped != nil {
		dropped.data.Close()
	}
	if from.serves() || to.serves() || to == StateRemoved {
		l.torrent.updateAnnouncer()
	}
	return true
}

// isServed reports whether the torrent is served now.
func (l *life) isServed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state.serves()
}

// transition is the part of setState that holds l.mu. It returns the state before,
// and the loaded metainfo that the torrent no longer uses.
func (l *life) transition(seen *epoch, to State, e Event, set func()) (from State, dropped *loadedMetainfo, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if seen != nil && *seen != l.epoch || !slices.Contains(transitions[l.state], to) {
		return l.state, nil, false
	}
	from, l.state, l.cause = l.state, to, nil
	l.epoch++
	if seen != nil {
		*seen = l.epoch
	}
	l.served.run(to.serves(), time.Now())
	if set != nil {
		set()
	}
	dropped = l.use.end()
	if l.cancel != nil && (to.isOver() || to == StateWaiting) {
		l.cancel()
	}
	if e != nil && !from.isOver() {
		l.torrent.seeder.events.Put(e)
	}
	return from, dropped, true
}

// A stopwatch adds up the times during which it runs.
type stopwatch struct {
	before time.Duration // up to since
	since  time.Time     // when it was started; zero: it is stopped
}

// run starts or stops the stopwatch.
func (w *stopwatch) run(runs bool, now time.Time) {
	w.before, w.since = w.total(now), time.Time{}
	if runs {
		w.since = now
	}
}

func (w *stopwatch) total(now time.Time) time.Duration {
	if w.since.IsZero() {
		return w.before
	}
	return w.before + now.Sub(w.since)
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
	return l.served.total(time.Now())
}

// emit emits an event that belongs to no change of state.
func (l *life) emit(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.state.isOver() {
		l.torrent.seeder.events.Put(e)
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
	if l.checking.done = done; l.state == StateChecking {
		l.torrent.seeder.events.Put(EventChecking{l.torrent, done, total})
	}
}

func (l *life) tick(uploaded int64, peers int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.speed.Tick(uploaded, peers)
}

// describe sets the fields of s that depend on the state.
func (l *life) describe(s *TorrentStatus) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s.State, s.Rate = l.state, int64(l.speed.Rate)
	if l.state == StateChecking {
		s.Done, s.Total = l.checking.done, l.checking.total
	}
	if l.cause != nil {
		s.Message = l.cause.Error()
	}
}
