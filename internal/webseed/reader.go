package webseed

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// A Reader reads bytes of a File in order, over as many connections as it takes. It is
// not safe for concurrent use.
type Reader struct {
	ctx     context.Context
	file    *File
	pos     int64 // of the next byte
	end     int64 // -1 if it is unknown
	bounded bool  // end is not that of the file
	skip    bool  // if the server sends no ranges, skip what was read before
	recheck bool  // at the end

	body    io.ReadCloser // nil if there is no connection
	left    int64         // bytes that body still has; -1 if it is unknown
	attempt int           // connections that ended without a new byte
	err     error         // of all further calls
}

// Read implements io.Reader. After an error that another connection can't overcome,
// or too many connections without a new byte, it returns that error.
func (r *Reader) Read(p []byte) (int, error) {
	for r.err == nil {
		if r.pos == r.end {
			r.err = r.finish()
			break
		}
		n, err := r.readSome(p)
		if r.pos += int64(n); n > 0 {
			r.attempt = 0
		}
		if err != nil {
			r.disconnect()
			r.err = r.retry(err)
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return 0, r.err
}

// Close ends the connection.
func (r *Reader) Close() error {
	r.disconnect()
	return nil
}

func (r *Reader) disconnect() {
	if r.body != nil {
		r.body.Close()
		r.body = nil
	}
}

// readSome reads from the current connection, or a new one. It returns no bytes and no
// error at the end of a body.
func (r *Reader) readSome(p []byte) (int, error) {
	if r.body == nil {
		if err := r.connect(); err != nil {
			return 0, err
		}
	}
	if r.end >= 0 {
		p = p[:min(int64(len(p)), r.end-r.pos)]
	}
	if r.left == 0 {
		return 0, r.endOfBody()
	}
	if r.left > 0 {
		p = p[:min(int64(len(p)), r.left)]
	}
	n, err := r.body.Read(p)
	if r.left > 0 {
		r.left -= int64(n)
	}
	switch {
	case err == io.EOF && r.left < 0: // the end of a file of unknown size
		if r.end < 0 {
			r.end = r.pos + int64(n)
			return n, nil
		}
		return n, ErrCut
	case r.left == 0 && (err == nil || err == io.EOF):
		return n, r.endOfBody()
	}
	return n, cut(err)
}

// endOfBody ends the connection. The body must have no more bytes than it was said to
// have.
func (r *Reader) endOfBody() error {
	var more [1]byte
	n, err := r.body.Read(more[:]) // to the end, so that the connection can be used again
	r.disconnect()
	if n > 0 {
		return errMore
	}
	if err == io.EOF {
		return nil
	}
	return cut(err)
}

// connect requests the bytes from r.pos on.
func (r *Reader) connect() error {
	header, last := http.Header{}, int64(-1)
	if r.bounded {
		last = r.end - 1
		header.Set("Range", fmt.Sprintf("bytes=%d-%d", r.pos, last))
	} else if r.pos > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", r.pos))
	}
	if validator := r.file.validator(); validator != "" && len(header) > 0 {
		header.Set("If-Range", validator)
	}
	resp, err := r.file.client.get(r.ctx, r.file.URL, header)
	if err != nil {
		return err
	}
	r.body = resp.Body
	a, err := readAnswer(resp, r.pos, last)
	if err == nil {
		err = r.file.compare(a)
	}
	if err != nil {
		return err
	}
	if r.end < 0 {
		r.end = a.size
	}
	if r.left = a.n; r.left < 0 && r.file.Size >= 0 {
		r.left = r.file.Size
	}
	if a.first == r.pos {
		return nil
	}
	// The whole file, in the place of a range.
	if !r.skip {
		return ErrNoRanges
	}
	if _, err := io.CopyN(io.Discard, r.body, r.pos); err != nil {
		return cut(err)
	}
	if r.left >= 0 {
		r.left -= r.pos
	}
	return nil
}

// retry waits before the next connection. It returns err if there should be none.
func (r *Reader) retry(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	wait, again := r.file.client.Backoff(r.attempt)
	if !again || !IsTemporary(err) {
		return err
	}
	r.attempt++
	if status, ok := err.(*StatusError); ok {
		wait = max(wait, status.RetryAfter)
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-r.ctx.Done():
		return context.Cause(r.ctx)
	}
}

// finish returns io.EOF, or the error of a last check.
func (r *Reader) finish() error {
	r.disconnect()
	for r.recheck {
		err := r.file.Recheck(r.ctx)
		if err == nil {
			break
		}
		if err = r.retry(err); err != nil {
			return err
		}
	}
	return io.EOF
}
