package seed

import (
	"container/heap"
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
	"unique"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

const (
	// An announce that a tracker gives no time for is repeated after this, and
	// none sooner than leastInterval.
	defaultInterval = 30 * time.Minute
	leastInterval   = time.Minute

	// After all trackers of a tier have failed the next try is after firstBackoff,
	// and then twice as long each time.
	firstBackoff = 15 * time.Second
	maxBackoff   = 30 * time.Minute

	// goodbye is how long it may take to tell a tracker that we leave, and farewell
	// to tell all of them in the end.
	goodbye  = 5 * time.Second
	farewell = 30 * time.Second

	// How many announces are under way at once: to one host, to one that did not
	// answer last, and to all.
	maxPerHost    = 8
	maxPerFailing = 1
	maxAnnounces  = 512
)

// backoff is how long to wait after so many failures in a row, the first being
// 1. chance is from 0 to 1: a tracker that was down is not asked by everybody at
// once when it is back.
func backoff(failures int, chance float64) time.Duration {
	d := min(firstBackoff<<min(max(failures-1, 0), 10), maxBackoff)
	return d/2 + time.Duration(chance*float64(d/2))
}

// untilNext is how long to wait after an answer. chance is from 0 to 1.
func untilNext(r *tracker.AnnounceResponse, chance float64) time.Duration {
	d := r.Interval
	if d == 0 {
		d = defaultInterval
	}
	least := max(r.MinInterval, leastInterval)
	d = max(d, least)
	return d + time.Duration(chance*float64(d)/20) // later is polite, sooner is not
}

// A tier is a tier of trackers of one swarm (BEP 12): they are asked in turn
// until one answers, which is then the first. It is announced to while the torrent
// is served. One goroutine at most has it in hand: who has set busy.
type tier struct {
	torrent *Torrent
	swarm   *swarm
	key     uint32

	// Of who has it in hand.
	urls      []string
	notBefore map[string]time.Time // by URL; BEP 31
	at        string               // the tracker that knows us; empty: none
	id        string               // its tracker id
	failures  int                  // in a row

	// Under announcer.mu.
	goes  bool // it is of a torrent that was removed, and has not left yet
	busy  bool
	again bool          // what it should tell has changed meanwhile
	place int           // in announcer.due; -1: not there
	last  TrackerStatus // and when it is due
}

// newTiers returns the tiers of a torrent: for each swarm each of its trackers.
func newTiers(t *Torrent, trackers [][]string) []*tier {
	var list []*tier
	key := rand.Uint32()
	for _, s := range t.swarms {
		for _, urls := range trackers {
			r := &tier{torrent: t, swarm: s, key: key, place: -1, last: TrackerStatus{Seeders: -1, Leechers: -1}}
			for _, url := range urls { // thousands of torrents have the same few
				r.urls = append(r.urls, unique.Make(url).Value())
			}
			rand.Shuffle(len(r.urls), func(i, k int) { r.urls[i], r.urls[k] = r.urls[k], r.urls[i] })
			if len(r.urls) > 0 {
				r.last.URL = r.urls[0]
				list = append(list, r)
			}
		}
	}
	return list
}

// hostOfTracker tells which URLs ask the same host and port.
func hostOfTracker(url string) string {
	if u, err := tracker.ParseURL(url); err == nil {
		return net.JoinHostPort(u.Host, strconv.Itoa(int(u.Port)))
	}
	return url
}

// An announcer tells trackers where torrents are served, a few at a time.
type announcer struct {
	mu    sync.Mutex
	ctx   context.Context  // of the announces that begin now
	over  bool             // all are to leave
	due   tierHeap         // that wait for their time
	lines map[string]*line // by host: those whose time has come
	fails map[string]bool  // hosts that did not answer last

	// A torrent may be removed and come again at once. What the new one tells must
	// not be undone by the old one, which is still leaving.
	going map[[20]byte]int     // tiers that go, by info-hash
	held  map[[20]byte][]*tier // those that wait for them

	under chan struct{} // an element an announce under way
	news  chan struct{} // room for one
	work  sync.WaitGroup
}

// A line is the tiers that wait for one host, and how many goroutines ask it.
type line struct {
	host    string
	waiting []*tier
	askers  int
}

func newAnnouncer() *announcer {
	return &announcer{lines: make(map[string]*line), fails: make(map[string]bool), going: make(map[[20]byte]int), held: make(map[[20]byte][]*tier), under: make(chan struct{}, maxAnnounces), news: make(chan struct{}, 1)}
}

// poke has the tiers of a torrent do soon what they should: announce it, or leave.
func (a *announcer) poke(t *Torrent) {
	a.mu.Lock()
	defer a.mu.Unlock()
	state, _ := t.now()
	gone := state == StateRemoved
	for _, r := range t.tiers {
		if gone && !r.goes && (r.busy || r.at != "") {
			r.goes = true
			a.going[r.swarm.hash]++
		}
		if r.busy {
			r.again = true
		} else {
			a.schedule(r, time.Now())
		}
	}
	a.signal()
}

// schedule has a tier that nobody has in hand wait until then. a.mu is locked.
func (a *announcer) schedule(r *tier, next time.Time) {
	r.last.Next = next
	if r.place >= 0 {
		heap.Fix(&a.due, r.place)
	} else {
		heap.Push(&a.due, r)
	}
}

func (a *announcer) signal() {
	select {
	case a.news <- struct{}{}:
	default:
	}
}

// run announces until ctx ends, and then leaves all trackers.
func (a *announcer) run(ctx context.Context, all func() []*Torrent) {
	a.mu.Lock()
	a.ctx = ctx
	a.mu.Unlock()
	defer a.work.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		timer.Reset(a.begin(time.Now()))
		select {
		case <-a.news:
		case <-timer.C:
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), farewell)
	defer cancel()
	a.mu.Lock()
	a.ctx, a.over = ctx, true
	a.mu.Unlock()
	for _, t := range all() {
		a.poke(t)
	}
	for {
		a.begin(time.Now())
		a.mu.Lock()
		done := len(a.due) == 0 && len(a.lines) == 0
		a.mu.Unlock()
		if done {
			return
		}
		<-a.news
	}
}

