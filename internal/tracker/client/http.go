package client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"bt/internal/netfault"
	"bt/internal/netguard"
	"bt/internal/tracker"
)

const (
	maxRedirects = 5
	maxHeader    = 64 << 10 // bytes

	// mostDial is the timeout of a dial, and of a TLS handshake.
	mostDial = 15 * time.Second

	// mostPause is the longest wait before a retry that a tracker can request. If it
	// requests a longer one, the request fails.
	mostPause = 15 * time.Second
)

// httpHosts owns the state of HTTP and WebSocket. The zero value is ready to use.
type httpHosts struct {
	init      sync.Once
	transport *netguard.Transport // set by Client.http

	mu    sync.Mutex
	turns map[string]*semaphore.Weighted // of weight Conns, by host:port
}

// http returns the transport of all HTTP requests.
func (c *Client) http() *netguard.Transport {
	c.web.init.Do(func() {
		c.web.transport = &netguard.Transport{Trusts: c.trusts(), Transport: &http.Transport{
			Proxy: c.proxyOf,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				// A dial outlives the request that began it, so it has a timeout of
				// its own.
				return c.dialer("tcp").DialContext(ctx, "tcp"+c.Network, addr)
			},
			OnProxyConnectResponse: func(_ context.Context, _ *url.URL, _ *http.Request, r *http.Response) error {
				return proxyAnswer(r.StatusCode)
			},
			TLSClientConfig:        &tls.Config{InsecureSkipVerify: c.Insecure},
			DisableCompression:     true, // readBody decompresses, with a limit
			TLSHandshakeTimeout:    min(c.timeout(), mostDial),
			MaxIdleConns:           maxIdle,
			MaxIdleConnsPerHost:    c.conns(),
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		}}
	})
	return c.web.transport
}

// proxyAnswer returns the error for the status code of an answer to CONNECT, or nil if
// it is 200.
func proxyAnswer(code int) error {
	switch code {
	case http.StatusOK:
		return nil
	case http.StatusProxyAuthRequired:
		return &Error{Status: StatusProxy, Msg: "the proxy wants a name and a password"}
	}
	return &Error{Status: StatusProxy, Msg: fmt.Sprintf("the proxy refuses: %d %s", code, http.StatusText(code))}
}

// proxyOf returns the proxy for a request. Requests for WebSocket have the scheme http or
// https too; Client.Proxy gets ws or wss for them.
func (c *Client) proxyOf(r *http.Request) (*url.URL, error) {
	u := *r.URL
	if r.Header.Get("Upgrade") != "" {
		u.Scheme = strings.Replace(u.Scheme, "http", "ws", 1)
	}
	return c.proxyFor(&u)
}

// byProxy reports whether the proxy refused the request, and not the tracker.
func (c *Client) byProxy(r *http.Response) bool {
	if r.StatusCode != http.StatusProxyAuthRequired || r.Request.URL.Scheme != "http" {
		return false
	}
	proxy, _ := c.proxyOf(r.Request)
	return proxy != nil
}

// checkRedirect allows up to maxRedirects redirects, only to HTTP.
func checkRedirect(r *http.Request, via []*http.Request) error {
	r.Header.Del("Referer") // it would send the passkey to another host
	switch {
	case r.URL.Scheme != "http" && r.URL.Scheme != "https":
		return &Error{Status: StatusRedirect, Msg: printable(fmt.Sprintf("it redirects to a %q URL", r.URL.Scheme))}
	case r.URL.Host == "":
		return &Error{Status: StatusRedirect, Msg: "it redirects to a URL without a host"}
	case len(via) > maxRedirects:
		return &Error{Status: StatusRedirect, Msg: "it redirects again and again"}
	}
	return nil
}

// A guard is the transport of all requests. Its errors name the step that failed and
// do not quote the URL.
type guard struct{ c *Client }

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	proxy, _ := g.c.proxyOf(r)
	steps := roundTrip{r: r, proxied: proxy != nil}
	resp, err := g.c.http().RoundTrip(r.WithContext(steps.context()))
	if err != nil {
		return nil, steps.failed(err)
	}
	if resp.TLS != nil && r.URL.Scheme == "https" {
		traceCertificate(r.Context(), resp.TLS.PeerCertificates)
	}
	// The error of http.Client for a bad Location quotes it, with the passkey.
	if resp.StatusCode/100 == 3 {
		if _, err := r.URL.Parse(resp.Header.Get("Location")); err != nil {
			resp.Body.Close()
			return nil, &Error{Status: StatusRedirect, Msg: "it redirects to what is not a URL"}
		}
	}
	return resp, nil
}

// A roundTrip notes the steps of a request.
type roundTrip struct {
	r         *http.Request
	proxied   bool
	connected atomic.Bool
	handshake netfault.Handshake
}

