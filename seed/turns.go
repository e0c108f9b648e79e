package seed

import "sync"

// maxTurns is how many peers are sent to at the same moment, each of which may
// wait for a disk, whatever the number of processors: with maxCopies it is how much
// memory copies take.
const maxTurns = 64

// sendTurns give peers the right to put a batch together and to hand it to the system.
// Whoever has a turn waits for disks and never for a peer, so turns go on. Torrents
// that wait have one turn after another, and so have the peers of each. No torrent
// has all turns, so one whose disk is stuck does not stop the others.
type sendTurns struct {
	mu   sync.Mutex
	free int
	most int // of one torrent
	ring []*turnQueue
}

// A turnQueue is the peers of one torrent that wait for a turn.
type turnQueue struct {
	held    int
	waiting []chan struct{}
}

func newSendTurns(n int) *sendTurns { return &sendTurns{free: n, most: max(1, n*3/4)} }

// take waits for a turn, which the caller gives back.
func (s *sendTurns) take(q *turnQueue) {
	s.mu.Lock()
	if s.free > 0 && q.held < s.most { // who waits could not have it
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

// give gives a turn back.
func (s *sendTurns) give(q *turnQueue) {
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
