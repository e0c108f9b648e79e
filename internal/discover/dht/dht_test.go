package dht

import (
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/discover/krpc"
)

// Nodes that only know the first one find what another announced, also after half of the
// nodes have vanished.
func TestAnnounceAndFind(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		net.setLoss(0.02)
		nodes := runMany(t, net, 100)
		nodes[30].Add(hashNumber(1), newSwarm(true, 0))
		time.Sleep(time.Minute)
		swarm := newSwarm(false, 10)
		nodes[70].Add(hashNumber(1), swarm)
		until(t, "the peer is found", time.Minute, func() bool { return swarm.has("10.0.0.31:1030") })
		for i, n := range nodes {
			s := n.Status().Families[0]
			if s.Nodes < k || s.ReadOnly || s.External != s.Local {
				t.Errorf("node %d: %+v", i, s)
			}
		}

		for i, n := range nodes {
			if i%2 == 1 {
				n.stop()
			}
		}
		swarm = newSwarm(false, 10)
		late := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Bootstrap: []string{address(40, false)}})
		late.Add(hashNumber(1), swarm)
		until(t, "it is found after half of the nodes vanished", 2*time.Minute, func() bool { return swarm.has("10.0.0.31:1030") })
		time.Sleep(time.Hour)
		for i, n := range nodes {
			for c, spare := range n.table().all {
				if !spare && !c.isBad() && i%2 == 0 && int(c.Addr.Addr().As4()[3]-1)%2 == 1 {
					t.Errorf("node %d still has %s", i, c.Addr)
				}
			}
		}
	})
}

func (n runningNode) table() *table {
	n.mu.Lock()
	defer n.unlock()
	copied := n.families[0].table
	for i := range copied.buckets {
		copied.buckets[i].nodes = slices.Clone(copied.buckets[i].nodes)
		copied.buckets[i].spare = slices.Clone(copied.buckets[i].spare)
	}
	return &copied
}

// After a restart a node begins with the nodes that it knew, although the first one is
// gone. It has another id.
func TestRestart(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes := runMany(t, net, 60)
		o := Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Port: 1, State: filepath.Join(t.TempDir(), "dht")}
		begun := o
		begun.Bootstrap = []string{address(0, false)}
		n := run(t, begun)
		n.Add(hashNumber(1), newSwarm(true, 0))
		until(t, "it is announced", time.Minute, func() bool { return n.Status().Announces == 1 })
		n.stop()
		for i, other := range nodes {
			if i%2 == 0 {
				other.stop()
			}
		}
		o.Conns = []fakePacketConn{net.listen("10.1.0.1:6881")}
		again := run(t, o)
		again.Add(hashNumber(2), newSwarm(true, 0))
		until(t, "it is announced after the restart", 2*time.Minute, func() bool { return again.Status().Announces == 1 })
		if again.Status().Families[0].ID == n.Status().Families[0].ID {
			t.Error("two processes would have one id")
		}
	})
}

