package upload

import "sync"

// MaxTurns is the maximum number of peers that data is sent to at the same moment.
// Each may wait for a disk, so it does not depend on the number of CPUs. Times
// store.MaxCopies it bounds the memory for copies.
const MaxTurns = 64

// turns limit how many peers build and write a batch at once. A peer with a turn
// may wait for a disk but never for the peer, so turns end. Waiting torrents get
// turns in rotation, and so do the peers of each. No torrent gets all turns, so one
// with a stuck disk does not stop the others.
type turns struct {
	mu   sync.Mutex
	free int
	most int // of one torrent
	ring []*turnQueue
}

// A turnQueue holds the peers of one torrent that wait for a turn.
type turnQueue struct {
	held    int
	waiting []chan struct{}
}

func newTurns(n int) *turns { return &turns{free: n, most: max(1, n*3/4)} }

// take waits for a turn, which the caller must give back.
func (s *turns) take(q *turnQueue) {
	s.mu.Lock()
	if s.free > 0 && q.held < s.most { // if any are free, no waiting torrent could use them
		s.free--
		q.held++
		s.mu.Unlock()
		return
	}
	turn := make(chan struct{})
	if q.waiting = append(q.waiting, turn); len(q.waiting) == 1 {
		s.ring = append(s.ring, q)
	}
	s.mu.Unlock()
	<-turn
}

// give returns a turn.
func (s *turns) give(q *turnQueue) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free++
	q.held--
	for i, next := range s.ring {
		if next.held == s.most {
			continue
		}
		s.free--
		next.held++
		close(next.waiting[0])
		s.ring = append(s.ring[:i], s.ring[i+1:]...)
		if next.waiting = next.waiting[1:]; len(next.waiting) > 0 {
			s.ring = append(s.ring, next)
		} else {
			next.waiting = nil
		}
		return
	}
}
