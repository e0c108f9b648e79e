package seed

import (
	"net"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/maketorrent"
)

// turns returns a choker with interested peers that have no connections.
func turns(t *testing.T, limit, peers int) (*choker, []*conn) {
	meta, _ := makeContent(t, maketorrent.FormatV1, 300_000)
	s := &choker{max: limit, conns: make(map[*conn]bool), soon: make(chan struct{}, 1)}
	tt := &Torrent{pieceLength: meta.PieceLength}
	var conns []*conn
	for i := range peers {
		c := &conn{Peer: deafPeer(t, i), torrent: tt, interested: true}
		conns = append(conns, c)
		s.conns[c] = true
		s.interestChanged(c)
	}
	return s, conns
}

// served counts the unchoked peers.
func served(conns []*conn) (n int) {
	for _, c := range conns {
		if c.slot.isGiven() {
			n++
		}
	}
	return n
}

// Every peer gets a slot, never more at once than there are slots, and none twice
// before all others have had one.
func TestRoundRobin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit, peers = 5, 20
		s, conns := turns(t, limit, peers)
		pieces := conns[0].torrent.pieceLength
		turn := make([]time.Duration, peers)
		for range 600 {
			s.decide(time.Now())
			if n := served(conns); n != limit {
				t.Fatalf("%d are served", n)
			}
			for i, c := range conns {
				if c.slot.isGiven() {
					turn[i] += time.Second
					c.slot.uploaded.Add(pieces) // a piece a second: 20 are sent before the minute is over
					c.slot.asked.Store(time.Now().UnixNano())
				}
			}
			time.Sleep(time.Second)
		}
		for i, d := range turn {
			if d < 75*time.Second || d > 270*time.Second { // 150 s is its share, in turns of 60
				t.Errorf("peer %d was served for %v", i, d)
			}
		}
	})
}

// A peer that requests nothing loses its slot to one that waits.
func TestIdleSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, conns := turns(t, 2, 3)
		asks := func(n int) {
			for range n {
				for _, c := range conns[1:] {
					if c.slot.isGiven() {
						c.slot.asked.Store(time.Now().UnixNano())
					}
				}
				s.decide(time.Now())
				time.Sleep(time.Second)
			}
		}
		asks(10)
		if !conns[0].slot.isGiven() || !conns[1].slot.isGiven() || conns[2].slot.isGiven() {
			t.Fatal("the first two are not served")
		}
		asks(15)
		if conns[0].slot.isGiven() || !conns[1].slot.isGiven() || !conns[2].slot.isGiven() {
			t.Error("the idle peer has kept its slot")
		}
	})
}

// Newcomers get the optimistic slots before peers that have had a slot.
func TestTrial(t *testing.T) {
	for _, limit := range []int{2, 5} {
		testTrial(t, limit)
	}
}

func testTrial(t *testing.T, limit int) {
	synctest.Test(t, func(t *testing.T) {
		s, conns := turns(t, limit, 30)
		for range 1000 {
			s.decide(time.Now())
			for _, c := range conns {
				if c.slot.isGiven() {
					c.slot.asked.Store(time.Now().UnixNano())
				}
			}
			time.Sleep(time.Second)
		}
		c := &conn{Peer: deafPeer(t, 1000), torrent: conns[0].torrent, interested: true}
		s.conns[c] = true
		s.interestChanged(c)
		begin := time.Now()
		for !c.slot.isGiven() {
			time.Sleep(time.Second)
			s.decide(time.Now())
			if time.Since(begin) > 2*trialTime {
				t.Fatal("the newcomer gets no optimistic slot")
			}
		}
		if n := served(append(conns, c)); n != limit {
			t.Errorf("%d are served", n)
		}
		for range trialTime / time.Second {
			c.slot.asked.Store(time.Now().UnixNano())
			time.Sleep(time.Second)
		}
		s.decide(time.Now())
		if c.slot.isGiven() {
			t.Error("the trial goes on")
		}
	})
}

// When there are few slots, no torrent gets all of them, and one with other seeds
// gets fewer.
func TestSlotsOfTorrents(t *testing.T) {
	t.Parallel()
	alone, popular := new(Torrent), new(Torrent)
	popular.seeds.Store(3)
	s := &choker{max: 10, conns: make(map[*conn]bool), soon: make(chan struct{}, 1)}
	count := func() map[*Torrent]int {
		n := make(map[*Torrent]int)
		for c := range s.conns {
			if c.slot.isGiven() {
				n[c.torrent]++
			}
		}
		return n
	}
	for i := range 60 {
		c := &conn{Peer: deafPeer(t, i), torrent: popular, interested: true}
		if i >= 40 {
			c.torrent = alone
		}
		s.conns[c] = true
		s.interestChanged(c)
	}
	now := time.Now()
	for range 10 {
		s.decide(now)
		// Eight slots are regular, and of two more are any newcomers.
		if n := count(); n[alone] < 6 || n[popular] < 2 || n[alone]+n[popular] != 10 {
			t.Fatalf("%d slots for the torrent without other seeds, %d for the other", n[alone], n[popular])
		}
		now = now.Add(slotMaxTime)
	}
	for c := range s.conns { // no peer is interested in the first torrent
		if c.torrent == alone {
			c.interested = false
			s.interestChanged(c)
		}
	}
	s.decide(now)
	if n := count(); n[popular] != 10 {
		t.Errorf("%d of the only one", n[popular])
	}
}

// With real peers: a slot that becomes free is given to a waiting peer.
func TestSlotIsPassedOn(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{MaxUploads: 1}, maketorrent.FormatV1, 300_000)
	a := r.join(t, tt)
	b := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	b.send(peer.Message{ID: peer.IDInterested}, request(0, 0, 16<<10))
	b.await(peer.IDReject)
	a.send(peer.Message{ID: peer.IDNotInterested})
	a.await(peer.IDChoke)
	b.await(peer.IDUnchoke)
	b.send(request(0, 0, 16<<10))
	check(t, tt, root, b.await(peer.IDPiece))
	a.send(peer.Message{ID: peer.IDInterested})
	b.conn.Close()
	a.await(peer.IDUnchoke)
}

// deafPeer returns a peer with a closed connection, which can only be woken.
func deafPeer(t testing.TB, number int) *swarm.Peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	l, err := link.New(conn.(*net.TCPConn), nil, &link.DefaultTimeouts)
	if err != nil {
		t.Fatal(err)
	}
	return &swarm.Peer{Link: l, Number: uint64(number)}
}
