package picker

import (
	"cmp"
	"context"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/testenv"
)

const (
	simPeers  = 50 // and one seed
	simPieces = 1000
	simLength = 64 << 10 // bytes per piece
	simSlots  = 5
	simRate   = 16                    // blocks per second that each peer and the seed can send
	simTick   = time.Second / simRate // each sends one block; a message takes one tick
	simBurst  = simRate               // blocks; a peer receives simRate as well, smoothed by buffers
)

// A node is a peer or the seed.
type node struct {
	id      int
	k       *Picker // nil: the seed
	choker  *swarm.Choker
	edges   []*edge // by the other node's id
	waiting []*edge // those with requests, in the order in which they are answered
	leeches atomic.Bool
	budget  int // blocks that it can receive now
	ended   time.Duration
	useless int // blocks that were received twice
}

// PieceLength, OtherSeeds and Leeches describe the torrent for the choker.
func (n *node) PieceLength() int64 { return simLength }
func (n *node) OtherSeeds() int64  { return 0 }
func (n *node) Leeches() bool      { return n.leeches.Load() }

// An edge is what a node knows of another one.
type edge struct {
	from, to   *node
	peer       *Peer       // in the picker of from; nil: from is the seed
	slot       *swarm.Slot // in the choker of from
	requests   []Block     // of to
	unchokes   bool        // from unchokes to
	interested bool        // from is interested in to
}

// A note is a message on its way along an edge.
type note struct {
	*edge
	kind  peer.ID
	block Block
}

// A simulation is a swarm of peers that know each other, in ticks.
type simulation struct {
	nodes  []*node
	random *rand.Rand
	begin  time.Time

	sent    []note // in this tick
	arrived []note // sent in the last one
	picked  []Block

	mu    sync.Mutex
	woken []*edge // slots that were given or taken away
}

func newSimulation(seed uint64) *simulation {
	s := &simulation{random: rand.New(rand.NewPCG(seed, 3)), begin: time.Now()}
	for id := range simPeers + 1 {
		n := &node{id: id, choker: swarm.NewChoker(simSlots)}
		if id > 0 {
			n.leeches.Store(true)
			n.k = New(Options{
				Pieces: simPieces,
				Length: func(int) int64 { return simLength },
				Rand:   rand.New(rand.NewPCG(seed, uint64(id))),
			})
		}
		s.nodes = append(s.nodes, n)
	}
	for _, n := range s.nodes {
		for _, o := range s.nodes {
			e := &edge{from: n, to: o}
			n.edges = append(n.edges, e)
			if n == o {
				continue
			}
			e.slot = swarm.NewSlot(n, uint64(o.id), s.begin, func() {
				s.mu.Lock()
				defer s.mu.Unlock()
				s.woken = append(s.woken, e)
			})
			n.choker.Add(e.slot)
			if n.k != nil {
				e.peer = n.k.Join(nil, false)
			}
		}
		if n.k != nil {
			n.k.HaveAll(n.edges[0].peer)
			s.interest(n.edges[0])
		}
	}
	return s
}

func (s *simulation) send(e *edge, kind peer.ID, b Block) {
	s.sent = append(s.sent, note{e, kind, b})
}

// back returns the same edge from the other end.
func (e *edge) back() *edge { return e.to.edges[e.from.id] }

// run runs the swarm until all have ended.
func (s *simulation) run() {
	second := s.begin
	for ended := 0; ended < simPeers; {
		time.Sleep(simTick)
		now := time.Now()
		s.choke()
		s.arrived, s.sent = s.sent, s.arrived[:0]
		for _, a := range s.arrived {
			s.arrive(a, now)
		}
		if now.Sub(second) >= time.Second {
			second = second.Add(time.Second)
			s.everySecond(now)
		}
		for _, n := range s.nodes {
			n.budget = min(n.budget+1, simBurst)
		}
		ended = 0
		for _, i := range s.random.Perm(len(s.nodes)) {
			s.upload(s.nodes[i])
			if s.nodes[i].ended > 0 {
				ended++
			}
		}
	}
}

// choke sends what the chokers have decided.
func (s *simulation) choke() {
	s.mu.Lock()
	woken := s.woken
	s.woken = nil
	s.mu.Unlock()
	slices.SortFunc(woken, func(a, b *edge) int {
		return cmp.Or(cmp.Compare(a.from.id, b.from.id), cmp.Compare(a.to.id, b.to.id))
	})
	for _, e := range woken {
		s.applyChoke(e)
	}
}

// applyChoke sends the choke or unchoke that the choker of e.from decided.
func (s *simulation) applyChoke(e *edge) {
	given := e.slot.Given()
	switch {
	case given == e.unchokes:
		return
	case given:
		s.send(e, peer.IDUnchoke, Block{})
	default:
		e.forget(func(Block) bool { return true })
		s.send(e, peer.IDChoke, Block{})
	}
	e.unchokes = given
}

// upload sends a block of the next peer whose requests wait, and which can receive it.
func (s *simulation) upload(n *node) {
	for i, e := range n.waiting {
		if e.to.budget == 0 {
			continue
		}
		n.waiting = slices.Delete(n.waiting, i, i+1)
		e.to.budget--
		s.send(e, peer.IDPiece, e.requests[0])
		e.requests = slices.Delete(e.requests, 0, 1)
		e.slot.Sent(peer.BlockLength)
		if len(e.requests) > 0 {
			n.waiting = append(n.waiting, e)
		}
		return
	}
}

