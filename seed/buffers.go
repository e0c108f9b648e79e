package seed

import (
	"runtime/debug"
	"sync"
	"syscall"

	"bt/internal/peer"
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
	buffers = pool[[bufferLength]byte]{}
	batches = pool[batch]{}
	chunks  = pool[[maxCopies]byte]{}
)

// A pool is a typed sync.Pool.
type pool[T any] struct{ p sync.Pool }

func (p *pool[T]) Get() *T {
	if x, ok := p.p.Get().(*T); ok {
		return x
	}
	return new(T)
}

func (p *pool[T]) Put(x *T) { p.p.Put(x) }

// stallBytes is what a peer must receive within timeouts.stall to count as alive. The
// slowest peer that is served thus receives a block per minute.
const stallBytes = peer.BlockLength

// zeros is the content of pad files.
var zeros [peer.BlockLength]byte

// copyMapped copies from a mapped file. If the file has shrunk or the disk fails, it
// returns EFAULT, as a system call would.
func copyMapped(dst, src []byte) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			err = syscall.EFAULT
		}
	}()
	copy(dst, src)
	return nil
}
