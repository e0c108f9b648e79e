package webseed

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"syscall"
	"time"

	"bt/internal/netfault"
	"bt/internal/netguard"
)

// Errors of a server. Their texts continue a sentence that begins with the URL.
var (
	// ErrNoRanges is returned if the server answers a request for a range with the
	// whole file, and the range does not begin the file.
	ErrNoRanges = errors.New("the server sends no parts of the file")

	// ErrHTML is returned for a web page in the place of a file or piece.
	ErrHTML = errors.New("the server sends a web page instead of the file")

	// ErrNoEnd is returned for a response whose end can't be distinguished from that of a broken
	// connection.
	ErrNoEnd = errors.New("the server does not say how long the file is (no Content-Length)")

	// ErrCut is returned if the connections to a server end too early.
	ErrCut = errors.New("the server ends the connection before the end of the file")

	// ErrBadGzip is returned for a file that is not compressed as the server says.
	ErrBadGzip = errors.New("the server says that the file is compressed with gzip, and it is not")

	// ErrStalled is returned if a server stops sending.
	ErrStalled = errors.New("the server has stopped sending")
)

// A StatusError is a response with a status that means failure.
type StatusError struct {
	Code       int
	RetryAfter time.Duration // as the server says; 0 if it does not
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("the server answers %d %s", e.Code, http.StatusText(e.Code))
}

// IsOverload reports whether the server may answer if it gets fewer requests at once.
func (e *StatusError) IsOverload() bool {
	return e.Code == http.StatusTooManyRequests || e.Code == http.StatusServiceUnavailable
}

// A RangeError is a response that is not the range that was asked for, or that does not
// agree with itself.
type RangeError struct{ text string }

func (e *RangeError) Error() string { return e.text }

var errMore = &RangeError{"the server sends more bytes than it says"}

// A SizeError reports a file of another size than in the torrent.
type SizeError struct{ Size int64 }

func (e *SizeError) Error() string {
	return fmt.Sprintf("the server has %d bytes of it, which is not its size in the torrent", e.Size)
}

// A ChangedError reports that a file is not the one that the first response described.
type ChangedError struct{ What, Old, New string }

func (e *ChangedError) Error() string {
	return fmt.Sprintf("the file changed meanwhile: its %s was %s and is %s", e.What, e.Old, e.New)
}

// An EncodingError is a response with a Content-Encoding, although none was accepted.
type EncodingError struct{ Encoding string }

func (e *EncodingError) Error() string {
	return fmt.Sprintf("the server sends the file encoded as %q", e.Encoding)
}

// A RedirectError is a redirect that is not followed. To is the URL that it leads to, or ""
// if that is none.
type RedirectError struct{ To, text string }

func (e *RedirectError) Error() string { return e.text }

// requestError returns the error of a request in plain words, and without the URL and the
// method: callers name the URL. ctx is that of the request: the errors of other time limits
// are context.DeadlineExceeded too.
func requestError(ctx context.Context, err error) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if timeout, ok := errors.AsType[net.Error](err); ok && timeout.Timeout() && ctx.Err() == nil {
		return &plainError{"the server does not answer in time", err}
	}
	return plain(cut(err))
}

// misread returns the error of reading an answer. Errors that are not about the connection
// have no type.
func misread(err error) error {
	_, connection := errors.AsType[net.Error](err)
	if kind, _ := netfault.Of(err); kind != netfault.KindOther || connection || IsAnswer(err) {
		return err
	}
	return &plainError{"the answer of the server is not valid HTTP", err}
}

// A plainError is an error of the connection in plain words.
type plainError struct {
	text string
	err  error
}

func (e *plainError) Error() string { return e.text }
func (e *plainError) Unwrap() error { return e.err }

// plain returns err, in plain words if it is an error of a connection.
func plain(err error) error {
	record := tls.RecordHeaderError{}
	kind, text := netfault.Of(err)
	switch {
	case kind == netfault.KindOther:
		return err
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, &record):
		text = "the server does not speak TLS there: the URL may begin with http://"
	}
	return &plainError{text, err}
}

// cut returns ErrCut for an end where there should be none, else err. No other error is
// io.EOF, which a reader of the file would take for its end.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		return ErrCut
	}
	return err
}

// IsTemporary reports whether another connection may succeed.
func IsTemporary(err error) bool {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return slices.Contains([]int{
			http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests, http.StatusInternalServerError,
			http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout,
		}, status.Code)
	}
	_, private := errors.AsType[*netguard.Error](err)
	return !private && !IsAnswer(err) && !errors.Is(err, context.Canceled)
}

// IsAnswer reports whether err is about what a server sent. Other errors are those of
// connections.
func IsAnswer(err error) bool {
	var (
		status   *StatusError
		ranges   *RangeError
		changed  *ChangedError
		encoding *EncodingError
		redirect *RedirectError
		size     *SizeError
	)
	return errors.Is(err, ErrNoRanges) || errors.Is(err, ErrHTML) || errors.Is(err, ErrNoEnd) ||
		errors.As(err, &status) || errors.As(err, &ranges) || errors.As(err, &changed) ||
		errors.As(err, &encoding) || errors.As(err, &redirect) || errors.As(err, &size) || isCertificate(err)
}

func isCertificate(err error) bool {
	_, ok := errors.AsType[*tls.CertificateVerificationError](err)
	return ok
}
