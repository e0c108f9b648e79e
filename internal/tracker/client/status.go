package client

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"bt/internal/netfault"
	"bt/internal/netguard"
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
	StatusPrivate       Status = "private" // the address is private; see Client.Untrusted
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

// proxyConnect is the Op of errors of net/http in connecting to a proxy.
const proxyConnect = "proxyconnect"

// statuses are the statuses of the kinds of errors of connections. That a name can't be
// looked up does not mean that the tracker is gone.
var statuses = map[netfault.Kind]Status{
	netfault.KindTimeout: StatusTimeout, netfault.KindStopped: StatusTimeout,
	netfault.KindNoHost: StatusDNS, netfault.KindLookup: StatusNoRoute, netfault.KindNoRoute: StatusNoRoute,
	netfault.KindCertificate: StatusTLS, netfault.KindTLS: StatusTLS,
	netfault.KindRefused: StatusRefused, netfault.KindCut: StatusTruncated, netfault.KindClosed: StatusEmpty,
}

// classify returns the status for an error, and what it means in one sentence.
func classify(err error) (Status, string) {
	if op, ok := errors.AsType[*net.OpError](err); ok && isProxyOp(op) {
		return classifyProxy(op)
	}
	if private, ok := errors.AsType[*netguard.Error](err); ok {
		return StatusPrivate, private.Error()
	}
	if wire, ok := errors.AsType[*tracker.Error](err); ok {
		return StatusMalformed, senseless + ": " + wire.Msg
	}
	kind, text := netfault.Of(err)
	if status, ok := statuses[kind]; ok {
		return status, text
	}
	return StatusMalformed, senseless
}

// senseless is the message, or its beginning, of errors of StatusMalformed.
const senseless = "the answer makes no sense"

// misread returns the error of a step in which the tracker answered, or nil. If the error
// has no type, what says what is wrong with the answer.
func misread(err error, what string) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	if _, msg := classify(err); msg != senseless {
		return err
	}
	return &Error{Status: StatusMalformed, Msg: senseless + ": " + what, Err: err}
}

// isProxyOp reports whether an operation of package net was the connecting to a proxy.
func isProxyOp(op *net.OpError) bool { return op.Op == proxyConnect || op.Op == "socks connect" }

// classifyProxy is classify for an error of the connection to a proxy.
func classifyProxy(op *net.OpError) (Status, string) {
	status, why := classify(op.Err)
	switch {
	case status == StatusProxy:
		return StatusProxy, why // it names the proxy already
	case status == StatusMalformed && op.Op == proxyConnect:
		why = "it does not speak HTTP"
	case status == StatusMalformed:
		why = root(op.Err).Error() // as SOCKS5 says it
	}
	return StatusProxy, "the proxy can't be used: " + why
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

// ErrProxyUDP is wrapped by the error for a UDP tracker behind a proxy that is not SOCKS5.
var ErrProxyUDP = errors.New("the proxy carries no UDP")
