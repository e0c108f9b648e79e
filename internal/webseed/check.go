package webseed

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"bt/internal/metainfo"
)

// A ProblemKind is the reason why a web seed is, or may be, useless.
type ProblemKind uint8

// The kinds of problems.
const (
	ProblemUnreachable ProblemKind = iota // the server does not answer, or refuses
	ProblemMissing                        // the server does not have a file
	ProblemNoRanges                       // the server sends whole files only; clients ask for parts
	ProblemWrong                          // the server sends other bytes than the torrent has
	ProblemUnchecked                      // the seed was not checked, or not all of it
)

// A Problem is a problem of a web seed.
type Problem struct {
	Kind ProblemKind
	File string // the first file that has it, with slashes; "" if it is not about a file
	More int    // the number of further files that have it
	Err  error  // of the first file
}

// mostProblems is the number of files with problems after which the check ends.
const mostProblems = 100

var (
	errScheme      = errors.New("only http and https are checked")
	errNotV1       = errors.New("HTTP seeds (BEP 17) send pieces of v1 torrents only")
	errUnknownSize = errors.New("the server does not say how long the file is")
	errTooMany     = fmt.Errorf("the check ended after %d files with problems", mostProblems)
)

// CheckWebSeed compares a web seed (BEP 19) with a torrent: the size of every file, and
// the hashes of some pieces, chosen at random. It sends up to four requests at a time,
// and ends after CheckTime. progress, if not nil, is called with the bytes of the files
// that were asked for and of all files, from one goroutine at a time. The error is the
// cause of ctx, or that the torrent can't be used.
func (c *Client) CheckWebSeed(ctx context.Context, t *metainfo.Torrent, seed string, progress func(done, all int64)) ([]Problem, error) {
	return c.check(ctx, t, seed, func(k *checker) {
		k.progress = progress
		k.checkSizes()
		for _, piece := range samples(k.content.Layout) {
			k.prove(piece)
		}
	})
}

// CheckHTTPSeed compares an HTTP seed (BEP 17) with a torrent: the hashes of some pieces,
// chosen at random. Its error is that of CheckWebSeed.
func (c *Client) CheckHTTPSeed(ctx context.Context, t *metainfo.Torrent, seed string) ([]Problem, error) {
	if !t.V1 {
		return []Problem{{Kind: ProblemUnchecked, Err: errNotV1}}, nil
	}
	return c.check(ctx, t, seed, func(k *checker) {
		for _, piece := range samples(k.content.Layout) {
			k.provePiece(piece)
		}
	})
}

func (c *Client) check(ctx context.Context, t *metainfo.Torrent, seed string, f func(k *checker)) ([]Problem, error) {
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	if u, err := url.Parse(seed); err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return []Problem{{Kind: ProblemUnchecked, Err: errScheme}}, nil
	}
	limited, cancel := context.WithTimeoutCause(ctx, c.CheckTime, fmt.Errorf("the check ended after %v", c.CheckTime))
	defer cancel()
	k := &checker{client: c, torrent: t, content: content, seed: seed, size: t.Size(), failed: make(map[int]error)}
	k.ctx, k.stop = context.WithCancelCause(limited)
	defer k.stop(nil)
	f(k)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return k.problems(), nil
}

// A checker checks one seed.
type checker struct {
	client   *Client
	torrent  *metainfo.Torrent
	content  *metainfo.Content
	seed     string
	progress func(done, all int64)
	size     int64 // of the content

	ctx  context.Context
	stop context.CancelCauseFunc // ends the check early

	mu     sync.Mutex
	failed map[int]error // the first error of each file; those of pieces of an HTTP seed are at -1
	done   int64         // bytes of the files that were asked for
}

// fail stores an error of a file. An error of the connection, and one problem too many,
// end the check.
func (k *checker) fail(file int, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ctx.Err() != nil {
		return
	}
	if kindOf(err) == ProblemUnreachable && !IsAnswer(err) {
		k.stop(err)
		return
	}
	if k.failed[file] == nil {
		k.failed[file] = err
	}
	if len(k.failed) == mostProblems {
		k.stop(errTooMany)
	}
}

func (k *checker) hasFailed(file int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.failed[file] != nil
}

// checkSizes asks for the size of every file.
func (k *checker) checkSizes() {
	files := make(chan int)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for i := range files {
				if err := k.checkSize(i); err != nil {
					k.fail(i, err)
				}
				k.count(i)
			}
		})
	}
	for i := range k.content.Files {
		if k.isContent(i) && k.ctx.Err() == nil {
			files <- i
		}
	}
	close(files)
	wg.Wait()
}

// isContent reports whether clients ask a web seed for a file.
func (k *checker) isContent(file int) bool {
	f := &k.content.Files[file]
	return !f.Pad && !f.IsLink() && f.Length > 0
}

func (k *checker) count(file int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.done += k.content.Files[file].Length
	if k.progress != nil {
		k.progress(k.done, k.size)
	}
}

func (k *checker) checkSize(file int) error {
	f, err := k.client.Stat(k.ctx, k.url(file))
	length := k.content.Files[file].Length
	switch {
	case err != nil:
		return err
	case f.Size < 0:
		return errUnknownSize
	case f.Size != length:
		return &contentError{fmt.Sprintf("the server has %d bytes of it, and the torrent %d", f.Size, length)}
	case !f.Ranges && length > 1: // of one byte, the range is the whole file
		return ErrNoRanges
	}
	return nil
}

func (k *checker) url(file int) string {
	return FileURL(k.seed, k.torrent.Name, k.torrent.Single, k.content.Files[file].Path())
}

func (k *checker) path(file int) string { return strings.Join(k.content.Files[file].Path(), "/") }

// A contentError reports that a seed has other content than the torrent.
type contentError struct{ text string }

func (e *contentError) Error() string { return e.text }

// kindOf returns the kind of problem that an error means.
func kindOf(err error) ProblemKind {
	if status, ok := errors.AsType[*StatusError](err); ok {
		if status.Code == http.StatusNotFound || status.Code == http.StatusGone {
			return ProblemMissing
		}
		return ProblemUnreachable
	}
	if _, ok := errors.AsType[*contentError](err); ok {
		return ProblemWrong
	}
	_, isRedirect := errors.AsType[*RedirectError](err)
	switch {
	case errors.Is(err, errUnknownSize), errors.Is(err, ErrNoEnd):
		return ProblemUnchecked
	case errors.Is(err, ErrNoRanges):
		return ProblemNoRanges
	case IsAnswer(err) && !isRedirect && !isCertificate(err):
		return ProblemWrong
	}
	return ProblemUnreachable
}

// problems returns what was found: for each kind, the first file that has it.
func (k *checker) problems() []Problem {
	var list []Problem
	for _, file := range slices.Sorted(maps.Keys(k.failed)) {
		err := k.failed[file]
		kind := kindOf(err)
		if i := slices.IndexFunc(list, func(p Problem) bool { return p.Kind == kind }); i >= 0 {
			list[i].More++
			continue
		}
		p := Problem{Kind: kind, Err: err}
		if file >= 0 {
			p.File = k.path(file)
		}
		list = append(list, p)
	}
	if cause := context.Cause(k.ctx); cause != nil {
		p := Problem{Kind: ProblemUnreachable, Err: cause}
		if cause == errTooMany || errors.Is(k.ctx.Err(), context.DeadlineExceeded) {
			p.Kind = ProblemUnchecked
		}
		list = append(list, p)
	}
	return list
}
