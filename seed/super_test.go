package seed

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/maketorrent"
)

// A swarmPeer is a peer of a simulated swarm.
type swarmPeer struct {
	*superPeer
	has     peer.Bitfield
	offered peer.Bitfield
	known   []int // offered, or all
	news    bool
}

// simulate lets peers exchange pieces in rounds of a second: each gets one from the
// seed and one from another. It returns how many pieces the seed has sent when the
// swarm had all, and when each peer had. change, if not nil, is called in each
// round.
func simulate(t *testing.T, s *super, pieces, n int, change func(round int, peers []*swarmPeer) []*swarmPeer) (alone, all int) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	now := time.Now()
	var peers []*swarmPeer
	join := func() *swarmPeer {
		p := &swarmPeer{has: peer.NewBitfield(pieces), offered: peer.NewBitfield(pieces), news: true}
		p.superPeer = s.join(func() { p.news = true }, now)
		return p
	}
	for range n {
		peers = append(peers, join())
	}
	sent := 0
	for round := range 100 * pieces {
		if change != nil {
			peers = change(round, peers)
		}
		s.tick()
		for _, p := range peers {
			if p.news {
				p.news = false
				some, everything := p.next(p.offered, 1, true, true, now)
				p.known = append(p.known, some...)
				if everything {
					p.known = p.known[:0]
					for i := range pieces {
						p.known = append(p.known, i)
					}
				}
			}
			get := func(i int) {
				p.has.Set(i)
				p.addPiece(i, now)
			}
			for _, i := range p.known {
				if !p.has.Has(i) {
					sent++
					get(i)
					break
				}
			}
			other := peers[rng.IntN(len(peers))]
			for _, i := range rng.Perm(pieces) {
				if other.has.Has(i) && !p.has.Has(i) {
					get(i)
					break
				}
			}
		}
		now = now.Add(time.Second)
		union := peer.NewBitfield(pieces)
		done := true
		for _, p := range peers {
			for i := range p.has {
				union[i] |= p.has[i]
			}
			done = done && p.has.All(pieces)
		}
		if alone == 0 && union.All(pieces) {
			alone = sent
		}
		if done {
			return alone, sent
		}
	}
	t.Fatalf("the swarm does not end; the seed has sent %d of %d pieces", sent, pieces)
	return 0, 0
}

func TestSuper(t *testing.T) {
	const pieces = 400
	s := newSuper(peer.FullBitfield(pieces), pieces)
	alone, all := simulate(t, s, pieces, 20, nil)
	t.Logf("%d pieces: %d sent until the swarm has all, %d until each peer has", pieces, alone, all)
	if alone > pieces*105/100 {
		t.Errorf("%d pieces sent for the first copy of %d", alone, pieces)
	}
	if !s.isOver() {
		t.Error("it does not end")
	}
}

// A single peer gets all pieces after some time.
func TestSuperOfOne(t *testing.T) {
	const pieces = 100
	s := newSuper(peer.FullBitfield(pieces), pieces)
	if _, all := simulate(t, s, pieces, 1, nil); all != pieces {
		t.Errorf("%d sent", all)
	}
}

// Two peers count as a swarm.
func TestSuperOfTwo(t *testing.T) {
	const pieces = 100
	s := newSuper(peer.FullBitfield(pieces), pieces)
	if alone, _ := simulate(t, s, pieces, 2, nil); alone > pieces*11/10 {
		t.Errorf("%d sent", alone)
	}
}

// Pieces that only a leaving peer had are offered again.
func TestSuperLeavers(t *testing.T) {
	const pieces = 200
	s := newSuper(peer.FullBitfield(pieces), pieces)
	simulate(t, s, pieces, 10, func(round int, peers []*swarmPeer) []*swarmPeer {
		if round%3 != 2 || round > 150 {
			return peers
		}
		peers[0].leave(peers[0].has, time.Now())
		p := &swarmPeer{has: peer.NewBitfield(pieces), offered: peer.NewBitfield(pieces), news: true}
		p.superPeer = s.join(func() { p.news = true }, time.Now())
		return append(slices.Clone(peers[1:]), p)
	})
	var want []int32
	for p := range s.peers {
		if len(p.offers) > maxOffers {
			t.Errorf("%d offers", len(p.offers))
		}
	}
	for range s.count {
		want = append(want, int32(len(s.peers)))
	}
	if !slices.Equal(s.count, want) {
		t.Errorf("%d: %v", len(s.peers), s.count)
	}
}

