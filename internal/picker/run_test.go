package picker

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/internal/peer"
)

const pieceBytes = blocksPerPiece * peer.BlockLength

// givesPiece lets a web seed give a piece, so that it may repeat requests.
func givesPiece(t *testing.T, k *Picker, web *Peer) {
	t.Helper()
	got := k.PickRun(web, Run{Bytes: 1}, start, nil)
	k.give(t, web, got, start)
	k.Done(int(got[0].Piece))
}

// span returns the pieces from one to before another.
func span(from, to int) (list []int) {
	for piece := from; piece < to; piece++ {
		list = append(list, piece)
	}
	return list
}

// haveAllBut returns all pieces but some.
func haveAllBut(pieces int, missing ...int) peer.Bitfield {
	f := peer.FullBitfield(pieces)
	for _, piece := range missing {
		f.Clear(piece)
	}
	return f
}

// A web seed is given whole pieces in a row, sorted, from one run to the next.
func TestPickRun(t *testing.T) {
	t.Parallel()
	k := New(options(100))
	web := k.join("web", 0)
	for i := range 5 {
		got := k.PickRun(web, Run{Bytes: 8*pieceBytes + 5}, start, nil)
		if diff := cmp.Diff(span(8*i, 8*i+8), piecesOf(got)); diff != "" {
			t.Error(diff)
		}
		if len(got) != 8*blocksPerPiece || got[1] != (Block{uint32(8 * i), peer.BlockLength, peer.BlockLength}) {
			t.Errorf("%d blocks, %v", len(got), got)
		}
	}
	if got := k.PickRun(web, Run{Bytes: 1}, start, nil); len(got) != blocksPerPiece {
		t.Errorf("%d blocks, want a piece", len(got))
	}
}

// The longest gap is chosen. Another peer is left a half of it, and all of a gap if there is
// none.
func TestPickRunGap(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		others int
		want   []int
	}{"alone": {0, span(50, 60)}, "beside a peer": {1, span(50, 55)}} {
		o := options(100)
		o.Have = haveAllBut(100, append([]int{3, 20, 21, 22, 90}, span(50, 60)...)...)
		k := New(o)
		web := k.join("web", 0)
		for range test.others {
			k.join("peer", 0, 3)
		}
		got := k.PickRun(web, Run{Bytes: 40 * pieceBytes}, start, nil)
		if diff := cmp.Diff(test.want, piecesOf(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// Sequentially, and onward, the first gap is chosen, however short. Onward begins where the
// last run has ended.
func TestPickRunInOrder(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		sequential, onward bool
		want               [][]int
	}{
		{true, false, [][]int{{3}, span(20, 23), span(50, 58)}},
		{false, true, [][]int{{3}, span(20, 23), span(50, 58), span(58, 60), {90}, nil}},
	} {
		o := options(100)
		o.Sequential = test.sequential
		o.Have = haveAllBut(100, append([]int{3, 20, 21, 22, 90}, span(50, 60)...)...)
		k := New(o)
		web := k.join("web", 0)
		k.join("peer", 0)
		for _, want := range test.want {
			got := piecesOf(k.PickRun(web, Run{Bytes: 8 * pieceBytes, Onward: test.onward}, start, nil))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%+v: %s", test, diff)
			}
		}
	}
}

// A web seed that can't go on with a run leaves it to others, which complete the pieces
// before they open further ones.
func TestPickRunBroken(t *testing.T) {
	t.Parallel()
	k := New(options(100))
	first, second := k.join("first", 0), k.join("second", 0)
	got := k.PickRun(first, Run{Bytes: 2 * pieceBytes}, start, nil)
	k.give(t, first, got[:2], start)
	k.Lapse(first, start)
	var blocks []Block
	for range 2 {
		blocks = append(blocks, k.PickRun(second, Run{Bytes: 2 * pieceBytes}, start, nil)...)
	}
	if diff := cmp.Diff(got[2:], blocks); diff != "" {
		t.Error(diff)
	}
}

// If all pieces are open, a web seed is given the blocks that slow peers owe, and its own
// requests are repeated by others, the last first.
func TestPickRunEndgame(t *testing.T) {
	t.Parallel()
	k := New(options(3))
	slow, web := k.join("slow", 0), k.join("web", 0)
	givesPiece(t, k, web)
	owed := k.Pick(slow, 100, start, nil)
	if got := k.PickRun(web, Run{Bytes: 1 << 20, Onward: true}, start, nil); got != nil {
		t.Errorf("onward: %v", got)
	}
	got := k.PickRun(web, Run{Bytes: 1 << 20}, start, nil)
	if len(got) != 2*blocksPerPiece || len(owed) != len(got) {
		t.Fatalf("%v of %v", got, owed)
	}
	if _, _, cancels := k.Received(web, got[0], start); len(cancels) != 1 || cancels[0].Peer != slow {
		t.Errorf("cancels: %v", cancels)
	}

	k = New(options(2))
	web, fast := k.join("web", 0), k.join("fast", 0)
	run := k.PickRun(web, Run{Bytes: 1 << 20}, start, nil)
	run = append(run, k.PickRun(web, Run{Bytes: 1 << 20}, start, nil)...)
	if got := k.Pick(fast, 1, start, nil); len(got) != 1 || got[0] != run[len(run)-1] {
		t.Errorf("%v of %v", got, run)
	}
}

// Connections to one server do not repeat each other's requests.
func TestPickRunServer(t *testing.T) {
	t.Parallel()
	k := New(options(3))
	first, second, other := k.join("first", 0), k.join("second", 0), k.join("other", 0)
	givesPiece(t, k, second)
	givesPiece(t, k, other)
	first.Server, second.Server, other.Server = "a", "a", "b"
	k.PickRun(first, Run{Bytes: 1}, start, nil)
	if got := k.PickRun(second, Run{Bytes: 1}, start, nil); got != nil {
		t.Errorf("%v", got)
	}
	if got := k.PickRun(other, Run{Bytes: 1}, start, nil); len(got) != blocksPerPiece {
		t.Errorf("%v", got)
	}
}

// A piece that failed is not begun again by the web seed that gave it, while another one has
// it.
func TestPickRunFailed(t *testing.T) {
	t.Parallel()
	k := New(options(3))
	bad, good := k.join("bad", 0), k.join("good", 0)
	got := k.PickRun(bad, Run{Bytes: pieceBytes}, start, nil)
	k.give(t, bad, got, start)
	k.Failed(0, make([][32]byte, blocksPerPiece), start)
	for _, b := range k.PickRun(bad, Run{Bytes: 10 * pieceBytes}, start, nil) {
		if b.Piece == 0 {
			t.Errorf("%v", b)
		}
	}
	if got := k.PickRun(good, Run{Bytes: 10 * pieceBytes}, start.Add(time.Second), nil); len(got) == 0 || got[0].Piece != 0 {
		t.Errorf("%v", got)
	}
}

// No more pieces are open than allowed, and a web seed leaves room for others.
func TestPickRunRoom(t *testing.T) {
	t.Parallel()
	o := options(1000)
	o.MaxOpen = 16
	k := New(o)
	web := k.join("web", 0)
	k.join("peer", 0)
	for _, want := range []int{8, 4, 2, 1, 1} {
		if got := piecesOf(k.PickRun(web, Run{Bytes: 1 << 30}, start, nil)); len(got) != want {
			t.Errorf("%d pieces, want %d", len(got), want)
		}
	}
	if got := k.PickRun(web, Run{Bytes: 1 << 30}, start, nil); got != nil {
		t.Errorf("%v, although no room is left", got)
	}
}
