package picker

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/internal/peer"
)

const blocksPerPiece = 4

var start = time.Unix(1e9, 0)

// options describe pieces of four blocks.
func options(pieces int) Options {
	return Options{
		Pieces: pieces,
		Length: func(int) int64 { return blocksPerPiece * peer.BlockLength },
		Rand:   rand.New(rand.NewPCG(1, 2)),
	}
}

// fast is a rate at which a peer gives whole pieces.
const fast = 1e9

// join adds a peer that has some pieces and does not choke us. No pieces: all.
func (k *Picker) join(name string, rate float64, pieces ...int) *Peer {
	p := k.Join(name, true)
	p.Rate = rate
	k.Unchoke(p)
	if len(pieces) == 0 {
		k.HaveAll(p)
	}
	for _, piece := range pieces {
		k.Have(p, piece)
	}
	return p
}

// piecesOf returns the pieces of blocks, each once.
func piecesOf(blocks []Block) []int {
	var pieces []int
	for _, b := range blocks {
		pieces = append(pieces, int(b.Piece))
	}
	slices.Sort(pieces)
	return slices.Compact(pieces)
}

// give lets a peer give blocks.
func (k *Picker) give(t *testing.T, p *Peer, blocks []Block, now time.Time) {
	t.Helper()
	for _, b := range blocks {
		if ok, _, _ := k.Received(p, b, now); !ok {
			t.Fatalf("%v is not wanted", b)
		}
	}
}

// firstPieces returns the first n of some pieces. After the first ones they are no longer
// chosen at random.
func firstPieces(pieces, n int) peer.Bitfield {
	f := peer.NewBitfield(pieces)
	for piece := range n {
		f.Set(piece)
	}
	return f
}

func TestRarestFirst(t *testing.T) {
	t.Parallel()
	o := options(100)
	o.Have = firstPieces(100, 10)
	k := New(o)
	most := peer.FullBitfield(100)
	for _, piece := range []int{20, 30, 40} {
		most.Clear(piece)
	}
	for i := range 3 {
		p := k.Join(nil, true)
		k.SetPieces(p, most)
		if i == 0 {
			k.Have(p, 40)
		}
	}
	seed := k.join("seed", fast)
	got := piecesOf(k.Pick(seed, 2*blocksPerPiece, start, nil))
	if diff := cmp.Diff([]int{20, 30}, got); diff != "" {
		t.Error(diff)
	}
	if got := piecesOf(k.Pick(seed, blocksPerPiece, start, nil)); !slices.Equal(got, []int{40}) {
		t.Errorf("the third is %v", got)
	}
	// What is as rare is chosen at random.
	if got := piecesOf(k.Pick(seed, 10*blocksPerPiece, start, nil)); got[9] < 50 {
		t.Errorf("not at random: %v", got)
	}
}

// A peer whose useful pieces are more common than many thousands that it does not have is
// requested the rarest of its own.
func TestFewCommonPieces(t *testing.T) {
	t.Parallel()
	const pieces = 10_000
	o := options(pieces)
	o.Have = firstPieces(pieces, randomPieces)
	k := New(o)
	almost := peer.FullBitfield(pieces)
	almost.Clear(0)
	k.SetPieces(k.Join(nil, true), almost)
	k.SetPieces(k.Join(nil, true), almost)
	poor, other := k.join("poor", fast, 5000), k.Join(nil, true)
	for piece := 100; piece < pieces; piece += 200 {
		k.Have(poor, piece)
		k.Have(other, piece)
	}
	if got := piecesOf(k.Pick(poor, 4, start, nil)); !slices.Equal(got, []int{5000}) {
		t.Errorf("chose %v", got)
	}
	if got := piecesOf(k.Pick(poor, 1000, start, nil)); len(got) != pieces/200 {
		t.Errorf("then %v", got)
	}
}

func TestRandomFirst(t *testing.T) {
	t.Parallel()
	seen := map[int]bool{}
	for i := range uint64(50) {
		o := options(100)
		o.Rand = rand.New(rand.NewPCG(i, 0))
		k := New(o)
		k.SetPieces(k.Join(nil, true), firstPieces(100, 80))
		for _, piece := range piecesOf(k.Pick(k.join("seed", fast), randomPieces*blocksPerPiece, start, nil)) {
			seen[piece/80] = true
		}
	}
	if !seen[0] || !seen[1] {
		t.Errorf("rare and common pieces are not both among the first: %v", seen)
	}
}

