package seed

import (
	"fmt"
	"runtime"

	"bt/internal/store"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// A need is the number of descriptors for each part of a Seeder.
type need struct {
	peers      int // connected peers
	handshakes int // connections in their handshake
	turns      int // send turns, with store.MaxBatchMappings descriptors each
	mapped     int // mapped files
	small      int // open small files
}

const (
	// otherDescriptors is the number reserved for what does not grow with peers:
	// trackers, a status page, hashing, listening.
	otherDescriptors = 256

	// maxSmallFiles is the maximum number of small files kept open.
	maxSmallFiles = 4096
)

// needs divides the allowed descriptors. There are as many peers as asked for, or as
// many as fit.
func needs(peers, allowed int) need {
	n := need{turns: max(1, min(16*runtime.GOMAXPROCS(0), upload.MaxTurns, allowed/64))}
	n.mapped = min(max(allowed/16, n.turns*store.MaxBatchMappings), store.MaxMappings)
	n.small = max(n.turns, min(allowed/8, maxSmallFiles))
	rest := allowed - min(otherDescriptors, allowed/4) - n.mapped - n.small
	n.peers, n.handshakes = peers, swarm.MaxHandshakes(peers)
	if n.peers+n.handshakes > rest {
		n.peers = max(1, rest-swarm.MaxHalfOpen, rest*2/3-swarm.MinHalfOpen)
		n.handshakes = swarm.MaxHandshakes(n.peers)
	}
	n.small += min(rest-n.peers-n.handshakes, maxSmallFiles-n.small)
	return n
}

// A fewerPeersError reports that the descriptor limit allows fewer peers than
// MaxPeers.
type fewerPeersError struct{ asked, peers, allowed int }

func (e *fewerPeersError) Error() string {
	return fmt.Sprintf("at most %d peers can connect, not %d: the system allows %d open files (ulimit -n)", e.peers, e.asked, e.allowed)
}
