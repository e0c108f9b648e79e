package seed

import (
	"bt/internal/peer"
	"bt/internal/pool"
)

const (
	// bufferLength is the size of reads from a disk for hashing.
	bufferLength = peer.BlockLength

	// readLength is the size of reads from a peer, enough for some five hundred
	// requests.
	readLength = 8 << 10
)

// Buffers and batches are in proportion to CPUs, not to peers: a peer holds none
// while it is waited for.
var (
	buffers pool.Pool[[bufferLength]byte]
	batches pool.Pool[batch]
)

// stallBytes is what a peer must receive within timeouts.stall to count as alive. The
// slowest peer that is served thus receives a block per minute.
const stallBytes = peer.BlockLength