// A piece offered to a peer that never gets it is offered to another.
func TestSuperStuck(t *testing.T) {
	const pieces = 10
	s := newSuper(peer.FullBitfield(pieces), pieces)
	now := time.Now()
	a, b := s.join(func() {}, now), s.join(func() {}, now)
	toldA, toldB := peer.NewBitfield(pieces), peer.NewBitfield(pieces)
	held, _ := a.next(toldA, 0, true, true, now)
	given := make(map[int]bool)
	for range 100 {
		a.next(toldA, 0, true, true, now)
		some, all := b.next(toldB, 1, true, true, now)
		if all {
			t.Fatal("it has ended")
		}
		for _, i := range some {
			if given[i] {
				t.Errorf("piece %d is offered twice", i)
			}
			given[i] = true
			b.addPiece(i, now)
			if s.isOver() {
				return
			}
		}
		now = now.Add(time.Second)
	}
	t.Errorf("of %v and others only %v were offered to peers that take them", held, given)
}

// Peers that want a tenth of the pieces get them, whatever they are offered first.
func TestSuperUnwanted(t *testing.T) {
	const pieces, wanted, n = 1000, 100, 20
	s := newSuper(peer.FullBitfield(pieces), pieces)
	now := time.Now()
	var peers []*swarmPeer
	for range n {
		peers = append(peers, &swarmPeer{superPeer: s.join(func() {}, now), has: peer.NewBitfield(pieces), offered: peer.NewBitfield(pieces)})
	}
	left := n * wanted
	for round := 0; left > 0; round++ {
		if round > 3600 {
			t.Fatalf("%d of %d are still wanted after an hour", left, n*wanted)
		}
		for k, p := range peers {
			get := func(from peer.Bitfield) (got bool) {
				for i := range wanted {
					if from.Has(i) && !p.has.Has(i) {
						p.has.Set(i)
						p.addPiece(i, now)
						left--
						return true
					}
				}
				return false
			}
			wants := get(p.offered)
			rate := 0.0
			if wants {
				rate = 1
			}
			get(peers[(k+1)%n].has)
			p.next(p.offered, rate, wants, wants, now)
		}
		now = now.Add(time.Second)
	}
}

// Peers that can't reach each other get everything from the seed, and not slowly.
func TestSuperStrangers(t *testing.T) {
	const pieces, n, atOnce = 4000, 4, 5
	s := newSuper(peer.FullBitfield(pieces), pieces)
	now := time.Now()
	type stranger struct {
		swarmPeer
		got swarm.Speed
	}
	var peers []*stranger
	for range n {
		peers = append(peers, &stranger{swarmPeer: swarmPeer{superPeer: s.join(func() {}, now), has: peer.NewBitfield(pieces), offered: peer.NewBitfield(pieces)}})
	}
	for round := 0; !s.isOver(); round++ {
		if round > 2*pieces/n/atOnce {
			t.Fatalf("%d of %d pieces are out after %d seconds", s.out, pieces, round)
		}
		for _, p := range peers {
			got := 0
			for i := 0; i < pieces && got < atOnce; i++ {
				if p.offered.Has(i) && !p.has.Has(i) {
					p.has.Set(i)
					p.addPiece(i, now)
					got++
				}
			}
			p.got.Tick(p.got.Last+int64(got)<<16, 1)
			p.next(p.offered, p.got.Rate/(1<<16), true, true, now)
		}
		now = now.Add(time.Second)
	}
}

