package get

import (
	"context"
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/maketorrent"
)

// The numbers of the extensions of a pexPeer.
const (
	peerMetadata = 3
	peerPEX      = 11
	peerPunch    = 12
)

// A pexPeer is a peer that supports the exchange of addresses. It collects what it is sent.
type pexPeer struct {
	*badPeer
	t        testing.TB
	addr     netip.AddrPort        // at which it says it listens
	hello    peer.Handshake        // of the Getter
	ids      chan map[string]uint8 // of each extended handshake
	pex      chan peer.PEX
	punches  chan peer.Holepunch
	ports    chan uint16
	requests chan int      // of pieces of the info dict
	blocks   chan struct{} // is closed when a block is requested
	asked    sync.Once
}

// joinPEXPeer connects a peer to a Getter that says that it listens at a port.
func joinPEXPeer(t testing.TB, to string, meta *Metainfo, port uint16, info bool) *pexPeer {
	t.Helper()
	conn, err := net.Dial("tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(4 * time.Minute))
	h := peer.Handshake{InfoHash: meta.InfoHashV1, PeerID: [20]byte{byte(port)}}
	h.Set(peer.FeatureExtensions | peer.FeatureFast | peer.FeatureDHT)
	e := peer.ExtendedHandshake{Port: port, Extensions: map[string]uint8{peer.PEXName: peerPEX, peer.HolepunchName: peerPunch}}
	if info {
		e.Extensions[peer.MetadataName], e.MetadataSize = peerMetadata, len(meta.InfoBytes())
	}
	conn.Write(e.Append(h.Append(nil)))
	b := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(conn, b); err != nil {
		t.Fatal(err)
	}
	g := &pexPeer{
		badPeer: &badPeer{Conn: conn, meta: meta}, t: t, addr: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port),
		ids: make(chan map[string]uint8, 9), pex: make(chan peer.PEX, 9), punches: make(chan peer.Holepunch, 9),
		ports: make(chan uint16, 9), requests: make(chan int, 9), blocks: make(chan struct{}),
	}
	if g.hello, err = peer.ParseHandshake(b); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	t.Cleanup(func() { conn.Close(); <-ended })
	go func() {
		defer close(ended)
		g.each(g.handle)
	}()
	return g
}

func (g *pexPeer) handle(m peer.Message) bool {
	switch {
	case m.ID == peer.IDRequest:
		g.asked.Do(func() { close(g.blocks) })
	case m.ID == peer.IDPort:
		pass(g.t, g.ports, m.Port)
	case m.ID != peer.IDExtended:
	case m.Extension == peer.ExtHandshake:
		h, err := peer.ParseExtendedHandshake(m.Payload)
		if err != nil {
			g.t.Error(err)
		}
		pass(g.t, g.ids, h.Extensions)
	case m.Extension == peerPEX:
		x, err := peer.ParsePEX(m.Payload)
		if err != nil {
			g.t.Error(err)
		}
		pass(g.t, g.pex, x)
	case m.Extension == peerPunch:
		x, err := peer.ParseHolepunch(m.Payload)
		if err != nil {
			g.t.Error(err)
		}
		pass(g.t, g.punches, x)
	case m.Extension == peerMetadata:
		if q, err := peer.ParseMetadata(m.Payload); err == nil && q.Kind == peer.MetadataRequest {
			pass(g.t, g.requests, q.Piece)
		}
	}
	return true
}

// sendInfo answers the request for the info dict, which has one piece.
func (g *pexPeer) sendInfo(id uint8) {
	i := receive(g.t, g.requests)
	info := g.meta.InfoBytes()
	m := peer.Metadata{Kind: peer.MetadataData, Piece: i, TotalSize: len(info), Data: info}
	g.Write(m.Append(nil, id))
}

// pass sends a value to the test, unless that ends.
func pass[T any](t testing.TB, c chan T, v T) {
	select {
	case c <- v:
	case <-t.Context().Done():
	}
}

func receive[T any](t testing.TB, c chan T) (v T) {
	t.Helper()
	select {
	case v = <-c:
	case <-time.After(2 * time.Minute):
		t.Fatal("it never comes")
	}
	return v
}

// begin runs a Getter until the test ends, and returns its address.
func begin(t testing.TB, o Options) string {
	t.Helper()
	o.Listener, o.Dir = listen(t, "127.0.0.1"), t.TempDir()
	o.Peers = []netip.AddrPort{netip.MustParseAddrPort("127.0.0.1:9")}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	return o.Listener.Addr().String()
}

// A fakeDHT is a node of the DHT on port 5000, which passes on the nodes of peers.
type fakeDHT func(netip.AddrPort)

func (fakeDHT) HasDHT() bool                  { return true }
func (fakeDHT) Port(netip.Addr) uint16        { return 5000 }
func (f fakeDHT) AddNode(node netip.AddrPort) { f(node) }

