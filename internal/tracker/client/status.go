package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/tracker"
)

// A Status is the outcome of a request. For HTTP codes other than 200 it is "http-" and
// the code.
type Status string

// The statuses.
const (
	StatusOK            Status = "ok"
	StatusNotRegistered Status = "not-registered" // the tracker answers and does not know the torrent
	StatusBadURL        Status = "bad-url"
	StatusUnsupported   Status = "unsupported" // the scheme is not one of trackers, or the tracker has no scrape
	StatusDNS           Status = "dns"
	StatusNoRoute       Status = "no-route"
	StatusRefused       Status = "refused"
	StatusTimeout       Status = "timeout"
	StatusTLS           Status = "tls"
	StatusRedirect      Status = "redirect"
	StatusHTML          Status = "html"
	StatusEmpty         Status = "empty"
	StatusTooBig        Status = "too-big"
	StatusMalformed     Status = "malformed"
	StatusFailed        Status = "failure"   // the tracker reports a failure
	StatusTruncated     Status = "truncated" // the answer is cut short
	StatusProxy         Status = "proxy"
	StatusStopped       Status = "stopped" // the context ended before there was an answer
)

// An Error reports a failed request.
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
		return &Error{Status: StatusFailed, Msg: printable(f.Error()), RetryIn: f.RetryIn, Err: err}
	}
	if errors.Is(err, tracker.ErrUnlisted) {
		return &Error{Status: StatusFailed, Msg: err.Error(), Err: err}
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

// classify returns the status for an error, and what it means in one sentence.
func classify(err error) (Status, string) {
	var (
		dns       *net.DNSError
		op        *net.OpError
		addr      *net.AddrError
		cert      *tls.CertificateVerificationError
		handshake *handshakeError
		wire      *tracker.Error
	)
	switch {
	case errors.As(err, &op) && isProxyOp(op):
		return classifyProxy(op.Err)
	case errors.As(err, &dns):
		return classifyLookup(dns)
	case isTimeout(err):
		return StatusTimeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		return StatusTimeout, "the request was stopped"
	case errors.As(err, &cert):
		return StatusTLS, "its certificate is not valid: " + cert.Err.Error()
	case errors.As(err, &handshake):
		return StatusTLS, "no secure connection: " + handshakeFailure(err)
	case errors.Is(err, syscall.ECONNREFUSED):
		return StatusRefused, "connection refused"
	case isUnreachable(err):
		return StatusNoRoute, "there is no way to its address"
	case errors.As(err, &addr):
		return StatusNoRoute, "it has no address of that kind"
	case errors.As(err, &wire):
		return StatusMalformed, "the answer makes no sense: " + wire.Msg
	case errors.Is(err, io.ErrUnexpectedEOF):
		return StatusTruncated, "the answer ends before its end"
	case closed(err):
		return StatusEmpty, "it closed the connection without an answer"
	}
	return StatusMalformed, "the answer makes no sense: " + root(err).Error()
}

// isProxyOp reports whether an operation of package net was the connecting to a proxy.
func isProxyOp(op *net.OpError) bool { return op.Op == proxyConnect || op.Op == "socks connect" }

// classifyProxy is classify for an error of the connection to a proxy.
func classifyProxy(err error) (Status, string) {
	status, why := classify(err)
	switch status {
	case StatusProxy:
		return StatusProxy, why // it names the proxy already
	case StatusMalformed:
		why = root(err).Error() // there was no answer
	}
	return StatusProxy, "the proxy can't be used: " + why
}

// classifyLookup is classify for an error of the resolver.
func classifyLookup(err *net.DNSError) (Status, string) {
	if err.IsNotFound {
		return StatusDNS, "there is no such host"
	}
	return StatusNoRoute, "its name can't be looked up from here" // the tracker may be up
}

// handshakeFailure returns the reason for a failed TLS handshake.
func handshakeFailure(err error) string {
	if closed(err) {
		return "it closed the connection"
	}
	return strings.TrimPrefix(err.Error(), "remote error: ")
}

// isTimeout reports whether err is that there was no answer in time.
func isTimeout(err error) bool {
	var netErr net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &netErr) && netErr.Timeout()
}

// isUnreachable reports whether err is that there is no route to an address, or that
// this system has none of its kind.
func isUnreachable(err error) bool {
	return slices.ContainsFunc([]error{
		syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT,
	}, func(unreachable error) bool { return errors.Is(err, unreachable) })
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
