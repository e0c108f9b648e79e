package picker

import (
	"slices"
	"time"

	"bt/internal/peer"
)

const (
	// maxRunProbes is how many missing pieces are looked at for a run.
	maxRunProbes = 1 << 14

	// maxRepeats is how many blocks are picked at once where no run is left.
	maxRepeats = 64
)

// A Run says what [Picker.PickRun] picks.
type Run struct {
	Bytes int64 // at most, but at least a piece

	// Onward is for a server that sends files from their beginnings only: pieces are
	// picked in order, from the end of the last run on. No block is picked that another
	// peer owes.
	Onward bool
}

// PickRun appends blocks to request from a web seed now, sorted, and records the requests.
// If it can, it picks whole pieces in a row, of the longest gap: a web seed sends long
// ranges best, and peers fill the short gaps (BEP 19). Else it picks what Pick would. It is
// to be called again after some seconds if it has picked nothing.
func (k *Picker) PickRun(p *Peer, r Run, now time.Time, blocks []Block) []Block {
	if !k.Interesting(p) || p.choked || p.refusesAll(now) {
		return blocks
	}
	begin := len(blocks)
	if o, _ := k.openFor(p, now); o != nil && !r.Onward && (o.begun == nil || o.begun == p) {
		blocks = k.askFree(p, o, now, blocks)
	} else if first, n := k.gap(p, r, now); n > 0 {
		for piece := first; piece < first+n; piece++ {
			blocks = k.askFree(p, k.begin(piece, p, now), now, blocks)
		}
		p.reached = first + n
	} else if !r.Onward {
		blocks = k.Pick(p, maxRepeats, now, blocks)
	} else if o != nil {
		blocks = k.askFree(p, o, now, blocks)
	}
	slices.SortFunc(blocks[begin:], Block.compare)
	return blocks
}

// askFree appends the free blocks of an open piece, and records the requests for them.
func (k *Picker) askFree(p *Peer, o *openPiece, now time.Time, blocks []Block) []Block {
	o.take(p, now)
	for ; o.free > 0; o.next++ {
		if b := &o.blocks[o.next]; !b.came && b.peers[0] == nil {
			k.ask(p, o, o.next, now)
			blocks = append(blocks, o.block(o.next))
		}
	}
	return blocks
}

// gap returns the first piece and the length of a run of pieces that a peer may begin. It
// begins where the last one has ended if the gap there suffices, else it is the longest that
// is found. n is 0 if there is none, or too many pieces are open.
func (k *Picker) gap(p *Peer, r Run, now time.Time) (first, n int) {
	room := k.options.MaxOpen - len(k.open)
	if len(k.peers) > 1 {
		room = (room + 1) / 2
	}
	s := gapSearch{most: r.Bytes, room: room, any: r.Onward || k.options.Sequential, probes: maxRunProbes}
	if room <= 0 {
		return 0, 0
	}
	from := p.reached
	if k.options.Sequential && !r.Onward {
		from = 0
	}
	k.searchGap(&s, p, max(from, k.firstMissing()), k.end(), now)
	if !s.suffices() {
		k.searchGap(&s, p, k.firstMissing(), min(from, k.end()), now)
	}
	if !s.any && s.bestBytes < s.most && s.bestN < s.room && len(k.peers) > 1 {
		return s.bestFirst, (s.bestN + 1) / 2 // the others have something to do as well
	}
	return s.bestFirst, s.bestN
}

// A gapSearch searches for a gap.
type gapSearch struct {
	most   int64 // bytes that suffice
	room   int   // pieces that suffice
	any    bool  // the first gap suffices, however short
	probes int   // pieces that may still be looked at

	bestFirst, bestN int
	bestBytes        int64
}

// suffices reports whether the search may end.
func (s *gapSearch) suffices() bool {
	return s.bestN > 0 && s.any || s.bestBytes >= s.most || s.bestN >= s.room || s.probes == 0
}

// searchGap searches for a gap from one piece to before another.
func (k *Picker) searchGap(s *gapSearch, p *Peer, from, to int, now time.Time) {
	first, n, bytes := 0, 0, int64(0)
	for piece := range k.useful(p, from, to) {
		begins := k.begins(p, piece, now)
		if n > 0 && (!begins || piece != first+n) {
			if n = 0; s.suffices() {
				return
			}
		}
		if s.probes--; begins {
			if n == 0 {
				first, bytes = piece, 0
			}
			length := k.options.Length(piece)
			if n > 0 && bytes+length > s.most {
				s.bestBytes = max(s.bestBytes, s.most) // no longer one is needed
				return
			}
			n, bytes = n+1, bytes+length
			if bytes > s.bestBytes {
				s.bestFirst, s.bestN, s.bestBytes = first, n, bytes
			}
		}
		if n >= s.room || bytes >= s.most || s.probes == 0 {
			return
		}
	}
}

// compare compares the places of blocks.
func (b Block) compare(c Block) int {
	if b.Piece != c.Piece {
		return int(b.Piece) - int(c.Piece)
	}
	return int(b.Begin/peer.BlockLength) - int(c.Begin/peer.BlockLength)
}
