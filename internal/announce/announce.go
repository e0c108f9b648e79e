// Package announce tells trackers where swarms are served (BEP 3, 7, 12, 31): many
// swarms, each with its tiers of trackers, over each address family that peers can
// reach us by.
//
// Each address family of a tier has a session of its own, with its own schedule,
// back-off, tracker id and queue for a host: one that hangs delays neither the other
// family nor other swarms. One family that works is enough for a tier.
//
// Peers are not asked for: they come to us.
package announce

import (
	"context"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"
	"unique"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// Options are the choices of an Announcer.
type Options struct {
	PeerID    [20]byte
	Port      uint16 // where peers reach us
	UserAgent string // of HTTP requests; empty means none
	Families  []Family
}

// A Family is an address family that peers can reach us by.
type Family struct {
	Network string     // "4" or "6"
	From    netip.Addr // announces leave from it; the zero or an unspecified Addr leaves it to the system
	IP      netip.Addr // told to trackers; the zero Addr leaves it to them
}

// A Swarm is what an Announcer is asked to announce. Its methods are called by the
// announcer's goroutines, without a lock held.
type Swarm interface {
	Uploaded() int64 // bytes; never falls
	Left() int64     // bytes
	Told(Answer)     // is called with each answer of a tracker
}

// An Answer is the outcome of an announce. A tracker that is asked over two address
// families gives one answer at a time: an error only if neither family works.
type Answer struct {
	URL      string // of the tracker, passkey and all
	Err      error  // nil: the fields below count
	Warning  string // for the user, untrusted
	Seeders  int64  // -1: not told
	Leechers int64  // -1: not told
	Next     time.Duration
}

// A Status is what is known of one tier.
type Status struct {
	URL      string    // of the tracker that answered last, or was asked last; passkey and all
	Message  string    // its warning, or what went wrong; untrusted
	Failed   bool      // the last announce failed
	Seeders  int64     // -1: not told
	Leechers int64     // -1: not told
	Next     time.Time // of the next announce; zero: there is none
}

// An Announcer announces the swarms that were added to it. Run does the work.
type Announcer struct {
	options  Options
	clients  []*client.Client // by family
	exchange func(ctx context.Context, family int, u *tracker.URL, r tracker.AnnounceRequest, sent func()) (*tracker.AnnounceResponse, error)

	under chan struct{} // holds an element for each announce under way
	news  chan struct{} // room for one
	work  sync.WaitGroup

	mu      sync.Mutex
	ctx     context.Context // of the announces that begin now
	over    bool            // all are to leave
	entries map[*Entry]bool // that were not removed
	due     sessionHeap     // wait for their time
	queues  map[endpoint]*queue
	hosts   map[endpoint]hostState

	// A swarm may be removed and added again at once. The stopped of the old entry
	// must not come after the started of the new one.
	going map[presence]int        // sessions of removed entries that have not left yet
	held  map[presence][]*session // sessions that wait for them
}

// An endpoint is a host and port of trackers, as one address family sees it.
type endpoint struct {
	host   string
	family int
}

// A presence is a swarm in one address family.
type presence struct {
	hash   [20]byte
	family int
}

// hostState is what is known of an endpoint; the zero value: nothing.
type hostState struct {
	fails    bool      // it did not answer last
	slow     bool      // it takes longer to answer than stopTimeout
	answered time.Time // when it answered last; zero: never
}

// New returns an Announcer without swarms.
func New(o Options) *Announcer {
	a := &Announcer{
		options: o, under: make(chan struct{}, maxAnnounces), news: make(chan struct{}, 1),
		ctx: context.Background(), entries: make(map[*Entry]bool), queues: make(map[endpoint]*queue), hosts: make(map[endpoint]hostState),
		going: make(map[presence]int), held: make(map[presence][]*session),
	}
	for _, f := range o.Families {
		a.clients = append(a.clients, &client.Client{Network: f.Network, From: f.From, UserAgent: o.UserAgent, Timeout: announceTimeout, Patient: true, Conns: maxPerHostAtEnd})
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

	// Under announcer.mu.
	served, gone bool
}

// A tier is a tier of trackers of one swarm (BEP 12): they are asked in turn until
// one answers, which is then the first. What follows is under announcer.mu.
type tier struct {
	entry    *Entry
	urls     []string
	sessions []*session // by family
	replaced []*session // with trackers that another one has replaced
	reporter *session   // its answers are told; nil: none yet
	last     Status     // without Next
}

// Add takes a swarm with its tiers of trackers, which is not served yet. No tracker
// may stand there twice. The order within a tier is a random one from now on.
func (a *Announcer) Add(hash [20]byte, tiers [][]string, swarm Swarm) *Entry {
	e := &Entry{announcer: a, swarm: swarm, hash: hash, key: rand.Uint32()}
	for _, urls := range tiers {
		if len(urls) == 0 {
			continue
		}
		t := &tier{entry: e}
		for _, url := range urls { // thousands of torrents have the same few
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

// Serve sets whether the swarm is served: it is announced soon, or its trackers are
// told that it has stopped.
func (e *Entry) Serve(served bool) {
	a := e.announcer
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.gone || e.served == served {
		return
	}
	e.served = served
	e.poke()
}

// Remove ends the entry: its trackers are told that it has stopped.
func (e *Entry) Remove() {
	a := e.announcer
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.gone {
		return
	}
	e.gone, e.served = true, false
	delete(a.entries, e)
	for s := range e.all() {
		if s.busy || s.at != "" {
			s.goes = true
			a.going[s.presence()]++
		}
	}
	e.poke()
}

// poke schedules all sessions now. announcer.mu is locked.
func (e *Entry) poke() {
	now := time.Now()
	for s := range e.all() {
		s.poke(now)
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

// Status returns what is known of each tier.
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