// A fast peer gives whole pieces, and slow ones share a piece.
func TestWholePieces(t *testing.T) {
	t.Parallel()
	k := New(options(100))
	a, b := k.join("a", fast), k.join("b", fast)
	slow, unknown := k.join("slow", 100), k.join("unknown", 0)
	ofA := piecesOf(k.Pick(a, 1, start, nil))
	ofB := piecesOf(k.Pick(b, 1, start, nil))
	if slices.Equal(ofA, ofB) {
		t.Errorf("two fast peers share piece %v", ofA)
	}
	for _, p := range []*Peer{slow, unknown} {
		if got := piecesOf(k.Pick(p, 1, start, nil)); !slices.Equal(got, ofA) && !slices.Equal(got, ofB) {
			t.Errorf("%v begins piece %v", p.Data, got)
		}
	}
	if got := piecesOf(k.Pick(a, 1, start, nil)); !slices.Equal(got, ofA) {
		t.Errorf("a continues with %v, not %v", got, ofA)
	}
	// What a peer leaves is continued.
	k.Leave(b, start)
	if got := piecesOf(k.Pick(a, blocksPerPiece, start, nil)); !slices.Contains(got, ofB[0]) {
		t.Errorf("piece %v is not continued, but %v", ofB, got)
	}
}

func TestSequential(t *testing.T) {
	t.Parallel()
	o := options(200)
	o.Window = 3
	o.Wanted = peer.FullBitfield(200)
	o.Wanted.Clear(0)
	k := New(o)
	seed, part := k.join("seed", fast), k.join("part", fast, 3, 100)
	if got := piecesOf(k.Pick(part, 100, start, nil)); !slices.Equal(got, []int{3}) {
		t.Errorf("of a peer with pieces 3 and 100: %v", got)
	}
	blocks := k.Pick(seed, 9, start, nil)
	for i, b := range blocks {
		if want := []uint32{1, 1, 1, 1, 2, 2, 2, 2, 4}[i]; b.Piece != want || int(b.Begin) != i%4*peer.BlockLength {
			t.Errorf("block %d is %v", i, b)
		}
	}
	k.Pick(seed, 3, start, nil)
	k.give(t, seed, blocks[4:], start)
	k.Done(2)
	if got := k.Pick(seed, 100, start, nil); len(got) > 0 {
		t.Errorf("beyond the window at 1: %v", got)
	}
	// If piece 3 stalls, its blocks are requested from another peer.
	if got := k.Pick(seed, 100, start.Add(stallTime-1), nil); len(got) > 0 {
		t.Errorf("%v before it stalls", got)
	}
	if got := piecesOf(k.Pick(seed, 100, start.Add(stallTime), nil)); !slices.Equal(got, []int{3}) {
		t.Errorf("%v when it stalls", got)
	}
	k.give(t, seed, blocks[:4], start)
	k.Done(1)
	if got := piecesOf(k.Pick(seed, 100, start, nil)); !slices.Equal(got, []int{5, 6}) {
		t.Errorf("of the window at 3: %v", got)
	}
	last := peer.NewBitfield(200)
	last.Set(150)
	k.SetWanted(last)
	if got := piecesOf(k.Pick(seed, 100, start, nil)); !slices.Equal(got, []int{150}) {
		t.Errorf("of piece 150: %v", got)
	}
	k.SetWanted(nil)
	if got := piecesOf(k.Pick(seed, 4, start, nil)); !slices.Equal(got, []int{0}) {
		t.Errorf("of all pieces: %v", got)
	}
}

