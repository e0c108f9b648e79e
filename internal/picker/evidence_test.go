package picker

import (
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/internal/peer"
)

// sums returns the hashes of blocks, of which some are wrong. Two wrong ones differ unless they
// have the same number.
func sums(wrong ...byte) [][sha256.Size]byte {
	list := make([][sha256.Size]byte, blocksPerPiece)
	for i, w := range wrong {
		list[i][0] = w
	}
	return list
}

// giveFrom lets the peers give the blocks of piece 0 in turn, one each.
func (k *Picker) giveFrom(t *testing.T, now time.Time, peers ...*Peer) {
	t.Helper()
	for _, p := range peers {
		k.give(t, p, k.Pick(p, 1, now, nil), now)
	}
}

// When a piece is proven, exactly those are convicted that gave wrong blocks of it before, in
// whatever attempt, and whether they have left or not.
func TestConvict(t *testing.T) {
	t.Parallel()
	k := New(options(2))
	a, b, c, d := k.join("a", 0), k.join("b", 0), k.join("c", 0), k.join("d", 0)
	for _, p := range []*Peer{a, b, c, d} {
		k.SetPieces(p, peer.Bitfield{0x80}) // piece 0
	}
	k.giveFrom(t, start, a, b, a, c)
	k.Failed(0, sums(0, 1, 0, 1), start)
	k.Leave(b, start)
	now := start.Add(barTime)
	alone := k.Pick(d, 1, now, nil)
	k.give(t, d, alone, now)
	k.Leave(d, now)
	k.giveFrom(t, now, a, a, a)
	k.Failed(0, sums(2, 0, 0, 0), now)
	now = now.Add(barTime)
	k.giveFrom(t, now, a, a, a, a)
	if liars := k.Convict(1, sums()); liars != nil {
		t.Errorf("%d liars of another piece", len(liars))
	}
	if liars := k.Convict(0, sums()[:3]); liars != nil {
		t.Errorf("%d liars by hashes of too few blocks", len(liars))
	}
	if liars := k.Convict(0, sums()); !slices.Equal(liars, []*Peer{b, c, d}) {
		t.Errorf("%d liars", len(liars))
	}
	if k.Done(0); len(k.evidence.attempts) > 0 || k.evidence.blocks != 0 {
		t.Errorf("%d blocks of a proven piece are remembered", k.evidence.blocks)
	}
}

// The blocks that a liar gave of incomplete pieces are requested again, from others too.
func TestRevoke(t *testing.T) {
	t.Parallel()
	k := New(options(2))
	a, b := k.join("a", 0), k.join("b", 0)
	k.SetPieces(a, peer.Bitfield{0x80})
	k.SetPieces(b, peer.Bitfield{0x80})
	k.giveFrom(t, start, a, b, a)
	want := []Block{{0, 0, peer.BlockLength}, {0, 2 * peer.BlockLength, peer.BlockLength}}
	if got := k.Revoke(a); !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
	k.Leave(a, start)
	k.giveFrom(t, start, b, b, b)
	if got := k.Revoke(b); got != nil {
		t.Errorf("%v of a complete piece", got)
	}
	if liars := k.Failed(0, nil, start); !slices.Equal(liars, []*Peer{b}) {
		t.Errorf("%d liars", len(liars))
	}
}

// A piece that several peers gave and that failed is requested before all others.
func TestSuspect(t *testing.T) {
	t.Parallel()
	o := options(100)
	o.Have = firstPieces(100, randomPieces)
	k := New(o)
	a, b, c := k.join("a", 0, 50), k.join("b", 0, 50), k.join("c", fast)
	k.give(t, a, k.Pick(a, 2, start, nil), start)
	k.give(t, b, k.Pick(b, 2, start, nil), start)
	k.Failed(50, nil, start)
	k.Suggest(c, 60)
	if got := piecesOf(k.Pick(c, blocksPerPiece, start, nil)); !slices.Equal(got, []int{50}) {
		t.Errorf("%v", got)
	}
}

// The memory for evidence is bounded: the oldest is forgotten.
func TestEvidence(t *testing.T) {
	t.Parallel()
	const most = maxEvidence / 1000
	var e evidence
	a, b := new(Peer), new(Peer)
	for i := range most + 10 {
		giver := a
		if i%2 == 0 {
			giver = b
		}
		e.add(attempt{i, slices.Repeat([]*Peer{giver}, 1000), make([][sha256.Size]byte, 1000)})
	}
	good := make([][sha256.Size]byte, 1000)
	good[999][0]++
	for i := range most + 10 {
		if known := e.liars(i, good) != nil; known != (i >= 10) {
			t.Errorf("piece %d: %t", i, known)
		}
		e.forget(i)
	}
	if e.blocks != 0 || len(e.attempts) > 0 {
		t.Errorf("%d blocks of %d pieces are left", e.blocks, len(e.attempts))
	}
	e.add(attempt{0, make([]*Peer, maxEvidence+1), nil})
	if e.blocks != 0 || len(e.attempts) > 0 {
		t.Errorf("%d blocks of %d pieces are kept", e.blocks, len(e.attempts))
	}
}