// On the internet, ids fit the addresses that other nodes see (BEP 42), also behind a
// router. A node behind a router is read-only: no table has it. One whose router lets
// packets in becomes reachable when a peer pings it.
func TestExternalAddress(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		nodes, first := runGlobal(t, net, 40)
		behind := run(t, Options{
			Conns: []fakePacketConn{net.listenBehind(netip.MustParseAddrPort("192.168.1.2:6881"), netip.MustParseAddrPort("30.1.1.1:4444"))},
			Port:  77, Bootstrap: first,
		})
		swarm := newSwarm(false, 10)
		nodes[20].Add(hashNumber(1), swarm)
		behind.Add(hashNumber(1), newSwarm(true, 0))
		until(t, "it is announced", time.Minute, func() bool { return behind.Status().Announces > 0 })
		time.Sleep(40 * time.Minute)
		if !swarm.has("30.1.1.1:77") {
			t.Errorf("found %v", swarm.found())
		}
		for i, n := range append(nodes, behind) {
			s := n.Status().Families[0]
			if !krpc.ID(s.ID).FitsAddr(s.External.Addr()) || !s.External.IsValid() || s.Nodes < k || s.ReadOnly != (i == len(nodes)) {
				t.Errorf("node %d: %+v", i, s)
			}
			for c := range n.table().all {
				if !c.ID.FitsAddr(c.Addr.Addr()) || c.Addr == behind.Status().Families[0].External {
					t.Errorf("node %d has %s in its table", i, c.Addr)
				}
			}
		}
		if got := behind.Status().Families[0].External; got != netip.MustParseAddrPort("30.1.1.1:4444") {
			t.Errorf("its external address is %s", got)
		}

		stranger := net.listen("40.1.1.1:1")
		net.mu.Lock()
		net.conns[netip.MustParseAddrPort("30.1.1.1:4444")].sent[netip.MustParseAddr("40.1.1.1")] = time.Now() // the router lets it in
		net.mu.Unlock()
		ping := krpc.Message{Kind: krpc.Query, Transaction: "aa", Method: krpc.Ping, ID: hashNumber(7)}
		_, _ = stranger.WriteTo(ping.Append(nil), udpAddr("30.1.1.1:4444"))
		until(t, "it can be reached", time.Second, func() bool { return !behind.Status().Families[0].ReadOnly })
		if d := <-stranger.in; !strings.Contains(string(d.b), "1:y1:r") {
			t.Errorf("it answered %q", d.b)
		}
		time.Sleep(20 * time.Minute)
		if known := nodes[20].Status(); known.Families[0].ReadOnly {
			t.Errorf("%+v", known)
		}
	})
}

// A node with the option ReadOnly answers nothing, and marks its queries.
func TestReadOnly(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		runMany(t, net, 20)
		n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, ReadOnly: true, Port: 5, Bootstrap: []string{address(0, false)}})
		var mu sync.Mutex
		answers, queries, unmarked := 0, 0, 0
		net.mu.Lock()
		net.tap = func(from, _ netip.AddrPort, b []byte) {
			if m, err := krpc.Parse(b); err == nil && from.Addr() == netip.MustParseAddr("10.1.0.1") {
				mu.Lock()
				defer mu.Unlock()
				switch {
				case m.Kind != krpc.Query:
					answers++
				case m.ReadOnly:
					queries++
				default:
					unmarked++
				}
			}
		}
		net.mu.Unlock()
		stranger := net.listen("10.1.0.2:6881")
		ping := krpc.Message{Kind: krpc.Query, Transaction: "aa", Method: krpc.Ping, ID: hashNumber(7)}
		_, _ = stranger.WriteTo(ping.Append(nil), udpAddr("10.1.0.1:6881"))
		n.Add(hashNumber(1), newSwarm(true, 0))
		time.Sleep(time.Hour)
		mu.Lock()
		defer mu.Unlock()
		if answers > 0 || unmarked > 0 || queries < 20 {
			t.Errorf("%d answers, %d queries, %d without mark", answers, queries, unmarked)
		}
		if s := n.Status(); s.Announces < 2 || n.Port(netip.MustParseAddr("10.0.0.1")) != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// A node of both families finds the nodes of one by those of the other, and announces to
// both.
func TestBothFamilies(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		var nodes []runningNode
		for i := range 40 {
			o := Options{Port: uint16(1000 + i), Bootstrap: []string{"10.0.0.1:6881", "[fd00::10.0.0.1]:6881"}}
			four := address(i, false)
			six := "[fd00::" + strings.TrimSuffix(four, ":6881") + "]:6881"
			if i%2 == 0 || i < 2 {
				o.Conns = append(o.Conns, net.listen(four))
			}
			if i%2 == 1 || i < 2 {
				o.Conns = append(o.Conns, net.listen(six))
			}
			nodes = append(nodes, run(t, o))
			time.Sleep(time.Second)
		}
		both := run(t, Options{
			Conns: []fakePacketConn{net.listen("10.1.0.1:6881"), net.listen("[fd00::1:1]:6881")}, Port: 7,
			Bootstrap: []string{"10.0.0.2:6881"}, // only one of IPv4
		})
		both.Add(hashNumber(1), newSwarm(true, 0))
		until(t, "it is announced", time.Minute, func() bool { return both.Status().Announces > 0 })
		four, six := newSwarm(false, 10), newSwarm(false, 10)
		nodes[20].Add(hashNumber(1), four)
		nodes[21].Add(hashNumber(1), six)
		until(t, "it is found over IPv4", time.Minute, func() bool { return four.has("10.1.0.1:7") })
		until(t, "it is found over IPv6", time.Minute, func() bool { return six.has("[fd00::1:1]:7") })
		for _, f := range both.Status().Families {
			if f.Nodes < k || f.ReadOnly || f.External != f.Local {
				t.Errorf("%+v", f)
			}
		}
		if p4, p6 := both.Port(netip.MustParseAddr("::ffff:1.2.3.4")), nodes[20].Port(netip.MustParseAddr("fd00::1")); p4 != 6881 || p6 != 0 {
			t.Errorf("ports %d and %d", p4, p6)
		}
	})
}