func TestEndgame(t *testing.T) {
	t.Parallel()
	k := New(options(2))
	var peers []*Peer
	for i := range 5 {
		peers = append(peers, k.join(fmt.Sprint(i), fast))
		peers[i].gave = true
	}
	first := k.Pick(peers[0], 2*blocksPerPiece, start, nil)
	if len(first) != 2*blocksPerPiece {
		t.Fatalf("%d blocks", len(first))
	}
	if got := k.Pick(peers[0], 100, start, nil); len(got) > 0 {
		t.Errorf("%d blocks are requested twice from one peer", len(got))
	}
	// Those that come last are repeated first, and each once before any is twice.
	second := k.Pick(peers[1], 3, start, nil)
	if diff := cmp.Diff([]Block{first[7], first[6], first[5]}, second); diff != "" {
		t.Error(diff)
	}
	third := k.Pick(peers[2], 5, start, nil)
	if diff := cmp.Diff([]Block{first[4], first[3], first[2], first[1], first[0]}, third); diff != "" {
		t.Error(diff)
	}
	if got := k.Pick(peers[3], 100, start, nil); len(got) != len(first) {
		t.Errorf("%d blocks are requested from a third peer", len(got))
	}
	if got := k.Pick(peers[4], 100, start, nil); len(got) != 0 {
		t.Errorf("%d blocks are requested from a fourth peer", len(got))
	}
	ok, complete, cancels := k.Received(peers[1], first[7], start)
	var names []any
	for _, c := range cancels {
		if c.Block != first[7] {
			t.Errorf("%v is cancelled", c.Block)
		}
		names = append(names, c.Peer.Data)
	}
	if !ok || complete || !cmp.Equal(names, []any{"0", "3"}) {
		t.Errorf("ok %v, complete %v, cancels %v", ok, complete, names)
	}
	if ok, _, _ := k.Received(peers[0], first[7], start); ok {
		t.Error("a block is of use twice")
	}
	if peers[0].Owes() != 7 || peers[3].Owes() != 7 {
		t.Errorf("%d and %d blocks are owed", peers[0].Owes(), peers[3].Owes())
	}
}

func TestChoke(t *testing.T) {
	t.Parallel()
	k := New(options(10))
	old := k.Join("without BEP 6", false)
	k.HaveAll(old)
	if got := k.Pick(old, 1, start, nil); len(got) != 0 {
		t.Errorf("%v of a peer that chokes us", got)
	}
	k.Unchoke(old)
	blocks := k.Pick(old, 2, start, nil)
	k.Choke(old, start)
	if old.Owes() != 0 {
		t.Error("a choke keeps the requests")
	}
	// A block that was on its way is of use, unless another peer was faster.
	if ok, _, _ := k.Received(old, blocks[0], start); !ok {
		t.Error("a block that crosses the choke is of no use")
	}
	other := k.join("other", 0)
	if got := k.Pick(other, 1, start, nil); !slices.Equal(got, blocks[1:]) {
		t.Errorf("%v is not free, but %v", blocks[1], got)
	}
	k.give(t, other, blocks[1:], start)
	if ok, _, _ := k.Received(old, blocks[1], start); ok {
		t.Error("a block of use twice")
	}

	k.Unchoke(old)
	for range 10 {
		k.Pick(old, 3, start, nil)
		k.Lapse(old, start)
	}
	if len(old.late) != 3 {
		t.Errorf("%d blocks may come late", len(old.late))
	}

	blocks = k.Pick(other, 2, start, nil)
	k.Choke(other, start)
	if other.Owes() != 2 {
		t.Error("with BEP 6 a choke drops the requests")
	}
	for _, b := range blocks {
		if !k.Rejected(other, b, start) || k.Rejected(other, b, start) {
			t.Error("a reject is not recorded")
		}
	}
	k.AllowFast(other, 7)
	if got := piecesOf(k.Pick(other, 100, start, nil)); !slices.Equal(got, []int{7}) {
		t.Errorf("of a peer that chokes us but for piece 7: %v", got)
	}
}

// A piece that a peer rejects is requested from it again only after some time.
func TestRejected(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	p := k.join("p", fast)
	blocks := k.Pick(p, 1, start, nil)
	k.Rejected(p, blocks[0], start)
	if got := k.Pick(p, 1, start.Add(refuseTime-1), nil); len(got) > 0 {
		t.Errorf("%v is requested again at once", got)
	}
	if got := k.Pick(p, 1, start.Add(refuseTime), nil); !slices.Equal(got, blocks) {
		t.Errorf("%v is requested later", got)
	}

	k = New(options(1000))
	p = k.join("p", fast)
	n := 0
	for ; n < 1000; n++ {
		blocks := k.Pick(p, 1, start, nil)
		if len(blocks) == 0 {
			break
		}
		k.Rejected(p, blocks[0], start)
	}
	if n != maxRefused {
		t.Errorf("a peer that rejects everything gets %d requests at once", n)
	}
	if got := k.Pick(p, 1, start.Add(refuseTime), nil); len(got) == 0 {
		t.Error("and none later")
	}
}

