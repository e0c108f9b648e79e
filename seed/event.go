package seed

import (
	"net/netip"
	"sync"
	"time"

	"bt/internal/tracker/client"
)

// An Event is something that happened: one of the types below. Those of a torrent
// come in the order in which its state has changed, and none comes after its
// EventStopped.
type Event interface{ isEvent() }

// A TrackerError is the error of an announce that failed: its Status, a message, and in
// RetryIn when the tracker wants to be asked again. Its text may quote the tracker, and
// the tracker may quote a passkey.
type TrackerError = client.Error

// An AnnounceStatus is the Status of a [TrackerError], such as "timeout", "refused" or
// "http-404". Package scrape has constants for them.
type AnnounceStatus = client.Status

// EventListening tells that peers are accepted.
type EventListening struct{ Addr netip.AddrPort }

// EventChecking tells how far a check is: when it begins, and once a second.
type EventChecking struct {
	Torrent     *Torrent
	Done, Total int64 // bytes, pad files included
}

// EventSeeding tells that a torrent is served.
type EventSeeding struct {
	Torrent *Torrent
	Pieces  int  // that are there
	Known   bool // by an earlier check, or the user's word
}

// EventAnnounce tells what a tracker answered.
type EventAnnounce struct {
	Torrent           *Torrent
	Tracker           string        // its URL, passkey and all
	Err               error         // what went wrong, a *TrackerError if the tracker is at fault; nil: nothing
	Message           string        // what the tracker says to the user
	Seeders, Leechers int64         // -1: not told
	Next              time.Duration // until the next
}

// EventPeer tells that a peer came, or went.
type EventPeer struct {
	Torrent  *Torrent
	Addr     netip.AddrPort
	Client   string // by its peer id, untrusted
	Joined   bool   // else it went
	Uploaded int64  // bytes; of one that went
	Err      error  // why it was dropped, if that is its fault
}

// EventStats tells the figures of all torrents, once a second if they have changed.
type EventStats struct {
	Uploaded int64 // bytes
	Rate     int64 // bytes a second
	Peers    int
}

// EventWarning tells what went wrong and stops nothing.
type EventWarning struct {
	Torrent *Torrent // nil: it is about no torrent that is seeded
	Err     error
}

// EventFailed tells that a torrent is not served until its data has changed; or,
// without one, that a file of a Directory can't be seeded.
type EventFailed struct {
	Torrent *Torrent
	Err     error
}

// EventStopped tells that a torrent has ended, or the Seeder.
type EventStopped struct {
	Torrent  *Torrent // nil: the Seeder, and all that it has
	Uploaded int64    // bytes
	Why      error    // ErrRatio or ErrTime; nil: it was asked for
}

func (EventListening) isEvent() {}
func (EventChecking) isEvent()  {}
func (EventSeeding) isEvent()   {}
func (EventAnnounce) isEvent()  {}
func (EventPeer) isEvent()      {}
func (EventStats) isEvent()     {}
func (EventWarning) isEvent()   {}
func (EventFailed) isEvent()    {}
func (EventStopped) isEvent()   {}

// maxEvents is how many events may wait to be told before those that tell no state
// are left out.
const maxEvents = 10_000

// events are what happened and was not told yet.
type events struct {
	mu    sync.Mutex
	list  []datedEvent
	ended bool
	ready chan struct{} // room for one
}

type datedEvent struct {
	time  time.Time
	event Event
}

func newEvents() *events { return &events{ready: make(chan struct{}, 1)} }

// put adds an event, unless the last has been added.
func (q *events) put(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.ended {
		return
	}
	switch e.(type) {
	case EventChecking, EventPeer, EventStats:
		if len(q.list) >= maxEvents {
			return
		}
	}
	q.add(e)
}

// end adds the last event.
func (q *events) end(e Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.add(e)
	q.ended = true
}

func (q *events) add(e Event) {
	q.list = append(q.list, datedEvent{time.Now(), e})
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

func (q *events) take() []datedEvent {
	q.mu.Lock()
	defer q.mu.Unlock()
	list := q.list
	q.list = nil
	return list
}

// deliver calls f with each event until over is closed, and then with those that
// are left.
func (q *events) deliver(over <-chan struct{}, f func(time.Time, Event)) {
	for ended := false; !ended; {
		select {
		case <-q.ready:
		case <-over:
			ended = true
		}
		for _, e := range q.take() {
			f(e.time, e.event)
		}
	}
}
