//go:build linux

package seed

import (
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/maketorrent"
)

// The numbers of the extensions of a pexPeer.
const (
	peerPEX   = 11
	peerPunch = 12
)

// A pexPeer is a peer that supports the exchange of addresses.
type pexPeer struct {
	*leecher
	addr   netip.AddrPort // at which it says it listens
	theirs map[string]uint8
}

// joinPEXPeer connects a peer that says that it listens at a port.
func (r *running) joinPEXPeer(t *testing.T, tt *Torrent, port uint16) *pexPeer {
	t.Helper()
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures|peer.FeatureDHT)
	h, err := peer.ParseExtendedHandshake(l.await(peer.IDExtended).Payload)
	if err != nil {
		t.Fatal(err)
	}
	ours := peer.ExtendedHandshake{Port: port, Extensions: map[string]uint8{peer.PEXName: peerPEX, peer.HolepunchName: peerPunch}}
	l.send(peer.Message{ID: peer.IDExtended, Payload: ours.Append(nil)[6:]})
	return &pexPeer{l, netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port), h.Extensions}
}

// awaitPEX returns the next message of PEXName.
func (g *pexPeer) awaitPEX() peer.PEX {
	g.t.Helper()
	m, err := peer.ParsePEX(g.awaitExtended(peerPEX))
	if err != nil {
		g.t.Fatal(err)
	}
	return m
}

func (g *pexPeer) awaitExtended(id uint8) []byte {
	g.t.Helper()
	for {
		if m := g.await(peer.IDExtended); m.Extension == id {
			return m.Payload
		}
	}
}

// punch sends a message of HolepunchName, and awaitPunch returns the next one.
func (g *pexPeer) punch(m peer.Holepunch) {
	g.t.Helper()
	g.send(peer.Message{ID: peer.IDExtended, Extension: g.theirs[peer.HolepunchName], Payload: m.Append(nil, 0)[6:]})
}

func (g *pexPeer) awaitPunch() peer.Holepunch {
	g.t.Helper()
	m, err := peer.ParseHolepunch(g.awaitExtended(peerPunch))
	if err != nil {
		g.t.Fatal(err)
	}
	return m
}

// Peers are sent the addresses at which others listen, and the next message only after a
// minute.
func TestPeersAreIntroduced(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 100_000)
	a, b := r.joinPEXPeer(t, tt, 4001), r.joinPEXPeer(t, tt, 4002)
	if got := a.awaitPEX(); len(got.Added) != 1 || got.Added[0].Addr != b.addr || len(got.Dropped) > 0 {
		t.Errorf("the first peer is sent %+v", got)
	}
	if got := b.awaitPEX(); len(got.Added) != 1 || got.Added[0].Addr != a.addr {
		t.Errorf("the second peer is sent %+v", got)
	}
	c := r.joinPEXPeer(t, tt, 4003)
	if got := c.awaitPEX(); len(got.Added) != 2 {
		t.Errorf("the third peer is sent %+v", got)
	}
	a.conn.SetReadDeadline(time.Now().Add(1500 * time.Millisecond)) // more than a tick
	for {
		m, err := a.read()
		if err != nil {
			break
		}
		if m.ID == peer.IDExtended && m.Extension == peerPEX {
			t.Error("the first peer is sent a second message at once")
		}
	}
}

// What a peer names is called.
func TestPeersOfPEXAreCalled(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{Encryption: EncryptionOff}, maketorrent.FormatV1, 100_000)
	c := newCallee(t, tt, "-XX0001-callee......", EncryptionOff)
	a := r.joinPEXPeer(t, tt, 4001)
	m := peer.PEX{Added: []peer.PEXPeer{{Addr: c.addr()}}}
	a.send(peer.Message{ID: peer.IDExtended, Extension: a.theirs[peer.PEXName], Payload: m.Append(nil, 0)[6:]})
	hello := peer.ExtendedHandshake{Port: 9}
	l := c.await()
	defer l.conn.Close()
	l.send(peer.Message{ID: peer.IDExtended, Payload: hello.Append(nil)[6:]})
	if got := a.awaitPEX(); len(got.Added) != 1 || got.Added[0].Addr != c.addr() || got.Added[0].Flags&peer.PEXReachable == 0 {
		t.Errorf("the giver is sent %+v", got)
	}
}

