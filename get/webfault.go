package get

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"bt/internal/peer"
	"bt/internal/webseed"
)

const (
	// After failures in a row, a web seed is asked again after a second, and then after
	// twice as long each time, until maxWebWait. After the second its state is
	// WebSeedFailed, or if it has other connections this one ends.
	minWebWait   = time.Second
	maxWebWait   = 2 * time.Minute
	manyFailures = 2

	// maxLacking is how many files in a row a web seed may lack.
	maxLacking = 100
)

// failed handles the error of a run.
func (c *webConn) failed(ctx context.Context, err error, failures int) {
	w := c.seed
	part, isMixed := errors.AsType[*mixedError](err)
	if isMixed {
		w = part.seed
	}
	in, isFile := errors.AsType[*fileError](err)
	switch {
	case isFile && isMissing(err) && failures < maxLacking:
		w.addMissing(in.file, err)
	case isForNow(err):
		if failures >= manyFailures || isMixed { // another may be at hand
			w.fail(err)
		}
		c.wait(ctx, webWait(err, failures))
	default:
		w.getter.mu.Lock()
		defer w.getter.mu.Unlock()
		w.drop(err)
	}
}

// webWait returns how long to wait after failures in a row.
func webWait(err error, failures int) time.Duration {
	wait := maxWebWait
	if failures < 8 {
		wait = min(minWebWait<<(failures-1), maxWebWait)
	}
	if status, ok := errors.AsType[*webseed.StatusError](err); ok {
		wait = max(wait, status.RetryAfter)
	}
	return wait
}

// addMissing records that the server does not have a file as it is in the torrent.
func (w *webSeed) addMissing(file int, err error) {
	g, p := w.getter, w.pieces
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.has == nil {
		w.has, w.missing = peer.FullBitfield(p.count), make(map[int]bool)
	}
	first, last, _ := p.content.Layout.FilePieces(file) // it is not empty
	for piece := first; piece <= last; piece++ {
		w.has.Clear(piece)
	}
	w.missing[file], w.missingErr = true, err
	for _, c := range w.conns {
		p.picker.SetPieces(c.remote, w.has)
	}
	g.mix(slices.Values([]int{file}))
}

// A fileError is an error about a file of a web seed.
type fileError struct {
	file int
	path string // in the torrent
	err  error
}

func (e *fileError) Error() string { return e.path + ": " + e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// fail returns the error of reading a file, which is a fileError unless it is about the
// connection.
func (s *fileSource) fail(file int, err error) error {
	s.close()
	if !webseed.IsAnswer(err) {
		return err
	}
	if size, ok := errors.AsType[*webseed.SizeError](err); ok {
		err = size // and not what has shown it
	}
	return &fileError{file, s.seed.pieces.filePath(file), err}
}

// filePath returns the path of a file in the torrent.
func (p *pieces) filePath(file int) string { return strings.Join(p.content.Files[file].Path(), "/") }

// isMissing reports whether an answer means that the server does not have a file as it is in
// the torrent, or does not give it to us. It may have others.
func isMissing(err error) bool {
	if status, ok := errors.AsType[*webseed.StatusError](err); ok {
		return slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone}, status.Code)
	}
	_, size := errors.AsType[*webseed.SizeError](err)
	return size || errors.Is(err, webseed.ErrHTML)
}

// isOverloaded reports whether a server may answer if it gets fewer requests at once.
func isOverloaded(err error) bool {
	status, ok := errors.AsType[*webseed.StatusError](err)
	return ok && status.IsOverload()
}

// isForNow reports whether a later request may succeed. The size and the hashes of a file that
// was replaced show whether it is still the right one.
func isForNow(err error) bool {
	_, changed := errors.AsType[*webseed.ChangedError](err)
	return changed || errors.Is(err, webseed.ErrNoRanges) || webseed.IsTemporary(err)
}
