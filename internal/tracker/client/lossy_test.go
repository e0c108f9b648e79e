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

// A udpNet is a simulated network for tests under synctest, in which packets arrive at
// once. An address without a tracker refuses packets.
type udpNet struct {
	t        *testing.T
	trackers map[netip.Addr]udpHandler
	unrouted map[netip.Addr]error // errors of dialing an address
	start    time.Time

	handling sync.Mutex // held while a handler runs
	mu       sync.Mutex
	dials    int
	closed   int
	sent     []udpSent
}

// A udpSent is a packet of the client, and the time at which it was sent.
type udpSent struct {
	at     time.Duration
	to     netip.Addr
	action tracker.Action
}

// newUDPNet returns a network and a client in it, which the caller must close.
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

// sockets returns how many sockets were dialed, and how many of them closed.
func (n *udpNet) sockets() (dials, closed int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dials, n.closed
}

// took returns the packets of the client since the last call.
func (n *udpNet) took() []udpSent {
	n.mu.Lock()
	defer n.mu.Unlock()
	list := n.sent
	n.sent = nil
	return list
}

// packets returns the packets of the client, each as "seconds action", except those of
// the given actions.
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

// A udpNetConn is a socket of the client.
type udpNetConn struct {
	net.Conn // nil: the client uses only the methods below

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

// packetFaults are the probabilities of faults of a network.
type packetFaults struct {
	seed                     uint64
	drop, duplicate, reorder float64
}

// delays returns the delay of each copy of a packet that arrives. It is a function of the
// seed and the packet's name, and not of the time, so that tests are reproducible.
func (w packetFaults) delays(packet string) []time.Duration {
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

// A lossyPath passes requests and answers with faults. It names packets by their request,
// and by how often that was sent.
type lossyPath struct {
	packetFaults
	mu   sync.Mutex
	seen map[string]int
}

// wrap returns a handler that calls handle, with faults in both directions.
func (s *lossyPath) wrap(handle udpHandler) udpHandler {
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
			delays := s.delays(fmt.Sprintf("answer %d to %s", answers, name))
			mu.Unlock()
			b = slices.Clone(b)
			for _, late := range delays {
				after(late, func() { send(b) })
			}
		}
		for _, late := range s.delays("request " + name) {
			after(late, func() { handle(r, p) })
		}
	}
}

// after is time.AfterFunc, except that it calls f directly if d is 0. Under synctest and
// the race detector, time.AfterFunc(0, f) may crash the runtime of Go 1.26.
func after(d time.Duration, f func()) {
	if d == 0 {
		f()
		return
	}
	time.AfterFunc(d, f)
}

func TestUDPLossy(t *testing.T) {
	hashes := udpHashes(10000)
	for _, faults := range []packetFaults{
		{drop: 0.05}, {drop: 0.3}, {duplicate: 0.5}, {reorder: 1}, {drop: 0.05, duplicate: 0.2, reorder: 0.5},
	} {
		t.Run(fmt.Sprint(faults), func(t *testing.T) {
			for faults.seed = range 5 {
				synctest.Test(t, func(t *testing.T) {
					fake := &udpFake{t: t}
					net, c := newUDPNet(t, &Client{Retries: 60, Timeout: 10 * time.Hour})
					defer c.Close()
					net.trackers[udpAddr4] = (&lossyPath{packetFaults: faults}).wrap(fake.handle)
					udpAllRight(t, hashes, udpScrape(t, c, udpHost4(), hashes))
					sent := len(net.packets())
					if lossless := 144; faults.drop == 0 && sent != lossless || faults.drop == 0.05 && sent > lossless*13/10 {
						t.Errorf("%d packets for %d", sent, lossless)
					}
				})
			}
		})
	}
}

// With the default number of retries, one batch in a thousand is lost three times. It is
// scraped once more.
func TestUDPLossyByDefault(t *testing.T) {
	hashes := udpHashes(10000)
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			fake := &udpFake{t: t}
			net, c := newUDPNet(t, new(Client))
			defer c.Close()
			net.trackers[udpAddr4] = (&lossyPath{packetFaults: packetFaults{seed: seed, drop: 0.05}}).wrap(fake.handle)
			udpAllRight(t, hashes, udpScrape(t, c, udpHost4(), hashes))
		})
	}
}

// udpRelay starts a relay to a tracker, which adds faults, and returns its URL.
func udpRelay(t *testing.T, to netip.AddrPort, faults packetFaults) *tracker.URL {
	t.Helper()
	var mu sync.Mutex
	answerer := make(map[uint32]udpPeer) // by transaction id
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
	u := udpServe(t, "127.0.0.1", (&lossyPath{packetFaults: faults}).wrap(func(r *tracker.UDPRequest, p udpPeer) {
		mu.Lock()
		answerer[r.Transaction] = p
		mu.Unlock()
		_, _ = upstream.Write(r.Append(nil))
	}))
	t.Cleanup(func() { upstream.Close(); <-done }) // before the relay's socket is closed
	return u
}

// With this seed no batch is lost twice, so the tests take two seconds.
var udpFaults = map[string]packetFaults{
	"drops":    {seed: 28, drop: 0.05},
	"reorders": {duplicate: 0.3, reorder: 0.7},
}

func TestUDPRelay(t *testing.T) {
	t.Parallel()
	fake := &udpFake{t: t}
	direct := udpServe(t, "127.0.0.1", fake.handle)
	to := netip.MustParseAddrPort(direct.HostPort())
	for name, faults := range udpFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hashes := udpHashes(10000)
			u := udpRelay(t, to, faults)
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
	for name, faults := range udpFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i, a := range udpScrape(t, c, udpRelay(t, to, faults), hashes) {
				if a.Err != nil || a.Counts != want[i] {
					t.Fatalf("torrent %d: %v %v, want %v", i, a.Counts, a.Err, want[i])
				}
			}
		})
	}
}