// Peers that give wrong blocks, always or now and then, and that choke us in the middle of
// a piece, are found, an honest peer never is, and the download ends.
func TestPolluters(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		testPolluters(t, seed, 60, blocksPerPiece, 5, 1)
		testPolluters(t, seed, 60, blocksPerPiece, 8, 8)
	}
	for seed := range uint64(5) {
		testPolluters(t, seed, 300, 64, 8, 8) // all peers share each piece
	}
}

// A pollution is a download from peers some of which give wrong blocks.
type pollution struct {
	t      *testing.T
	random *rand.Rand
	k      *Picker
	now    time.Time
	peers  []*Peer
	lies   map[*Peer]int               // one block in so many is wrong; those that are banned have left
	sums   map[int][][sha256.Size]byte // of the blocks that have come; 0: right
	blocks int                         // that have come
}

func testPolluters(t *testing.T, seed uint64, pieces, blocks, liars, honest int) {
	o := options(pieces)
	o.Length = func(int) int64 { return int64(blocks) * peer.BlockLength }
	o.MaxOpen = 4
	o.Rand = rand.New(rand.NewPCG(seed, 5))
	p := &pollution{t: t, random: o.Rand, k: New(o), now: start, lies: map[*Peer]int{}, sums: map[int][][sha256.Size]byte{}}
	for i := range liars {
		q := p.k.join("polluter", 0)
		p.lies[q] = 1 + i%5
		p.peers = append(p.peers, q)
	}
	for range honest {
		p.peers = append(p.peers, p.k.join("honest", 0))
	}
	for rounds := 0; p.k.Missing() > 0; rounds++ {
		if rounds > 5000 {
			t.Fatalf("seed %d: %d pieces are missing, %d liars are left", seed, p.k.Missing(), len(p.lies))
		}
		p.round()
	}
	if len(p.lies) > 0 {
		t.Errorf("seed %d: %d liars of %d are not banned", seed, len(p.lies), liars)
	}
	if most := pieces * blocks * 3 / 2; p.blocks > most {
		t.Errorf("seed %d: %d blocks were received", seed, p.blocks)
	}
}

func (p *pollution) round() {
	p.now = p.now.Add(time.Second)
	p.random.Shuffle(len(p.peers), func(i, j int) { p.peers[i], p.peers[j] = p.peers[j], p.peers[i] })
	for _, q := range slices.Clone(p.peers) {
		if q.left {
			continue
		}
		if q.choked {
			p.k.Unchoke(q)
		} else if p.random.IntN(20) == 0 {
			p.k.Choke(q, p.now)
			p.k.Lapse(q, p.now)
		}
		for _, b := range p.k.Pick(q, 3, p.now, nil) {
			if q.left {
				break
			}
			p.receive(q, b)
		}
	}
}

func (p *pollution) receive(q *Peer, b Block) {
	ok, complete, _ := p.k.Received(q, b, p.now)
	if !ok {
		return
	}
	piece := int(b.Piece)
	if p.sums[piece] == nil {
		p.sums[piece] = make([][sha256.Size]byte, p.k.options.Length(piece)/peer.BlockLength)
	}
	p.blocks++
	if lies := p.lies[q]; lies > 0 && p.random.IntN(lies) == 0 {
		p.sums[piece][b.Begin/peer.BlockLength][0] = byte(1 + p.random.IntN(3))
	}
	if !complete {
		return
	}
	got := p.sums[piece]
	delete(p.sums, piece)
	if slices.ContainsFunc(got, func(sum [sha256.Size]byte) bool { return sum[0] > 0 }) {
		p.ban(p.k.Failed(piece, got, p.now))
	} else {
		p.ban(p.k.Convict(piece, got))
		p.k.Done(piece)
	}
}

func (p *pollution) ban(liars []*Peer) {
	for _, q := range liars {
		if q.Data != "polluter" {
			p.t.Fatal("an honest peer is banned")
		}
		for _, b := range p.k.Revoke(q) {
			p.sums[int(b.Piece)][b.Begin/peer.BlockLength][0] = 0
		}
		p.k.Leave(q, p.now)
		delete(p.lies, q)
		p.peers = slices.DeleteFunc(p.peers, func(r *Peer) bool { return r == q })
	}
}