// makePrivate returns a private torrent.
func makePrivate(t testing.TB) (*Metainfo, string) {
	t.Helper()
	_, root := makeContent(t, maketorrent.FormatV1, 100_000)
	r, err := maketorrent.Make(t.Context(), maketorrent.Options{
		Path: root, Format: maketorrent.FormatV1, PieceLength: 64 << 10, Private: true, Trackers: [][]string{{"http://127.0.0.1:9/announce"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r.Torrent, root
}

// A fakeDHT is a node of the DHT on port 5000, which passes on the nodes of peers.
type fakeDHT func(netip.AddrPort)

func (fakeDHT) HasDHT() bool                  { return true }
func (fakeDHT) Port(netip.Addr) uint16        { return 5000 }
func (f fakeDHT) AddNode(node netip.AddrPort) { f(node) }

// A private torrent, and any with NoPEX, offers no exchange, and takes no part in it.
func TestNoExchange(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options Options
		private bool
		dht     bool
	}{
		"private": {Options{dht: fakeDHT(func(a netip.AddrPort) { t.Errorf("a DHT node of a private torrent: %v", a) })}, true, false},
		"NoPEX":   {Options{NoPEX: true, dht: fakeDHT(func(netip.AddrPort) {})}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
			if test.private {
				meta, root = makePrivate(t)
			}
			r := start(t, test.options, Input{Torrent: meta, Path: root})
			tt := r.find(meta.InfoHashV1)
			c := newCallee(t, tt, "-XX0001-callee......", EncryptionPrefer)
			a, b := r.joinPEXPeer(t, tt, 4001), r.joinPEXPeer(t, tt, 4002)
			if a.theirs[peer.PEXName] != 0 || a.theirs[peer.HolepunchName] != 0 || a.theirs[peer.MetadataName] == 0 {
				t.Errorf("it offers %v", a.theirs)
			}
			if a.hello.Has(peer.FeatureDHT) != test.dht {
				t.Errorf("it offers the DHT: %v", !test.dht)
			}
			m := peer.PEX{Added: []peer.PEXPeer{{Addr: c.addr()}}}
			for id := range uint8(8) { // whatever number it would have
				if id > 0 && id != a.theirs[peer.MetadataName] {
					a.send(peer.Message{ID: peer.IDExtended, Extension: id, Payload: m.Append(nil, 0)[6:]})
				}
			}
			a.send(peer.Message{ID: peer.IDPort, Port: 5001})
			deadline := time.Now().Add(2500 * time.Millisecond) // more than two ticks
			for _, g := range []*pexPeer{a, b} {
				if time.Until(deadline) < 0 { // what has come by then is read
					deadline = time.Now().Add(100 * time.Millisecond)
				}
				g.conn.SetReadDeadline(deadline)
				for {
					m, err := g.read()
					if err != nil {
						if !os.IsTimeout(err) {
							t.Error(err)
						}
						break
					}
					if m.ID == peer.IDExtended && m.Extension != 0 && m.Extension != toyID() || m.ID == peer.IDPort && !test.dht {
						t.Errorf("it sends a %v, %d, %q", m.ID, m.Extension, m.Payload)
					}
				}
			}
			if len(c.tries) > 0 {
				t.Error("it calls what was named")
			}
		})
	}
}

// toyID is the number of the extension of another test, which echoes.
func toyID() uint8 { return extensions.IDs()[toyName] }

// A rendezvous makes both peers connect; the errors are those of BEP 55.
func TestHolepunchRelay(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 100_000)
	a, b := r.joinPEXPeer(t, tt, 4001), r.joinPEXPeer(t, tt, 4002)
	b.awaitPEX() // both are known
	a.punch(peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: b.addr})
	if got, want := a.awaitPunch(), (peer.Holepunch{Kind: peer.HolepunchConnect, Addr: b.addr}); got != want {
		t.Errorf("%+v", got)
	}
	if got, want := b.awaitPunch(), (peer.Holepunch{Kind: peer.HolepunchConnect, Addr: a.addr}); got != want {
		t.Errorf("%+v", got)
	}
	nowhere := netip.MustParseAddrPort("127.0.0.1:4999")
	a.punch(peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: nowhere})
	if got, want := a.awaitPunch(), (peer.Holepunch{Kind: peer.HolepunchFailed, Addr: nowhere, Error: peer.HolepunchNotConnected}); got != want {
		t.Errorf("%+v", got)
	}
}

