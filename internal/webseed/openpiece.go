package webseed

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// A PieceRange is a part of a piece.
type PieceRange struct{ Offset, Length int64 }

// OpenPiece asks an HTTP seed (BEP 17) for a piece of a v1 torrent, whose size is known, or
// for ranges of it, in order; without ranges for all of it. whole is whether the reader is of
// the whole piece: a seed may not support ranges, and its answer shows that by its length
// only. OpenPiece does not try again. An overloaded seed may say in a StatusError when to ask
// again. The caller closes the reader.
func (c *Client) OpenPiece(ctx context.Context, seed string, infoHash [20]byte, piece int, size int64, ranges ...PieceRange) (r io.ReadCloser, whole bool, err error) {
	resp, err := c.get(ctx, pieceURL(seed, infoHash, piece, ranges), nil)
	if err != nil {
		return nil, false, err
	}
	n, err := pieceAnswer(resp, size, ranges)
	if status, ok := errors.AsType[*StatusError](err); ok && status.Code == http.StatusServiceUnavailable {
		if wait := secondsIn(resp.Body); wait > 0 {
			status.RetryAfter = wait
		}
	}
	if err != nil {
		resp.Body.Close()
		return nil, false, err
	}
	return &pieceReader{resp.Body, n}, n == size, nil
}

// pieceAnswer returns the length of the body of an answer: that of the ranges or of the piece.
func pieceAnswer(resp *http.Response, size int64, ranges []PieceRange) (n int64, err error) {
	a, err := readAnswer(resp, 0, size-1)
	if err != nil {
		return 0, err
	}
	asked := int64(0)
	for _, r := range ranges {
		asked += r.Length
	}
	switch {
	case a.n == size, a.n == asked && len(ranges) > 0:
		return a.n, nil
	case a.html:
		return 0, ErrHTML
	case a.n >= 0:
		return 0, &SizeError{a.n}
	case len(ranges) > 0:
		return 0, ErrNoEnd
	}
	return size, nil
}

// secondsIn reads a body that is a number of seconds, as BEP 17 has it, or returns 0.
func secondsIn(body io.Reader) time.Duration {
	b, _ := io.ReadAll(io.LimitReader(body, 32))
	return retryAfter(strings.TrimSpace(string(b)))
}

// A pieceReader reads a body of known size.
type pieceReader struct {
	body io.ReadCloser
	left int64
}

func (r *pieceReader) Close() error { return r.body.Close() }

// Read reads the end of the body together with the last byte, so that the connection can be
// used again.
func (r *pieceReader) Read(p []byte) (int, error) {
	if r.left == 0 {
		return 0, io.EOF
	}
	n, err := r.body.Read(p[:min(int64(len(p)), r.left)])
	if r.left -= int64(n); r.left > 0 || err != nil && err != io.EOF {
		return n, cut(err)
	}
	var more [1]byte
	switch m, err := io.ReadFull(r.body, more[:]); {
	case m > 0:
		return n, errMore
	case err != io.EOF:
		return n, cut(err)
	}
	return n, io.EOF
}