// context returns the context of the request, with which the steps are noted.
func (t *roundTrip) context() context.Context {
	trace := &httptrace.ClientTrace{
		ConnectStart: func(_, addr string) { t.dialed(addr) },
		GotConn: func(info httptrace.GotConnInfo) {
			t.connected.Store(true)
			t.dialed(info.Conn.RemoteAddr().String())
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if t.r.Header.Get("Upgrade") == "" { // else the announce is sent later
				noteSent(t.r.Context())
			}
		},
	}
	t.handshake.Trace(trace)
	return httptrace.WithClientTrace(t.r.Context(), trace)
}

// dialed notes the address of the tracker. That of a proxy is not noted.
func (t *roundTrip) dialed(addr string) {
	if a, err := netip.ParseAddrPort(addr); err == nil && !t.proxied {
		traceAddr(t.r.Context(), a)
	}
}

// failed returns the error of the request, which names the step that failed.
func (t *roundTrip) failed(err error) error {
	if invalid, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		traceCertificate(t.r.Context(), invalid.UnverifiedCertificates)
	}
	if marked, ok := t.handshake.Mark(err); ok {
		return marked
	}
	// net/http marks only errors of dialing a proxy as errors of the proxy.
	if status, _ := classify(err); status != StatusProxy && t.proxied && !t.connected.Load() && t.r.Context().Err() == nil {
		return &net.OpError{Op: proxyConnect, Net: "tcp", Err: err}
	}
	return misread(err, "it is not valid HTTP")
}

// turn waits until the host has less than Conns requests. The caller must call done at
// the end of its request. The limit of http.Transport is not used: it counts all hosts
// behind a proxy as one, and the timeout of a request would include the wait.
func (c *Client) turn(ctx context.Context, host string) (done func(), err error) {
	c.web.mu.Lock()
	turns := c.web.turns[host]
	if turns == nil {
		turns = semaphore.NewWeighted(int64(c.conns()))
		if c.web.turns == nil {
			c.web.turns = make(map[string]*semaphore.Weighted)
		}
		c.web.turns[host] = turns
	}
	c.web.mu.Unlock()
	if err := turns.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	return func() { turns.Release(1) }, nil
}

// getHTTP sends a request and returns the answer that parse returns for its body. It
// retries like persist.
func getHTTP[T any](ctx context.Context, c *Client, u *tracker.URL, query []byte, parse func([]byte) (T, error)) (answer T, err error) {
	rawURL := u.With(string(query))
	err = c.inTurn(ctx, u, c.retries(), func(ctx context.Context) (err error) {
		answer, err = getOnce(ctx, c, rawURL, parse)
		return err
	})
	return answer, err
}

// inTurn calls try like persist, when it is the request's turn.
func (c *Client) inTurn(ctx context.Context, u *tracker.URL, retries int, try func(ctx context.Context) error) error {
	done, err := c.turn(ctx, u.HostPort())
	if err != nil {
		return failure(err)
	}
	defer done()
	return c.persist(ctx, retries, try)
}

// persist calls try until it succeeds, fails permanently, or has failed too often, the
// timeout ends, or the tracker requests a wait of more than mostPause.
func (c *Client) persist(ctx context.Context, retries int, try func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout())
	defer cancel()
	for attempt := 0; ; attempt++ {
		err := try(ctx)
		if err == nil {
			return nil
		}
		e := failure(err)
		if attempt >= retries || !mayPass(e.Status) || e.RetryIn > mostPause || !sleep(ctx, max(e.RetryIn, Wait(attempt, false))) {
			return e
		}
	}
}

// mayPass reports whether a status is one that overloaded trackers send, so that a retry
// may succeed.
func mayPass(s Status) bool {
	switch s {
	case StatusEmpty, StatusTruncated, HTTPStatus(http.StatusTooManyRequests), HTTPStatus(http.StatusInternalServerError),
		HTTPStatus(http.StatusBadGateway), HTTPStatus(http.StatusServiceUnavailable), HTTPStatus(http.StatusGatewayTimeout):
		return true
	}
	return false
}

// getOnce sends a request once.
func getOnce[T any](ctx context.Context, c *Client, rawURL string, parse func([]byte) (T, error)) (answer T, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		return answer, &Error{Status: StatusBadURL, Msg: "not a URL that can be asked"}
	}
	r.Header.Set("User-Agent", c.UserAgent) // empty: none at all
	r.Header.Set("Accept-Encoding", "gzip")
	resp, err := (&http.Client{Transport: guard{c}, CheckRedirect: checkRedirect}).Do(r)
	if err != nil {
		if resp != nil { // a redirect that was not followed
			resp.Body.Close()
		}
		return answer, err
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusSwitchingProtocols {
		// The body is the connection itself, which does not end with ctx.
		return answer, statusError(resp)
	}
	body, err := readBody(resp)
	whole := err == nil
	if whole {
		answer, err = parse(body)
	}
	if err != nil {
		return answer, c.answerError(resp, body, whole, failure(err))
	}
	return answer, nil // a valid body counts, whatever the status code
}
