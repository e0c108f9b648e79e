package finders

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bt/internal/discover"
	"bt/internal/metainfo"
	"bt/internal/swarm"
)

type fakeSwarm chan []netip.AddrPort

func (fakeSwarm) Seeds() bool { return true }
func (fakeSwarm) Wanted() int { return 50 }
func (s fakeSwarm) Found(source swarm.Source, peers []netip.AddrPort) {
	if source != swarm.SourceDHT {
		peers = nil
	}
	s <- peers
}

// start runs Finders with a node of the DHT at an address, which begins with others.
func start(t *testing.T, at string, local bool, nodes ...string) (f *Finders, addr netip.AddrPort) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", at+":0")
	if err != nil {
		t.Fatal(err)
	}
	addr = netip.MustParseAddrPort(conn.LocalAddr().String())
	f = New(Options{
		DHT: &discover.DHT{Conns: []net.PacketConn{conn}, Nodes: nodes}, Listener: addr, Local: local,
		Warn: func(err error) { t.Error(err) },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		f.Run(ctx)
		close(done)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		if _, err := conn.WriteTo(nil, conn.LocalAddr()); err == nil {
			t.Error("the socket is open")
		}
	})
	return f, addr
}

// One side finds another, whose node a torrent names.
func TestDHT(t *testing.T) {
	t.Parallel()
	hash := [20]byte{1}
	first, want := start(t, "127.0.0.1", true)
	first.Add(hash, make(fakeSwarm, 9))
	second, own := start(t, "127.0.0.2", true)
	second.AddNodes([]metainfo.Node{{Host: "127.0.0.1", Port: int(want.Port())}})
	found := make(fakeSwarm, 9)
	second.Add(hash, found).Hurry()
	select {
	case peers := <-found:
		if !slices.Contains(peers, want) {
			t.Errorf("found %v, want %v", peers, want)
		}
	case <-time.After(time.Minute):
		t.Fatal("no peer was found")
	}
	if second.Port(want.Addr()) != own.Port() || !second.HasDHT() {
		t.Error("the port is not advertised")
	}
}

func TestAllowed(t *testing.T) {
	list := []netip.AddrPort{
		netip.MustParseAddrPort("127.0.0.1:1"), netip.MustParseAddrPort("[::1]:1"), netip.MustParseAddrPort("[::ffff:127.0.0.9]:1"), netip.MustParseAddrPort("192.0.2.1:1"),
	}
	if got := New(Options{}).allowed(list); len(got) != 1 || got[0] != list[3] {
		t.Errorf("from strangers: %v", got)
	}
	if got := New(Options{Local: true}).allowed(list); len(got) != len(list) {
		t.Errorf("local: %v", got)
	}
}

// Without a swarm, nothing is sent: private torrents are not added.
func TestSilent(t *testing.T) {
	t.Parallel()
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	f, _ := start(t, "127.0.0.1", true, other.LocalAddr().String())
	read := func(wait time.Duration) bool {
		if err := other.SetReadDeadline(time.Now().Add(wait)); err != nil {
			t.Fatal(err)
		}
		_, _, err := other.ReadFrom(make([]byte, 2000))
		return err == nil
	}
	if read(500 * time.Millisecond) {
		t.Error("a packet came before a swarm was added")
	}
	f.Add([20]byte{1}, make(fakeSwarm, 9))
	if !read(time.Minute) {
		t.Error("no packet came")
	}
}

// The nodes of torrents are bounded, and each is looked up once.
func TestHosts(t *testing.T) {
	h := hosts{news: make(chan struct{}, 1)}
	node := func(i int) metainfo.Node { return metainfo.Node{Host: fmt.Sprint("n", i), Port: 1} }
	for i := range 2 * maxHosts {
		h.add([]metainfo.Node{node(i), node(i), node(0)})
	}
	if got := h.take(); len(got) != maxHosts {
		t.Errorf("%d hosts, want %d", len(got), maxHosts)
	}
	h = hosts{news: make(chan struct{}, 1)}
	var many []metainfo.Node
	for i := range 100 {
		many = append(many, node(i))
	}
	h.add(many)
	if got := h.take(); len(got) != maxHostsOfTorrent {
		t.Errorf("%d hosts of a torrent, want %d", len(got), maxHostsOfTorrent)
	}
}

// Without a way to find peers, everything does nothing.
func TestNone(t *testing.T) {
	f := New(Options{})
	e := f.Add([20]byte{}, make(fakeSwarm))
	e.Hurry()
	e.Remove()
	f.AddNode(netip.AddrPort{})
	f.AddNodes([]metainfo.Node{{Host: "x", Port: 1}})
	f.Close()
	if f.Any() || f.HasDHT() || f.Port(netip.Addr{}) != 0 || f.External() != nil {
		t.Error("there is something")
	}
}
