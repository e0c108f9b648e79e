package webseed

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"
)

// OpenPiece asks an HTTP seed (BEP 17) for a piece of a v1 torrent, whose size is known. It
// does not try again. An overloaded seed may say in a StatusError when to ask again. The
// caller closes the reader.
func (c *Client) OpenPiece(ctx context.Context, seed string, infoHash [20]byte, piece int, size int64) (io.ReadCloser, error) {
	resp, err := c.get(ctx, pieceURL(seed, infoHash, piece), nil)
	if err != nil {
		return nil, err
	}
	a, err := readAnswer(resp, 0, size-1)
	if err == nil && a.n >= 0 && a.n != size {
		err = &SizeError{a.n}
	}
	if status, ok := errors.AsType[*StatusError](err); ok && status.Code == http.StatusServiceUnavailable {
		if wait := secondsIn(resp.Body); wait > 0 {
			status.RetryAfter = wait
		}
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return &pieceReader{resp.Body, size}, nil
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
