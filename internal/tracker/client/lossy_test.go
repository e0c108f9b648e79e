package client

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// A udpNet is a network without wires, for tests under synctest: what is sent
// arrives at once. An address without a tracker refuses.
type udpNet struct {
	t        *testing.T
	trackers map[netip.Addr]udpHandler
	unrouted map[netip.Addr]error // why a socket can't be had
	dials    int
	closed   int
	start    time.Time

	handling sync.Mutex // so that handlers need none
	mu       sync.Mutex
	sent     []udpSent
}

// udpSent is a packet of the client, and when it was sent.
type udpSent struct {
	at     time.Duration
	to     netip.Addr
	action tracker.Action
}

// newUDPNet returns a network and a client in it, which must be closed.
func newUDPNet(t *testing.T, c *Client) (*udpNet, *Client) {
	n := &udpNet{t: t, trackers: make(map[netip.Addr]udpHandler), unrouted: make(map[netip.Addr]error), start: time.Now()}
	c.dialUDP = n.dial
	return n, c
}

func (n *udpNet) dial(_ context.Context, addr netip.AddrPort) (net.Conn, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := n.unrouted[addr.Addr()]; err != nil {
		return nil, &net.OpError{Op: "dial", Err: err}
	}
	n.dials++
	return &udpNetConn{net: n, addr: addr, inbox: make(chan []byte, 4096), failed: make(chan error, 4096), closed: make(chan struct{})}, nil
}

// packets returns what was sent, each packet as "seconds action", but for
// actions that are not wanted.
func (n *udpNet) packets(not ...tracker.Action) []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []string
	for _, s := range n.sent {
		if !slices.Contains(not, s.action) {
			list = append(list, fmt.Sprintf("%v %s", s.at.Seconds(), udpActions[s.action]))
		}
	}
	return list
}

var udpActions = []string{"connect", "announce", "scrape"}

// A udpNetConn is the client's end.
type udpNetConn struct {
	net.Conn // none: what is not here is not needed

	net    *udpNet
	addr   netip.AddrPort
	inbox  chan []byte
	failed chan error
	once   sync.Once
	closed chan struct{}
}

func (c *udpNetConn) RemoteAddr() net.Addr { return net.UDPAddrFromAddrPort(c.addr) }

func (c *udpNetConn) Write(p []byte) (int, error) {
	r, err := tracker.ParseUDPRequest(p)
	if err != nil {
		c.net.t.Errorf("the client sent %x: %v", p, err)
		return len(p), nil
	}
	n := c.net
	n.mu.Lock()
	n.sent = append(n.sent, udpSent{time.Since(n.start), c.addr.Addr(), r.Action})
	handle := n.trackers[c.addr.Addr()]
	n.mu.Unlock()
	n.handling.Lock()
	defer n.handling.Unlock()
	if handle == nil {
		c.failed <- &net.OpError{Op: "read", Err: syscall.ECONNREFUSED}
		return len(p), nil
	}
	handle(r, udpPeer{v6: c.addr.Addr().Is6(), send: func(b []byte) {
		select {
		case c.inbox <- slices.Clone(b):
		default: // full: dropped
		}
	}})
	return len(p), nil
}

func (c *udpNetConn) Read(p []byte) (int, error) {
	select {
	case b := <-c.inbox:
		return copy(p, b), nil
	case err := <-c.failed:
		return 0, err
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *udpNetConn) Close() error {
	c.once.Do(func() {
		c.net.mu.Lock()
		c.net.closed++
		c.net.mu.Unlock()
		close(c.closed)
	})
	return nil
}

// udpWeather is what a net does with packets, each with a probability.
type udpWeather struct {
	seed                     uint64
	drop, duplicate, reorder float64
}

// fate returns how often a packet arrives, and how late each time. It depends on
// what the packet is, not on when it comes: no run of a test is unlike another.
func (w udpWeather) fate(packet string) []time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(packet))
	random := rand.New(rand.NewPCG(w.seed, h.Sum64()))
	if random.Float64() < w.drop {
		return nil
	}
	late := make([]time.Duration, 1, 2)
	if random.Float64() < w.duplicate {
		late = append(late, 0)
	}
	for i := range late {
		if random.Float64() < w.reorder {
			late[i] = time.Duration(random.IntN(30)) * time.Millisecond
		}
	}
	return late
}

// A udpSky names packets by what they ask for, and how often it was asked.
type udpSky struct {
	udpWeather
	mu   sync.Mutex
	seen map[string]int
}

// through handles a request, and answers it, as the weather permits.
func (s *udpSky) through(handle udpHandler) udpHandler {
	s.seen = make(map[string]int)
	return func(r *tracker.UDPRequest, p udpPeer) {
		name := fmt.Sprintf("%d %x", r.Action, r.Hashes)
		s.mu.Lock()
		s.seen[name]++
		name = fmt.Sprintf("%s %d", name, s.seen[name])
		s.mu.Unlock()
		send := p.send
		answers := 0
		var mu sync.Mutex
		p.send = func(b []byte) {
			mu.Lock()
			answers++
			fate := s.fate(fmt.Sprintf("answer %d to %s", answers, name))
			mu.Unlock()
			b = slices.Clone(b)
			for _, late := range fate {
				after(late, func() { send(b) })
			}
		}
		for _, late := range s.fate("request " + name) {
			after(late, func() { handle(r, p) })
		}
	}
}

