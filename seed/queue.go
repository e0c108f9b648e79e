package seed

import "bt/internal/peer"

// A block is a part of a piece that a peer has asked for.
type block struct{ piece, begin, length uint32 }

const (
	// maxRequests is how many requests of a peer are kept; it is told so ("reqq").
	// 16 MB in flight fill a line of 1 Gbit/s and 130 ms; libtorrent asks for 500.
	maxRequests = 1000

	// maxBlock is the longest block that is served; clients ask for 16 KiB.
	maxBlock = 128 << 10
)

// A queue has the blocks that a peer waits for, in the order of its requests.
type queue struct {
	blocks []block
	sent   int   // at the front
	begun  int64 // bytes of the first one's message that were sent
}

func (q *queue) len() int         { return len(q.blocks) - q.sent }
func (q *queue) first() block     { return q.blocks[q.sent] }
func (q *queue) waiting() []block { return q.blocks[q.sent:] }
func (q *queue) clear()           { q.blocks, q.sent = q.blocks[:0], 0 }

// push adds a request; false: there is no room.
func (q *queue) push(b block) bool {
	if q.len() >= maxRequests {
		return false
	}
	if len(q.blocks) == cap(q.blocks) {
		old := q.waiting()
		if q.sent == 0 { // not by append, which takes more than the most
			q.blocks = make([]block, len(old), min(max(2*len(old), 16), maxRequests))
		}
		q.blocks, q.sent = q.blocks[:copy(q.blocks, old)], 0
	}
	q.blocks = append(q.blocks, b)
	return true
}

// advance notes that n bytes of messages were sent, and returns how many bytes of
// blocks they completed.
func (q *queue) advance(n int64) (done int64) {
	for q.begun += n; q.len() > 0; {
		length := int64(q.first().length)
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

// remove takes a request back; false: it is not there, or being sent.
func (q *queue) remove(b block) bool {
	for i, x := range q.waiting() {
		if x == b && (i > 0 || q.begun == 0) {
			at := q.sent + i
			q.blocks = append(q.blocks[:at], q.blocks[at+1:]...)
			return true
		}
	}
	return false
}

// shrink gives the memory of an empty queue back.
func (q *queue) shrink() {
	if q.len() == 0 {
		*q = queue{}
	}
}
