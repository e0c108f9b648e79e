package netguard

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"sync"
)

// A Transport sends the requests of a [http.Client], and keeps those that are untrusted
// from private addresses. A redirect is trusted with them only if the request before it
// was, and reached one. The addresses behind a proxy are known only if the URL has one
// instead of a name.
type Transport struct {
	*http.Transport // its DialContext has Control

	// Trusts reports whether a URL that is no redirect may have a private address. If
	// it is nil, all URLs and redirects may.
	Trusts func(*url.URL) bool

	once    sync.Once
	guarded *http.Transport // see guardedBase
}

// trustKey is the key, in the context of a response's request, of whether a redirect may
// lead to a private address.
type trustKey struct{}

// RoundTrip sends a request. An error because of a private address is an *Error.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.Trusts == nil {
		return t.Transport.RoundTrip(r)
	}
	trusted := false
	if r.Response == nil {
		trusted = t.Trusts(r.URL)
	} else {
		trusted, _ = r.Response.Request.Context().Value(trustKey{}).(bool)
	}
	proxied := t.isProxied(r)
	base := t.Transport
	if !trusted {
		if ip, err := netip.ParseAddr(r.URL.Hostname()); err == nil && IsPrivate(ip) {
			return nil, &Error{ip}
		}
		if !proxied { // a proxy may have any address
			base = t.guardedBase()
		}
	}
	private := false
	trace := &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { private = !proxied && isPrivate(info.Conn) }}
	resp, err := base.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), trace)))
	if refused, ok := errors.AsType[*Error](err); ok {
		return nil, refused
	}
	if err != nil {
		return nil, err
	}
	resp.Request = r.WithContext(context.WithValue(r.Context(), trustKey{}, trusted && private))
	return resp, nil
}

func (t *Transport) isProxied(r *http.Request) bool {
	if t.Proxy == nil {
		return false
	}
	proxy, err := t.Proxy(r)
	return proxy != nil || err != nil
}

// guardedBase returns the transport of requests that are not trusted. It has connections of
// its own, since others may be to private addresses.
func (t *Transport) guardedBase() *http.Transport {
	t.once.Do(func() {
		t.guarded = t.Clone()
		t.guarded.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			return t.DialContext(Guard(ctx), network, addr)
		}
	})
	return t.guarded
}

func isPrivate(conn net.Conn) bool {
	addr, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	return err == nil && IsPrivate(addr.Addr())
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() {
	t.Transport.CloseIdleConnections()
	if t.Trusts != nil {
		t.guardedBase().CloseIdleConnections()
	}
}