// after is time.AfterFunc, or else a call. Under synctest and the race detector
// time.AfterFunc(0) may crash the runtime of Go 1.26.
func after(d time.Duration, f func()) {
	if d == 0 {
		f()
		return
	}
	time.AfterFunc(d, f)
}

func TestUDPLossy(t *testing.T) {
	hashes := udpHashes(10000)
	for _, weather := range []udpWeather{
		{drop: 0.05}, {drop: 0.3}, {duplicate: 0.5}, {reorder: 1}, {drop: 0.05, duplicate: 0.2, reorder: 0.5},
	} {
		t.Run(fmt.Sprint(weather), func(t *testing.T) {
			for weather.seed = range 5 {
				synctest.Test(t, func(t *testing.T) {
					fake := &udpFake{t: t}
					net, c := newUDPNet(t, &Client{Retries: 60, Timeout: 10 * time.Hour})
					defer c.Close()
					net.trackers[udpAddr4] = (&udpSky{udpWeather: weather}).through(fake.handle)
					udpAllRight(t, hashes, udpScrape(t, c, udpHost4(), hashes))
					sent := len(net.packets())
					if lossless := 144; weather.drop == 0 && sent != lossless || weather.drop == 0.05 && sent > lossless*13/10 {
						t.Errorf("%d packets for %d", sent, lossless)
					}
				})
			}
		})
	}
}

// With the default retries one batch in a thousand is lost three times, and is
// asked about once more.
func TestUDPLossyByDefault(t *testing.T) {
	hashes := udpHashes(10000)
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			fake := &udpFake{t: t}
			net, c := newUDPNet(t, new(Client))
			defer c.Close()
			net.trackers[udpAddr4] = (&udpSky{udpWeather: udpWeather{seed: seed, drop: 0.05}}).through(fake.handle)
			udpAllRight(t, hashes, udpScrape(t, c, udpHost4(), hashes))
		})
	}
}

// udpRelay is a way to a tracker, through the sky.
func udpRelay(t *testing.T, to netip.AddrPort, weather udpWeather) *tracker.URL {
	t.Helper()
	var mu sync.Mutex
	answerer := make(map[uint32]udpPeer) // by transaction
	upstream, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(to))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, tracker.MaxUDP)
		for {
			n, err := upstream.Read(buf)
			if err != nil {
				return
			}
			transaction, _ := tracker.TransactionOf(buf[:n])
			mu.Lock()
			p, ok := answerer[transaction]
			mu.Unlock()
			if ok {
				p.send(buf[:n])
			}
		}
	}()
	u := udpServe(t, "127.0.0.1", (&udpSky{udpWeather: weather}).through(func(r *tracker.UDPRequest, p udpPeer) {
		mu.Lock()
		answerer[r.Transaction] = p
		mu.Unlock()
		_, _ = upstream.Write(r.Append(nil))
	}))
	t.Cleanup(func() { upstream.Close(); <-done }) // before the other end
	return u
}

// Of this seed no batch is lost twice: the tests take two seconds.
var udpStorms = map[string]udpWeather{
	"drops":    {seed: 28, drop: 0.05},
	"reorders": {duplicate: 0.3, reorder: 0.7},
}

func TestUDPRelay(t *testing.T) {
	t.Parallel()
	fake := &udpFake{t: t}
	direct := udpServe(t, "127.0.0.1", fake.handle)
	to := netip.MustParseAddrPort(direct.HostPort())
	for name, weather := range udpStorms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hashes := udpHashes(10000)
			u := udpRelay(t, to, weather)
			udpAllRight(t, hashes, udpScrape(t, udpClient(t, new(Client)), u, hashes))
		})
	}
}

func TestUDPOpentracker(t *testing.T) {
	t.Parallel()
	hashes := udpHashes(10000)
	to := testenv.Opentracker(t, hashes)
	c := udpClient(t, new(Client))
	want := make([]tracker.Counts, len(hashes))
	for i := 0; i < len(hashes); i += 20 {
		r := tracker.AnnounceRequest{InfoHash: hashes[i], PeerID: [20]byte{1}, Port: 6881, Event: tracker.EventStarted, Want: 10}
		switch i % 3 {
		case 0:
			want[i].Seeders = 1
		case 1:
			want[i].Leechers, r.Left = 1, 1
		case 2:
			want[i].Seeders, want[i].Completed, r.Event = 1, 1, tracker.EventCompleted
		}
		resp, err := c.Announce(t.Context(), udpURL(t, to.String()), r)
		if err != nil {
			t.Fatal(err)
		}
		if counts := (tracker.Counts{Seeders: want[i].Seeders, Leechers: want[i].Leechers, Completed: tracker.Unknown}); resp.Counts != counts || resp.Interval == 0 {
			t.Fatalf("the answer to %+v is %+v", r, resp)
		}
	}
	for name, weather := range udpStorms {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, a := range udpScrape(t, c, udpRelay(t, to, weather), hashes) {
				if a.Err != nil || a.Counts != want[i] {
					t.Fatalf("torrent %d: %v %v, want %v", i, a.Counts, a.Err, want[i])
				}
			}
		})
	}
}