// begin has those stand in line whose time has come, and returns how long it is
// until the next.
func (a *announcer) begin(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	for len(a.due) > 0 {
		if wait := a.due[0].last.Next.Sub(now); wait > 0 {
			return wait
		}
		r := heap.Pop(&a.due).(*tier)
		if hash := r.swarm.hash; !r.goes && a.going[hash] > 0 {
			a.held[hash] = append(a.held[hash], r)
			continue
		}
		r.busy = true
		host := a.prefer(r)
		l := a.lines[host]
		if l == nil {
			l = &line{host: host}
			a.lines[host] = l
		}
		l.waiting = append(l.waiting, r)
		if l.askers < a.mostAskers(host) {
			l.askers++
			a.work.Go(func() { a.ask(l) })
		}
	}
	return time.Hour
}

// prefer puts the first tracker in front whose host has answered last, if there is
// one, and returns the host that the tier is going to ask: a thousand torrents must
// not wait for a tracker that is dead if they have another. a.mu is locked.
func (a *announcer) prefer(r *tier) string {
	host := hostOfTracker(r.urls[0])
	if !a.fails[host] {
		return host
	}
	for i, url := range r.urls[1:] {
		if other := hostOfTracker(url); !a.fails[other] {
			copy(r.urls[1:i+2], r.urls[:i+1])
			r.urls[0] = url
			return other
		}
	}
	return host
}

// mostAskers is how many may ask a host at once. a.mu is locked.
func (a *announcer) mostAskers(host string) int {
	if a.fails[host] {
		return maxPerFailing
	}
	return maxPerHost
}

// answered notes whether a host has answered.
func (a *announcer) answered(url string, ok bool) {
	host := hostOfTracker(url)
	a.mu.Lock()
	defer a.mu.Unlock()
	if ok {
		delete(a.fails, host)
	} else {
		a.fails[host] = true
	}
}