// forget removes the requests of e.to that are not to be answered.
func (e *edge) forget(which func(Block) bool) {
	e.requests = slices.DeleteFunc(e.requests, which)
	if len(e.requests) == 0 {
		e.from.waiting = slices.DeleteFunc(e.from.waiting, func(o *edge) bool { return o == e })
	}
}

// arrive handles a message that a.from has sent to a.to.
func (s *simulation) arrive(a note, now time.Time) {
	n, e := a.to, a.back()
	switch a.kind {
	case peer.IDInterested, peer.IDNotInterested:
		n.choker.SetInterested(e.slot, a.kind == peer.IDInterested)
		s.applyChoke(e)
	case peer.IDRequest:
		if e.unchokes {
			e.slot.Asked(true)
			if e.requests = append(e.requests, a.block); len(e.requests) == 1 {
				n.waiting = append(n.waiting, e)
			}
		}
	case peer.IDCancel:
		e.forget(func(b Block) bool { return b == a.block })
	case peer.IDUnchoke:
		if n.k != nil {
			n.k.Unchoke(e.peer)
			s.request(e, now)
		}
	case peer.IDChoke:
		if n.k != nil {
			n.k.Choke(e.peer, now)
		}
	case peer.IDHave:
		if n.k != nil {
			n.k.Have(e.peer, int(a.block.Piece))
			if e.peer.Owes() == 0 {
				s.request(e, now)
			}
		}
	case peer.IDPiece:
		s.receive(e, a.block, now)
	}
}

// receive handles a block from e.to.
func (s *simulation) receive(e *edge, b Block, now time.Time) {
	n := e.from
	e.slot.Received(peer.BlockLength)
	ok, complete, cancels := n.k.Received(e.peer, b, now)
	if !ok {
		n.useless++
	}
	for _, c := range cancels {
		for _, o := range n.edges {
			if o.peer == c.Peer {
				s.send(o, peer.IDCancel, c.Block)
			}
		}
	}
	if complete {
		n.k.Done(int(b.Piece))
		for _, o := range n.edges {
			if o.to != n && !o.peer.Has(int(b.Piece)) {
				s.send(o, peer.IDHave, b)
			}
		}
		if n.k.Missing() == 0 {
			n.leeches.Store(false)
			n.ended = now.Sub(s.begin)
		}
	}
	s.request(e, now)
}

// interest sends whether e.from is interested in e.to, if that has changed.
func (s *simulation) interest(e *edge) {
	if is := e.from.k.Interesting(e.peer); is != e.interested {
		e.interested = is
		kind := peer.IDNotInterested
		if is {
			kind = peer.IDInterested
		}
		s.send(e, kind, Block{})
	}
}

// request requests what e.to sends in half a second.
func (s *simulation) request(e *edge, now time.Time) {
	want := max(4, int(e.peer.Rate)/peer.BlockLength/2) - e.peer.Owes()
	if want <= 0 {
		return
	}
	s.picked = e.from.k.Pick(e.peer, want, now, s.picked[:0])
	for _, b := range s.picked {
		s.send(e, peer.IDRequest, b)
	}
}

// everySecond measures the rates, and requests what has become possible by time.
func (s *simulation) everySecond(now time.Time) {
	for _, n := range s.nodes {
		for _, e := range n.edges {
			if e.to == n {
				continue
			}
			e.slot.Tick()
			if n.k != nil {
				_, e.peer.Rate = e.slot.Rates()
				s.interest(e)
				s.request(e, now)
			}
		}
	}
}

// A swarm of 50 peers with one seed, which all send and receive equally fast, downloads
// nearly as fast as is possible at all. BT_SOAK runs it 20 times.
func TestSwarm(t *testing.T) {
	seeds := 3
	if testenv.Race {
		seeds = 1
	}
	if os.Getenv("BT_SOAK") != "" {
		seeds = 20
	}
	ratios := make([]float64, seeds)
	t.Run("seeds", func(t *testing.T) {
		for seed := range seeds {
			t.Run(strconv.Itoa(seed), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { ratios[seed] = simulate(t, uint64(seed)) })
			})
		}
	})
	slices.Sort(ratios)
	median := ratios[seeds/2]
	t.Logf("%.3f of the bound; the best %.3f, the worst %.3f", median, ratios[0], ratios[seeds-1])
	if median > 1.15 || ratios[0] < 1 {
		t.Error("the median is not within 15 % of the bound, or the best is below it")
	}
}

// simulate returns when the last peer of a simulation ends, in proportion to
// max(S/Us, N S/(Us+sum Ui), S/Dmin), which is S/Us because all rates are equal.
func simulate(t *testing.T, seed uint64) float64 {
	s := newSimulation(seed)
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for _, n := range s.nodes {
		running.Go(func() { n.choker.Run(ctx) })
	}
	time.Sleep(simTick / 2) // so that no tick falls on a decision
	s.run()
	cancel()
	running.Wait()
	const blocks = simPieces * simLength / peer.BlockLength
	last, useless := time.Duration(0), 0
	for _, n := range s.nodes[1:] {
		last = max(last, n.ended)
		useless += n.useless
		if n.k.Missing() > 0 || !n.k.have.All(simPieces) {
			t.Errorf("node %d has not ended", n.id)
		}
	}
	ratio := last.Seconds() / (blocks * simTick).Seconds()
	t.Logf("%.1f s, %.3f of the bound; %.2f %% useless blocks", last.Seconds(), ratio, 100*float64(useless)/(simPeers*blocks))
	return ratio
}
