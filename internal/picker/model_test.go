package picker

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"bt/internal/peer"
)

// A model is a download by a picker, with what a caller would know of it.
type model struct {
	t       *testing.T
	k       *Picker
	options Options
	now     time.Time
	peers   []*Peer
	owed    map[Block][]*Peer
	came    map[Block]*Peer
	full    []int // pieces to prove
	have    peer.Bitfield
	wanted  peer.Bitfield
}

func newModel(t *testing.T, o Options) *model {
	m := &model{t: t, options: o, now: time.Unix(1e9, 0), owed: map[Block][]*Peer{}, came: map[Block]*Peer{}}
	o.Drop = m.drop
	m.have, m.wanted = peer.NewBitfield(o.Pieces), peer.FullBitfield(o.Pieces)
	m.k = New(o)
	return m
}

func (m *model) drop(piece int) {
	for b := range m.came {
		if int(b.Piece) == piece {
			delete(m.came, b)
		}
	}
	m.full = slices.DeleteFunc(m.full, func(f int) bool { return f == piece })
}

// missing reports whether a block exists and is to be received.
func (m *model) missing(b Block) bool {
	length, piece := int64(0), int(b.Piece)
	if piece < m.options.Pieces {
		length = m.options.Length(piece)
	}
	_, came := m.came[b]
	return int64(b.Begin) < length && b.Begin%peer.BlockLength == 0 &&
		int64(b.Length) == min(peer.BlockLength, length-int64(b.Begin)) &&
		!came && m.wanted.Has(piece) && !m.have.Has(piece)
}

func (m *model) cancel(p *Peer, b Block) {
	m.t.Helper()
	i := slices.Index(m.owed[b], p)
	if i < 0 {
		m.t.Fatalf("%v is cancelled, which the peer does not owe", b)
	}
	if m.owed[b] = slices.Delete(m.owed[b], i, i+1); len(m.owed[b]) == 0 {
		delete(m.owed, b)
	}
}

func (m *model) pick(p *Peer, n int) []Block {
	m.t.Helper()
	got := m.k.Pick(p, n, m.now, nil)
	if len(got) > n {
		m.t.Fatalf("%d blocks, not %d", len(got), n)
	}
	m.asked(p, got)
	return got
}

// run picks a run, as for a web seed.
func (m *model) run(p *Peer, r Run) []Block {
	m.t.Helper()
	got := m.k.PickRun(p, r, m.now, nil)
	if !slices.IsSortedFunc(got, Block.compare) {
		m.t.Fatalf("a run is not sorted: %v", got)
	}
	for _, b := range got {
		if r.Onward && len(m.owed[b]) > 0 {
			m.t.Fatalf("%v, which another peer owes, is in a run onward", b)
		}
	}
	m.asked(p, got)
	return got
}

// asked checks and records blocks that were picked.
func (m *model) asked(p *Peer, got []Block) {
	m.t.Helper()
	for _, b := range got {
		switch {
		case !m.missing(b):
			m.t.Fatalf("%v is not missing", b)
		case !p.Has(int(b.Piece)):
			m.t.Fatalf("the peer does not have the piece of %v", b)
		case p.choked && !slices.Contains(p.allowed, int(b.Piece)):
			m.t.Fatalf("%v of a peer that chokes us", b)
		case slices.Contains(m.owed[b], p):
			m.t.Fatalf("%v is requested twice from one peer", b)
		case len(m.owed[b]) > 0 && len(m.k.unfilled) > 0:
			m.t.Fatalf("%v is requested from two peers while there are free blocks", b)
		case len(m.owed[b]) == maxOwing:
			m.t.Fatalf("%v is requested from too many peers", b)
		case m.options.Window > 0 && int(b.Piece) > m.k.firstMissing()+m.options.Window:
			m.t.Fatalf("%v is beyond the window at %d", b, m.k.firstMissing())
		}
		m.owed[b] = append(m.owed[b], p)
	}
}

func (m *model) receive(p *Peer, b Block) {
	m.t.Helper()
	wants := slices.Contains(m.owed[b], p)
	ok, complete, cancels := m.k.Received(p, b, m.now)
	if wants && !ok || ok && !m.missing(b) {
		m.t.Fatalf("received %v: %v, owed %v, missing %v", b, ok, wants, m.missing(b))
	}
	if !ok {
		if complete || len(cancels) > 0 {
			m.t.Fatalf("a block of no use: %v, %v", complete, cancels)
		}
		return
	}
	if wants {
		m.cancel(p, b)
	}
	for _, c := range cancels {
		m.cancel(c.Peer, c.Block)
	}
	if len(m.owed[b]) > 0 {
		m.t.Fatalf("%v is still owed", b)
	}
	m.came[b] = p
	length, sum := m.options.Length(int(b.Piece)), int64(0)
	for c := range m.came {
		if c.Piece == b.Piece {
			sum += int64(c.Length)
		}
	}
	if complete != (sum == length) {
		m.t.Fatalf("piece %d is complete: %v, with %d of %d bytes", b.Piece, complete, sum, length)
	}
	if complete {
		m.full = append(m.full, int(b.Piece))
	}
}

