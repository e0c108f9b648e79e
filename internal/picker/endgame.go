package picker

import "time"

// ending reports whether all blocks that can be had are requested or received.
func (k *Picker) ending() bool {
	if len(k.unfilled) > 0 {
		return false
	}
	if len(k.open) >= k.options.MaxOpen {
		return true
	}
	if k.options.Window > 0 {
		for piece := k.firstMissing(); piece < k.end(); piece++ {
			if k.rarity.has(piece) {
				return false
			}
		}
		return true
	}
	if k.rarity.stale {
		k.rarity.sort()
	}
	return len(k.rarity.order) == 0 || k.seeds == 0 && len(k.rarity.group(0)) == len(k.rarity.order)
}

// repeat appends up to n blocks that other peers owe. Those that the fewest owe come first,
// and of each peer those that it is to send last.
func (k *Picker) repeat(p *Peer, n int, now time.Time, blocks []Block) []Block {
	for owing := 1; owing < maxOwing; owing++ {
		from := k.random.IntN(len(k.peers))
		for i := range k.peers {
			q := k.peers[(from+i)%len(k.peers)]
			if q == p {
				continue
			}
			for j := len(q.owes) - 1; j >= 0; j-- {
				o, at := q.owes[j].open, q.owes[j].block
				b := &o.blocks[at]
				if b.owing() != owing || b.owedBy(p) || !k.may(p, o, now) {
					continue
				}
				if n == 0 {
					return blocks
				}
				k.ask(p, o, at, now)
				blocks = append(blocks, o.block(at))
				n--
			}
		}
	}
	return blocks
}
