package picker

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"bt/internal/peer"
)

const benchPieces = 1_000_000

// benchPeers returns a picker of a million pieces with 50 peers: 10 seeds, and others that
// have from 2 to 80 % of the pieces.
func benchPeers(o Options) (*Picker, []*Peer) {
	k := New(o)
	random := rand.New(rand.NewPCG(3, 4))
	var peers []*Peer
	for i := range 50 {
		p := k.join("", fast)
		if i >= 10 {
			has := peer.NewBitfield(benchPieces)
			for piece := range benchPieces {
				if random.IntN(100) < 2*(i-9) {
					has.Set(piece)
				}
			}
			k.SetPieces(p, has)
		}
		peers = append(peers, p)
	}
	return k, peers
}

// Each block is requested, received and, with the others of its piece, proven. Each peer
// owes 16 blocks.
func BenchmarkBlock(b *testing.B) {
	for _, sequential := range []bool{false, true} {
		b.Run(fmt.Sprintf("sequential=%v", sequential), func(b *testing.B) {
			o := options(benchPieces)
			o.MaxOpen, o.Sequential = 400, sequential
			k, peers := benchPeers(o)
			next := make([][]Block, len(peers))
			for i, p := range peers {
				next[i] = k.Pick(p, 16, start, make([]Block, 0, 64))
			}
			b.ReportAllocs()
			b.ResetTimer()
			for n := 0; b.Loop(); n++ {
				i := n % len(peers)
				if len(next[i]) == 0 || k.Missing() < benchPieces/2 {
					b.Fatalf("%d pieces are missing, %d blocks", k.Missing(), len(next[i]))
				}
				block := next[i][0]
				ok, complete, _ := k.Received(peers[i], block, start)
				if !ok {
					b.Fatalf("%v is of no use", block)
				}
				if complete {
					k.Done(int(block.Piece))
				}
				next[i] = k.Pick(peers[i], 1, start, next[i][:copy(next[i], next[i][1:])])
			}
		})
	}
}

// A peer joins with half of the pieces, one that has none of interest is picked for, and
// it leaves again.
func BenchmarkJoin(b *testing.B) {
	k, peers := benchPeers(options(benchPieces))
	has := peer.NewBitfield(benchPieces)
	for piece := 0; piece < benchPieces; piece += 2 {
		has.Set(piece)
	}
	b.ReportAllocs()
	for b.Loop() {
		p := k.Join(nil, true)
		k.SetPieces(p, has)
		k.Pick(peers[0], 1, start, nil)
		k.Lapse(peers[0], start)
		k.Leave(p, start)
	}
}

func BenchmarkHave(b *testing.B) {
	k, peers := benchPeers(options(benchPieces))
	p := peers[10]
	k.rarity.sort()
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		if n++; n%benchPieces == 0 {
			b.StopTimer()
			k.SetPieces(p, peer.NewBitfield(benchPieces))
			k.rarity.sort()
			b.StartTimer()
		}
		k.Have(p, n%benchPieces)
	}
}
