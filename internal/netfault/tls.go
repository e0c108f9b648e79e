package netfault

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"reflect"
	"sync/atomic"
	"time"
)

// A handshakeError is an error of a TLS handshake. Most of them have no type of their own.
type handshakeError struct{ err error }

func (e *handshakeError) Error() string { return e.err.Error() }
func (e *handshakeError) Unwrap() error { return e.err }

// A Handshake notes the error of the TLS handshake of a request. The zero Handshake is
// ready for use. It is safe for concurrent use.
type Handshake struct{ err atomic.Pointer[error] }

// Trace makes a trace of the request note the error.
func (h *Handshake) Trace(t *httptrace.ClientTrace) {
	t.TLSHandshakeDone = func(_ tls.ConnectionState, err error) { h.err.Store(&err) }
}

// Mark returns the error of the request such that Of knows it, if it is that of the
// handshake. The handshake may also be that of another connection, which was opened for the
// request and not used for it.
func (h *Handshake) Mark(err error) (marked error, ok bool) {
	if failed := h.err.Load(); failed != nil && *failed != nil && errors.Is(err, *failed) {
		return &handshakeError{err}, true
	}
	return err, false
}

const notTLS = "the server does not speak TLS"

// handshakeFailure returns the reason for a failed handshake.
func handshakeFailure(err error) string {
	op, ok := errors.AsType[*net.OpError](err)
	switch {
	case isClosed(err):
		return "it closed the connection"
	case isNotTLS(err):
		return notTLS
	case ok && op.Op == "remote error":
		return alertOf(op.Err)
	}
	return "the server breaks the rules of TLS"
}

// alerts says what alerts of a server mean (RFC 8446, 6.2; RFC 5246, 7.2).
var alerts = map[uint64]string{
	40:  "it has no encryption in common with this program", // handshake_failure
	70:  "it has no version of TLS in common with this program",
	71:  "it has no encryption in common with this program", // insufficient_security
	80:  "it has an internal error",
	112: "it does not know this host name", // unrecognized_name
	116: "it wants a certificate of the client",
}

// alertOf returns what an alert of a server means. The type of alerts is not exported.
func alertOf(alert error) string {
	v := reflect.ValueOf(alert)
	if v.Kind() != reflect.Uint8 {
		return "it refuses"
	}
	if text, ok := alerts[v.Uint()]; ok {
		return text
	}
	return fmt.Sprintf("it refuses (alert %d of TLS)", v.Uint())
}

// certificate says what is wrong with a certificate.
func certificate(err error) string {
	var (
		invalid x509.CertificateInvalidError
		host    x509.HostnameError
		unknown x509.UnknownAuthorityError
		roots   x509.SystemRootsError
	)
	switch {
	case errors.As(err, &host):
		return "its certificate is for another name than " + host.Host
	case errors.As(err, &unknown):
		return "its certificate is not signed by an authority that this system trusts"
	case errors.As(err, &roots):
		return "its certificate can't be checked: this system has no list of authorities"
	case !errors.As(err, &invalid):
		return "its certificate is not valid"
	case invalid.Reason == x509.Expired && invalid.Cert.NotBefore.After(time.Now()):
		return "its certificate is not valid before " + invalid.Cert.NotBefore.UTC().Format(time.DateOnly)
	case invalid.Reason == x509.Expired:
		return "its certificate expired on " + invalid.Cert.NotAfter.UTC().Format(time.DateOnly)
	case invalid.Reason == x509.IncompatibleUsage:
		return "its certificate is not for servers"
	}
	return "its certificate is signed by one that may not sign it"
}