func TestSuggest(t *testing.T) {
	t.Parallel()
	k := New(options(100))
	p := k.join("p", fast)
	for piece := range 200 {
		k.Suggest(p, piece)
	}
	if got := piecesOf(k.Pick(p, maxHints*blocksPerPiece, start, nil)); got[0] != 100-maxHints || len(got) != maxHints {
		t.Errorf("the suggested pieces are not chosen: %v", got)
	}
}

// What a peer has left is continued, unless the next peer has a rarer piece and not too
// many are open.
func TestRarerBeforeLeft(t *testing.T) {
	t.Parallel()
	for maxOpen, want := range map[int]int{2: 10, 4: 15} { // 1 of 2 is half
		o := options(20)
		o.Have = firstPieces(20, randomPieces)
		o.MaxOpen = maxOpen
		k := New(o)
		k.join("", fast, 10)
		gone, next := k.join("gone", fast, 10), k.join("next", fast, 10, 15)
		k.Pick(gone, 1, start, nil)
		k.Leave(gone, start)
		if got := piecesOf(k.Pick(next, 1, start, nil)); !slices.Equal(got, []int{want}) {
			t.Errorf("chose %v, not %d, of at most %d", got, want, maxOpen)
		}
	}
	k := New(options(20))
	k.join("", fast, 15)
	gone, next := k.join("gone", fast, 10), k.join("next", fast, 10, 15)
	k.Pick(gone, 1, start, nil)
	k.Leave(gone, start)
	if got := piecesOf(k.Pick(next, 1, start, nil)); !slices.Equal(got, []int{10}) {
		t.Errorf("chose %v, which is not rarer", got)
	}
}

// No more pieces are open than allowed. The one that no peer continues and of which most
// is missing is dropped for another one after some time.
func TestMaxOpen(t *testing.T) {
	t.Parallel()
	o := options(10)
	o.MaxOpen = 3
	var dropped []int
	o.Drop = func(piece int) { dropped = append(dropped, piece) }
	k := New(o)
	gone, stays := k.join("gone", fast, 1, 2, 3), k.join("stays", fast, 5, 6)
	blocks := k.Pick(gone, 2*blocksPerPiece+1, start, nil) // two pieces and a block
	k.give(t, gone, slices.Delete(blocks, 7, 8), start)
	if got := k.Pick(stays, 1, start, nil); len(got) > 0 {
		t.Errorf("%v is requested, while three pieces are open", got)
	}
	k.Leave(gone, start)
	if got := k.Pick(stays, 1, start.Add(idleTime-1), nil); len(got) > 0 || len(dropped) > 0 {
		t.Errorf("%v is requested, %v dropped, before they were idle", got, dropped)
	}
	least := int(blocks[7].Piece)
	if got := k.Pick(stays, 1, start.Add(idleTime), nil); len(got) == 0 || !slices.Equal(dropped, []int{least}) {
		t.Errorf("%v is requested, %v is dropped", got, dropped)
	}
	if len(k.open) != 3 {
		t.Errorf("%d pieces are open", len(k.open))
	}
}

