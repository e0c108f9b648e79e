package client

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/tracker"
)

// An httpProxy is a correct HTTP proxy: it tunnels connections (CONNECT), and forwards
// requests without TLS, including WebSocket upgrades.
type httpProxy struct {
	want string // the required Proxy-Authorization; empty: none

	mu   sync.Mutex
	asks []string // method and host of each request
}

// asked returns the method and host of each request so far.
func (p *httpProxy) asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.asks)
}

func (p *httpProxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	p.asks = append(p.asks, r.Method+" "+r.Host)
	p.mu.Unlock()
	switch {
	case r.Header.Get("Proxy-Authorization") != p.want:
		w.Header().Set("Proxy-Authenticate", "Basic")
		w.WriteHeader(http.StatusProxyAuthRequired)
	case r.Method == http.MethodConnect:
		to, err := net.Dial("tcp", r.Host)
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		defer to.Close()
		from, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer from.Close()
		fmt.Fprint(from, "HTTP/1.1 200 Connection established\r\n\r\n")
		proxyCopy(from, to)
	default:
		(&httputil.ReverseProxy{Rewrite: func(*httputil.ProxyRequest) {}}).ServeHTTP(w, r)
	}
}

// proxyCopy copies bytes in both directions until both ends are closed.
func proxyCopy(a, b net.Conn) {
	var wg sync.WaitGroup
	for _, way := range [2][2]net.Conn{{a, b}, {b, a}} {
		wg.Go(func() {
			_, _ = io.Copy(way[0], way[1])
			way[0].Close()
			way[1].Close()
		})
	}
	wg.Wait()
}

// proxySOCKS returns the behaviour of a SOCKS5 proxy (RFC 1928) for TCP that requires a
// name and a password (RFC 1929).
func proxySOCKS(name, password string) func(*httpConn) {
	return func(c *httpConn) {
		r := bufio.NewReader(c)
		take := func(n int) []byte {
			b := make([]byte, n)
			_, _ = io.ReadFull(r, b)
			return b
		}
		take(int(take(2)[1])) // the methods
		_, _ = c.Write([]byte{5, 2})
		got := string(take(int(take(2)[1]))) + ":" + string(take(int(take(1)[0])))
		if got != name+":"+password {
			_, _ = c.Write([]byte{1, 1})
			return
		}
		_, _ = c.Write([]byte{1, 0})
		var host string
		switch take(4)[3] {
		case 1:
			host = net.IP(take(4)).String()
		case 3:
			host = string(take(int(take(1)[0])))
		}
		port := take(2)
		to, err := net.Dial("tcp", net.JoinHostPort(strings.Replace(host, "tracker.example", "127.0.0.1", 1), strconv.Itoa(int(port[0])<<8|int(port[1]))))
		if err != nil {
			_, _ = c.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		_, _ = c.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 0})
		proxyCopy(c, to)
	}
}

// proxyTrackers starts a tracker for each scheme, and returns their URLs.
func proxyTrackers(t *testing.T) map[string]*tracker.URL {
	plain := &httpTracker{swarms: httpSwarms}
	socket := &httpTracker{answer: wsTracker(httpSwarms)}
	urls := make(map[string]*tracker.URL)
	_, urls["http"] = plain.start(t, "127.0.0.1:0", false)
	_, urls["https"] = plain.start(t, "127.0.0.1:0", true)
	urls["ws"] = wsStart(t, socket, false)
	urls["wss"] = wsStart(t, socket, true)
	return urls
}

// proxyClient returns a client that uses a proxy.
func proxyClient(t *testing.T, rawURL string) *Client {
	t.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Retries: -1, Insecure: true, Proxy: func(*url.URL) (*url.URL, error) { return u, nil }}
	t.Cleanup(c.Close)
	return c
}

// Requests with TLS are tunnelled, others are forwarded.
func TestProxyHTTP(t *testing.T) {
	t.Parallel()
	for scheme, u := range proxyTrackers(t) {
		for _, secure := range []bool{false, true} {
			proxy := &httpProxy{want: "Basic " + base64.StdEncoding.EncodeToString([]byte("me:p@ss"))}
			server := httptest.NewUnstartedServer(proxy)
			if secure {
				server.StartTLS()
			} else {
				server.Start()
			}
			defer server.Close()
			c := proxyClient(t, strings.Replace(server.URL, "://", "://me:p%40ss@", 1))
			r, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash})
			if err != nil || r.Counts != httpCounts {
				t.Errorf("%s: %v, %v", scheme, r, err)
			}
			method := "GET "
			if strings.HasSuffix(scheme, "s") && scheme != "ws" {
				method = "CONNECT "
			}
			if asks := proxy.asked(); len(asks) != 1 || asks[0] != method+u.HostPort() {
				t.Errorf("%s: the proxy was asked %q", scheme, asks)
			}
		}
	}
}

