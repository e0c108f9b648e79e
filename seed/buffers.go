package seed

import (
	"bt/internal/peer"
	"bt/internal/pool"
)

// bufferLength is the size of reads from a disk for hashing.
const bufferLength = peer.BlockLength

// Buffers and batches are in proportion to CPUs, not to peers: a peer holds none
// while it is waited for.
var (
	buffers pool.Pool[[bufferLength]byte]
	batches pool.Pool[batch]
)