func TestSetWanted(t *testing.T) {
	t.Parallel()
	o := options(8)
	o.Wanted = peer.Bitfield{0b11000000}
	var dropped []int
	o.Drop = func(piece int) { dropped = append(dropped, piece) }
	k := New(o)
	p, q := k.join("p", fast, 0, 1), k.join("q", fast, 7)
	if !k.Interesting(p) || k.Interesting(q) || k.Missing() != 2 {
		t.Errorf("p %v, q %v, missing %d", k.Interesting(p), k.Interesting(q), k.Missing())
	}
	blocks := k.Pick(p, 2*blocksPerPiece, start, nil)
	if len(blocks) != 2*blocksPerPiece {
		t.Errorf("%d blocks", len(blocks))
	}
	cancels := k.SetWanted(peer.Bitfield{0b01000001})
	if len(cancels) != blocksPerPiece || cancels[0].Peer != p || cancels[0].Block.Piece != 0 || !slices.Equal(dropped, []int{0}) {
		t.Errorf("cancels %v, dropped %v", cancels, dropped)
	}
	if ok, _, _ := k.Received(p, Block{0, 0, peer.BlockLength}, start); ok {
		t.Error("a block of an unwanted piece is of use")
	}
	if !k.Interesting(q) || k.Missing() != 2 {
		t.Errorf("q %v, missing %d", k.Interesting(q), k.Missing())
	}
	if cancels := k.Done(1); len(cancels) != blocksPerPiece {
		t.Errorf("a piece that is proven otherwise: %v", cancels)
	}
	if got := piecesOf(k.Pick(q, 100, start, nil)); !slices.Equal(got, []int{7}) || k.Interesting(p) {
		t.Errorf("of q %v, p %v", got, k.Interesting(p))
	}
}

// Blocks that do not exist or were not requested are of no use, and do no harm.
func TestWrongBlocks(t *testing.T) {
	t.Parallel()
	o := options(3)
	o.Length = func(int) int64 { return 2*peer.BlockLength + 1 }
	k := New(o)
	p, other := k.join("p", fast), k.join("other", fast)
	blocks := k.Pick(p, 3, start, nil)
	piece := blocks[0].Piece
	if diff := cmp.Diff([]Block{{piece, 0, 1 << 14}, {piece, 1 << 14, 1 << 14}, {piece, 2 << 14, 1}}, blocks); diff != "" {
		t.Error(diff)
	}
	for _, b := range []Block{
		{piece, 0, 0},
		{piece, 0, 1<<14 - 1},
		{piece, 0, 1<<14 + 1},
		{piece, 1, 1 << 14},
		{piece, 2 << 14, 1 << 14},
		{piece, 2<<14 + 1, 0},
		{piece, 3 << 14, 1 << 14},
		{piece, 1<<32 - 1, 1<<32 - 1},
		{piece, -(1 << 14) & (1<<32 - 1), 1 << 14},
		{(piece + 1) % 3, 0, 1 << 14},
		{3, 0, 1 << 14},
		{1<<32 - 1, 0, 1 << 14},
	} {
		ok, complete, cancels := k.Received(p, b, start)
		if ok || complete || len(cancels) > 0 || k.Rejected(p, b, start) {
			t.Errorf("%v is of use", b)
		}
	}
	if ok, _, _ := k.Received(other, blocks[0], start); ok {
		t.Error("a block is of use that was requested from another peer")
	}
	for _, piece := range []int{-1, 3, 1 << 31} {
		k.Have(p, piece)
		k.Suggest(p, piece)
		k.AllowFast(p, piece)
		k.Done(piece)
		if k.Failed(piece, nil, start) != nil {
			t.Errorf("piece %d fails", piece)
		}
	}
	k.give(t, p, blocks, start)
}

// A peer whose bitfield is full is a seed, which costs no memory per piece.
func TestFullBitfield(t *testing.T) {
	t.Parallel()
	k := New(options(100))
	p := k.Join(nil, false)
	k.Have(p, 3)
	k.SetPieces(p, peer.FullBitfield(100))
	if !p.all || p.has != nil || k.seeds != 1 || k.rarity.count[3] != 0 || !k.Interesting(p) {
		t.Errorf("all %v, has %v, %d seeds, count %d", p.all, p.has, k.seeds, k.rarity.count[3])
	}
	k.SetPieces(p, peer.NewBitfield(100))
	if p.all || k.seeds != 0 || k.Interesting(p) {
		t.Error("it still has all pieces")
	}
}

// A torrent of two million pieces takes less than 16 bytes per piece, and a seed none.
func TestMemory(t *testing.T) {
	const pieces = 2_000_000
	o := options(pieces)
	memory := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			k := New(o)
			for range 100 {
				k.join("seed", fast)
			}
		}
	}).AllocedBytesPerOp()
	if memory > 16*pieces {
		t.Errorf("%d bytes, %.1f per piece", memory, float64(memory)/pieces)
	}
}
