package client

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/tracker"
)

// A request that waits because its host is busy does not use up its timeout, and other
// hosts behind the same proxy are not affected.
func TestHTTPTurns(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	var at, most atomic.Int32
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n := at.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer at.Add(-1)
		<-release
		w.Write((&tracker.AnnounceResponse{Interval: time.Minute}).AppendHTTP(nil, false))
	}))
	t.Cleanup(busy.Close)
	quick := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Write((&tracker.AnnounceResponse{Interval: time.Minute}).AppendHTTP(nil, false))
	}))
	t.Cleanup(quick.Close)
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}})
	t.Cleanup(proxy.Close)
	proxyURL, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Timeout: time.Minute, Proxy: func(*url.URL) (*url.URL, error) { return proxyURL, nil }}
	defer c.Close()
	var wg sync.WaitGroup
	for range 3 * DefaultConns {
		wg.Go(func() {
			if _, err := c.Announce(t.Context(), httpURL(t, busy.URL+"/announce"), tracker.AnnounceRequest{}); err != nil {
				t.Error(err)
			}
		})
	}
	if _, err := c.Announce(t.Context(), httpURL(t, quick.URL+"/announce"), tracker.AnnounceRequest{}); err != nil {
		t.Error(err)
	}
	close(release)
	wg.Wait()
	if most.Load() > DefaultConns {
		t.Errorf("%d requests at once", most.Load())
	}
}
