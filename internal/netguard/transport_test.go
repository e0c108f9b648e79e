package netguard

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// A fakeInternet is a server on loopback under several names, each with an address of its
// own: those that begin with "private" have one in 10.0.0.0/8. The path of a request is
// its answer: /to/URL redirects there.
type fakeInternet struct {
	server *httptest.Server

	mu   sync.Mutex
	hits []string // host and path of the requests
}

func newFakeInternet(t *testing.T) *fakeInternet {
	f := new(fakeInternet)
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	return f
}

func (f *fakeInternet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.hits = append(f.hits, r.Host+r.URL.Path)
	f.mu.Unlock()
	if _, to, ok := strings.Cut(r.URL.RawQuery, "to="); ok {
		http.Redirect(w, r, to, http.StatusFound)
	}
}

// took returns the requests since the last call.
func (f *fakeInternet) took() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	hits := strings.Join(f.hits, " ")
	f.hits = nil
	return hits
}

// A placedConn is a connection to an address of the fake Internet.
type placedConn struct {
	net.Conn
	addr netip.AddrPort
}

func (c placedConn) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(c.addr) }

// dial is the DialContext of a transport, with Control.
func (f *fakeInternet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	addr := netip.MustParseAddrPort("192.0.2.1:80")
	if strings.HasPrefix(address, "private") || strings.HasPrefix(address, "proxy") {
		addr = netip.MustParseAddrPort("10.0.0.1:80")
	}
	if err := Control(ctx, network, addr.String(), nil); err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	conn, err := net.Dial("tcp", f.server.Listener.Addr().String())
	return placedConn{conn, addr}, err
}

// client returns a client that trusts the path /announce.
func (f *fakeInternet) client(t *testing.T) (*http.Client, *Transport) {
	transport := &Transport{
		Transport: &http.Transport{DialContext: f.dial},
		Trusts:    func(u *url.URL) bool { return u.Path == "/announce" },
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}, transport
}

// get sends a request, and reports whether it was refused.
func get(t *testing.T, c *http.Client, rawURL string) (refused bool) {
	t.Helper()
	resp, err := c.Get(rawURL)
	if err != nil {
		if _, refused := errors.AsType[*Error](err); !refused {
			t.Errorf("%s: %v", rawURL, err)
		}
		if text := errors.Unwrap(err).Error(); !strings.HasPrefix(text, "its address is private: 10.0.0.1") {
			t.Errorf("%s: the error is %q", rawURL, text)
		}
		return true
	}
	defer resp.Body.Close()
	io.Copy(io.Discard, resp.Body)
	return false
}

func TestTransport(t *testing.T) {
	f := newFakeInternet(t)
	for _, test := range []struct {
		url     string
		refused bool
		hits    string
	}{
		{"http://public/", false, "public/"},
		{"http://private/", true, ""},
		{"http://10.0.0.1/", true, ""},
		{"http://private/announce", false, "private/announce"},
		{"http://public/?to=http://private/", true, "public/"},
		{"http://public/?to=http://private/announce", true, "public/"},
		{"http://public/?to=http://10.0.0.1/announce", true, "public/"},
		{"http://public/?to=http://public2/", false, "public/ public2/"},
		{"http://public/announce?to=http://private/", true, "public/announce"},
		{"http://private/announce?to=http://private2/", false, "private/announce private2/"},
		{"http://private/announce?to=/other", false, "private/announce private/other"},
		{"http://private/announce?to=http://public/", false, "private/announce public/"},
		{"http://private/announce?to=http://public/?to=http://private/", true, "private/announce public/"},
		{"http://private/announce?to=http://private2/?to=http://private3/", false, "private/announce private2/ private3/"},
	} {
		c, _ := f.client(t)
		if refused := get(t, c, test.url); refused != test.refused {
			t.Errorf("%s is refused: %v", test.url, refused)
		}
		if hits := f.took(); hits != test.hits {
			t.Errorf("%s: requests %q, want %q", test.url, hits, test.hits)
		}
	}
}

// A request that is not trusted does not get a connection that a trusted one has left.
func TestTransportReusesNone(t *testing.T) {
	f := newFakeInternet(t)
	c, _ := f.client(t)
	get(t, c, "http://private/announce")
	f.took()
	for _, u := range []string{"http://private/", "http://public/?to=http://private/announce"} {
		if !get(t, c, u) {
			t.Errorf("%s is not refused", u)
		}
	}
	if hits := f.took(); hits != "public/" {
		t.Errorf("requests %q", hits)
	}
}

// Without Trusts there is no guard.
func TestTransportWithoutGuard(t *testing.T) {
	f := newFakeInternet(t)
	c, transport := f.client(t)
	transport.Trusts = nil
	for _, u := range []string{"http://private/", "http://public/?to=http://private/"} {
		if get(t, c, u) {
			t.Errorf("%s is refused", u)
		}
	}
}

// A proxy may have a private address, and resolves names itself. Addresses in URLs are
// checked all the same, and that of the proxy makes no redirect trusted.
func TestTransportWithProxy(t *testing.T) {
	f := newFakeInternet(t)
	for u, want := range map[string]bool{
		"http://public/":                              false,
		"http://private/":                             false,
		"http://10.0.0.1/":                            true,
		"http://10.0.0.1/announce":                    false,
		"http://public/?to=http://10.0.0.1/":          true,
		"http://private/announce?to=http://10.0.0.1/": true,
	} {
		c, transport := f.client(t)
		transport.Proxy = http.ProxyURL(&url.URL{Scheme: "http", Host: "proxy"})
		if refused := get(t, c, u); refused != want {
			t.Errorf("%s is refused: %v", u, refused)
		}
	}
}
