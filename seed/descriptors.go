package seed

import (
	"fmt"
	"runtime"
)

// A need is how many descriptors the parts of a seeder take.
type need struct {
	peers      int // connected ones
	handshakes int // connections before that
	turns      int // of sending, with maxBatchMappings each
	mapped     int // mappings
	small      int // files
}

const (
	// otherDescriptors is for what does not grow with peers: trackers, a page,
	// hashing, listening.
	otherDescriptors = 256

	// maxSmallFiles is how many small files are kept open.
	maxSmallFiles = 4096
)

// needs divides the descriptors that are allowed. There are as many peers as are
// asked for, or as fit.
func needs(peers, allowed int) need {
	n := need{turns: max(1, min(16*runtime.GOMAXPROCS(0), maxTurns, allowed/64))}
	n.mapped = min(max(allowed/16, n.turns*maxBatchMappings), maxMappings)
	n.small = max(n.turns, min(allowed/8, maxSmallFiles))
	rest := allowed - min(otherDescriptors, allowed/4) - n.mapped - n.small
	n.peers, n.handshakes = peers, maxHandshakes(peers)
	if n.peers+n.handshakes > rest {
		n.peers = max(1, rest-maxHalfOpen, rest*2/3-minHalfOpen)
		n.handshakes = maxHandshakes(n.peers)
	}
	n.small += min(rest-n.peers-n.handshakes, maxSmallFiles-n.small)
	return n
}

// A fewerPeersError is that the system allows fewer peers than were asked for.
type fewerPeersError struct{ asked, peers, allowed int }

func (e *fewerPeersError) Error() string {
	return fmt.Sprintf("at most %d peers are let in, not %d: the system allows %d open files (ulimit -n)", e.peers, e.asked, e.allowed)
}
