package client

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"testing"
	"time"

	"bt/internal/tracker"
)

// A Trace has the address and the end of the certificate, also of one that is not valid.
func TestTraceCertificate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ends     time.Duration // from now
		trusted  bool
		insecure bool
		want     Status
	}{
		{100 * time.Hour, true, false, StatusOK},
		{100 * time.Hour, false, false, StatusTLS},
		{-time.Hour, true, false, StatusTLS},
		{-time.Hour, true, true, StatusOK},
	} {
		for _, scheme := range []string{"https", "wss"} {
			end := time.Now().Add(test.ends).Truncate(time.Second).UTC()
			pool := x509.NewCertPool()
			certificate := httpCertificate(t, pool, func(c *x509.Certificate) { c.NotAfter = end })
			addr, _ := serveConns(t, func(c *httpConn) {
				conn := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}})
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				fmt.Fprint(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nd8:completei1ee")
				conn.Close()
			})
			c := &Client{Retries: -1, Insecure: test.insecure}
			if test.trusted {
				c.http().TLSClientConfig.RootCAs = pool
			} else {
				c.http().TLSClientConfig.RootCAs = x509.NewCertPool()
			}
			var trace Trace
			_, err := c.Announce(WithTrace(t.Context(), &trace), httpURL(t, scheme+"://"+addr+"/announce"), tracker.AnnounceRequest{})
			want := test.want
			if scheme == "wss" && want == StatusOK {
				want = "http-200" // not a WebSocket
			}
			if got := httpStatusOf(err); got != want || !trace.CertificateEnds().Equal(end) || trace.Addr().String() != addr {
				t.Errorf("%s, %+v: %q (%v), ends %v, at %v", scheme, test, got, err, trace.CertificateEnds(), trace.Addr())
			}
			c.Close()
		}
	}
}
