// Package webseed reads files from HTTP servers, whole or by ranges (RFC 9110, section
// 14), as the web seeds of BEP 19 serve them.
//
// [Client.Stat] asks for the first byte of a file, which shows its size, its version (ETag
// or Last-Modified) and whether the server sends ranges. [File.Stream] then reads the
// file from beginning to end, and [File.ReadAt] reads a range. Both go on after a broken
// connection, from the byte where it broke, as long as the server sends the same version
// of the file.
//
// A server is not trusted. Every response is compared with what was asked for and with
// what the first response said: the range, its length, the size, the version, the
// encoding. Each difference is an error of its own type.
//
// [Client.Open] reads a whole file once, of any kind, such as a torrent.
//
// [Client.OpenPiece] reads a piece, or ranges of it, from an HTTP seed (BEP 17).
// [Client.CheckWebSeed] compares a web seed with a torrent, and [Client.CheckHTTPSeed] an HTTP
// seed. FTP is left out.
package webseed

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"bt/internal/netguard"
)

// Options are the choices of a [Client].
type Options struct {
	UserAgent string

	// Proxy, if not nil, returns the proxy for a URL, or nil for none.
	Proxy func(*url.URL) (*url.URL, error)

	// Trusts, if not nil, reports whether a URL that is no redirect may have a private
	// address; see netguard.Transport. If it is nil, all URLs and redirects may.
	Trusts func(*url.URL) bool

	// Stall is how long a server may send nothing before its connection counts as
	// broken. 0 means 30 s. There is no limit for a whole file.
	Stall time.Duration

	// CheckTime limits CheckWebSeed and CheckHTTPSeed. 0 means five minutes.
	CheckTime time.Duration

	// Backoff, if not nil, replaces [Backoff].
	Backoff func(attempt int) (wait time.Duration, again bool)
}

// Backoff returns how long to wait before the next connection, and whether to try again.
// attempt counts the connections, from 0, that ended without a new byte of the file.
func Backoff(attempt int) (wait time.Duration, again bool) {
	waits := [...]time.Duration{0, 1, 2, 4, 8, 15}
	if attempt >= len(waits) {
		return 0, false
	}
	return waits[attempt] * time.Second, true
}

// A Client makes HTTP requests. It is safe for concurrent use.
type Client struct {
	Options
	http *http.Client
}

const (
	maxRedirects = 10
	// connections limits those to one server.
	connections = 4
)

// New returns a Client.
func New(o Options) *Client {
	if o.Stall == 0 {
		o.Stall = 30 * time.Second
	}
	if o.CheckTime == 0 {
		o.CheckTime = 5 * time.Minute
	}
	if o.Backoff == nil {
		o.Backoff = Backoff
	}
	t := &http.Transport{
		DialContext:            (&net.Dialer{Timeout: o.Stall, ControlContext: netguard.Control}).DialContext,
		TLSHandshakeTimeout:    o.Stall,
		ResponseHeaderTimeout:  o.Stall,
		MaxResponseHeaderBytes: 64 << 10,
		MaxConnsPerHost:        connections,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        o.Stall,
		DisableCompression:     true,
		ForceAttemptHTTP2:      true,
	}
	if o.Proxy != nil {
		t.Proxy = func(r *http.Request) (*url.URL, error) { return o.Proxy(r.URL) }
	}
	guarded := &netguard.Transport{Transport: t, Trusts: o.Trusts}
	return &Client{o, &http.Client{Transport: transport{guarded}, CheckRedirect: checkRedirect}}
}

// Close closes idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// get sends a GET request. The caller closes the body of the response.
func (c *Client) get(ctx context.Context, rawURL string, header http.Header) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, rawURL, nil)
	if err != nil {
		cancel(nil)
		return nil, err
	}
	r.Header.Set("Accept-Encoding", "identity")
	for key, values := range header {
		r.Header[key] = values
	}
	r.Header.Set("User-Agent", c.UserAgent) // "" sends none
	resp, err := c.http.Do(r)
	if err != nil {
		err = requestError(ctx, err)
		cancel(nil)
		return nil, err
	}
	resp.Body = &body{resp.Body, ctx, cancel, c.Stall}
	return resp, nil
}

// A body is the body of a response. A Read fails with ErrStalled if nothing arrives.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
}

func (b *body) Read(p []byte) (int, error) {
	timer := time.AfterFunc(b.stall, func() { b.cancel(ErrStalled) })
	n, err := b.ReadCloser.Read(p)
	timer.Stop()
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case context.Cause(b.ctx) == ErrStalled:
		return n, ErrStalled
	}
	return n, misread(err)
}

func (b *body) Close() error {
	b.cancel(nil)
	return b.ReadCloser.Close()
}

// FileURL returns the URL of a file of a torrent at a web seed (BEP 19). Of a torrent of
// a single file, the web seed is the file itself or, if it ends in a slash, the directory
// of the file. Of others it is the directory of the directory that the torrent is named
// after. As clients do, it takes everything after the host for the path, also a query, but no
// fragment.
func FileURL(seed, name string, single bool, path []string) string {
	seed, _, _ = strings.Cut(seed, "#")
	if single && !strings.HasSuffix(seed, "/") {
		return seed
	}
	var b strings.Builder
	b.WriteString(seed)
	if !strings.HasSuffix(seed, "/") {
		b.WriteByte('/')
	}
	escape(&b, name)
	if !single {
		for _, c := range path {
			b.WriteByte('/')
			escape(&b, c)
		}
	}
	return b.String()
}

// pieceURL returns the URL of a piece of a v1 torrent, or of ranges of it, at an HTTP seed
// (BEP 17).
func pieceURL(seed string, infoHash [20]byte, piece int, ranges []PieceRange) string {
	seed, _, _ = strings.Cut(seed, "#")
	var b strings.Builder
	b.WriteString(seed)
	if strings.Contains(seed, "?") {
		b.WriteByte('&')
	} else {
		b.WriteByte('?')
	}
	b.WriteString("info_hash=")
	escape(&b, string(infoHash[:]))
	b.WriteString("&piece=")
	b.WriteString(strconv.Itoa(piece))
	before := "&ranges="
	for _, r := range ranges {
		fmt.Fprintf(&b, "%s%d-%d", before, r.Offset, r.Offset+r.Length-1)
		before = ","
	}
	return b.String()
}

// escape percent-encodes all but unreserved characters (RFC 3986, 2.3). In particular
// it encodes "+", which some servers decode to a blank.
func escape(b *strings.Builder, s string) {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}
