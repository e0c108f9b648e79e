// Package netfault says in plain words what errors of connections mean.
//
// The errors are those of packages net, crypto/tls, crypto/x509 and net/http. Their own
// texts are for programmers, and name the library. Errors that have no type, such as most
// of those about malformed answers, are of KindOther: their caller knows what it was doing.
package netfault

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
)

// A Kind is a kind of error.
type Kind uint8

// The kinds.
const (
	KindOther       Kind = iota
	KindTimeout          // there was no answer in time
	KindStopped          // the context was canceled
	KindNoHost           // the name of the host does not exist
	KindLookup           // the name of the host can't be looked up from here
	KindCertificate      // the certificate is not valid
	KindTLS              // the TLS handshake failed otherwise
	KindRefused          // connection refused
	KindNoRoute          // the address can't be reached from here
	KindCut              // the answer ends before its end
	KindClosed           // the other end closed the connection
)

// Of returns the kind of an error, and what it means for a user, in words that follow the
// name or the URL of a server. They are empty for KindOther. They may hold the name of the
// host, but nothing else of the URL, and nothing that the server has sent.
func Of(err error) (Kind, string) {
	var (
		dns       *net.DNSError
		addr      *net.AddrError
		cert      *tls.CertificateVerificationError
		handshake *handshakeError
	)
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		return KindNoHost, "there is no such host"
	case errors.As(err, &dns):
		return KindLookup, "its name can't be looked up from here"
	case isTimeout(err):
		return KindTimeout, "no answer in time"
	case errors.Is(err, context.Canceled):
		return KindStopped, "the request was stopped"
	case errors.As(err, &cert):
		return KindCertificate, certificate(cert.Err)
	case errors.As(err, &handshake):
		return KindTLS, "no secure connection: " + handshakeFailure(err)
	case isNotTLS(err):
		return KindTLS, "no secure connection: " + notTLS
	case errors.Is(err, syscall.ECONNREFUSED):
		return KindRefused, "connection refused"
	case isUnreachable(err):
		return KindNoRoute, "there is no way to its address"
	case errors.As(err, &addr):
		return KindNoRoute, "it has no address of that kind"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return KindCut, "the answer ends before its end"
	case isClosed(err):
		return KindClosed, "it closed the connection without an answer"
	}
	return KindOther, ""
}

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

func isClosed(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// isNotTLS reports whether err is that a server sends something else than TLS.
func isNotTLS(err error) bool {
	_, other := errors.AsType[tls.RecordHeaderError](err)
	return other || errors.Is(err, http.ErrSchemeMismatch)
}
