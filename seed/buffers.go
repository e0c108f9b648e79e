package seed

import (
	"runtime/debug"
	"sync"
	"syscall"

	"bt/internal/peer"
)

const (
	// bufferLength is what is read from a disk at once to be hashed.
	bufferLength = peer.BlockLength

	// readLength is what is read from a peer at once: some five hundred requests.
	readLength = 8 << 10
)

// Buffers and batches are in proportion to the processors and not to the peers:
// nobody keeps one while waiting for a peer.
var (
	buffers = pool[[bufferLength]byte]{}
	batches = pool[batch]{}
	chunks  = pool[[maxCopies]byte]{}
)

// A pool is a sync.Pool with a type.
type pool[T any] struct{ p sync.Pool }

func (p *pool[T]) Get() *T {
	if x, ok := p.p.Get().(*T); ok {
		return x
	}
	return new(T)
}

func (p *pool[T]) Put(x *T) { p.p.Put(x) }

// stallBytes is what a peer must take within timeouts.stall, or it has stalled: the
// slowest that is served gets a block a minute.
const stallBytes = peer.BlockLength

// zeros are what pad files are made of.
var zeros [peer.BlockLength]byte

// copyMapped copies from a file that is mapped. Where it has become shorter, or
// the disk fails, that is an EFAULT, as it is for the kernel.
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
