// Package announce announces swarms to trackers (BEP 3, 7, 12, 31). It handles many
// swarms, each with its tiers of trackers, over each address family that peers can
// use to reach us.
//
// Each address family of a tier has its own session, with its own schedule, back-off
// and tracker id, and each host has a queue per address family. A host that hangs
// over one family delays neither the other family nor other hosts. A tier works if
// one family works.
package announce

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
	"unique"

	"golang.org/x/sync/semaphore"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// Options configure an Announcer.
type Options struct {
	PeerID    [20]byte
	Port      uint16 // port on which peers can reach us
	UserAgent string // of HTTP requests; "" means none
	Untrusted bool   // as in client.Client: trackers must not have private addresses
	Families  []Family

	// External, if non-nil, is called with our address as a tracker sees it (BEP 24). It
	// may be called by several goroutines.
	External func(netip.Addr)
}

// A Swarm is a swarm to be announced. Its methods are called by goroutines of the
// Announcer, without locks held.
type Swarm interface {
	Uploaded() int64   // bytes; never decreases
	Downloaded() int64 // bytes; never decreases
	Left() int64       // bytes
	Answered(Answer)   // called for each outcome of an announce

	Wanted() int // how many peers to ask a tracker for; 0: none

	// Found is called with the peers that a tracker has sent, and the counts of the same
	// response, which are of one address family; -1 if unknown. tracker is its URL. Found
	// is called after Answered, and also for responses that are not reported by an Answer
	// of their own.
	Found(tracker string, peers []netip.AddrPort, seeders, leechers int64)
}

// An Answer is the outcome of an announce. A tracker that is announced to over two
// address families gives one answer at a time, and an error only if both families
// fail.
type Answer struct {
	URL      string        // URL of the tracker, which may contain a passkey
	Err      error         // nil: the fields below are valid
	Warning  string        // for the user; untrusted
	Seeders  int64         // -1 if unknown
	Leechers int64         // -1 if unknown
	Next     time.Duration // until the next announce
}

// A Status is a snapshot of one tier.
type Status struct {
	URL      string    // URL of the tracker that answered last, or was asked last; may contain a passkey
	Message  string    // warning of the tracker, or the error; untrusted
	Failed   bool      // the last announce failed
	Seeders  int64     // -1 if unknown
	Leechers int64     // -1 if unknown
	Next     time.Time // time of the next announce; zero: none
}

// An Announcer announces the swarms that are added to it while Run runs.
type Announcer struct {
	options  Options
	clients  []*client.Client // by family
	exchange func(ctx context.Context, family int, u *tracker.URL, r tracker.AnnounceRequest, sent func()) (*tracker.AnnounceResponse, error)

	running *semaphore.Weighted // of weight maxAnnounces, held during each announce
	news    chan struct{}       // signals Run; has a buffer of one
	workers sync.WaitGroup

	mu      sync.Mutex
	ctx     context.Context // for new announces
	closing bool            // Run is ending: leave all trackers
	entries map[*Entry]bool // not removed
	due     sessionHeap     // sessions that wait for their time
	queues  map[endpoint]*queue
	hosts   map[endpoint]hostState

	// A swarm may be removed and added again at once. The old entry's stopped event
	// must not be sent after the started event of the new one.
	leaving map[presence]int        // number of sessions of removed entries that have not left yet
	held    map[presence][]*session // sessions that wait until leaving is 0
}

// An endpoint is the host and port of trackers, over one address family.
type endpoint struct {
	host   string
	family int
}

// A presence is a swarm in one address family.
type presence struct {
	hash   [20]byte
	family int
}

// A hostState is what is known about an endpoint. The zero value means nothing.
type hostState struct {
	fails    bool      // it did not respond to the last announce
	slow     bool      // it takes longer than stopTimeout to respond
	answered time.Time // time of the last response; zero: none
}

