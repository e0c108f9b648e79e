package client

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// answerError returns the most specific error for an answer whose body could not be read
// or, if it is whole, not be parsed. e is the error of that.
func (c *Client) answerError(resp *http.Response, body []byte, whole bool, e *Error) error {
	body = bytes.TrimLeft(body, " \t\r\n\ufeff")
	switch {
	case c.byProxy(resp):
		return proxyAnswer(resp.StatusCode)
	case e.Status == StatusFailed:
		e.RetryIn = max(e.RetryIn, statusError(resp).RetryIn)
		return e
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return statusError(resp)
	case !whole:
		return e
	case e.Status == StatusMalformed && len(body) == 0:
		return &Error{Status: StatusEmpty, Msg: "the answer is empty"}
	case e.Status == StatusMalformed && body[0] == '<':
		return &Error{Status: StatusHTML, Msg: "the answer is a web page"}
	}
	return e
}

// statusError returns the error for the status code of an HTTP answer.
func statusError(r *http.Response) *Error {
	return &Error{
		Status:  HTTPStatus(r.StatusCode),
		Msg:     strings.TrimSpace(fmt.Sprintf("the tracker answers %d %s", r.StatusCode, http.StatusText(r.StatusCode))),
		RetryIn: retryAfter(r.Header.Get("Retry-After"), time.Now()),
	}
}

// retryAfter parses the header Retry-After (RFC 9110, 10.2.3), which is a number of
// seconds or a date. It returns 0 if there is none.
func retryAfter(s string, now time.Time) time.Duration {
	const most = 366 * 24 * time.Hour
	var d time.Duration
	if n, err := strconv.ParseInt(s, 10, 64); err == nil || errors.Is(err, strconv.ErrRange) {
		d = time.Duration(min(max(n, 0), int64(most/time.Second))) * time.Second
	} else if date, err := http.ParseTime(s); err == nil {
		d = date.Sub(now)
	}
	return min(max(d, 0), most)
}

// readBody reads the body of an answer and decompresses it, up to MaxBody.
func readBody(r *http.Response) ([]byte, error) {
	tooBig := &Error{Status: StatusTooBig, Msg: "the answer is longer than 1 MiB"}
	if r.ContentLength > MaxBody {
		return nil, tooBig
	}
	raw := &io.LimitedReader{R: r.Body, N: MaxBody + 1}
	var body io.Reader = raw
	if strings.EqualFold(r.Header.Get("Content-Encoding"), "gzip") {
		packed, err := gzip.NewReader(raw)
		if err == io.EOF {
			return nil, nil // an empty body
		}
		if err != nil {
			return nil, gzipError(err)
		}
		body = packed
	}
	b, err := io.ReadAll(io.LimitReader(body, MaxBody+1))
	if len(b) > MaxBody || raw.N <= 0 {
		return nil, tooBig
	}
	switch {
	case errors.Is(err, syscall.ECONNRESET):
		err = io.ErrUnexpectedEOF
	case body != raw:
		err = gzipError(err)
	}
	return b, misread(err, "it is not valid HTTP")
}

func gzipError(err error) error {
	_, corrupt := errors.AsType[flate.CorruptInputError](err)
	if corrupt || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) {
		return &Error{Status: StatusMalformed, Msg: "the answer is not packed as it says"}
	}
	return err
}
