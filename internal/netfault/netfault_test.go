package netfault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/url"
	"os"
	"syscall"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	dial := func(err error) error {
		return &url.Error{Op: "Get", URL: "http://t.example/", Err: &net.OpError{Op: "dial", Net: "tcp", Err: err}}
	}
	certificate := func(err error) error { return dial(&tls.CertificateVerificationError{Err: err}) }
	day := func(year int) time.Time { return time.Date(year, 2, 3, 0, 0, 0, 0, time.UTC) }
	future := time.Now().Year() + 2
	for _, tt := range []struct {
		err  error
		kind Kind
		text string
	}{
		{dial(&net.DNSError{Err: "no such host", Name: "t.example", IsNotFound: true}), KindNoHost, "there is no such host"},
		{dial(&net.DNSError{Err: "server misbehaving", IsTemporary: true}), KindLookup, "its name can't be looked up from here"},
		{dial(&net.DNSError{Err: "i/o timeout", IsTimeout: true}), KindLookup, "its name can't be looked up from here"},
		{dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), KindRefused, "connection refused"},
		{dial(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), KindNoRoute, "there is no way to its address"},
		{dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), KindNoRoute, "there is no way to its address"},
		{dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), KindNoRoute, "there is no way to its address"},
		{dial(os.NewSyscallError("connect", syscall.EAFNOSUPPORT)), KindNoRoute, "there is no way to its address"},
		{dial(&net.AddrError{Err: "no suitable address", Addr: "::1"}), KindNoRoute, "it has no address of that kind"},
		{dial(os.NewSyscallError("connect", syscall.ETIMEDOUT)), KindTimeout, "no answer in time"},
		{dial(os.ErrDeadlineExceeded), KindTimeout, "no answer in time"},
		{context.DeadlineExceeded, KindTimeout, "no answer in time"},
		{fmt.Errorf("x: %w", context.DeadlineExceeded), KindTimeout, "no answer in time"},
		{context.Canceled, KindStopped, "the request was stopped"},
		{&net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, KindClosed, "it closed the connection without an answer"},
		{&net.OpError{Op: "write", Err: os.NewSyscallError("write", syscall.EPIPE)}, KindClosed, "it closed the connection without an answer"},
		{io.EOF, KindClosed, "it closed the connection without an answer"},
		{net.ErrClosed, KindClosed, "it closed the connection without an answer"},
		{fmt.Errorf("transport connection broken: %w", io.ErrUnexpectedEOF), KindCut, "the answer ends before its end"},

		{certificate(x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: day(2001), NotAfter: day(2002)}}), KindCertificate, "its certificate expired on 2002-02-03"},
		{certificate(x509.CertificateInvalidError{Reason: x509.Expired, Cert: &x509.Certificate{NotBefore: day(future), NotAfter: day(future + 1)}}), KindCertificate, fmt.Sprintf("its certificate is not valid before %d-02-03", future)},
		{certificate(x509.CertificateInvalidError{Reason: x509.IncompatibleUsage}), KindCertificate, "its certificate is not for servers"},
		{certificate(x509.CertificateInvalidError{Reason: x509.NotAuthorizedToSign}), KindCertificate, "its certificate is signed by one that may not sign it"},
		{certificate(x509.CertificateInvalidError{Reason: x509.TooManyIntermediates}), KindCertificate, "its certificate is signed by one that may not sign it"},
		{certificate(x509.HostnameError{Host: "t.example", Certificate: new(x509.Certificate)}), KindCertificate, "its certificate is for another name than t.example"},
		{certificate(x509.UnknownAuthorityError{}), KindCertificate, "its certificate is not signed by an authority that this system trusts"},
		{certificate(x509.SystemRootsError{Err: errors.New("x")}), KindCertificate, "its certificate can't be checked: this system has no list of authorities"},
		{certificate(x509.UnhandledCriticalExtension{}), KindCertificate, "its certificate is not valid"},

		{&handshakeError{io.EOF}, KindTLS, "no secure connection: it closed the connection"},
		{&handshakeError{syscall.ECONNRESET}, KindTLS, "no secure connection: it closed the connection"},
		{&handshakeError{tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}}, KindTLS, "no secure connection: the server does not speak TLS"},
		{&handshakeError{errors.New("tls: received unexpected handshake message")}, KindTLS, "no secure connection: the server breaks the rules of TLS"},
		{&handshakeError{&net.OpError{Op: "remote error", Err: tls.AlertError(40)}}, KindTLS, "no secure connection: it has no encryption in common with this program"},
		{&handshakeError{&net.OpError{Op: "remote error", Err: tls.AlertError(49)}}, KindTLS, "no secure connection: it refuses (alert 49 of TLS)"},
		{&handshakeError{&net.OpError{Op: "remote error", Err: errors.New("x")}}, KindTLS, "no secure connection: it refuses"},
		{tls.RecordHeaderError{Msg: "x"}, KindTLS, "no secure connection: the server does not speak TLS"},
		{&url.Error{Op: "Get", Err: http.ErrSchemeMismatch}, KindTLS, "no secure connection: the server does not speak TLS"},

		{errors.New("malformed HTTP response"), KindOther, ""},
		{http.ErrBodyReadAfterClose, KindOther, ""},
	} {
		if kind, text := Of(tt.err); kind != tt.kind || text != tt.text {
			t.Errorf("%v: %d %q, want %d %q", tt.err, kind, text, tt.kind, tt.text)
		}
	}
}

// A handshake that fails without an error of a known type is recognized by its trace, and
// the alert of a server by its number.
func TestHandshake(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS13}
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12}}
	defer transport.CloseIdleConnections()
	var h Handshake
	trace := new(httptrace.ClientTrace)
	h.Trace(trace)
	r, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = transport.RoundTrip(r)
	marked, ok := h.Mark(err)
	kind, text := Of(marked)
	if want := "no secure connection: it has no version of TLS in common with this program"; !ok || kind != KindTLS || text != want {
		t.Errorf("%v: %v, %d %q, want %q", err, ok, kind, text, want)
	}
	if _, ok := h.Mark(io.ErrUnexpectedEOF); ok {
		t.Error("another error is taken for that of the handshake")
	}
}