// Peers of a download are sent the addresses of each other, can have a rendezvous, and
// exchange the ports of DHT nodes. What they name is called.
func TestExchange(t *testing.T) {
	t.Parallel()
	meta, _ := makeContent(t, maketorrent.FormatV1, 4*pieceLength)
	nodes := make(chan netip.AddrPort, 9)
	at := begin(t, Options{Torrent: meta, dht: fakeDHT(func(a netip.AddrPort) { nodes <- a })})
	a, b := joinPEXPeer(t, at, meta, 4001, false), joinPEXPeer(t, at, meta, 4002, false)
	ids := receive(t, a.ids)
	if x := receive(t, a.pex); len(x.Added) != 1 || x.Added[0].Addr != b.addr {
		t.Errorf("the first peer is sent %+v", x)
	}
	if x := receive(t, b.pex); len(x.Added) != 1 || x.Added[0].Addr != a.addr {
		t.Errorf("the second peer is sent %+v", x)
	}
	punch := peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: b.addr}
	a.Write(punch.Append(nil, ids[peer.HolepunchName]))
	if x := receive(t, a.punches); x.Kind != peer.HolepunchConnect || x.Addr != b.addr {
		t.Errorf("the first peer is sent %+v", x)
	}
	if x := receive(t, b.punches); x.Kind != peer.HolepunchConnect || x.Addr != a.addr {
		t.Errorf("the second peer is sent %+v", x)
	}
	a.send(peer.Message{ID: peer.IDPort, Port: 5001})
	if n := receive(t, nodes); n != netip.MustParseAddrPort("127.0.0.1:5001") || receive(t, a.ports) != 5000 {
		t.Errorf("node %v", n)
	}
	called := listen(t, "127.0.0.1")
	x := peer.PEX{Added: []peer.PEXPeer{{Addr: netip.MustParseAddrPort(called.Addr().String())}}}
	a.Write(x.Append(nil, ids[peer.PEXName]))
	conn, err := called.Accept()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// A peer that owes blocks is sent addresses as well.
func TestExchangeWhileBlocksAreOwed(t *testing.T) {
	t.Parallel()
	meta, _ := makeContent(t, maketorrent.FormatV1, 4*pieceLength)
	at := begin(t, Options{Torrent: meta})
	a := joinPEXPeer(t, at, meta, 4001, false)
	a.unchoked()
	receive(t, a.blocks)
	b := joinPEXPeer(t, at, meta, 4002, false)
	if x := receive(t, a.pex); len(x.Added) != 1 || x.Added[0].Addr != b.addr {
		t.Errorf("it is sent %+v", x)
	}
}

// The exchange of a magnet link ends when the torrent turns out to be private. That of a
// private torrent and with NoPEX does not begin.
func TestPrivateExchange(t *testing.T) {
	t.Parallel()
	_, root := makeContent(t, maketorrent.FormatV1, 4*pieceLength)
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{
		Path: root, Format: maketorrent.FormatV1, PieceLength: pieceLength, Private: true, Trackers: [][]string{{"http://127.0.0.1:9/announce"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	meta := made.Torrent
	node := func(netip.AddrPort) { t.Error("a DHT node of a private torrent") }
	magnet := &Magnet{HasV1: true, V1: meta.InfoHashV1}
	for name, test := range map[string]struct {
		options Options
		magnet  bool
	}{
		"magnet":  {Options{Magnet: magnet, dht: fakeDHT(func(netip.AddrPort) {})}, true},
		"private": {Options{Torrent: meta, dht: fakeDHT(node)}, false},
		"NoPEX":   {Options{Magnet: magnet, NoPEX: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			at := begin(t, test.options)
			a, b := joinPEXPeer(t, at, meta, 4001, true), joinPEXPeer(t, at, meta, 4002, false)
			ids := receive(t, a.ids)
			if offers := ids[peer.PEXName] != 0 && ids[peer.HolepunchName] != 0; offers != test.magnet || a.hello.Has(peer.FeatureDHT) != test.magnet {
				t.Errorf("it offers %v", ids)
			}
			pexID := ids[peer.PEXName]
			if test.magnet {
				receive(t, a.pex)
				receive(t, b.pex)
				a.sendInfo(ids[peer.MetadataName])
				again := receive(t, a.ids)
				for _, name := range []string{peer.PEXName, peer.HolepunchName} {
					if id, ok := again[name]; id != 0 || !ok {
						t.Errorf("it does not disable %s: %v", name, again)
					}
				}
			} else {
				pexID = extensions.IDs()[peer.PEXName] // although it is not offered
			}
			called := listen(t, "127.0.0.1").(*net.TCPListener)
			x := peer.PEX{Added: []peer.PEXPeer{{Addr: netip.MustParseAddrPort(called.Addr().String())}}}
			b.Write(x.Append(nil, pexID))
			joinPEXPeer(t, at, meta, 4003, false) // would be news
			b.send(peer.Message{ID: peer.IDPort, Port: 5001})
			called.SetDeadline(time.Now().Add(2500 * time.Millisecond)) // more than two ticks
			if _, err := called.Accept(); err == nil {
				t.Error("it calls what was named")
			}
			if len(a.pex)+len(b.pex) > 0 || !test.magnet && len(a.ports)+len(b.ports) > 0 {
				t.Error("it sends addresses of peers")
			}
		})
	}
}