// A peer that floods us with messages of the exchange is disconnected, and others stay.
func TestExchangeFlood(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]func(a, b *pexPeer) peer.Message{
		"pex": func(a, _ *pexPeer) peer.Message {
			m := peer.PEX{Added: []peer.PEXPeer{{Addr: netip.MustParseAddrPort("127.0.0.1:9")}}}
			return peer.Message{ID: peer.IDExtended, Extension: a.theirs[peer.PEXName], Payload: m.Append(nil, 0)[6:]}
		},
		"holepunch": func(a, b *pexPeer) peer.Message {
			m := peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: b.addr}
			return peer.Message{ID: peer.IDExtended, Extension: a.theirs[peer.HolepunchName], Payload: m.Append(nil, 0)[6:]}
		},
		"port": func(*pexPeer, *pexPeer) peer.Message { return peer.Message{ID: peer.IDPort, Port: 5} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var mu sync.Mutex
			var nodes []netip.AddrPort
			r, tt, _ := one(t, Options{dht: fakeDHT(func(a netip.AddrPort) {
				mu.Lock()
				defer mu.Unlock()
				nodes = append(nodes, a)
			})}, maketorrent.FormatV1, 100_000)
			a, b := r.joinPEXPeer(t, tt, 4001), r.joinPEXPeer(t, tt, 4002)
			var all []byte
			for range 1000 {
				all = message(a, b).Append(all)
			}
			go func() {
				for range 200 {
					if _, err := a.conn.Write(all); err != nil {
						return
					}
				}
			}()
			a.ends()
			b.punch(peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: b.addr})
			for {
				if got := b.awaitPunch(); got.Kind == peer.HolepunchFailed {
					break
				}
			}
			end := awaitEvent(t, r, func(e EventPeer) bool { return !e.Joined && e.Err != nil })
			t.Log(end.Err)
			r.stop()
			mu.Lock()
			defer mu.Unlock()
			if len(nodes) > 1 {
				t.Errorf("%d DHT nodes of one peer", len(nodes))
			}
		})
	}
}

// Both sides learn the DHT node of the other.
func TestPort(t *testing.T) {
	t.Parallel()
	nodes := make(chan netip.AddrPort, 10)
	r, tt, _ := one(t, Options{dht: fakeDHT(func(a netip.AddrPort) { nodes <- a })}, maketorrent.FormatV1, 100_000)
	a := r.joinPEXPeer(t, tt, 4001)
	if m := a.await(peer.IDPort); m.Port != 5000 || !a.hello.Has(peer.FeatureDHT) {
		t.Errorf("port %d, bit %v", m.Port, a.hello.Has(peer.FeatureDHT))
	}
	a.send(peer.Message{ID: peer.IDPort}, peer.Message{ID: peer.IDPort, Port: 5001}, peer.Message{ID: peer.IDPort, Port: 5002})
	if got := <-nodes; got != netip.MustParseAddrPort("127.0.0.1:5001") {
		t.Errorf("%v", got)
	}
	r.stop()
	if len(nodes) > 0 {
		t.Errorf("another: %v", <-nodes)
	}
	plain, tt, _ := one(t, Options{}, maketorrent.FormatV1, 100_000)
	if plain.joinPEXPeer(t, tt, 1).hello.Has(peer.FeatureDHT) {
		t.Error("a seed without a DHT node says that it has one")
	}
}
