package dht

import (
	"context"
	"encoding/binary"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/discover"
)

// A fakeNet is a network of packets in memory.
type fakeNet struct {
	mu    sync.Mutex
	loss  float64                                 // part of the packets that get lost
	tap   func(from, to netip.AddrPort, b []byte) // if not nil, is called with each packet
	conns map[netip.AddrPort]*fakeConn            // by the address that others see
}

func newFakeNet() *fakeNet { return &fakeNet{conns: map[netip.AddrPort]*fakeConn{}} }

func (n *fakeNet) setLoss(loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = loss
}

type datagram struct {
	b    []byte
	from netip.AddrPort
}

// A fakeConn is a socket. It is behind a router if its address is not the one that
// others see. The router lets packets in for two minutes after one was sent there.
type fakeConn struct {
	net           *fakeNet
	local, public netip.AddrPort
	in            chan datagram
	closed        chan struct{}
	close         sync.Once
	sent          map[netip.Addr]time.Time
}

func (n *fakeNet) listen(addr string) *fakeConn {
	a := netip.MustParseAddrPort(addr)
	return n.listenBehind(a, a)
}

func (n *fakeNet) listenBehind(local, public netip.AddrPort) *fakeConn {
	c := &fakeConn{net: n, local: local, public: public, in: make(chan datagram, 1024), closed: make(chan struct{}), sent: map[netip.Addr]time.Time{}}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conns[public] != nil {
		panic("two sockets at " + public.String())
	}
	n.conns[public] = c
	return c
}

func (c *fakeConn) ReadFrom(b []byte) (int, net.Addr, error) {
	select {
	case d := <-c.in:
		return copy(b, d.b), net.UDPAddrFromAddrPort(d.from), nil
	case <-c.closed:
		return 0, nil, net.ErrClosed
	}
}

func (c *fakeConn) WriteTo(b []byte, to net.Addr) (int, error) {
	dst := to.(*net.UDPAddr).AddrPort()
	n := c.net
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.tap != nil {
		n.tap(c.public, dst, b)
	}
	now := time.Now()
	if c.local != c.public {
		c.sent[dst.Addr()] = now
	}
	d := datagram{slices.Clone(b), c.public}
	if rand.Float64() < n.loss {
		return len(b), nil
	}
	time.AfterFunc(10*time.Millisecond+rand.N(80*time.Millisecond), func() { n.deliver(d, dst) })
	return len(b), nil
}

func (n *fakeNet) deliver(d datagram, to netip.AddrPort) {
	n.mu.Lock()
	c := n.conns[to]
	if c != nil && c.local != c.public && time.Since(c.sent[d.from.Addr()]) > 2*time.Minute {
		c = nil
	}
	n.mu.Unlock()
	if c != nil {
		select {
		case c.in <- d:
		default: // its buffer is full
		}
	}
}

func (c *fakeConn) Close() error {
	c.close.Do(func() {
		c.net.mu.Lock()
		delete(c.net.conns, c.public)
		c.net.mu.Unlock()
		close(c.closed)
	})
	return nil
}

func (c *fakeConn) LocalAddr() net.Addr              { return net.UDPAddrFromAddrPort(c.local) }
func (c *fakeConn) SetDeadline(time.Time) error      { panic("unused") }
func (c *fakeConn) SetReadDeadline(time.Time) error  { panic("unused") }
func (c *fakeConn) SetWriteDeadline(time.Time) error { panic("unused") }

// A runningNode is a node that runs until the test ends, or stop is called.
type runningNode struct {
	*Node
	stop func()
}

func run(t *testing.T, o Options) runningNode {
	t.Helper()
	return start(t, New(o))
}

func start(t *testing.T, n *Node) runningNode {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := n.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	stop := func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return runningNode{n, stop}
}

// address returns the address of node i of a test: one of a local network, or of the
// internet, with one node in each /24.
func address(i int, global bool) string {
	b := binary.BigEndian.AppendUint32(nil, 10<<24+uint32(i)+1)
	if global {
		b = binary.BigEndian.AppendUint32(nil, 20<<24+uint32(i)<<8+1)
	}
	ip, _ := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(ip, 6881).String()
}

// runMany runs nodes that begin with the first one, one second after the other.
func runMany(t *testing.T, net *fakeNet, count int) (nodes []runningNode) {
	for i := range count {
		o := Options{Conns: []fakePacketConn{net.listen(address(i, false))}, Port: uint16(1000 + i)}
		if i > 0 {
			o.Bootstrap = []string{address(0, false)}
		}
		nodes = append(nodes, run(t, o))
		time.Sleep(time.Second)
	}
	return nodes
}

// runGlobal runs nodes on the internet, which begin with the first four. These know
// already that others can reach them.
func runGlobal(t *testing.T, net *fakeNet, count int) (nodes []runningNode, first []string) {
	for i := range 4 {
		first = append(first, address(i, true))
	}
	for i := range count {
		n := New(Options{Conns: []fakePacketConn{net.listen(address(i, true))}, Port: uint16(1000 + i), Bootstrap: first})
		if i < len(first) {
			n.families[0].reachable = time.Now().Add(24 * time.Hour)
			n.families[0].rename(n.families[0].local.Addr())
		}
		nodes = append(nodes, start(t, n))
		time.Sleep(time.Second)
	}
	return nodes, first
}

type fakePacketConn = net.PacketConn

// A fakeSwarm collects the peers that were found.
type fakeSwarm struct {
	seeds  bool
	wanted atomic.Int64
	mu     sync.Mutex
	peers  map[netip.AddrPort]int
}

func newSwarm(seeds bool, wanted int) *fakeSwarm {
	s := &fakeSwarm{seeds: seeds, peers: map[netip.AddrPort]int{}}
	s.wanted.Store(int64(wanted))
	return s
}

var _ discover.Swarm = (*fakeSwarm)(nil)

func (s *fakeSwarm) Seeds() bool { return s.seeds }

func (s *fakeSwarm) Wanted() int { return int(s.wanted.Load()) }

func (s *fakeSwarm) Found(peers []netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range peers {
		s.peers[p]++
	}
}

// found returns the peers that were found so far.
func (s *fakeSwarm) found() []netip.AddrPort {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.peers))
}

func (s *fakeSwarm) has(addr string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.peers[netip.MustParseAddrPort(addr)] > 0
}

// until waits for a condition in the fake time.
func until(t *testing.T, what string, limit time.Duration, ok func() bool) {
	t.Helper()
	for begin := time.Now(); !ok(); time.Sleep(time.Second) {
		if time.Since(begin) > limit {
			t.Fatalf("not within %s: %s", limit, what)
		}
	}
}

func bubble(t *testing.T, f func(t *testing.T, net *fakeNet)) {
	synctest.Test(t, func(t *testing.T) { f(t, newFakeNet()) })
}

func udpAddr(s string) *net.UDPAddr { return net.UDPAddrFromAddrPort(netip.MustParseAddrPort(s)) }

func hashNumber(i int) (hash [20]byte) {
	r := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)})
	_, _ = r.Read(hash[:])
	return hash
}
