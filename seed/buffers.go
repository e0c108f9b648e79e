package seed

import (
	"runtime"
	"runtime/debug"
	"sync"
	"syscall"

	"bt/internal/peer"
)

// bufferLength is what is read from a peer at once: some three thousand requests.
const bufferLength = 64 << 10

// Buffers and batches are in proportion to the processors and not to the peers:
// nobody keeps one while waiting for a peer to say something.
var (
	buffers = pool[[bufferLength]byte]{}
	batches = pool[batch]{}
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

// stallBytes is what a peer must take within its patience, or it has stalled: the
// slowest that is served gets a block a minute.
const stallBytes = peer.BlockLength

// diskWaits bounds the threads that are in the kernel to send, of which each may
// wait for a disk.
var diskWaits = make(chan struct{}, 16*runtime.GOMAXPROCS(0))

// zeros are what pad files are made of.
var zeros [peer.BlockLength]byte

// copyMapped copies from a file that is mapped. Where it has become shorter, or
// the disk fails, that is an EFAULT, as it is for the kernel.
func copyMapped(dst, src []byte) (n int, err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if _, fault := r.(interface{ Addr() uintptr }); !fault {
				panic(r)
			}
			n, err = 0, syscall.EFAULT
		}
	}()
	return copy(dst, src), nil
}
