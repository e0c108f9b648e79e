package seed

import (
	"bt/internal/peer"
	"bt/internal/pool"
)

// bufferLength is the size of reads from a disk for hashing.
const bufferLength = peer.BlockLength

// buffers are in proportion to CPUs, not to peers.
var buffers pool.Pool[[bufferLength]byte]