// The proxy resolves names.
func TestProxySOCKS(t *testing.T) {
	t.Parallel()
	addr, _ := serveConns(t, proxySOCKS("me", "p@ss"))
	for scheme, u := range proxyTrackers(t) {
		u.Host = "tracker.example"
		for user, want := range map[string]Status{"me:p%40ss": StatusOK, "me:wrong": StatusProxy} {
			c := proxyClient(t, "socks5://"+user+"@"+addr)
			_, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash})
			if got := httpStatusOf(err); got != want {
				t.Errorf("%s, %s: %q (%v), want %q", scheme, user, got, err, want)
			}
			httpSentence(t, err)
		}
		u = httpURL(t, scheme+"://127.0.0.1:1/announce")
		_, err := proxyClient(t, "socks5://me:p%40ss@"+addr).Announce(t.Context(), u, tracker.AnnounceRequest{})
		if httpStatusOf(err) != StatusProxy {
			t.Errorf("%s, nobody listens: %v", scheme, err)
		}
	}
}

// Errors of a proxy are not reported as errors of the tracker.
func TestHostileProxy(t *testing.T) {
	t.Parallel()
	type hostile struct {
		name            string
		behave          func(*httpConn)
		forward, tunnel Status // for http and ws, and for https and wss
	}
	cases := []hostile{
		{"407", httpCode(407, "", "Proxy-Authenticate: Basic"), StatusProxy, StatusProxy},
		{"502", httpCode(502, ""), "http-502", StatusProxy},
		{"403 with escapes", httpAnswer("HTTP/1.1 403 \x1b[31m\r\nContent-Length: 0\r\n\r\n"), "http-403", StatusProxy},
		{"silent", httpHang, StatusTimeout, StatusTimeout},
		{"closes", httpAnswer(""), StatusEmpty, StatusProxy},
		{"resets", httpReset, StatusEmpty, StatusProxy},
		{"no HTTP", httpAnswer("\x1b[31mhello\r\n\r\n"), StatusMalformed, StatusProxy},
		{"endless header", httpThen(httpAnswer("HTTP/1.1 200 OK\r\n"), httpEndlessly("X: y\r\n")), StatusMalformed, StatusProxy},
		{"a redirect", httpRedirect("http://127.0.0.1:1/"), StatusEmpty, StatusProxy},
		{"connects to nobody", httpAnswer("HTTP/1.1 200 OK\r\n\r\n"), "", StatusTLS},
	}
	httpParallel(t, cases, func(c hostile) string { return c.name }, func(t *testing.T, hc hostile) {
		for _, scheme := range []string{"http", "https", "ws", "wss"} {
			want := hc.forward
			if scheme == "https" || scheme == "wss" {
				want = hc.tunnel
			}
			if want == "" || hc.name == "a redirect" && want != StatusProxy {
				continue
			}
			addr, sent := serveHTTP(t, hc.behave)
			c := proxyClient(t, "http://"+addr)
			c.Timeout = time.Minute
			if want == StatusTimeout {
				c.Timeout = httpTimeout
			}
			var err error
			within(t, httpSlack, func() {
				sent.Store(0)
				_, err = c.Announce(t.Context(), httpURL(t, scheme+"://tracker.example/announce?passkey="+httpPasskey), tracker.AnnounceRequest{})
			})
			if got := httpStatusOf(err); got != want {
				t.Errorf("%s: %q (%v), want %q", scheme, got, err, want)
			}
			httpSentence(t, err)
			if n := sent.Load(); n > httpBytes {
				t.Errorf("%s took %d bytes", scheme, n)
			}
			if hc.name == "407" && err.Error() != "the proxy wants a name and a password" {
				t.Errorf("%s: %v", scheme, err)
			}
		}
	})
}

// Connections to the proxy are refused.
func TestProxyDead(t *testing.T) {
	t.Parallel()
	for _, proxy := range []string{"http", "https", "socks5"} {
		for _, scheme := range []string{"http", "https", "ws", "wss"} {
			_, err := proxyClient(t, proxy+"://127.0.0.1:1").Announce(t.Context(), httpURL(t, scheme+"://tracker.example/announce"), tracker.AnnounceRequest{})
			if httpStatusOf(err) != StatusProxy || err.Error() != "the proxy can't be used: connection refused" {
				t.Errorf("%s through %s: %v", scheme, proxy, err)
			}
		}
	}
}

// Client.Proxy may return different proxies for different trackers.
func TestProxyChoice(t *testing.T) {
	t.Parallel()
	_, u := (&httpTracker{swarms: httpSwarms}).start(t, "127.0.0.1:0", false)
	var asked []string
	c := &Client{Retries: -1, Proxy: func(u *url.URL) (*url.URL, error) {
		asked = append(asked, u.Scheme)
		if u.Hostname() == "127.0.0.1" {
			return nil, nil
		}
		return nil, errors.New("a secret of the environment")
	}}
	defer c.Close()
	if _, err := c.Announce(t.Context(), u, tracker.AnnounceRequest{InfoHash: httpHash}); err != nil {
		t.Error(err)
	}
	for _, scheme := range []string{"http", "ws"} {
		_, err := c.Announce(t.Context(), httpURL(t, scheme+"://tracker.example/announce"), tracker.AnnounceRequest{})
		if httpStatusOf(err) != StatusProxy || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", scheme, err)
		}
	}
	if got := fmt.Sprint(slices.Compact(asked)); got != "[http ws]" {
		t.Errorf("the proxy was asked for by schemes %s", got)
	}
}
