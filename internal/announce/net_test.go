package announce

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/tracker"
	"bt/internal/tracker/client"
)

// A fakeNet is a network of trackers in a synctest bubble.
type fakeNet struct {
	began time.Time

	mu     sync.Mutex
	answer func(ctx context.Context, c call) (*tracker.AnnounceResponse, error)
	calls  []call
}

// A call is an announce that has reached the network.
type call struct {
	after  time.Duration
	family string // "4" or "6"
	url    string
	tracker.AnnounceRequest
}

// What a tracker may answer.
var hour = &tracker.AnnounceResponse{Interval: time.Hour, Counts: tracker.Counts{Seeders: 3, Leechers: 1, Completed: tracker.Unknown}}

func failed(s client.Status) error { return &client.Error{Status: s, Msg: string(s)} }

// hang answers when the request is given up.
func hang(ctx context.Context) (*tracker.AnnounceResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	<-ctx.Done()
	return nil, &client.Error{Status: client.StatusTimeout, Msg: "no answer in time", Sent: true, Err: ctx.Err()}
}

// later answers after a time.
func later(ctx context.Context, d time.Duration, r *tracker.AnnounceResponse) (*tracker.AnnounceResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	select {
	case <-time.After(d):
		return r, nil
	case <-ctx.Done():
		return nil, &client.Error{Status: client.StatusTimeout, Msg: "no answer in time", Sent: true, Err: ctx.Err()}
	}
}

func (n *fakeNet) set(answer func(ctx context.Context, c call) (*tracker.AnnounceResponse, error)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = answer
}

// seen returns the calls that match.
func (n *fakeNet) seen(which func(c call) bool) []call {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []call
	for _, c := range n.calls {
		if which(c) {
			list = append(list, c)
		}
	}
	return list
}

// all returns the calls so far.
func (n *fakeNet) all() []call { return n.seen(func(call) bool { return true }) }

func (n *fakeNet) count(family, url string, e tracker.Event) int {
	return len(n.seen(func(c call) bool { return c.family == family && c.url == url && c.Event == e }))
}

// run starts an announcer on the net; stop ends it and returns how long that
// took.
func (n *fakeNet) run(families ...Family) (a *Announcer, stop func() time.Duration) {
	if families == nil {
		families = []Family{{Network: "4"}, {Network: "6"}}
	}
	n.began = time.Now()
	a = New(Options{Families: families, Port: 6881})
	a.exchange = func(ctx context.Context, family int, u *tracker.URL, r tracker.AnnounceRequest, sent func()) (*tracker.AnnounceResponse, error) {
		sent()
		c := call{time.Since(n.began), families[family].Network, u.String(), r}
		n.mu.Lock()
		n.calls = append(n.calls, c)
		answer := n.answer
		n.mu.Unlock()
		return answer(ctx, c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); a.Run(ctx) }()
	return a, func() time.Duration {
		began := time.Now()
		cancel()
		<-done
		return time.Since(began)
	}
}

// A fakeSwarm records the answers that it receives.
type fakeSwarm struct {
	uploaded   atomic.Int64
	downloaded atomic.Int64
	left       atomic.Int64
	wanted     int

	mu       sync.Mutex
	received []Answer
	found    map[netip.AddrPort]int64  // number of leechers in the response
	foundAt  map[netip.AddrPort]string // the tracker
	founds   int                       // calls of Found
}

// serveMany adds n swarms of one tracker, and serves them.
func serveMany(a *Announcer, n int) (swarms []*fakeSwarm, entries []*Entry) {
	for i := range n {
		s := new(fakeSwarm)
		swarms = append(swarms, s)
		entries = append(entries, a.Add(hashNumber(i), [][]string{{one}}, s))
		entries[i].Serve(true)
	}
	return swarms, entries
}

func (s *fakeSwarm) Uploaded() int64   { return s.uploaded.Load() }
func (s *fakeSwarm) Downloaded() int64 { return s.downloaded.Load() }
func (s *fakeSwarm) Left() int64       { return s.left.Load() }
func (s *fakeSwarm) Wanted() int       { return s.wanted }

func (s *fakeSwarm) Found(tracker string, peers []netip.AddrPort, _, leechers int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found == nil {
		s.found, s.foundAt = make(map[netip.AddrPort]int64), make(map[netip.AddrPort]string)
	}
	for _, p := range peers {
		s.found[p], s.foundAt[p] = leechers, tracker
	}
	s.founds++
}

func (s *fakeSwarm) Answered(a Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = append(s.received, a)
}

// all returns the answers so far.
func (s *fakeSwarm) all() []Answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.received)
}

// errors returns the errors that the swarm received.
func (s *fakeSwarm) errors() []string {
	var list []string
	for _, a := range s.all() {
		if a.Err != nil {
			list = append(list, a.URL+": "+a.Err.Error())
		}
	}
	return list
}

func (s *fakeSwarm) answers() int {
	return len(slices.DeleteFunc(s.all(), func(a Answer) bool { return a.Err != nil }))
}

func hashNumber(i int) [20]byte { return [20]byte{byte(i), byte(i >> 8), 1} }

// bubble runs a test in a synctest bubble.
func bubble(t *testing.T, f func(t *testing.T, n *fakeNet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { f(t, new(fakeNet)) })
}
