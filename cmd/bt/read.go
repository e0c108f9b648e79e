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
	"strings"
	"sync"

	"bt/internal/config"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// The size of inputs is limited by --max-size before memory is allocated for
// them. An input whose first bytes show that it is not of the expected kind, such
// as /dev/zero or a film, is not read further.

// inputKind is the expected kind of an input.
type inputKind uint8

const (
	torrentInput    inputKind = iota
	torrentOrLinks            // a torrent, or a text with magnet links
	torrentOrHashes           // as torrentOrLinks, also with info-hashes
	bencodeInput              // any bencode
	textInput                 // JSON or a list
	rulesInput                // a rules file, which has its own limit, as has the next
	configInput               // presets, tracker rules or a batch file
	pathsInput                // a list of paths, of any bytes
)

// isText reports whether an input of the kind k is or may be text in UTF-8.
func (k inputKind) isText() bool {
	switch k {
	case torrentOrLinks, torrentOrHashes, textInput, rulesInput, configInput:
		return true
	}
	return false
}

// mayBe reports whether an input that does not begin as a torrent may be of the
// kind k. head is its beginning.
func (k inputKind) mayBe(head []byte) bool {
	switch k {
	case torrentOrLinks, torrentOrHashes:
		return metainfo.Recognize(head) == metainfo.FormMagnetText || k == torrentOrHashes && beginsWithHash(head)
	case bencodeInput:
		return strings.IndexByte("dli0123456789", head[0]) >= 0
	case textInput, rulesInput, configInput:
		return bytes.IndexByte(head, 0) < 0
	case pathsInput:
		return true
	}
	return false
}

// isConfig reports whether an input is parsed by package config.
func (k inputKind) isConfig() bool { return k == rulesInput || k == configInput }

// readInput reads a file or standard input. It returns when ctx ends, also while a
// terminal or a FIFO is read.
func readInput(ctx context.Context, e *env, name string, kind inputKind) ([]byte, error) {
	if name != stdinName {
		return interruptible(ctx, func() ([]byte, error) { return readFile(e, name, kind) })
	}
	in, err := e.takeStdin()
	if err != nil {
		return nil, err
	}
	return interruptible(ctx, func() ([]byte, error) { return readAll(e, in, sizeOf(in), name, kind) })
}

// interruptible returns what f returns, or the error of ctx if that ends first. f
// can't be interrupted, so its goroutine may run until the process exits.
func interruptible[T any](ctx context.Context, f func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := f()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		var none T
		return none, ctx.Err()
	}
}

func readFile(e *env, name string, kind inputKind) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, readError(name, err)
	}
	defer f.Close()
	return readAll(e, f, sizeOf(f), name, kind)
}

// readAll reads the input that is called name. size is its length in bytes, or -1 if it is
// unknown.
func readAll(e *env, in io.Reader, size int64, name string, kind inputKind) ([]byte, error) {
	limit := e.inputLimit()
	if kind.isConfig() {
		limit = min(limit, config.MaxSize)
	}
	var head []byte // if there is more of the input
	b, err := metainfo.Read(in, size, limit, func(h []byte) bool {
		head = h
		return kind.mayBe(h)
	})
	if kind.isText() && (isUTF16(head) || isUTF16(b)) {
		code := exitUsage
		if kind < textInput {
			code = exitTorrent
		}
		return nil, withHint(failf(code, "%s: it is in UTF-16", shown(name)), utf16Hint)
	}
	if tooLarge, ok := errors.AsType[*metainfo.TooLargeError](err); ok && tooLarge.Max == config.MaxSize && kind.isConfig() {
		what := map[inputKind]string{rulesInput: "a rules file", configInput: "a config file"}[kind]
		return nil, failf(exitRead, "%s: %s has %s at most", shown(name), what, term.Size(config.MaxSize))
	} else if ok {
		return nil, withHint(failf(exitRead, "%s: it is larger than %s", shown(name), term.Size(tooLarge.Max)), "--max-size SIZE reads what is larger")
	}
	if not, ok := errors.AsType[*metainfo.NotTorrentError](err); ok && kind >= textInput {
		return nil, failf(exitUsage, "%s: it is not a text file: it contains zero bytes", shown(name))
	} else if ok && kind == bencodeInput {
		return nil, notBencode(name, not)
	} else if ok {
		return nil, notTorrent(name, not)
	}
	if err != nil {
		return nil, readError(name, err)
	}
	e.boundMemory(len(b))
	return b, nil
}

const utf16Hint = "save it as UTF-8"

// isUTF16 reports whether b begins with a byte order mark of UTF-16.
func isUTF16(b []byte) bool {
	return bytes.HasPrefix(b, []byte("\xff\xfe")) || bytes.HasPrefix(b, []byte("\xfe\xff"))
}

// sizeOf returns the number of unread bytes of a regular file, or -1 if it is
// unknown.
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

// inputLimit returns the maximum size of an input in bytes.
func (e *env) inputLimit() int64 {
	return cmp.Or(e.options.maxSize.value, metainfo.DefaultMaxSize)
}

// memoryLimit is the current memory limit of the garbage collector, which is
// global.
var memoryLimit struct {
	sync.Mutex
	bytes int64 // 0 if there is none
}

// boundMemory sets the memory limit for an input of n bytes. Without it, the
// garbage collector would let the heap grow to twice its live size. Commands do
// not read several large inputs at once (see retrackerRun.large).
func (e *env) boundMemory(n int) {
	const least, perByte = 18 << 20, 3.5
	if n += e.held; n > smallInput {
		e.limitMemory(int64(least + perByte*float64(n)))
	}
}

// limitMemory raises the memory limit to a number of bytes, or sets it if there
// is none.
func (e *env) limitMemory(bytes int64) {
	if !e.boundsMemory {
		return
	}
	memoryLimit.Lock()
	defer memoryLimit.Unlock()
	if bytes > memoryLimit.bytes {
		memoryLimit.bytes = bytes
		debug.SetMemoryLimit(bytes)
	}
}

// freeMemory removes the memory limit, for a command that continues to run after
// it has read its inputs.
func freeMemory() {
	memoryLimit.Lock()
	defer memoryLimit.Unlock()
	if memoryLimit.bytes > 0 {
		memoryLimit.bytes = 0
		debug.SetMemoryLimit(math.MaxInt64)
	}
}

// smallInput is the maximum size of an input for which memory is not limited.
const smallInput = 1 << 20