// ask lets those in a line do what they should, until nobody waits there.
func (a *announcer) ask(l *line) {
	for {
		a.mu.Lock()
		if len(l.waiting) == 0 || l.askers > a.mostAskers(l.host) {
			if l.askers--; l.askers == 0 {
				delete(a.lines, l.host)
			}
			a.mu.Unlock()
			a.signal()
			return
		}
		r := l.waiting[0]
		l.waiting[0] = nil
		l.waiting = l.waiting[1:]
		a.mu.Unlock()

		a.under <- struct{}{}
		a.mu.Lock()
		ctx, leave := a.ctx, a.over || !r.torrent.isServed()
		if leave && !a.over {
			ctx = context.WithoutCancel(ctx) // the end must not keep it from leaving
		}
		r.again = false
		a.mu.Unlock()
		var status TrackerStatus
		if leave {
			r.leave(ctx)
			status = TrackerStatus{URL: r.urls[0], Seeders: -1, Leechers: -1}
		} else {
			status = r.announce(ctx)
		}
		<-a.under

		a.mu.Lock()
		r.busy, r.last = false, status
		if len(l.waiting) > 0 && l.askers < a.mostAskers(l.host) { // it answers again
			l.askers++
			a.work.Go(func() { a.ask(l) })
		}
		if r.goes && r.at == "" {
			a.isGone(r)
		}
		switch {
		case r.again || a.over && r.at != "":
			a.schedule(r, time.Now())
		case !status.Next.IsZero():
			a.schedule(r, status.Next)
		}
		a.mu.Unlock()
		a.signal()
	}
}

// isGone lets those on that wait for a tier to leave. a.mu is locked.
func (a *announcer) isGone(r *tier) {
	r.goes = false
	hash := r.swarm.hash
	if a.going[hash]--; a.going[hash] > 0 {
		return
	}
	for _, w := range a.held[hash] {
		if w.place < 0 && !w.busy {
			a.schedule(w, time.Now())
		}
	}
	delete(a.going, hash)
	delete(a.held, hash)
}

// status is what is known of the tiers of a torrent.
func (a *announcer) status(t *Torrent) []TrackerStatus {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]TrackerStatus, len(t.tiers))
	for i, r := range t.tiers {
		list[i] = r.last
	}
	return list
}

// A tierHeap has the tier in front that is due first.
type tierHeap []*tier

func (h tierHeap) Len() int           { return len(h) }
func (h tierHeap) Less(i, k int) bool { return h[i].last.Next.Before(h[k].last.Next) }
func (h tierHeap) Swap(i, k int) {
	h[i], h[k] = h[k], h[i]
	h[i].place, h[k].place = i, k
}

func (h *tierHeap) Push(x any) {
	r := x.(*tier)
	r.place = len(*h)
	*h = append(*h, r)
}

func (h *tierHeap) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	r.place = -1
	return r
}

