package picker

import (
	"slices"
	"testing"
)

// After a failure with several givers the piece is requested from one peer alone, another
// one each time.
func TestFailed(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b, c := k.join("a", 0), k.join("b", 0), k.join("c", 0)
	k.give(t, a, k.Pick(a, 2, start, nil), start)
	k.give(t, b, k.Pick(b, 2, start, nil), start)
	if liars := k.Failed(0, nil, start); liars != nil {
		t.Fatalf("%d liars", len(liars))
	}
	if got := k.Pick(a, 1, start, nil); len(got) > 0 {
		t.Error("the first peer begins it again")
	}
	k.give(t, c, k.Pick(c, 1, start, nil), start)
	if len(k.Pick(a, 1, start, nil))+len(k.Pick(b, 1, start, nil)) > 0 {
		t.Error("others give blocks too")
	}
	k.give(t, c, k.Pick(c, 100, start, nil), start)
	if liars := k.Failed(0, nil, start); !slices.Equal(liars, []*Peer{c}) {
		t.Fatalf("%d liars", len(liars))
	}
	k.Leave(c, start)
	if got := k.Pick(b, 100, start, nil); len(got) != blocksPerPiece {
		t.Errorf("%d blocks of another peer", len(got))
	}
}

// A peer that alone was to give a piece has some time to continue.
func TestAlone(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b := k.join("a", 0), k.join("b", 0)
	b.gave = true // or it would repeat a single block
	k.give(t, a, k.Pick(a, blocksPerPiece, start, nil), start)
	k.Failed(0, nil, start)
	if got := k.Pick(a, 1, start, nil); len(got) > 0 {
		t.Errorf("%v of the giver", got)
	}
	k.Pick(b, 1, start, nil)
	k.Lapse(b, start)
	if got := k.Pick(a, 1, start.Add(stallTime-1), nil); len(got) > 0 {
		t.Errorf("%v too early", got)
	}
	now := start.Add(barTime) // which is later
	if got := k.Pick(a, 1, now, nil); len(got) != 1 {
		t.Error("the other peer does not continue")
	}
	if got := k.Pick(b, 1, now, nil); len(got) > 0 {
		t.Error("nothing was received, so that the piece is to come from one peer")
	}
	if got := k.Pick(b, 1, now.Add(aloneTime), nil); len(got) != 1 {
		t.Error("a piece is one peer's for ever")
	}
	// The only peer with the piece is not barred.
	k.give(t, b, k.Pick(b, 100, now.Add(aloneTime), nil), now)
	k.Leave(b, now)
	k.give(t, a, k.Pick(a, 100, now, nil), now)
	if k.Failed(0, nil, now); len(k.Pick(a, 100, now, nil)) != blocksPerPiece {
		t.Error("the only peer with the piece is barred")
	}
}

// Only the peer that alone is to give a piece gives blocks, until it leaves.
func TestAloneLeaves(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b, c := k.join("a", 0), k.join("b", 0), k.join("c", 0)
	k.give(t, a, k.Pick(a, blocksPerPiece, start, nil), start)
	k.Failed(0, nil, start)
	blocks := k.Pick(c, blocksPerPiece, start, nil)
	k.Lapse(c, start) // its blocks may come late
	now := start.Add(stallTime)
	k.give(t, b, k.Pick(b, blocksPerPiece-1, now, nil), now)
	if got := k.Pick(c, 1, now, nil); len(got) > 0 {
		t.Fatalf("%v of another peer", got)
	}
	for _, late := range blocks {
		if ok, _, _ := k.Received(c, late, now); ok {
			t.Errorf("%v of another peer is of use", late)
		}
	}
	k.Leave(b, now)
	if got := k.Pick(c, 1, now, nil); len(got) != 1 {
		t.Error("no other peer continues")
	}
}

// A peer that alone is to give a piece and sends nothing does not keep it from others.
func TestAloneStalls(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b, stalls := k.join("a", 0), k.join("b", 0), k.join("stalls", 0)
	stalls.gave = true
	k.give(t, a, k.Pick(a, 2, start, nil), start)
	k.give(t, b, k.Pick(b, 2, start, nil), start)
	k.Failed(0, nil, start)
	if got := k.Pick(stalls, blocksPerPiece, start, nil); len(got) != blocksPerPiece {
		t.Fatalf("%d blocks", len(got))
	}
	now := start.Add(stallTime)
	good := k.join("good", 0)
	if got := k.Pick(good, blocksPerPiece, now.Add(-1), nil); len(got) > 0 {
		t.Error("two peers are to give it")
	}
	got := k.Pick(good, blocksPerPiece, now, nil)
	if len(got) != 1 {
		t.Fatalf("%d blocks of the next peer, which has given none", len(got))
	}
	k.give(t, good, got, now)
	got = k.Pick(good, blocksPerPiece, now, nil)
	if len(got) != blocksPerPiece-1 {
		t.Fatalf("%d blocks of the next peer", len(got))
	}
	k.Lapse(stalls, now)
	if got := k.Pick(stalls, 1, now, nil); len(got) > 0 {
		t.Error("the peer that has sent nothing continues")
	}
	k.give(t, good, got, now)
}

// Peers that have never given a block don't keep others from a piece that failed, however many
// they are.
func TestAloneSilent(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b := k.join("a", 0), k.join("b", 0)
	var silent []*Peer
	for range 5 {
		silent = append(silent, k.join("silent", 0))
	}
	good := k.join("good", 0)
	good.gave = true
	k.give(t, a, k.Pick(a, 2, start, nil), start)
	k.give(t, b, k.Pick(b, 2, start, nil), start)
	k.Failed(0, nil, start)
	for _, p := range silent {
		k.Pick(p, blocksPerPiece, start, nil)
	}
	got := k.Pick(good, blocksPerPiece, start, nil)
	if len(got) != blocksPerPiece {
		t.Fatalf("%d blocks", len(got))
	}
	for _, p := range silent {
		if got := k.Pick(p, blocksPerPiece, start, nil); len(got) > 0 {
			t.Errorf("%v of a peer that has never given a block", got)
		}
	}
	k.give(t, good, got, start)
}

// Peers that have given nothing yet do not keep one that gave blocks of a piece that failed
// from giving it for long.
func TestFailedAmongSilent(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b := k.join("a", 0), k.join("b", 0)
	k.join("silent", 0)
	k.give(t, a, k.Pick(a, 2, start, nil), start)
	k.give(t, b, k.Pick(b, 2, start, nil), start)
	k.Failed(0, nil, start)
	k.Leave(b, start)
	if got := k.Pick(a, 1, start.Add(stallTime-1), nil); len(got) > 0 {
		t.Error("it begins the piece again at once")
	}
	if got := k.Pick(a, blocksPerPiece, start.Add(stallTime), nil); len(got) != blocksPerPiece {
		t.Errorf("%d blocks", len(got))
	}
}