// With real connections: few pieces are offered to a peer and it gets no others; when
// another seed connects, all are offered.
func TestSuperSeed(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 1100<<16) // more haves than are sent at once
	r := start(t, Options{SuperSeed: true}, Input{Torrent: meta, Path: root, Hashed: true})
	tt := r.find(meta.InfoHashV1)
	l := r.dial(t, meta.InfoHashV1, tt.pieces, allFeatures)
	h, err := peer.ParseExtendedHandshake(l.await(peer.IDExtended).Payload)
	if err != nil || h.UploadOnly {
		t.Errorf("%v: %+v", err, h)
	}
	l.await(peer.IDHaveNone)
	l.send(peer.Message{ID: peer.IDHaveNone}, peer.Message{ID: peer.IDInterested})
	offered := make(map[int]bool)
	for range minOffers {
		offered[int(l.await(peer.IDHave).Index)] = true
	}
	if r.Status().Torrents[0].State != StateSuperSeeding {
		t.Error(r.Status().Torrents[0].State)
	}
	for i := range uint32(4) {
		l.send(request(i, 0, 16<<10))
		m, err := l.read()
		for err == nil && m.ID != peer.IDPiece && m.ID != peer.IDReject {
			m, err = l.read()
		}
		if err != nil || (m.ID == peer.IDPiece) != offered[int(i)] {
			t.Errorf("%v: piece %d: %v", err, i, m.ID)
		}
	}
	other := r.dial(t, meta.InfoHashV1, tt.pieces, allFeatures)
	other.send(peer.Message{ID: peer.IDHaveAll})
	other.ends()
	for len(offered) < tt.pieces {
		i := int(l.await(peer.IDHave).Index)
		if offered[i] {
			t.Fatalf("piece %d is offered twice", i)
		}
		offered[i] = true
	}
	if r.Status().Torrents[0].State != StateSeeding {
		t.Error(r.Status().Torrents[0].State)
	}
	l.download(loadedOf(t, tt).lengthOf, 0, tt.pieces-1)
}

func BenchmarkSuper(b *testing.B) {
	const pieces, peers = 100_000, 2000
	s := newSuper(peer.FullBitfield(pieces), pieces)
	now := time.Now()
	var all []*superPeer
	var offered []peer.Bitfield
	for range peers {
		all = append(all, s.join(func() {}, now))
		offered = append(offered, peer.NewBitfield(pieces))
	}
	k := 0
	for b.Loop() {
		p := all[k%peers]
		some, _ := p.next(offered[k%peers], 1, true, true, now)
		for _, i := range some {
			p.addPiece(i, now)
			all[(k+1)%peers].addPiece(i, now)
			all[(k+2)%peers].addPiece(i, now)
		}
		k++
	}
}

// Peers that claim many pieces and disconnect, repeatedly, leave nothing in memory.
func TestSuperLeftIsBounded(t *testing.T) {
	const pieces = 1000
	s := newSuper(peer.FullBitfield(pieces), pieces)
	now := time.Now()
	for range 100 {
		p := s.join(func() {}, now)
		had := peer.NewBitfield(pieces)
		for i := range pieces - 1 {
			had.Set(i)
			p.addPiece(i, now)
		}
		p.leave(had, now)
	}
	if len(s.left) > pieces {
		t.Errorf("%d of %d pieces are left", len(s.left), pieces)
	}
}

// A peer that was offered all pieces is not woken needlessly: its goroutine waits.
func TestSuperRests(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{SuperSeed: true}, maketorrent.FormatV1, 300_000)
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	l.send(peer.Message{ID: peer.IDHaveNone}, peer.Message{ID: peer.IDInterested})
	l.await(peer.IDHaveNone) // the handshake is answered before it joins
	for range 3 {            // seeds, which end it
		other := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
		other.send(peer.Message{ID: peer.IDHaveAll})
		other.ends()
	}
	for range tt.pieces {
		l.await(peer.IDHave)
	}
	tt.super.Load().tick()
	c := r.conns.all()[0]
	for end := time.Now().Add(80 * time.Second); c.up.News.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never takes note")
		}
	}
}
