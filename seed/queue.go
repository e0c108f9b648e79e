package seed

// A block is a part of a piece that a peer has asked for.
type block struct{ piece, begin, length uint32 }

const (
	// maxRequests is how many requests of a peer are kept; it is told so ("reqq").
	maxRequests = 2000

	// maxBlock is the longest block that is served; clients ask for 16 KiB.
	maxBlock = 128 << 10
)

// A queue has the blocks that a peer waits for, in the order of its requests.
type queue struct {
	blocks []block
	sent   int // at the front
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
	if len(q.blocks) == cap(q.blocks) && q.sent > 0 {
		n := copy(q.blocks, q.blocks[q.sent:])
		q.blocks, q.sent = q.blocks[:n], 0
	}
	q.blocks = append(q.blocks, b)
	return true
}

func (q *queue) pop() {
	if q.sent++; q.sent == len(q.blocks) {
		q.clear()
	}
}

// remove takes a request back; false: it is not there, or sent.
func (q *queue) remove(b block) bool {
	for i, x := range q.waiting() {
		if x == b {
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
