// Package statuspage serves the status of bt seed over HTTP: as a page for
// browsers, as JSON, and as metrics for Prometheus.
package statuspage

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"bt/internal/web"
	"bt/seed"
)

// Options configure a Page.
type Options struct {
	Status  func() seed.Status // returns the current status; called for each request, concurrently
	Addr    netip.AddrPort     // the address the server listens on, which is a valid Host header; zero means loopback
	Hosts   []string           // further valid Host headers, such as that of a reverse proxy
	Reveal  bool               // do not mask passkeys and peer addresses
	Version string             // version of the program
}

// New returns a handler that serves the status of a seed. It is read-only:
//
//	/              a page that updates itself, and its CSS, JavaScript and icon
//	/status.json   the status of the seed, and a list of torrents that the query selects
//	/torrent.json  the torrent with ?info_hash=HEX, with its peers and trackers
//	/metrics       metrics for Prometheus in the text format 0.0.4
//
// It answers GET and HEAD requests only. To prevent DNS rebinding, it rejects
// requests whose Host header is not loopback, o.Addr or one of o.Hosts. Unless
// o.Reveal is set, it masks passkeys and peer addresses in all answers.
func New(o Options) *Page {
	p := &Page{Options: o}
	mux := http.NewServeMux()
	for _, f := range pageFiles() {
		mux.HandleFunc(f.route, f.serve)
	}
	mux.HandleFunc("/status.json", p.serveStatus)
	mux.HandleFunc("/torrent.json", p.serveTorrent)
	mux.HandleFunc("/metrics", p.serveMetrics)
	p.handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, h := range pageHeaders {
			w.Header().Set(h[0], h[1])
		}
		switch {
		case !p.answersTo(r.Host):
			http.Error(w, fmt.Sprintf("This is the status page of bt seed, and %q is not one of its host names. "+
				"Use the address that it listens on, or add the name with --status-host.", r.Host),
				http.StatusMisdirectedRequest)
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "This page is read-only.", http.StatusMethodNotAllowed)
		default:
			mux.ServeHTTP(w, r)
		}
	})
	return p
}

// ServeHTTP implements http.Handler. It does not read the body of a request.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Body != nil && r.Body != http.NoBody {
		w.Header().Set("Connection", "close")
		_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // ignore an error: a ResponseWriter without deadlines reads no body
	}
	p.handler.ServeHTTP(w, r)
}

// A Page is an http.Handler for the status of a seed.
type Page struct {
	Options
	handler http.Handler

	mu      sync.Mutex
	history []ratePoint
}

// pageHeaders lists the headers of every response. Trusted types make the browser
// reject text that would be parsed as HTML.
var pageHeaders = [][2]string{
	{"Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Cross-Origin-Resource-Policy", "same-origin"},
	{"Cross-Origin-Opener-Policy", "same-origin"},
	{"Cache-Control", "no-store"},
}

// answersTo reports whether a Host header names this page. It ignores the port,
// which differs behind a tunnel.
func (p *Page) answersTo(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]")
	}
	host = strings.TrimSuffix(host, ".")
	if slices.ContainsFunc(p.Hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		return host != ""
	}
	asked, err := netip.ParseAddr(host)
	if err != nil {
		return strings.EqualFold(host, "localhost")
	}
	asked = asked.Unmap()
	own := p.Addr.Addr().Unmap()
	return asked.IsLoopback() || own.IsUnspecified() || asked.WithZone("") == own.WithZone("")
}

// A ratePoint is the upload rate at a time.
type ratePoint struct {
	time     time.Time
	uploaded int64
	rate     int64
}

const (
	historyLasts = 5 * time.Minute
	historyStep  = time.Second
	historyGap   = 5 * time.Second // over a longer gap between samples the graph shows the average
)

// Sample records the rate at a time for the graph of the page. It should be
// called about once a second; over a longer gap the graph shows the average rate.
func (p *Page) Sample(at time.Time, uploaded, rate int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := ratePoint{at, uploaded, rate}
	if n := len(p.history); n > 0 {
		last := p.history[n-1]
		gap := now.time.Sub(last.time)
		switch {
		case gap < 0: // the clock was set back
			p.history = nil
		case gap < historyStep*9/10:
			return
		case gap > historyGap:
			average := int64(float64(now.uploaded-last.uploaded) / gap.Seconds())
			p.history = append(p.history,
				ratePoint{last.time.Add(historyStep), last.uploaded, average},
				ratePoint{now.time.Add(-historyStep), last.uploaded, average})
		}
	}
	p.history = append(p.history, now)
	if old := slices.IndexFunc(p.history, func(r ratePoint) bool { return now.time.Sub(r.time) <= historyLasts }); old > 1 {
		p.history = slices.Delete(p.history, 0, old-1) // keep one older point, so that the line begins at the left edge of the graph
	}
}

//go:embed page
var pageFS embed.FS

// pageFiles are made when they are needed: that takes memory, which most runs of bt don't
// need.
var pageFiles = sync.OnceValue(func() []*pageFile {
	return []*pageFile{
		newPageFile("/{$}", "text/html; charset=utf-8", embedded("index.html")),
		newPageFile("/page.css", "text/css; charset=utf-8", web.Style+embedded("page.css")),
		newPageFile("/page.js", "text/javascript; charset=utf-8", embedded("page.js")),
		newPageFile("/icon.svg", "image/svg+xml", web.Icon),
	}
})

func embedded(name string) string {
	content, err := pageFS.ReadFile("page/" + name)
	if err != nil {
		panic(err) // the files are embedded
	}
	return string(content)
}

type pageFile struct {
	route, kind, etag, content string
}

func newPageFile(route, kind, content string) *pageFile {
	sum := sha256.Sum256([]byte(content))
	return &pageFile{route, kind, `"` + hex.EncodeToString(sum[:8]) + `"`, content}
}

func (f *pageFile) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", f.kind)
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("Etag", f.etag)
	http.ServeContent(w, r, "", time.Time{}, strings.NewReader(f.content))
}
