//go:build unix

package piece

import (
	"os"
	"slices"
	"sync/atomic"

	"bt/internal/metainfo"
	"bt/internal/mmap"
)

// A window is a mapped range of a file. Lanes whose messages are in it share it.
type window struct {
	file   int
	offset int64
	data   mmap.Map
	users  int
}

var pageSize = int64(os.Getpagesize())

const canMap = true

// mapFaults counts the recovered faults, for tests.
var mapFaults atomic.Int64

// fromMap returns bytes of a feed's span in a mapping, or zeros for a hole that must not
// be mapped. It returns nil if the span is not to be mapped, or can't be.
func (w *worker) fromMap(f *feed) []byte {
	win, end := w.find(f.span)
	if win != nil {
		return use(f, win)
	}
	if w.open(f.span.File) != nil {
		return nil // read returns the error
	}
	if fillsHoles(w.file.fd) {
		stop, hole := runAt(w.file.fd, f.span.Offset)
		n := end - f.span.Offset
		if stop < end {
			n = (stop - f.span.Offset) &^ (stagingBytes - 1) // whole blocks
		}
		if hole && n > 0 {
			return zeros[:min(n, f.span.Length, int64(len(zeros)))]
		}
		end = f.span.Offset + n
	}
	if end-f.span.Offset < mapLeast {
		return nil
	}
	offset := f.span.Offset &^ (pageSize - 1)
	length := min(end-offset, w.windowBytes)
	if !w.makeRoom(length) {
		return nil
	}
	data, err := mmap.New(w.file.fd, offset, length)
	if err != nil {
		w.mapped = false // read the rest of the batch
		return nil
	}
	if w.cold {
		data.WillNeed()
	}
	win = &window{file: f.span.File, offset: offset, data: data}
	w.windows = append(w.windows, win)
	return use(f, win)
}

// find returns the window to use for the start of a span. If there is none, end is the
// end of the range of the file to map: that of the span or, for the other lanes, that of
// the batch, without what is mapped already.
func (w *worker) find(span metainfo.Span) (_ *window, end int64) {
	end = span.Offset + span.Length
	if w.shared {
		_, end = w.batchIn(span.File)
	}
	for _, win := range w.windows {
		switch {
		case win.file != span.File:
		case win.offset > span.Offset:
			end = min(end, win.offset)
		case len(win.bytes(span)) > 0:
			return win, 0
		}
	}
	return nil, end
}

// bytes returns the bytes of the start of a span that are in the window: to the end of
// the span or whole blocks, as the window may be that of another layout.
func (win *window) bytes(span metainfo.Span) []byte {
	at := span.Offset - win.offset
	n := min(span.Length, int64(len(win.data))-at)
	if n < span.Length {
		n &^= metainfo.BlockLength - 1
	}
	if n <= 0 {
		return nil
	}
	return win.data[at : at+n]
}

func use(f *feed, win *window) []byte {
	win.users++
	f.window = win
	return win.bytes(f.span)
}

// release gives up a feed's use of its window. The window stays mapped for other lanes,
// and for batches of other layouts.
func (w *worker) release(f *feed) {
	if f.window != nil {
		f.window.users--
		f.window = nil
	}
}

// makeRoom unmaps the windows that no lane uses or, if they are kept, the oldest of them
// until n bytes can be mapped within the worker's share. It returns false if that does
// not suffice.
func (w *worker) makeRoom(n int64) bool {
	for _, win := range w.windows {
		n += int64(len(win.data))
	}
	w.windows = slices.DeleteFunc(w.windows, func(win *window) bool {
		if win.users > 0 || w.keeps && n <= w.share {
			return false
		}
		n -= int64(len(win.data))
		win.data.Close()
		return true
	})
	return n <= w.share
}

// unmapIdle unmaps the windows that no lane uses.
func (w *worker) unmapIdle() {
	w.windows = slices.DeleteFunc(w.windows, func(win *window) bool {
		if win.users == 0 {
			win.data.Close()
		}
		return win.users == 0
	})
}

// runMapped hashes the batch. It returns false if a mapping could not be read because
// its file was truncated or the disk failed.
func (w *worker) runMapped() (ok bool) {
	ok = mmap.Guard(w.maps, w.runLanes)
	if !ok {
		mapFaults.Add(1)
	}
	return ok
}

func (w *worker) maps(yield func(mmap.Map) bool) {
	for _, win := range w.windows {
		if !yield(win.data) {
			return
		}
	}
}