// prove ends the proof of a complete piece.
func (m *model) prove(good bool) {
	m.t.Helper()
	if len(m.full) == 0 {
		return
	}
	piece := m.full[0]
	var givers []*Peer
	for b, p := range m.came {
		if int(b.Piece) == piece && !slices.Contains(givers, p) {
			givers = append(givers, p)
		}
	}
	m.drop(piece)
	if good {
		m.done(piece)
		return
	}
	liars := m.k.Failed(piece, nil, m.now)
	if len(givers) > 1 {
		givers = nil
	}
	if !slices.Equal(liars, givers) {
		m.t.Fatalf("piece %d has %d liars, not %d", piece, len(liars), len(givers))
	}
}

func (m *model) done(piece int) {
	m.t.Helper()
	for _, c := range m.k.Done(piece) {
		m.cancel(c.Peer, c.Block)
	}
	m.drop(piece)
	m.have.Set(piece)
}

func (m *model) setWanted(wanted peer.Bitfield) {
	m.t.Helper()
	m.wanted = wanted
	for _, c := range m.k.SetWanted(wanted) {
		m.cancel(c.Peer, c.Block)
	}
}

// lapse frees the requests of a peer in the model.
func (m *model) lapse(p *Peer) {
	for b, owing := range m.owed {
		if slices.Contains(owing, p) {
			m.cancel(p, b)
		}
	}
}

// revoke drops the blocks of a peer of incomplete pieces.
func (m *model) revoke(p *Peer) {
	m.t.Helper()
	want := map[Block]bool{}
	for b, q := range m.came {
		if q == p && !slices.Contains(m.full, int(b.Piece)) {
			want[b] = true
			delete(m.came, b)
		}
	}
	got := m.k.Revoke(p)
	for _, b := range got {
		if !want[b] {
			m.t.Fatalf("%v is revoked", b)
		}
	}
	if len(got) != len(want) {
		m.t.Fatalf("%d blocks are revoked, not %d", len(got), len(want))
	}
}

func (m *model) leave(p *Peer) {
	m.lapse(p)
	m.k.Leave(p, m.now)
	m.peers = slices.DeleteFunc(m.peers, func(q *Peer) bool { return q == p })
}

// block returns an existing block of a peer's, or a wrong one.
func (m *model) block(p *Peer, a, b byte) Block {
	if len(p.owes) > 0 && b < 200 {
		o := p.owes[int(a)%len(p.owes)]
		return o.open.block(o.block)
	}
	if len(p.late) > 0 && b < 220 {
		return p.late[int(a)%len(p.late)]
	}
	return Block{uint32(a), uint32(b) << (a % 30), uint32(a) << (b % 30)}
}

// step does something with the picker that two bytes decide.
func (m *model) step(op, a, b byte) {
	m.t.Helper()
	k := m.k
	piece := int(a)<<8 | int(b)
	if op%32 == 0 && len(m.peers) < 12 || len(m.peers) == 0 {
		m.peers = append(m.peers, k.Join(nil, a%2 == 0))
		return
	}
	piece %= m.options.Pieces + 1 // one does not exist
	p := m.peers[int(op/32+a)%len(m.peers)]
	switch op % 32 {
	case 1:
		if b%8 == 0 {
			m.revoke(p)
		}
		if b%4 == 0 {
			m.leave(p)
		}
	case 2:
		k.Choke(p, m.now)
		if !p.fast {
			m.lapse(p)
		}
	case 3, 4:
		k.Unchoke(p)
	case 5:
		if a < 50 {
			k.HaveAll(p)
		}
	case 6:
		bits := peer.NewBitfield(m.options.Pieces)
		random := rand.New(rand.NewPCG(uint64(a), uint64(b)))
		for i := range m.options.Pieces {
			if random.IntN(1+int(b)%5) == 0 {
				bits.Set(i)
			}
		}
		if b%32 == 0 {
			m.setWanted(bits)
		} else {
			k.SetPieces(p, bits)
		}
	case 7, 8, 9:
		k.Have(p, piece)
	case 10:
		k.AllowFast(p, piece)
	case 11:
		k.Suggest(p, piece)
	case 12:
		k.Lapse(p, m.now)
		m.lapse(p)
	case 13:
		block := m.block(p, a, b)
		wants := slices.Contains(m.owed[block], p)
		if k.Rejected(p, block, m.now) != wants {
			m.t.Fatalf("rejected %v, owed %v", block, wants)
		} else if wants {
			m.cancel(p, block)
		}
	case 14:
		m.now = m.now.Add(time.Duration(b) * time.Second / 2)
	case 15, 16:
		m.prove(b%4 > 0)
	case 17:
		if b < 20 && piece < m.options.Pieces {
			m.done(piece)
		}
	case 18:
		p.Rate = float64(int(a) << b)
	case 19, 20, 21, 22, 23:
		m.pick(p, int(b)%8)
	case 24:
		m.run(p, Run{Bytes: int64(b) << 11, Onward: a%2 > 0})
	default:
		m.receive(p, m.block(p, a, b))
	}
}

