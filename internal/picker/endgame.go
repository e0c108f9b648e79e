package picker

import (
	"slices"
	"time"
)

// stallTime is how long no block of a piece came, or was requested, before its blocks are
// repeated although there are pieces that only have to wait.
const stallTime = 5 * time.Second

// repeats reports whether blocks may be requested that other peers owe: those of pieces
// that were last used at or before a time.
func (k *Picker) repeats(now time.Time) (used time.Time, ok bool) {
	switch {
	case len(k.unfilled) > 0:
		return time.Time{}, false
	case k.available() == 0:
		return now, true
	case len(k.open) >= k.options.MaxOpen || k.windowOpen():
		// Peers that wait for a piece ask often. Search the blocks only if a piece has
		// stalled.
		used = now.Add(-stallTime)
		return used, slices.ContainsFunc(k.open, func(o *openPiece) bool { return !o.used.After(used) })
	}
	return time.Time{}, false
}

// available returns the number of pieces to choose from that a peer has.
func (k *Picker) available() int {
	if k.seeds > 0 {
		return len(k.rarity.order)
	}
	if k.rarity.stale {
		k.rarity.sort()
	}
	return len(k.rarity.order) - len(k.rarity.group(0))
}

// windowOpen reports whether all pieces of the window that are missing are open.
func (k *Picker) windowOpen() bool {
	if k.options.Window <= 0 {
		return false
	}
	for piece := k.firstMissing(); piece < k.end(); piece++ {
		if k.rarity.has(piece) {
			return false
		}
	}
	return true
}

// repeat appends up to n blocks that other peers owe, if it is time for that. Those that the fewest owe come first,
// and of each peer those that it is to send last. A peer that has
// given none yet repeats a single one, and is not the last that may owe it: silent peers can't
// keep blocks from all others.
func (k *Picker) repeat(p *Peer, n int, now time.Time, blocks []Block) []Block {
	used, ok := k.repeats(now)
	if !ok || p.snubs {
		return blocks
	}
	most := maxOwing
	if !p.gave {
		most, n = most-1, min(n, 1-len(p.owes))
	}
	for owing := 1; owing < most; owing++ {
		from := k.random.IntN(len(k.peers))
		for i := range k.peers {
			q := k.peers[(from+i)%len(k.peers)]
			if q == p || p.Server != nil && q.Server == p.Server {
				continue
			}
			for j := len(q.owes) - 1; j >= 0; j-- {
				o, at := q.owes[j].open, q.owes[j].block
				if n <= 0 {
					return blocks
				}
				if o.blocks[at].owing() == owing && !o.used.After(used) && k.askToo(p, o, at, now) {
					blocks = append(blocks, o.block(at))
					n--
				}
			}
		}
	}
	return blocks
}

// askToo records that a block that others owe is requested from a peer too, if it may be. A
// piece that one peer was to give alone is then for this one to give.
func (k *Picker) askToo(p *Peer, o *openPiece, i int, now time.Time) bool {
	if o.blocks[i].owedBy(p) || !k.may(p, o, now) {
		return false
	}
	if o.alone {
		o.take(p, now)
	}
	k.ask(p, o, i, now)
	return true
}
