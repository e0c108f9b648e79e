package picker

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// After a failure with several givers the piece is requested from one peer alone, another
// one each time.
func TestFailed(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b, c := k.join("a", 0), k.join("b", 0), k.join("c", 0)
	k.give(t, a, k.Pick(a, 2, start, nil), start)
	k.give(t, b, k.Pick(b, 2, start, nil), start)
	if givers := k.Failed(0, start); !slices.Equal(givers, []*Peer{a, b}) {
		t.Fatalf("%d givers", len(givers))
	}
	if got := k.Pick(a, 1, start, nil); len(got) > 0 {
		t.Error("the first peer begins it again")
	}
	k.give(t, c, k.Pick(c, 1, start, nil), start)
	if len(k.Pick(a, 1, start, nil))+len(k.Pick(b, 1, start, nil)) > 0 {
		t.Error("others give blocks too")
	}
	k.give(t, c, k.Pick(c, 100, start, nil), start)
	if givers := k.Failed(0, start); !slices.Equal(givers, []*Peer{c}) {
		t.Fatalf("%d givers", len(givers))
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
	k.give(t, a, k.Pick(a, blocksPerPiece, start, nil), start)
	k.Failed(0, start)
	if got := k.Pick(a, 1, start, nil); len(got) > 0 {
		t.Errorf("%v of the giver", got)
	}
	k.Pick(b, 1, start, nil)
	k.Lapse(b, start)
	if got := k.Pick(a, 1, start.Add(patienceTime-1), nil); len(got) > 0 {
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
	if k.Failed(0, now); len(k.Pick(a, 100, now, nil)) != blocksPerPiece {
		t.Error("the only peer with the piece is barred")
	}
}

// Only the peer that alone is to give a piece gives blocks, until it leaves.
func TestAloneLeaves(t *testing.T) {
	t.Parallel()
	k := New(options(1))
	a, b, c := k.join("a", 0), k.join("b", 0), k.join("c", 0)
	k.give(t, a, k.Pick(a, blocksPerPiece, start, nil), start)
	k.Failed(0, start)
	blocks := k.Pick(c, blocksPerPiece, start, nil)
	k.Lapse(c, start) // its blocks may come late
	now := start.Add(patienceTime)
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

// Peers that give wrong blocks, always or now and then, and that choke us in the middle of
// a piece, are found, an honest peer never is, and the download ends.
func TestPolluters(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		testPolluters(t, seed)
	}
}

func testPolluters(t *testing.T, seed uint64) {
	const polluters = 5
	random := rand.New(rand.NewPCG(seed, 5))
	o := options(30)
	o.Rand = random
	k := New(o)
	now := start
	var peers []*Peer
	lies := map[*Peer]int{} // one block in so many is wrong
	for i := range polluters {
		p := k.join("polluter", 0)
		lies[p] = 1 + i
		peers = append(peers, p)
	}
	honest := k.join("honest", 0)
	peers = append(peers, honest)
	wrong := map[int]bool{} // pieces with a wrong block
	banned := 0
	for rounds := 0; k.Missing() > 0; rounds++ {
		if rounds > 5000 {
			t.Fatalf("seed %d: %d pieces are missing, %d peers are banned", seed, k.Missing(), banned)
		}
		now = now.Add(time.Second)
		random.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
		for _, p := range slices.Clone(peers) {
			if p.choked {
				k.Unchoke(p)
			} else if random.IntN(20) == 0 {
				k.Choke(p, now)
				k.Lapse(p, now)
			}
			for _, b := range k.Pick(p, 3, now, nil) {
				ok, complete, _ := k.Received(p, b, now)
				if !ok {
					continue
				}
				piece := int(b.Piece)
				wrong[piece] = wrong[piece] || p != honest && random.IntN(lies[p]) == 0
				if !complete {
					continue
				}
				if !wrong[piece] {
					k.Done(piece)
					continue
				}
				delete(wrong, piece)
				givers := k.Failed(piece, now)
				if len(givers) == 1 && !givers[0].left {
					if givers[0] == honest {
						t.Fatalf("seed %d: the honest peer is banned", seed)
					}
					k.Leave(givers[0], now)
					peers = slices.DeleteFunc(peers, func(q *Peer) bool { return q == givers[0] })
					banned++
				}
			}
		}
	}
	if banned == 0 {
		t.Errorf("seed %d: no peer is banned", seed)
	}
}
