package webseed

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(data)
	z.Close()
	return b.Bytes()
}

func TestOpen(t *testing.T) {
	data := random(100_000)
	compressed := gzipped(data)
	for _, tt := range []struct {
		name   string
		handle http.HandlerFunc
		size   int64
		want   string // the error; "" for none
	}{
		{"a file", func(w http.ResponseWriter, r *http.Request) { w.Write(data) }, -1, ""},
		{"its size", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data)
		}, 100_000, ""},
		{"a web page", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write(data)
		}, -1, ""},
		{"gzip", func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Accept-Encoding") != "gzip" {
				http.Error(w, "", http.StatusNotAcceptable)
			}
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(compressed)
		}, -1, ""},
		{"no gzip", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(data)
		}, -1, ErrBadGzip.Error()},
		{"gzip with a wrong sum", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "GZIP")
			b := bytes.Clone(compressed)
			b[len(b)-5] ^= 1
			w.Write(b)
		}, -1, ErrBadGzip.Error()},
		{"gzip that is cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write(compressed[:len(compressed)/2])
		}, -1, ErrCut.Error()},
		{"br", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "br")
			w.Write(data)
		}, -1, `the server sends the file encoded as "br"`},
		{"cut", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			w.Write(data[:500])
		}, 100_000, ErrCut.Error()},
		{"aborted", func(w http.ResponseWriter, r *http.Request) {
			w.Write(data[:500])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, -1, ErrCut.Error()},
		{"no answer", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }, -1, ErrCut.Error()},
		{"stalled", func(w http.ResponseWriter, r *http.Request) {
			w.Write(data[:500])
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, -1, ErrStalled.Error()},
		{"silent", func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, -1, "the server does not answer in time"},
		{"not found", http.NotFound, -1, "the server answers 404 Not Found"},
		{"an empty answer", func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) }, -1, "the server answers 204 No Content"},
		{"redirected", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/" {
				http.Redirect(w, r, "/next", http.StatusFound)
				return
			}
			if r.Header.Get("Referer") != "" {
				w.WriteHeader(http.StatusForbidden) // the URL may have a passkey
			}
			w.Write(data)
		}, -1, ""},
		{"redirected again and again", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path+"x", http.StatusFound) }, -1,
			"it redirects again and again"},
		{"redirected elsewhere", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "ftp://f.example/", http.StatusFound)
		}, -1,
			"it redirects to a URL of scheme ftp"},
		{"redirected to a magnet link", to("magnet:?xt=urn:btih:x"), -1, "it redirects to a magnet link"},
		{"redirected to no URL", to("http://[/?passkey=secret"), -1, "it redirects to what is not a URL"},
		{"redirected to escapes", to("http://x/\x1b[31m"), -1, "the answer of the server is not valid HTTP"},
		{"redirected to a percent sign", to("/%zz"), -1, "it redirects to what is not a URL"},
		{"redirected to a port that is none", to("http://127.0.0.1:x/"), -1, "it redirects to what is not a URL"},
		{"redirected to a large port", to("http://127.0.0.1:99999/"), -1, "it redirects to a URL whose port is not 1 to 65535"},
		{"redirected to port 0", to("http://127.0.0.1:0/"), -1, "it redirects to a URL whose port is not 1 to 65535"},
		{"redirected to no host", to("http:///x"), -1, "it redirects to a URL without a host"},
		{"redirected to a port of no host", to("http://:80/x"), -1, "it redirects to a URL without a host"},
		{"redirected to a script", to("javascript:alert(1)"), -1, "it redirects to a URL of scheme javascript"},
		{"redirected nowhere", to(""), -1, "the server answers 302 Found"},
		{"another protocol", raw("SSH-2.0-x\r\n"), -1, "the answer of the server is not valid HTTP"},
		{"a bad status", raw("HTTP/1.1 abc\r\n\r\n"), -1, "the answer of the server is not valid HTTP"},
		{"a bad header", raw("HTTP/1.1 200 OK\r\nno header\r\n\r\n"), -1, "the answer of the server is not valid HTTP"},
		{"a bad length", raw("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n"), -1, "the answer of the server is not valid HTTP"},
		{"a huge header", raw("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n"), -1, "the answer of the server is not valid HTTP"},
		{"the end", raw(""), -1, ErrCut.Error()},
	} {
		server := httptest.NewServer(tt.handle)
		stall := time.Minute
		if tt.name == "stalled" || tt.name == "silent" {
			stall = 100 * time.Millisecond
		}
		var got []byte
		var size int64
		var err error
		for ; ; stall *= 4 {
			c := New(Options{Stall: stall})
			got, size, err = readOpen(t, c, server.URL+"/")
			c.Close()
			if tt.name != "stalled" || stall > 10*time.Second || err != nil && err.Error() == tt.want {
				break // else the beginning came too late, since the machine is busy
			}
		}
		server.CloseClientConnections()
		server.Close()
		switch {
		case tt.want == "" && (err != nil || !bytes.Equal(got, data) || size != tt.size):
			t.Errorf("%s: %d bytes of %d, %v", tt.name, len(got), size, err)
		case tt.want != "" && (err == nil || err.Error() != tt.want):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

// to returns a handler that redirects.
func to(location string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}
}

// raw returns a handler that sends bytes and closes the connection.
func raw(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		io.WriteString(conn, answer)
	}
}