// A node without bootstrap nodes begins with one that AddNodes suggests.
func TestAddNodes(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		runMany(t, net, 20)
		n := run(t, Options{Conns: []fakePacketConn{net.listen("10.1.0.1:6881")}, Port: 5})
		n.Add(hashNumber(1), newSwarm(true, 0))
		time.Sleep(time.Hour)
		if s := n.Status(); s.PacketsSent != 0 {
			t.Errorf("%+v", s)
		}
		bad := []string{"0.0.0.0:1", "10.0.0.1:0", "224.0.0.1:1", "255.255.255.255:1", "[fd00::1]:1", "[::]:1", "10.1.0.1:6881"}
		for _, a := range bad {
			n.AddNodes([]netip.AddrPort{netip.MustParseAddrPort(a)})
		}
		n.AddNodes([]netip.AddrPort{{}})
		time.Sleep(time.Minute)
		if s := n.Status(); s.PacketsSent != 0 {
			t.Errorf("%+v", s)
		}
		n.AddNodes([]netip.AddrPort{netip.MustParseAddrPort("[::ffff:10.0.0.9]:6881")})
		until(t, "it is announced", time.Minute, func() bool { return n.Status().Announces > 0 })

		begin := n.Status().PacketsSent
		for i := range 10_000 {
			n.AddNodes([]netip.AddrPort{netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 200, byte(i >> 8), byte(i)}), 1)})
		}
		time.Sleep(10 * time.Second)
		if sent := n.Status().PacketsSent - begin; sent > 60 || sent < 40 {
			t.Errorf("%d pings in 10 seconds", sent)
		}
	})
}

// The only other node is that of a seed, such as one that a torrent names: it answers with
// its own address, in its swarm alone.
func TestOwnPeer(t *testing.T) {
	bubble(t, func(t *testing.T, net *fakeNet) {
		seed := run(t, Options{Conns: []fakePacketConn{net.listen("10.0.0.1:6881")}, Port: 51413})
		e := seed.Add(hashNumber(1), newSwarm(true, 0))
		peer := run(t, Options{Conns: []fakePacketConn{net.listen("10.0.0.2:6881")}, Port: 51414, Bootstrap: []string{"10.0.0.1:6881"}})
		swarm, other := newSwarm(false, 10), newSwarm(false, 10)
		peer.Add(hashNumber(1), swarm)
		peer.Add(hashNumber(2), other)
		until(t, "the seed is found", time.Minute, func() bool { return swarm.has("10.0.0.1:51413") })
		time.Sleep(time.Minute)
		if other.has("10.0.0.1:51413") {
			t.Error("the seed is found in a swarm that it is not in")
		}
		result, err := peer.Scrape(t.Context(), hashNumber(1))
		if err != nil || result.Seeds < 0.9 || result.Seeds > 1.1 {
			t.Errorf("a scrape finds %+v (%v)", result, err)
		}
		e.Remove()
		seed.mu.Lock()
		defer seed.unlock()
		if own := seed.ownPeer(seed.families[0], hashNumber(1), netip.MustParseAddrPort("10.0.0.2:6881")); own.IsValid() {
			t.Errorf("after it has left the swarm it names itself: %v", own)
		}
	})
}
