package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/tracker"
)

// A Status is the outcome of a request. For HTTP codes it is "http-" and the code.
type Status string

// The statuses.
const (
	OK            Status = "ok"
	NotRegistered Status = "not-registered" // the tracker answers and does not know the torrent
	BadURL        Status = "bad-url"
	Unsupported   Status = "unsupported" // the scheme is not one of trackers, or the tracker has no scrape
	DNS           Status = "dns"
	NoRoute       Status = "no-route"
	Refused       Status = "refused"
	Timeout       Status = "timeout"
	TLS           Status = "tls"
	Redirect      Status = "redirect"
	HTML          Status = "html"
	Empty         Status = "empty"
	TooBig        Status = "too-big"
	Malformed     Status = "malformed"
	Failed        Status = "failure"   // the tracker reports a failure
	Truncated     Status = "truncated" // the answer ends before its end
	Proxy         Status = "proxy"
	Stopped       Status = "stopped" // the context ended before there was an answer
)

// An Error says how a request failed.
type Error struct {
	Status  Status
	Msg     string        // one sentence, with no secret of the URL; it may quote the tracker
	Sent    bool          // of an announce: the tracker may have got it
	RetryIn time.Duration // when to try again (BEP 31, Retry-After); 0 is unknown, tracker.Never is never
	Err     error         // the cause; may be nil
}

func (e *Error) Error() string { return e.Msg }
func (e *Error) Unwrap() error { return e.Err }

// HTTPStatus returns the status for a code of HTTP.
func HTTPStatus(code int) Status { return Status(fmt.Sprintf("http-%d", code)) }

// failure returns err as an *Error.
func failure(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if f, ok := errors.AsType[*tracker.Failure](err); ok {
		return &Error{Status: Failed, Msg: printable(f.Error()), RetryIn: f.RetryIn, Err: err}
	}
	if errors.Is(err, tracker.ErrUnlisted) {
		return &Error{Status: Failed, Msg: err.Error(), Err: err}
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the URL, which may hold a passkey
	}
	status, msg := classify(err)
	return &Error{Status: status, Msg: printable(msg), Err: err}
}

// printable makes a text that a tracker may control safe for a terminal: it replaces
// control characters and cuts long texts.
func printable(s string) string {
	const most = 400 // bytes
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// A handshakeError is an error of a TLS handshake. Most of them have no type of their
// own.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// proxyConnect is the Op of errors of net/http in connecting to a proxy.
const proxyConnect = "proxyconnect"

func classify(err error) (Status, string) {
	var (
		dns       *net.DNSError
		op        *net.OpError
		addr      *net.AddrError
		cert      *tls.CertificateVerificationError
		handshake *handshakeError
		wire      *tracker.Error
		netErr    net.Error
	)
	switch {
	case errors.As(err, &op) && (op.Op == proxyConnect || op.Op == "socks connect"):
		status, why := classify(op.Err)
		switch status {
		case Proxy:
			return Proxy, why // it names the proxy already
		case Malformed:
			why = root(op.Err).Error() // there was no answer
		}
		return Proxy, "the proxy can't be used: " + why
	case errors.As(err, &dns):
		if dns.IsNotFound {
			return DNS, "there is no such host"
		}
		return NoRoute, "its name can't be looked up from here" // the tracker may be up
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return Timeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		return Timeout, "the request was stopped"
	case errors.As(err, &cert):
		return TLS, "its certificate is not valid: " + cert.Err.Error()
	case errors.As(err, &handshake):
		if closed(err) {
			return TLS, "no secure connection: it closed the connection"
		}
		return TLS, "no secure connection: " + strings.TrimPrefix(err.Error(), "remote error: ")
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused, "connection refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH),
		errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.EAFNOSUPPORT):
		return NoRoute, "there is no way to its address"
	case errors.As(err, &addr):
		return NoRoute, "it has no address of that kind"
	case errors.As(err, &wire):
		return Malformed, "the answer makes no sense: " + wire.Msg
	case errors.Is(err, io.ErrUnexpectedEOF):
		return Truncated, "the answer ends before its end"
	case closed(err):
		return Empty, "it closed the connection without an answer"
	}
	return Malformed, "the answer makes no sense: " + root(err).Error()
}

// root returns the innermost error. Those around it name the library.
func root(err error) error {
	for {
		below := errors.Unwrap(err)
		if below == nil {
			return err
		}
		err = below
	}
}

// closed reports whether err is that the other end closed the connection.
func closed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}