func readOpen(t *testing.T, c *Client, url string) (data []byte, size int64, err error) {
	t.Helper()
	file, size, err := c.Open(t.Context(), url)
	if err != nil {
		return nil, size, err
	}
	defer file.Close()
	data, err = io.ReadAll(file)
	return data, size, err
}

// A small response that would be huge when it is decompressed is read only as far as its
// reader wants.
func TestOpenBomb(t *testing.T) {
	bomb := gzipped(make([]byte, 64<<20))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb)
	}))
	defer server.Close()
	file, size, err := newClient(t).Open(t.Context(), server.URL)
	if err != nil || size != -1 {
		t.Fatalf("%d, %v", size, err)
	}
	if n, err := io.CopyN(io.Discard, file, 1000); n != 1000 || err != nil {
		t.Errorf("%d bytes, %v", n, err)
	}
	file.Close()
}

// Errors of certificates are in plain words, and are no reason to try again.
func TestPlainErrors(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		name              string
		notBefore, expiry time.Time
		host              string
		trusted           bool
		want              string
	}{
		{"expired", now.Add(-48 * time.Hour), time.Date(now.Year()-1, 2, 3, 0, 0, 0, 0, time.UTC), "127.0.0.1", true, fmt.Sprintf("its certificate expired on %d-02-03", now.Year()-1)},
		{"not valid yet", time.Date(now.Year()+1, 2, 3, 0, 0, 0, 0, time.UTC), now.AddDate(3, 0, 0), "127.0.0.1", true, fmt.Sprintf("its certificate is not valid before %d-02-03", now.Year()+1)},
		{"another name", now.Add(-time.Hour), now.Add(time.Hour), "other.example", true, "its certificate is for another name than 127.0.0.1"},
		{"unknown", now.Add(-time.Hour), now.Add(time.Hour), "127.0.0.1", false, "its certificate is not signed by an authority that this system trusts"},
		{"good", now.Add(-time.Hour), now.Add(time.Hour), "127.0.0.1", true, ""},
	} {
		cert := certificate(t, tt.host, tt.notBefore, tt.expiry)
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
		server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
		server.StartTLS()
		c := newClient(t)
		if tt.trusted {
			pool := x509.NewCertPool()
			pool.AddCert(cert.Leaf)
			c.http.Transport.(transport).TLSClientConfig = &tls.Config{RootCAs: pool}
		}
		_, _, err := readOpen(t, c, server.URL)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || err.Error() != tt.want):
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		case err != nil && (IsTemporary(err) || !IsAnswer(err)):
			t.Errorf("%s: it would be tried again", tt.name)
		}
		server.Close()
	}

	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	_, _, err := readOpen(t, newClient(t), "https://"+server.Listener.Addr().String())
	if want := "the server does not speak TLS there: the URL may begin with http://"; err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// certificate returns a certificate that signs itself.
func certificate(t *testing.T, host string, notBefore, expiry time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: notBefore, NotAfter: expiry,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	if ip := net.ParseIP(host); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{host}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Servers that do not speak HTTP, or break the connection, are explained in plain words.
func TestPlainConnectionErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		sends string
		reset bool
		want  string
	}{
		"no HTTP":                 {"220 ftp.example ready\r\n", false, "the answer of the server is not valid HTTP"},
		"a bad status":            {"HTTP/1.1 what OK\r\n\r\n", false, "the answer of the server is not valid HTTP"},
		"a bad header":            {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", false, "the answer of the server is not valid HTTP"},
		"two lengths":             {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", false, "the answer of the server is not valid HTTP"},
		"a bad chunk":             {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", false, "the answer of the server is not valid HTTP"},
		"nothing":                 {"", false, ErrCut.Error()},
		"a reset":                 {"", true, ErrCut.Error()},
		"an end in the header":    {"HTTP/1.1 200 OK\r\nContent-", false, "the answer of the server is not valid HTTP"},
		"an end in the body":      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", false, ErrCut.Error()},
		"a reset in the body":     {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nx", true, ErrCut.Error()},
		"an end in a chunk":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nx", false, ErrCut.Error()},
		"no gzip":                 {"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 20\r\n\r\n01234567890123456789", false, ErrBadGzip.Error()},
		"a length beyond numbers": {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", false, "the answer of the server is not valid HTTP"},
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				_, _ = http.ReadRequest(bufio.NewReader(conn))
				_, _ = io.WriteString(conn, tt.sends)
				if tt.reset {
					_ = conn.(*net.TCPConn).SetLinger(0)
				}
				conn.Close()
			}
		}()
		_, _, err = readOpen(t, newClient(t), "http://"+l.Addr().String()+"/x")
		l.Close()
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
		_, _, err = readOpen(t, newClient(t), "http://"+l.Addr().String()+"/x")
		if want := "connection refused"; err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