// announce asks the trackers in turn until one answers, and returns what came of
// it and when to ask again.
func (r *tier) announce(ctx context.Context) TrackerStatus {
	status := TrackerStatus{URL: r.urls[0], Failed: true, Seeders: -1, Leechers: -1}
	now := time.Now()
	var next time.Duration
	for i, url := range r.urls {
		if wait := r.notBefore[url].Sub(now); wait > 0 {
			if next == 0 || wait < next {
				next = wait
			}
			continue
		}
		event := tracker.None
		if r.at != url {
			event = tracker.Started
		}
		resp, err := r.ask(ctx, url, event)
		if ctx.Err() == nil {
			r.torrent.seeder.announcer.answered(url, err == nil || !isSilence(err))
		}
		if ctx.Err() != nil {
			if r.at == "" {
				r.at = url // it may have heard us
			}
			return status
		}
		e := EventAnnounce{Torrent: r.torrent, Tracker: url, Err: err, Seeders: -1, Leechers: -1}
		if err != nil {
			if f, ok := errors.AsType[*client.Error](err); ok && f.RetryIn > 0 {
				if r.notBefore == nil {
					r.notBefore = make(map[string]time.Time)
				}
				r.notBefore[url] = now.Add(min(f.RetryIn, 24*time.Hour)) // also where it says never: nothing is for ever
			}
			status.URL, status.Message = url, err.Error()
			r.torrent.tell(e)
			continue
		}
		r.failures, r.at, r.id = 0, url, resp.TrackerID
		copy(r.urls[1:i+1], r.urls[:i])
		r.urls[0] = url
		e.Message, e.Seeders, e.Leechers, e.Next = resp.Warning, resp.Counts.Seeders, resp.Counts.Leechers, untilNext(resp, rand.Float64())
		r.torrent.seeds.Store(max(0, e.Seeders-1)) // we are one
		r.torrent.tell(e)
		return TrackerStatus{URL: url, Message: e.Message, Seeders: e.Seeders, Leechers: e.Leechers, Next: time.Now().Add(e.Next)}
	}
	r.failures++
	status.Next = time.Now().Add(max(next, backoff(r.failures, rand.Float64())))
	return status
}

func (r *tier) ask(ctx context.Context, url string, event tracker.Event) (*tracker.AnnounceResponse, error) {
	u, err := tracker.ParseURL(url)
	if err != nil {
		return nil, err
	}
	s := r.torrent.seeder
	req := tracker.AnnounceRequest{
		InfoHash: r.swarm.hash, PeerID: s.options.PeerID, Port: s.port, IP: s.options.IP, Key: r.key,
		Uploaded: r.swarm.uploaded.Load(), Left: r.torrent.left.Load(), Event: event,
		Want: 0, // peers come to us
	}
	if url == r.at {
		req.TrackerID = r.id
	}
	return s.announceByAll(ctx, u, req)
}

// announceByAll announces over every IP version that peers can reach us by
// (BEP 7): a tracker knows us by the addresses that it sees. One of them may be
// missing at either end, so one answer is enough.
func (s *Seeder) announceByAll(ctx context.Context, u *tracker.URL, req tracker.AnnounceRequest) (*tracker.AnnounceResponse, error) {
	type answer struct {
		resp *tracker.AnnounceResponse
		err  error
	}
	answers := make([]answer, len(s.trackers))
	var wg sync.WaitGroup
	for i, c := range s.trackers {
		wg.Go(func() {
			answers[i].resp, answers[i].err = c.Announce(ctx, u, req)
		})
	}
	wg.Wait()
	best := answers[0]
	for _, a := range answers[1:] {
		if best.err != nil && (a.err == nil || isUnreachable(best.err)) {
			best = a
		}
	}
	return best.resp, best.err
}

// isSilence tells that a host does not answer, or not in time.
func isSilence(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.Timeout || e.Status == client.NoRoute || e.Status == client.DNS)
}

// isUnreachable tells that there was nobody to ask over an IP version.
func isUnreachable(err error) bool {
	e, ok := errors.AsType[*client.Error](err)
	return ok && (e.Status == client.NoRoute || e.Status == client.DNS)
}

// trackerClients returns a client for each IP version that peers can reach the
// listener by.
func trackerClients(listener netip.Addr, name string) []*client.Client {
	var networks []string
	switch {
	case listener.Is4():
		networks = []string{"4"}
	case listener.Is6() && !listener.IsUnspecified():
		networks = []string{"6"}
	default: // all addresses of both
		networks = []string{"4", "6"}
	}
	var list []*client.Client
	for _, n := range networks {
		list = append(list, &client.Client{Network: n, UserAgent: name})
	}
	return list
}

// leave tells the tracker that knows us that we are gone.
func (r *tier) leave(ctx context.Context) {
	if r.at == "" {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, goodbye)
	defer cancel()
	_, _ = r.ask(ctx, r.at, tracker.Stopped) // it will find out
	r.at, r.id, r.failures = "", "", 0
}