// check compares the picker's counters with what they count.
func (m *model) check() {
	m.t.Helper()
	k := m.k
	if k.lacking != k.lack.Count() || k.had != m.have.Count() || len(k.peers) != len(m.peers) || len(k.open) > k.options.MaxOpen {
		m.t.Fatalf("lacking %d, had %d, %d peers, %d open", k.lacking, k.had, len(k.peers), len(k.open))
	}
	seeds := 0
	for _, p := range k.peers {
		if p.all {
			seeds++
		}
		m.checkPeer(p)
	}
	if k.seeds != seeds {
		m.t.Fatalf("%d seeds, not %d", k.seeds, seeds)
	}
	for piece := range m.options.Pieces {
		count := uint32(0)
		for _, p := range k.peers {
			if !p.all && p.Has(piece) {
				count++
			}
		}
		lacks := m.wanted.Has(piece) && !m.have.Has(piece)
		open := k.byPiece[piece] != nil
		if k.rarity.count[piece] != count || k.lack.Has(piece) != lacks || k.rarity.has(piece) != (lacks && !open) {
			m.t.Fatalf("piece %d: count %d, not %d; lacking %v, not %v; ranked %v, open %v",
				piece, k.rarity.count[piece], count, k.lack.Has(piece), lacks, k.rarity.has(piece), open)
		}
		if lacks && piece < k.firstMissing() {
			m.t.Fatalf("piece %d is missing, before %d", piece, k.firstMissing())
		}
	}
	checkRarity(m.t, &k.rarity)
	for i, o := range k.open {
		if o.place != i || k.byPiece[o.piece] != o || !k.lack.Has(o.piece) {
			m.t.Fatalf("piece %d is open at %d, not %d", o.piece, i, o.place)
		}
		m.checkOpen(o)
	}
	for piece := range k.failures {
		if m.have.Has(piece) {
			m.t.Fatalf("the failure of piece %d is not forgotten", piece)
		}
	}
	if len(k.byPiece) != len(k.open) {
		m.t.Fatalf("%d pieces are open, not %d", len(k.open), len(k.byPiece))
	}
}

func (m *model) checkPeer(p *Peer) {
	m.t.Helper()
	useful, opened := 0, 0
	for piece := range m.options.Pieces {
		if !p.Has(piece) || !m.k.lack.Has(piece) {
			continue
		}
		if useful++; m.k.byPiece[piece] != nil {
			opened++
		}
	}
	if m.k.Interesting(p) != (useful > 0) || m.k.unopened(p) != useful-opened {
		m.t.Fatalf("interesting %v, unopened %d; has %d, of which %d are open", m.k.Interesting(p), m.k.unopened(p), useful, opened)
	}
	if p.at != nil && m.k.byPiece[p.at.piece] != p.at {
		m.t.Fatalf("a peer is at piece %d, which is not open", p.at.piece)
	}
	owes := 0
	for _, owing := range m.owed {
		if slices.Contains(owing, p) {
			owes++
		}
	}
	if p.Owes() != owes {
		m.t.Fatalf("a peer owes %d blocks, not %d", p.Owes(), owes)
	}
	for _, o := range p.owes {
		if !o.open.blocks[o.block].owedBy(p) {
			m.t.Fatalf("a peer owes a block of piece %d, which has it otherwise", o.open.piece)
		}
	}
}

func (m *model) checkOpen(o *openPiece) {
	m.t.Helper()
	free, left := 0, 0
	for i := range o.blocks {
		b := o.block(i)
		_, came := m.came[b]
		if came != o.blocks[i].came {
			m.t.Fatalf("%v has come: %v", b, came)
		}
		if !came {
			left++
			if len(m.owed[b]) == 0 {
				if free++; i < o.next {
					m.t.Fatalf("%v is free, before block %d", b, o.next)
				}
			}
		}
		if o.blocks[i].owing() != len(m.owed[b]) {
			m.t.Fatalf("%v is owed by %d, not %d", b, o.blocks[i].owing(), len(m.owed[b]))
		}
	}
	if free != o.free || left != o.left || (o.unfilled >= 0) != (free > 0) || free > 0 && m.k.unfilled[o.unfilled] != o {
		m.t.Fatalf("piece %d: %d free, not %d; %d left, not %d; unfilled %d", o.piece, o.free, free, o.left, left, o.unfilled)
	}
}

