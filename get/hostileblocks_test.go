package get

import (
	"math/rand/v2"
	"time"

	"bt/internal/peer"
)

// badBlocks are what peers do with the blocks that are requested.
var badBlocks = []behavior{
	{"unchokes, sends nothing", tolerated, func(b *badPeer) { b.requests(func(peer.Message) bool { return true }) }},
	{"closes at a request", tolerated, func(b *badPeer) { b.requests(func(peer.Message) bool { return false }) }},
	{"closes in a block", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			out := b.right(m).Append(nil)
			b.Write(out[:len(out)/2])
			return false
		})
	}},
	{"closes after each block", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(b.right(m)); return false })
	}},
	{"wrong blocks", banned, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, int(m.Length))); return true })
	}},
	{"wrong blocks now and then", banned, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			if rand.IntN(5) == 0 {
				b.send(block(m, int(m.Length)))
			} else {
				b.send(b.right(m))
			}
			return true
		})
	}},
	{"a wrong bit at the end of pieces", banned, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			out := b.right(m).Append(nil)
			if b.isLast(m) {
				out[len(out)-1] ^= 1
			}
			b.Write(out)
			return true
		})
	}},
	{"the blocks of another piece", banned, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			other := m
			other.Index = (m.Index + 1) % 19
			other = b.right(other)
			other.Index = m.Index
			b.send(other)
			return true
		})
	}},
	{"right pieces, then wrong ones", banned, func(b *badPeer) {
		n := 0
		b.requests(func(m peer.Message) bool {
			if n++; n > 24 {
				b.send(block(m, int(m.Length)))
			} else {
				b.send(b.right(m))
			}
			return true
		})
	}},
	{"short blocks", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, int(m.Length)-1)); return true })
	}},
	{"long blocks", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, int(m.Length)+1)); return true })
	}},
	{"empty blocks", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, 0)); return true })
	}},
	{"blocks in halves", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			first, second := m, m
			first.Length /= 2
			second.Begin, second.Length = m.Begin+first.Length, m.Length-first.Length
			b.send(b.right(first), b.right(second))
			return true
		})
	}},
	{"shifted blocks", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { m.Begin++; b.send(block(m, int(m.Length))); return true })
	}},
	{"blocks beyond the piece", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			m.Begin = -peer.BlockLength & (1<<32 - 1)
			b.send(block(m, int(m.Length)))
			return true
		})
	}},
	{"blocks of no piece", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { m.Index = 1 << 31; b.send(block(m, int(m.Length))); return true })
	}},
	{"blocks of the piece after the last", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			m.Index = uint32(b.meta.PieceCount())
			b.send(block(m, int(m.Length)))
			return true
		})
	}},
	{"blocks that are not requested yet", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			for i := range uint32(19) {
				b.send(b.right(peer.Message{Index: i, Begin: 0, Length: peer.BlockLength}))
			}
			return true
		})
	}},
	{"each block twice", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(b.right(m), b.right(m)); return true })
	}},
	{"a block and a violation at once", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			b.Write(append(block(m, int(m.Length)).Append(nil), 0, 0, 0, 1, 99, 0x7f, 0xff, 0xff, 0xff, 7))
			return true
		})
	}},
	{"blocks without requests", dropped, func(b *badPeer) {
		b.flood(func(i uint32) []byte { return block(peer.Message{Index: i % 4}, 16<<10).Append(nil) })
	}},
	{"chokes at each request", tolerated, func(b *badPeer) {
		b.requests(func(peer.Message) bool {
			b.send(peer.Message{ID: peer.IDChoke}, peer.Message{ID: peer.IDUnchoke})
			return true
		})
	}},
	{"chokes at the last block", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			if !b.isLast(m) {
				b.send(b.right(m))
				return true
			}
			reject := m
			reject.ID = peer.IDReject
			b.send(peer.Message{ID: peer.IDChoke}, reject)
			return true
		})
	}},
	{"never sends the last block", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			if !b.isLast(m) {
				b.send(b.right(m))
			}
			return true
		})
	}},
	{"rejects the last block", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			if b.isLast(m) {
				m.ID = peer.IDReject
				b.send(m)
			} else {
				b.send(b.right(m))
			}
			return true
		})
	}},
	{"rejects everything", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { m.ID = peer.IDReject; b.send(m); return true })
	}},
	{"rejects and sends nevertheless", dropped, func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			reject := m
			reject.ID = peer.IDReject
			b.send(reject, b.right(m))
			return true
		})
	}},
	{"a block byte by byte", tolerated, func(b *badPeer) {
		b.requests(func(m peer.Message) bool { return b.slowly(b.right(m).Append(nil), 50*time.Millisecond) })
	}},
	{"unchokes, and never reads", tolerated, func(b *badPeer) {
		b.unchoked()
		b.slowly(make([]byte, 1<<10), 100*time.Millisecond) // keep-alives
	}},
}
