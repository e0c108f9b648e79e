package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/testenv"
	"bt/internal/tracker"
)

// An httpTracker is a correct HTTP tracker, which uses the server's direction of package
// tracker.
type httpTracker struct {
	swarms map[[20]byte]tracker.Counts
	answer func(http.ResponseWriter, *http.Request) bool // called first; if it returns true, it has answered

	mu       sync.Mutex
	conns    map[net.Conn]http.ConnState
	requests []httpSeen
}

// An httpSeen is a request that was received.
type httpSeen struct {
	*http.Request
	at time.Time
}

// seen returns the requests that were received.
func (s *httpTracker) seen() []httpSeen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *httpTracker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, httpSeen{r.Clone(context.Background()), time.Now()})
	s.mu.Unlock()
	if s.answer != nil && s.answer(w, r) {
		return
	}
	refuse := func(err error) {
		_, _ = w.Write((&tracker.Failure{Reason: err.Error()}).AppendHTTP(nil))
	}
	switch r.URL.Path {
	case "/announce":
		a, err := tracker.ParseAnnounceQuery(r.URL.RawQuery)
		if err != nil {
			refuse(err)
			return
		}
		_, _ = w.Write((&tracker.AnnounceResponse{
			Interval: 30 * time.Minute,
			Counts:   s.swarms[a.InfoHash],
			Peers:    []tracker.Peer{{Addr: netip.AddrPortFrom(netip.IPv6Loopback(), a.Port)}},
			Warning:  fmt.Sprintf("%q wants %d", a.PeerID, a.Want),
		}).AppendHTTP(nil, a.PeerIDs))
	case "/scrape":
		hashes, err := tracker.ParseScrapeQuery(r.URL.RawQuery)
		if err != nil {
			refuse(err)
			return
		}
		answer := &tracker.ScrapeResponse{MinInterval: 10 * time.Minute}
		for _, h := range hashes {
			if c, ok := s.swarms[h]; ok {
				answer.Files = append(answer.Files, tracker.File{InfoHash: h, Counts: c})
			}
		}
		_, _ = w.Write(answer.AppendHTTP(nil))
	default:
		http.NotFound(w, r)
	}
}

// track counts connections.
func (s *httpTracker) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		s.conns = make(map[net.Conn]http.ConnState)
	}
	s.conns[c] = state
}

// states returns the states of all connections, including closed ones.
func (s *httpTracker) states() []http.ConnState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.conns))
}

// start serves on an address and returns the announce URL.
func (s *httpTracker) start(t *testing.T, addr string, secure bool) (*httptest.Server, *tracker.URL) {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		testenv.Missing(t, fmt.Sprintf("listening on %s: %v", addr, err))
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: s, ConnState: s.track, ErrorLog: log.New(io.Discard, "", 0)}}
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, httpURL(t, server.URL+"/announce")
}

// An httpPipe is a listener and its dialer without sockets, for tests in a synctest
// bubble.
type httpPipe chan net.Conn

func (p httpPipe) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p httpPipe) Addr() net.Addr { return &net.TCPAddr{} }

func (p httpPipe) Close() error { return nil }

func (p httpPipe) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case p <- server:
		return httpPipeConn{client}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// An httpPipeConn is a pipe that returns the errors of a TCP connection.
type httpPipeConn struct{ net.Conn }

func (c httpPipeConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if errors.Is(err, io.ErrClosedPipe) {
		err = syscall.EPIPE
	}
	return n, err
}

// httpBubble runs f in a synctest bubble in which h serves every address that c dials.
func httpBubble(t *testing.T, c *Client, h http.Handler, f func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		pipe := make(httpPipe)
		c.http().DialContext = pipe.dial
		server := &http.Server{Handler: h}
		if s, ok := h.(*httpTracker); ok {
			server.ConnState = s.track
		}
		done := make(chan struct{})
		go func() {
			defer close(done)
			_ = server.Serve(pipe)
		}()
		f(t)
		c.Close()
		close(pipe)
		<-done
		server.Close()
	})
}
