package partial

import (
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// findHoles returns pieces that lie in holes of unfinished files, and are not zeros in the
// torrent: they need not be hashed. A large file of which little was downloaded is mostly a
// hole.
func (k *checker) findHoles() peer.Bitfield {
	holes := peer.NewBitfield(k.content.Layout.Pieces())
	for i, at := range k.files.places {
		if at == placePart && k.tree.ID(i).Size >= k.content.Layout.PieceLength() && (k.old == nil || !k.isSame(i)) {
			k.addHoles(holes, i)
		}
	}
	k.clearZeros(holes)
	return holes
}

// addHoles sets the pieces that lie in holes of a file.
func (k *checker) addHoles(holes peer.Bitfield, i int) {
	f, err := k.disk.open(k.names.part(i))
	if err != nil {
		return // it is found to be unreadable later
	}
	defer f.Close()
	l := k.content.Layout
	start, length := l.Offset(i), l.PieceLength()
	size := min(l.Length(i), k.tree.ID(i).Size)
	for at := int64(0); at < size; {
		end, hole := piece.RunAt(f, at)
		if end <= at {
			return
		}
		end = min(end, size)
		if hole {
			first, after := (start+at+length-1)/length, (start+end)/length
			for p := first; p < after; p++ {
				holes.Set(int(p))
			}
		}
		at = end
	}
}

// clearZeros removes the pieces that are zeros in the torrent. All are of the full length.
func (k *checker) clearZeros(holes peer.Bitfield) {
	var zeros piece.Result
	prover := piece.Prover{Content: k.content}
	hashed := false
	for p := range k.content.Layout.Pieces() {
		if !holes.Has(p) {
			continue
		}
		if !hashed {
			hashed, zeros = true, k.hashZeros(p)
		}
		zeros.Index = p
		if ok, _ := prover.Check(&zeros); ok {
			holes.Clear(p)
		}
	}
}

// hashZeros hashes zeros in place of a piece of the full length.
func (k *checker) hashZeros(p int) piece.Result {
	var zeros [metainfo.BlockLength]byte
	b := newBuffer(p, k.content.Layout.PieceLength())
	for i := range b.blocks {
		b.blocks[i] = zeros[:min(b.length-int64(i)*metainfo.BlockLength, metainfo.BlockLength)]
	}
	return piece.NewBlockHasher(k.content).Hash([]piece.InMemory{{Index: p, Blocks: b.blocks}})[0]
}
