package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"runtime/debug"
	"sync"

	"bt/internal/metainfo"
	"bt/internal/term"
)

// Inputs are bounded: in size by --max-size, before anything is allocated by it,
// and by how they begin, so that /dev/zero or a film costs what its first bytes
// cost.

// inputKind says what an input should be, which its beginning tells.
type inputKind uint8

const (
	torrentInput   inputKind = iota
	torrentOrLinks           // or a text with magnet links
	textInput                // JSON, a list
	rulesInput               // rules, which have a limit of their own
)

// mayBe reports whether an input that does not begin as a torrent is to be read.
func (k inputKind) mayBe(head []byte) bool {
	switch k {
	case torrentOrLinks:
		return metainfo.Recognize(head) == metainfo.FormMagnetText
	case textInput, rulesInput:
		return bytes.IndexByte(head, 0) < 0
	}
	return false
}

// readInput reads a file or standard input. It returns when ctx ends, though a
// read from a terminal or a FIFO can't be stopped: that waits in its goroutine
// for the end of the process.
func readInput(ctx context.Context, e *env, name string, kind inputKind) ([]byte, error) {
	type result struct {
		b   []byte
		err error
	}
	done := make(chan result, 1)
	go func() {
		b, err := readAll(e, name, kind)
		done <- result{b, err}
	}()
	select {
	case r := <-done:
		return r.b, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func readAll(e *env, name string, kind inputKind) ([]byte, error) {
	in := e.stdin
	if name != stdinName {
		f, err := os.Open(name)
		if err != nil {
			return nil, readError(name, err)
		}
		defer f.Close()
		in = f
	}
	limit := e.inputLimit()
	if kind == rulesInput {
		limit = min(limit, maxRulesSize)
	}
	b, err := metainfo.Read(in, sizeOf(in), limit, kind.mayBe)
	if tooLarge, ok := errors.AsType[*metainfo.TooLargeError](err); ok && tooLarge.Max == maxRulesSize && kind == rulesInput {
		return nil, failf(exitRead, "%s: a rules file has %s at most", shown(name), term.Size(maxRulesSize))
	} else if ok {
		return nil, withHint(failf(exitRead, "%s: it is larger than %s", shown(name), term.Size(tooLarge.Max)), "--max-size SIZE reads what is larger")
	}
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok && kind >= textInput {
		return nil, failf(exitUsage, "%s: it is no text, for it has bytes that are zero", shown(name))
	} else if ok {
		return nil, notTorrent(name, not)
	}
	if err != nil {
		return nil, readError(name, err)
	}
	e.boundMemory(len(b))
	return b, nil
}

// sizeOf is how many bytes of a regular file are still to be read; -1: not known.
func sizeOf(in io.Reader) int64 {
	f, ok := in.(*os.File)
	if !ok {
		return -1
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return -1
	}
	at, err := f.Seek(0, io.SeekCurrent)
	if err != nil || at > info.Size() {
		return -1
	}
	return info.Size() - at
}

// inputLimit is the most bytes that an input may have.
func (e *env) inputLimit() int64 {
	return cmp.Or(e.options.maxSize.value, metainfo.DefaultMaxSize)
}

// memoryLimit is that of the garbage collector, which the process has one of.
var memoryLimit struct {
	sync.Mutex
	bytes int64 // 0: none
}

// boundMemory asks the garbage collector to keep to what an input of n bytes
// needs: else it would let the heap grow to twice what is in use. Several inputs
// of that size are not read at once (see retracking.large).
func (e *env) boundMemory(n int) {
	const least, perByte = 18 << 20, 3.5
	if n > smallInput {
		e.limitMemory(int64(least + perByte*float64(n)))
	}
}

// limitMemory asks the garbage collector to keep to that many bytes, if it was not
// asked to keep to more already.
func (e *env) limitMemory(bytes int64) {
	if !e.lean {
		return
	}
	memoryLimit.Lock()
	defer memoryLimit.Unlock()
	if bytes > memoryLimit.bytes {
		memoryLimit.bytes = bytes
		debug.SetMemoryLimit(bytes)
	}
}

// freeMemory ends what boundMemory began, for a command that goes on with what it
// has read.
func freeMemory() {
	memoryLimit.Lock()
	defer memoryLimit.Unlock()
	if memoryLimit.bytes > 0 {
		memoryLimit.bytes = 0
		debug.SetMemoryLimit(math.MaxInt64)
	}
}

// smallInput is the size up to which inputs are nothing to look after.
const smallInput = 1 << 20
