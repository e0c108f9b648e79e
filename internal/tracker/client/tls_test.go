package client

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"testing"
	"time"

	"bt/internal/tracker"
)

// Servers with invalid TLS.
func TestHostileTLS(t *testing.T) {
	t.Parallel()
	pool := x509.NewCertPool()
	serve := func(edit func(*x509.Certificate)) func(*httpConn) {
		certificate := httpCertificate(t, pool, edit)
		return func(c *httpConn) {
			conn := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
			_, _ = http.ReadRequest(bufio.NewReader(conn))
			fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nd8:completei1ee")
			conn.Close()
		}
	}
	plain := httpCertificate(t, pool, nil)
	cases := []httpCase{
		{"good", serve(nil), StatusOK},
		{"expired", serve(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }), StatusTLS},
		{"not yet", serve(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), StatusTLS},
		{"of another name", serve(func(c *x509.Certificate) {
			c.IPAddresses, c.DNSNames = nil, []string{"\x1b[31m.example"}
		}), StatusTLS},
		{"of nobody known", func() func(*httpConn) {
			defer func(known *x509.CertPool) { pool = known }(pool)
			pool = x509.NewCertPool()
			return serve(nil)
		}(), StatusTLS},
		{"old", func(c *httpConn) {
			_ = tls.Server(c, &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{plain}}).Handshake()
		}, StatusTLS},
		{"no certificate", func(c *httpConn) { _ = tls.Server(c, &tls.Config{}).Handshake() }, StatusTLS},
		{"an alert", httpAnswer("\x15\x03\x01\x00\x02\x02\x28"), StatusTLS},
		{"plain HTTP", httpAnswer("HTTP/1.1 400 Bad Request\r\n\r\n"), StatusTLS},
		{"no TLS but escapes", httpAnswer("\x1b[31mno TLS here"), StatusTLS},
		{"closes", func(c *httpConn) { _, _ = c.Read(make([]byte, 1<<14)) }, StatusTLS},
		{"resets", func(c *httpConn) {
			_, _ = c.Read(make([]byte, 1<<14))
			httpReset(c)
		}, StatusTLS},
		{"silent", httpHang, StatusTimeout},
		{"drips", httpSlowly("\x16\x03\x03\x40\x00\x02\x00\x3f\xfc"), StatusTimeout},
		{"endless", httpEndlessly("\x16\x03\x03\x00\x04\x00\x00\x00\x00"), StatusTLS},
	}
	httpParallel(t, cases, func(c httpCase) string { return c.name }, func(t *testing.T, hc httpCase) {
		for _, scheme := range []string{"https", "wss"} {
			if scheme == "wss" && hc.want == StatusOK {
				continue // not a WebSocket
			}
			addr, sent := serveConns(t, hc.behave)
			c := &Client{Timeout: time.Minute, Retries: -1}
			if hc.want == StatusTimeout {
				c.Timeout = httpTimeout
			}
			defer c.Close()
			c.http().TLSClientConfig.RootCAs = pool
			var err error
			within(t, httpSlack, func() {
				sent.Store(0)
				_, err = c.Announce(t.Context(), httpURL(t, scheme+"://"+addr+"/announce?passkey="+httpPasskey), tracker.AnnounceRequest{})
			})
			if got := httpStatusOf(err); got != hc.want {
				t.Errorf("%s: %q (%v), want %q", scheme, got, err, hc.want)
			}
			httpSentence(t, err)
			if n := sent.Load(); n > httpBytes {
				t.Errorf("%s: %d bytes were sent", scheme, n)
			}
		}
	})
}

// httpCertificate makes a self-signed certificate for 127.0.0.1, and adds it to pool.
func httpCertificate(t *testing.T, pool *x509.CertPool, edit func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(2 * time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	if edit != nil {
		edit(c)
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool.AddCert(signed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Client.Insecure accepts a certificate of an unknown authority.
func TestHTTPInsecure(t *testing.T) {
	t.Parallel()
	s := &httpTracker{swarms: httpSwarms}
	_, u := s.start(t, "127.0.0.1:0", true)
	for insecure, want := range map[bool]Status{false: StatusTLS, true: StatusOK} {
		c := &Client{Insecure: insecure}
		_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash})
		c.Close()
		if got := httpStatusOf(err); got != want {
			t.Errorf("insecure %v: %q (%v), want %q", insecure, got, err, want)
		}
	}
}

// The URL has the scheme http, but the server expects TLS.
func TestHTTPAtTLSServer(t *testing.T) {
	t.Parallel()
	s := &httpTracker{swarms: httpSwarms}
	_, u := s.start(t, "127.0.0.1:0", true)
	u.Scheme = "http"
	c := new(Client)
	defer c.Close()
	_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{})
	if httpStatusOf(err) != "http-400" {
		t.Error(err)
	}
}
