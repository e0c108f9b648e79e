//go:build unix

package piece

import (
	"errors"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A window is a mapped range of a file. Lanes whose messages are in it share it.
type window struct {
	file   int
	offset int64
	data   []byte
	users  int
}

var pageSize = int64(os.Getpagesize())

const canMap = true

// mapFaults counts the recovered faults, for tests.
var mapFaults atomic.Int64

// fromMap returns bytes of a feed's span in a mapping, or zeros for a hole that must not
// be mapped. It returns nil if the span can't be mapped.
func (w *worker) fromMap(f *feed) []byte {
	for _, win := range w.windows {
		if at := f.span.Offset - win.offset; win.file == f.span.File && at >= 0 && at < int64(len(win.data)) {
			return use(f, win)
		}
	}
	if w.open(f.span.File) != nil {
		return nil // read returns the error
	}
	end := f.span.Offset + f.span.Length
	if w.shared { // for other lanes
		_, end = w.batchIn(f.span.File)
	}
	if fillsHoles(w.file.fd) {
		stop, hole := runAt(w.file.fd, f.span.Offset)
		n := end - f.span.Offset
		if stop < end {
			n = (stop - f.span.Offset) &^ (stagingBytes - 1) // whole blocks
		}
		switch {
		case n == 0 || !hole && n < min(mapLeast, end-f.span.Offset):
			return nil
		case hole:
			return zeros[:min(n, f.span.Length, int64(len(zeros)))]
		}
		end = f.span.Offset + n
	}
	w.unmapIdle()
	offset := f.span.Offset &^ (pageSize - 1)
	data, err := unix.Mmap(w.file.fd, offset, int(min(end-offset, w.windowBytes)), unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		w.mapped = false // read the rest of the batch
		return nil
	}
	if w.cold {
		_ = unix.Madvise(data, unix.MADV_WILLNEED) // read ahead all of it
	}
	win := &window{file: f.span.File, offset: offset, data: data}
	w.windows = append(w.windows, win)
	return use(f, win)
}

func use(f *feed, win *window) []byte {
	win.users++
	f.window = win
	at := f.span.Offset - win.offset
	return win.data[at:min(at+f.span.Length, int64(len(win.data)))]
}

// release gives up a feed's use of its window. The window stays mapped for other lanes
// until unmapIdle.
func (w *worker) release(f *feed) {
	if f.window != nil {
		f.window.users--
		f.window = nil
	}
}

// unmapIdle unmaps the windows that no lane uses.
func (w *worker) unmapIdle() {
	w.windows = slices.DeleteFunc(w.windows, func(win *window) bool {
		if win.users == 0 {
			_ = unix.Munmap(win.data)
		}
		return win.users == 0
	})
}

// runMapped hashes the batch. It returns false if a mapping could not be read because
// its file was truncated or the disk failed. Such a page fault panics. runMapped
// recovers only if the address is in one of the worker's windows; any other fault is a
// bug.
func (w *worker) runMapped() (ok bool) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if r := recover(); r != nil {
			if err, isErr := r.(error); !isErr || !w.isOurs(err) {
				panic(r)
			}
			ok = false
		}
	}()
	w.runLanes()
	return true
}

func (w *worker) isOurs(err error) bool {
	fault, ok := errors.AsType[interface {
		error
		Addr() uintptr
	}](err)
	if !ok {
		return false
	}
	for _, win := range w.windows {
		start := uintptr(unsafe.Pointer(unsafe.SliceData(win.data)))
		if at := fault.Addr(); start <= at && at < start+uintptr(len(win.data)) {
			mapFaults.Add(1)
			return true
		}
	}
	return false
}
