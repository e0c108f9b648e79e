package webseed

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A server serves one file at /file, with faults.
type server struct {
	data     []byte
	etag     string
	modified time.Time

	cutAfter atomic.Int64 // abort each response after so many bytes of its body; 0: never
	noRanges atomic.Bool  // ignore Range
	chunked  bool         // send no Content-Length

	// handle, if not nil, handles the requests that it returns true for.
	handle func(w http.ResponseWriter, r *http.Request, n int) bool

	requests atomic.Int64
}

func newServer(data []byte) *server {
	return &server{data: data, etag: `"v1"`, modified: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
}

func (s *server) start(t testing.TB) (url string) {
	t.Helper()
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return h.URL
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(s.requests.Add(1))
	if s.handle != nil && s.handle(w, r, n) {
		return
	}
	s.serve(w, r)
}

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	if s.etag != "" {
		w.Header().Set("ETag", s.etag)
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if s.noRanges.Load() {
		r.Header.Del("Range")
	}
	w = &faultyWriter{w, s, int(s.cutAfter.Load())}
	if s.chunked && r.Header.Get("Range") == "" {
		w.Write(s.data[:len(s.data)/2])
		w.(http.Flusher).Flush()
		w.Write(s.data[len(s.data)/2:])
		return
	}
	http.ServeContent(w, r, "", s.modified, bytes.NewReader(s.data))
}

// A faultyWriter aborts the response after some bytes.
type faultyWriter struct {
	http.ResponseWriter
	s    *server
	left int
}

func (w *faultyWriter) Flush() { w.ResponseWriter.(http.Flusher).Flush() }

func (w *faultyWriter) WriteHeader(code int) {
	if w.s.noRanges.Load() {
		w.Header().Del("Accept-Ranges")
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *faultyWriter) Write(b []byte) (int, error) {
	if w.s.cutAfter.Load() == 0 || len(b) <= w.left {
		w.left -= len(b)
		return w.ResponseWriter.Write(b)
	}
	w.ResponseWriter.Write(b[:w.left])
	w.Flush()
	panic(http.ErrAbortHandler)
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{5}).Read(b)
	return b
}

// newClient returns a client that waits for nothing.
func newClient(t testing.TB) *Client {
	c := New(Options{UserAgent: "bt/test", Stall: time.Minute, Backoff: func(attempt int) (time.Duration, bool) {
		_, again := Backoff(attempt)
		return 0, again
	}})
	t.Cleanup(c.Close)
	return c
}

func readAll(t testing.TB, c *Client, url string) ([]byte, error) {
	t.Helper()
	f, err := c.Stat(t.Context(), url)
	if err != nil {
		return nil, err
	}
	r := f.Stream(t.Context())
	defer r.Close()
	return io.ReadAll(r)
}

// stop answers with a status.
func stop(w http.ResponseWriter, code int) bool {
	http.Error(w, strings.ToLower(http.StatusText(code)), code)
	return true
}