// checkRarity checks that the pieces are in their groups.
func checkRarity(t *testing.T, r *rarity) {
	t.Helper()
	for i, piece := range r.order {
		if r.place[piece] != uint32(i) {
			t.Fatalf("piece %d is at %d, not %d", piece, i, r.place[piece])
		}
	}
	if r.stale {
		return
	}
	n := 0
	for count := range r.groups() {
		for _, piece := range r.group(count) {
			if r.count[piece] != uint32(count) {
				t.Fatalf("piece %d is in group %d, not %d", piece, count, r.count[piece])
			}
			n++
		}
	}
	if n != len(r.order) {
		t.Fatalf("%d pieces are in groups, of %d", n, len(r.order))
	}
}

// finish lets the download end with one peer that has all pieces and gives good blocks.
// The others say no more; their requests lapse.
func (m *model) finish() {
	m.t.Helper()
	m.setWanted(peer.FullBitfield(m.options.Pieces))
	m.check()
	honest := m.k.Join(nil, true)
	m.peers = append(m.peers, honest)
	m.k.HaveAll(honest)
	m.k.Unchoke(honest)
	for seconds := 0; m.k.Missing() > 0; seconds++ {
		if seconds > 2000 {
			m.t.Fatalf("%d pieces are missing, %d open, after %d seconds", m.k.Missing(), len(m.k.open), seconds)
		}
		var blocks []Block
		switch m.options.MaxOpen % 3 {
		case 0:
			blocks = m.pick(honest, 4)
		case 1:
			blocks = m.run(honest, Run{Bytes: 100_000})
		case 2:
			blocks = m.run(honest, Run{Bytes: 100_000, Onward: true})
		}
		for _, b := range blocks {
			m.receive(honest, b)
		}
		for len(m.full) > 0 {
			m.prove(true)
		}
		if seconds%60 == 0 {
			for _, p := range m.peers {
				if p != honest {
					m.k.Lapse(p, m.now)
					m.lapse(p)
				}
			}
		}
		m.now = m.now.Add(time.Second)
	}
	m.check()
	if m.have.Count() != m.options.Pieces || len(m.k.open) > 0 || len(m.owed) > 0 {
		m.t.Fatalf("%d of %d pieces, %d open, %d blocks owed", m.have.Count(), m.options.Pieces, len(m.k.open), len(m.owed))
	}
	for _, p := range m.peers {
		if m.k.Interesting(p) {
			m.t.Fatal("a peer is interesting although nothing is missing")
		}
	}
}

// modelOptions returns one of many torrents.
func modelOptions(kind, pieces byte, seed uint64) Options {
	lengths := [...]int64{1, 5000, peer.BlockLength, peer.BlockLength + 1, 3 * peer.BlockLength, 100_000}
	length := lengths[int(kind)%len(lengths)]
	o := Options{
		Pieces:  1 + int(pieces)%80,
		MaxOpen: 1 + int(kind/8)%7,
		Rand:    rand.New(rand.NewPCG(seed, 1)),
	}
	o.Length = func(piece int) int64 {
		if piece == o.Pieces-1 {
			return (length + 1) / 2
		}
		return length
	}
	switch kind % 4 {
	case 1:
		o.Sequential = true
	case 2:
		o.Window = 1 + int(pieces)%5
	}
	return o
}

// play interprets bytes as steps.
func play(t *testing.T, steps []byte) {
	if len(steps) < 2 {
		return
	}
	m := newModel(t, modelOptions(steps[0], steps[1], uint64(len(steps))))
	for steps = steps[2:]; len(steps) >= 3; steps = steps[3:] {
		m.step(steps[0], steps[1], steps[2])
		m.check()
	}
	m.finish()
}

func randomSteps(seed uint64, most int) []byte {
	random := rand.New(rand.NewPCG(seed, 2))
	steps := make([]byte, 2+3*random.IntN(most))
	for i := range steps {
		steps[i] = byte(random.Uint32())
	}
	return steps
}

// In any order of calls the picker requests what is missing, and once only before the end.
// Its counters are right, no block is lost, and the download ends with one good peer.
func TestRandom(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		play(t, randomSteps(seed, 1200))
	}
}

func FuzzPicker(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomSteps(seed, 50))
	}
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) > 1000 {
			return
		}
		play(t, steps)
	})
}
