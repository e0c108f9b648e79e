//go:build !race

package pool

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// allocate returns memory of one huge page, if the system has them.
func allocate() *[perChunk]Block {
	const length = unsafe.Sizeof([perChunk]Block{})
	p, err := unix.MmapPtr(-1, 0, nil, 2*length, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		panic(fmt.Sprintf("pool: no memory: %v", err))
	}
	// A huge page is at a multiple of its length.
	before := -uintptr(p) % length
	if before > 0 {
		_ = unix.MunmapPtr(p, before)
	}
	_ = unix.MunmapPtr(unsafe.Add(p, before+length), length-before)
	m := (*[perChunk]Block)(unsafe.Add(p, before))
	_ = unix.Madvise(unsafe.Slice(&m[0][0], length), unix.MADV_HUGEPAGE) // or small pages must do
	return m
}

func release(m *[perChunk]Block) { _ = unix.MunmapPtr(unsafe.Pointer(m), unsafe.Sizeof(*m)) }
