package upload

import (
	"bt/internal/peer"
	"bt/internal/store"
)

// MaxRequests is the maximum number of pending requests per peer, sent as "reqq": of 49 MB. A
// link of 1 Gbit/s and 100 ms holds 12.5 MB, and a queue of that length in the network as much
// again. If requests limited the rate, BBR would probe for more and lose 9 % of the packets.
// libtorrent sends up to 500 requests.
const MaxRequests = 3000

// A queue holds the pending requests of a peer in the order of arrival.
type queue struct {
	blocks []store.Block
	sent   int   // number of sent blocks at the front
	begun  int64 // bytes already sent of the first pending block's message
}

func (q *queue) len() int               { return len(q.blocks) - q.sent }
func (q *queue) first() store.Block     { return q.blocks[q.sent] }
func (q *queue) waiting() []store.Block { return q.blocks[q.sent:] }
func (q *queue) clear()                 { q.blocks, q.sent = q.blocks[:0], 0 }

// push adds a request. It returns false if the queue is full.
func (q *queue) push(b store.Block) bool {
	if q.len() >= MaxRequests {
		return false
	}
	if len(q.blocks) == cap(q.blocks) {
		old := q.waiting()
		if q.sent == 0 { // append would allocate more than MaxRequests
			q.blocks = make([]store.Block, len(old), min(max(2*len(old), 16), MaxRequests))
		}
		q.blocks, q.sent = q.blocks[:copy(q.blocks, old)], 0
	}
	q.blocks = append(q.blocks, b)
	return true
}

// advance counts n bytes of messages as sent, and returns how many bytes of blocks
// that has completed.
func (q *queue) advance(n int64) (done int64) {
	for q.begun += n; q.len() > 0; {
		length := int64(q.first().Length)
		if q.begun < peer.PieceHeaderLength+length {
			return done
		}
		q.begun -= peer.PieceHeaderLength + length
		done += length
		if q.sent++; q.sent == len(q.blocks) {
			q.clear()
		}
	}
	return done
}

// remove removes a request. It returns false if there is no such request, or if it is
// being sent.
func (q *queue) remove(b store.Block) bool {
	for i, x := range q.waiting() {
		if x == b && (i > 0 || q.begun == 0) {
			at := q.sent + i
			q.blocks = append(q.blocks[:at], q.blocks[at+1:]...)
			return true
		}
	}
	return false
}

// shrink frees the memory of an empty queue.
func (q *queue) shrink() {
	if q.len() == 0 {
		*q = queue{}
	}
}