// New returns an Announcer without swarms.
func New(o Options) *Announcer {
	a := &Announcer{
		options: o, running: semaphore.NewWeighted(maxAnnounces), news: make(chan struct{}, 1),
		ctx: context.Background(), entries: make(map[*Entry]bool), queues: make(map[endpoint]*queue), hosts: make(map[endpoint]hostState),
		leaving: make(map[presence]int), held: make(map[presence][]*session),
	}
	for _, f := range o.Families {
		a.clients = append(a.clients, &client.Client{Network: f.Network, From: f.From, UserAgent: o.UserAgent, Untrusted: o.Untrusted, Timeout: announceTimeout, Patient: true, Conns: maxPerHostAtEnd})
	}
	a.exchange = func(ctx context.Context, family int, u *tracker.URL, r tracker.AnnounceRequest, sent func()) (*tracker.AnnounceResponse, error) {
		return a.clients[family].Announce(client.OnSent(ctx, sent), u, r)
	}
	return a
}

// An Entry is a swarm that was added. Its methods do not block.
type Entry struct {
	announcer *Announcer
	swarm     Swarm
	hash      [20]byte
	key       uint32
	tiers     []*tier

	// Guarded by announcer.mu.
	served, removed bool
	completed       chan struct{} // see Complete; nil: not called yet
}

// A tier is a tier of trackers of one swarm (BEP 12). They are asked in order until
// one responds, which then becomes the first. The fields are guarded by announcer.mu.
type tier struct {
	entry    *Entry
	urls     []string
	sessions []*session // by family
	replaced []*session // sessions that leave a tracker which another one has replaced
	reporter *session   // the session whose answers are reported; nil: none yet
	last     Status     // except Next
}

// Add adds a swarm with its tiers of trackers. It is not served at first. A tracker
// must not occur twice. Each tier is shuffled.
func (a *Announcer) Add(hash [20]byte, tiers [][]string, swarm Swarm) *Entry {
	e := &Entry{announcer: a, swarm: swarm, hash: hash, key: rand.Uint32()}
	for _, urls := range tiers {
		if len(urls) == 0 {
			continue
		}
		t := &tier{entry: e}
		for _, url := range urls { // interned, since thousands of torrents share a few URLs
			t.urls = append(t.urls, unique.Make(url).Value())
		}
		rand.Shuffle(len(t.urls), func(i, k int) { t.urls[i], t.urls[k] = t.urls[k], t.urls[i] })
		for i := range a.options.Families {
			t.sessions = append(t.sessions, &session{tier: t, family: i, place: -1})
		}
		t.reset()
		e.tiers = append(e.tiers, t)
	}
	a.mu.Lock()
	a.entries[e] = true
	a.mu.Unlock()
	return e
}

// Serve sets whether the swarm is served. It is announced soon, or its trackers are
// sent a stopped event.
func (e *Entry) Serve(served bool) {
	a := e.announcer
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.removed || e.served == served {
		return
	}
	e.served = served
	e.reschedule()
}

// Remove removes the entry. Its trackers are sent a stopped event.
func (e *Entry) Remove() {
	a := e.announcer
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.removed {
		return
	}
	e.removed, e.served = true, false
	delete(a.entries, e)
	e.endCompletion()
	for s := range e.all() {
		if s.busy || s.at != "" {
			s.removed = true
			a.leaving[s.presence()]++
		}
	}
	e.reschedule()
}

// reschedule makes all sessions due now. announcer.mu is locked.
func (e *Entry) reschedule() {
	now := time.Now()
	for s := range e.all() {
		s.reschedule(now)
	}
	e.announcer.signal()
}

// all yields the sessions of an entry. announcer.mu is locked.
func (e *Entry) all() func(yield func(*session) bool) {
	return func(yield func(*session) bool) {
		for _, t := range e.tiers {
			for _, list := range [][]*session{t.sessions, t.replaced} {
				for _, s := range list {
					if !yield(s) {
						return
					}
				}
			}
		}
	}
}

// Status returns the status of each tier.
func (e *Entry) Status() []Status {
	e.announcer.mu.Lock()
	defer e.announcer.mu.Unlock()
	list := make([]Status, len(e.tiers))
	for i, t := range e.tiers {
		list[i] = t.last
		if s := t.reporter; s != nil && s.place >= 0 {
			list[i].Next = s.due
		}
	}
	return list
}
