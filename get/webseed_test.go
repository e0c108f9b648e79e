package get

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/internal/metainfo"
	"bt/internal/netguard"
	"bt/internal/webseed"
	"bt/maketorrent"
	"bt/seed"
)

// A webServer serves the content of a torrent as a web seed, with faults.
type webServer struct {
	root   string
	handle func(w http.ResponseWriter, r *http.Request, n int) bool // if not nil, handles the requests that it returns true for
	whole  bool                                                     // it sends no ranges
	change func(path string, b []byte) []byte                       // if not nil, changes files

	mu       sync.Mutex
	requests []string // path and range
	conns    atomic.Int64
	sent     atomic.Int64
}

// start serves until the test ends, and returns the URL of the web seed.
func (s *webServer) start(t testing.TB) string {
	t.Helper()
	h := httptest.NewUnstartedServer(s)
	h.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.conns.Add(1)
		}
	}
	h.Start()
	t.Cleanup(h.Close)
	return h.URL + "/"
}

func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.Path+" "+r.Header.Get("Range"))
	n := len(s.requests)
	s.mu.Unlock()
	if s.handle != nil && s.handle(w, r, n) {
		return
	}
	path := filepath.Join(filepath.Dir(s.root), filepath.FromSlash(r.URL.Path))
	if !strings.HasPrefix(path, s.root) {
		http.NotFound(w, r)
		return
	}
	f, err := os.Open(path)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	defer f.Close()
	content := io.ReadSeeker(f)
	if s.change != nil {
		b, _ := io.ReadAll(f)
		content = bytes.NewReader(s.change(r.URL.Path, b))
	}
	if s.whole {
		r.Header.Del("Range")
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(countingWriter{w, &s.sent}, r, "", time.Time{}, content)
}

// A countingWriter counts the bytes of bodies.
type countingWriter struct {
	http.ResponseWriter
	n *atomic.Int64
}

func (w countingWriter) Write(b []byte) (int, error) {
	n, err := w.ResponseWriter.Write(b)
	w.n.Add(int64(n))
	return n, err
}

// only are the options of a download from web seeds at private addresses.
func only(meta *Metainfo, dir string, seeds ...string) Options {
	meta.WebSeeds = seeds
	return Options{Torrent: meta, Dir: dir, WebSeeds: WebSeedsOnly, AllowLocal: true}
}

// succeeds fails the test unless the download is complete and right.
func (r result) succeeds(t testing.TB, dir, root string) {
	t.Helper()
	if r.err != nil {
		t.Fatalf("%v; %+v", r.err, r.events)
	}
	sameTree(t, filepath.Join(dir, filepath.Base(root)), root)
	if n := len(of[EventComplete](r)); n != 1 {
		t.Errorf("it is complete %d times", n)
	}
}

// dropped returns the events of web seeds that are not used any more.
func (r result) dropped() (list []EventWebSeed) {
	for _, e := range of[EventWebSeed](r) {
		if e.State == WebSeedDropped {
			list = append(list, e)
		}
	}
	return list
}

// webSizes are those of files over several pieces, an empty one, small ones that share
// blocks, and one that ends with a piece.
var webSizes = []int{200_000, 0, 7, 9, pieceLength, 2*pieceLength + 1, 40_000}

// Content arrives from a web server alone, and no byte is requested twice. That a server has
// no ranges makes no difference.
func TestWebSeed(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		for kind, sizes := range map[string][]int{"one file": {3*pieceLength + 5}, "small file": {10}, "files": webSizes} {
			for _, whole := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, whole %t", name, kind, whole), func(t *testing.T) {
					t.Parallel()
					meta, root := makeContent(t, format, sizes...)
					s := &webServer{root: root, whole: whole}
					dir := t.TempDir()
					r := run(t, only(meta, dir, s.start(t)))
					r.succeeds(t, dir, root)
					if w := r.dropped(); w != nil {
						t.Errorf("dropped: %v", w)
					}
					if e := of[EventStopped](r)[0]; s.sent.Load() != sum(sizes) || e.Downloaded < sum(sizes) || e.FromWebSeeds != e.Downloaded {
						t.Errorf("%d bytes were sent, of %d; %+v; %q", s.sent.Load(), sum(sizes), e, s.requests)
					}
					if e := of[EventWebSeed](r); len(e) != 1 || e[0].State != WebSeedUsed || e[0].Downloaded == 0 || e[0].Err != nil {
						t.Errorf("events: %+v", e)
					}
				})
			}
		}
	}
}

func sum(sizes []int) (n int64) {
	for _, size := range sizes {
		n += int64(size)
	}
	return n
}

// Pad files within pieces are not requested.
func TestWebSeedPads(t *testing.T) {
	t.Parallel()
	_, root := makeContent(t, maketorrent.FormatV1, webSizes...)
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Align: true, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	s, dir := &webServer{root: root}, t.TempDir()
	run(t, only(made.Torrent, dir, s.start(t))).succeeds(t, dir, root)
	if s.sent.Load() != sum(webSizes) {
		t.Errorf("%d bytes were sent, want %d", s.sent.Load(), sum(webSizes))
	}
}

// A single file may be at the URL itself.
func TestWebSeedIsFile(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, dir := &webServer{root: root}, t.TempDir()
	run(t, only(meta, dir, s.start(t)+"content")).succeeds(t, dir, root)
}

// A stream arrives in order from a web seed alone.
func TestWebSeedStream(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 2_000_001)
	s := &webServer{root: root}
	var out strings.Builder
	o := only(meta, "", s.start(t))
	o.Stream, o.memory = &out, 5*pieceLength
	if r := run(t, o); r.err != nil {
		t.Fatal(r.err)
	}
	if want, _ := os.ReadFile(root); out.String() != string(want) {
		t.Error("other bytes")
	}
}

// Only what is wanted and missing is requested.
func TestWebSeedResume(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV2, 10*pieceLength, 3*pieceLength)
	for _, whole := range []bool{false, true} {
		dir := t.TempDir()
		ctx, cancel := context.WithCancel(t.Context())
		s := &webServer{root: root}
		s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
			if strings.HasSuffix(r.URL.Path, "a") { // half of the file
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", 10*pieceLength-1, 10*pieceLength))
				w.Header().Set("Content-Length", fmt.Sprint(10*pieceLength))
				w.WriteHeader(http.StatusPartialContent)
				b, _ := os.ReadFile(filepath.Join(root, "a"))
				w.Write(b[:5*pieceLength])
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
				return true
			}
			return false
		}
		o := only(meta, dir, s.start(t))
		o.Event = func(_ time.Time, e Event) {
			if e, ok := e.(EventProgress); ok && e.Done >= 5*pieceLength {
				cancel()
			}
		}
		if r := runWith(t, ctx, o); !errors.Is(r.err, context.Canceled) {
			t.Fatal(r.err)
		}
		s = &webServer{root: root, whole: whole}
		run(t, only(meta, dir, s.start(t))).succeeds(t, dir, root)
		want := int64(8 * pieceLength)
		if whole {
			want = 13 * pieceLength
		}
		if s.sent.Load() != want {
			t.Errorf("whole %t: %d bytes were sent, want %d; %q", whole, s.sent.Load(), want, s.requests)
		}
	}
}

// A download goes on where a server has cut the connection.
func TestWebSeedCut(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{false, true} {
		meta, root := makeContent(t, maketorrent.FormatHybrid, 5*pieceLength, 100)
		s, dir := &webServer{root: root, whole: whole}, t.TempDir()
		s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n <= 3 {
				s.handle = nil
				w = cutWriter{w, new(int64)}
				s.ServeHTTP(w, r)
				return true
			}
			return false
		}
		r := run(t, only(meta, dir, s.start(t)))
		r.succeeds(t, dir, root)
		if w := r.dropped(); w != nil {
			t.Errorf("dropped: %v", w)
		}
		if len(s.requests) < 3 {
			t.Errorf("requests: %q", s.requests)
		}
	}
}

// A cutWriter cuts the connection after 100,000 bytes.
type cutWriter struct {
	http.ResponseWriter
	n *int64
}

func (w cutWriter) Write(b []byte) (int, error) {
	if *w.n += int64(len(b)); *w.n > 100_000 {
		http.NewResponseController(w.ResponseWriter).Flush()
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(b)
}

// A server that is overloaded at first is asked again.
func TestWebSeedAgain(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, dir := &webServer{root: root}, t.TempDir()
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n == 1 {
			http.Error(w, "later", http.StatusServiceUnavailable)
		}
		return n == 1
	}
	run(t, only(meta, dir, s.start(t))).succeeds(t, dir, root)
	if len(s.requests) < 2 {
		t.Errorf("requests: %q", s.requests)
	}
}

// A web seed that has other content is dropped, with the reason. Another one completes the
// download; without it the download ends.
func TestWebSeedDropped(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		server *webServer
		want   string
	}{
		"longer":     {&webServer{change: func(_ string, b []byte) []byte { return append(b, 0) }}, "the server has 400001 bytes of it, which is not its size in the torrent"},
		"shorter":    {&webServer{change: func(_ string, b []byte) []byte { return b[:30_000] }}, "the server has 30000 bytes of it, which is not its size in the torrent"},
		"no ranges":  {&webServer{whole: true, change: func(_ string, b []byte) []byte { return b[:399_999] }}, "the server has 399999 bytes of it, which is not its size in the torrent"},
		"other data": {&webServer{change: func(_ string, b []byte) []byte { return append(b[:70_000], make([]byte, len(b)-70_000)...) }}, errOtherData.Error()},
		"web page": {&webServer{handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Type", "text/html")
			io.WriteString(w, "<html>")
			return true
		}}, webseed.ErrHTML.Error()},
		"other range": {&webServer{handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
			w.Header().Set("Content-Range", "bytes 5-10/400000")
			w.WriteHeader(http.StatusPartialContent)
			io.WriteString(w, "abcdef")
			return true
		}}, "the server was asked for the bytes 0-399999, and sends 5-10"},
		"missing": {&webServer{handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
			http.NotFound(w, r)
			return true
		}}, "the server answers 404 Not Found"},
		"redirects": {&webServer{handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
			http.Redirect(w, r, "ftp://a.example/", http.StatusFound)
			return true
		}}, "it redirects to a URL of scheme ftp"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 400_000)
			test.server.root = root
			url, dir := test.server.start(t), t.TempDir()
			r := run(t, only(meta, dir, url))
			if !errors.Is(r.err, ErrNoWebSeed) {
				t.Errorf("the error is %v", r.err)
			}
			if w := r.dropped(); len(w) != 1 || !strings.HasSuffix(w[0].Err.Error(), test.want) || w[0].URL != url {
				t.Errorf("dropped: %v", w)
			}
			good := &webServer{root: root}
			run(t, only(meta, dir, url, good.start(t))).succeeds(t, dir, root)
		})
	}
}

// lacking is a web seed that has no files whose names end with one of some texts.
func lacking(root string, names ...string) *webServer {
	return &webServer{root: root, handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
		lacks := slices.ContainsFunc(names, func(name string) bool { return strings.HasSuffix(r.URL.Path, name) })
		if lacks {
			http.NotFound(w, r)
		}
		return lacks
	}}
}

// A web seed that lacks files gives the others, also of pieces and blocks that have bytes of
// them. A file that none has can't be downloaded.
func TestWebSeedLacksFile(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		for kind, sizes := range map[string][]int{"large": {300_000, 200_000, 300_000, 0, 5}, "small": {9, 0, 100, 7, 20_000, 3}} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				meta, root := makeContent(t, format, sizes...)
				dir := t.TempDir()
				r := run(t, only(meta, dir, lacking(root, "a", "c").start(t), lacking(root, "b", "d", "e").start(t), lacking(root, "a", "e").start(t)))
				r.succeeds(t, dir, root)
				if w := of[EventWarning](r); w != nil {
					t.Errorf("warnings: %v", w)
				}
				r = run(t, only(meta, t.TempDir(), lacking(root, "a", "c").start(t), lacking(root, "b", "c").start(t)))
				if !errors.Is(r.err, ErrNoWebSeed) {
					t.Error(r.err)
				}
				for _, e := range of[EventWebSeed](r) {
					if e.Err != nil && !strings.HasSuffix(e.Err.Error(), "the server answers 404 Not Found") {
						t.Errorf("%+v", e)
					}
				}
			})
		}
	}
}

// Of a piece whose files are from two web seeds, it can't be known which one lies: none is
// dropped, and a peer gives it.
func TestWebSeedLacksFileLies(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 10*pieceLength+9, 10*pieceLength)
	bad := lacking(root, "b")
	bad.change = func(_ string, b []byte) []byte { return append(b[:len(b)-1:len(b)-1], b[len(b)-1]+1) }
	dir := t.TempDir()
	r := run(t, only(meta, dir, bad.start(t), lacking(root, "a").start(t)))
	w := of[EventWarning](r)
	if !errors.Is(r.err, ErrNoWebSeed) || len(w) != 1 || w[0].Err != errMixed {
		t.Errorf("%v, warnings: %v", r.err, w)
	}
	for _, e := range of[EventWebSeed](r) {
		if errors.Is(e.Err, errOtherData) {
			t.Errorf("%+v", e)
		}
	}
	o := only(meta, dir, meta.WebSeeds...)
	o.WebSeeds, o.Peers = WebSeedsOn, []netip.AddrPort{startSeed(t, meta, root, seed.Options{})}
	run(t, o).succeeds(t, dir, root)
}

// A web seed at a private address is refused, and so is a redirect to one, unless the user
// allows it.
func TestWebSeedPrivate(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s := &webServer{root: root}
	target := s.start(t)
	from := &webServer{handle: func(w http.ResponseWriter, r *http.Request, n int) bool {
		http.Redirect(w, r, target+r.URL.Path[1:], http.StatusFound)
		return true
	}}
	dir := t.TempDir()
	o := only(meta, dir, from.start(t))
	o.AllowLocal = false
	r := run(t, o)
	w := r.dropped()
	if !errors.Is(r.err, ErrNoWebSeed) || len(w) != 1 || len(s.requests)+len(from.requests) > 0 {
		t.Fatalf("%v, dropped: %v, requests: %q", r.err, w, s.requests)
	}
	if _, ok := errors.AsType[*netguard.Error](w[0].Err); !ok {
		t.Errorf("the error is %v", w[0].Err)
	}
	o.AllowLocal = true
	run(t, o).succeeds(t, dir, root)
}

// A slow peer and a web seed share the work. Without web seeds the peer does it alone, and
// with web seeds only it is not called.
func TestWebSeedBesidePeer(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatHybrid, 40*pieceLength, 60*pieceLength)
	for _, use := range []WebSeeds{WebSeedsOn, WebSeedsOnly, WebSeedsOff} {
		peer := startSeed(t, meta, root, seed.Options{MaxUploadRate: 4 << 20})
		s, dir := &webServer{root: root}, t.TempDir()
		o := only(meta, dir, s.start(t))
		o.WebSeeds, o.Peers = use, []netip.AddrPort{peer}
		r := run(t, o)
		r.succeeds(t, dir, root)
		fromWeb, joined := s.sent.Load() > 0, len(of[EventPeer](r)) > 0
		if fromWeb != (use != WebSeedsOff) || use == WebSeedsOnly && joined || use == WebSeedsOff && !joined {
			t.Errorf("use %d: %d bytes from the web seed, peers %t", use, s.sent.Load(), joined)
		}
		e := of[EventStopped](r)[0]
		if e.Downloaded > 2*meta.Size() {
			t.Errorf("use %d: %d bytes of %d", use, e.Downloaded, meta.Size())
		}
		if e.FromWebSeeds > e.Downloaded || (e.FromWebSeeds > 0) != fromWeb || (e.FromWebSeeds < e.Downloaded) != joined {
			t.Errorf("use %d: %+v", use, e)
		}
	}
}

// The web seeds of a magnet link are used when its torrent is known.
func TestWebSeedMagnet(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 40*pieceLength)
	peer := startSeed(t, meta, root, seed.Options{MaxUploadRate: 200_000})
	s, dir := &webServer{root: root}, t.TempDir()
	m := meta.Magnet()
	m.WebSeeds = []string{s.start(t)}
	r := run(t, Options{Magnet: m, Dir: dir, Peers: []netip.AddrPort{peer}, AllowLocal: true})
	r.succeeds(t, dir, root)
	if s.sent.Load() == 0 {
		t.Error("the web seed was not used")
	}
	r = run(t, Options{Magnet: m, Dir: t.TempDir(), Peers: []netip.AddrPort{peer}, WebSeeds: WebSeedsOnly})
	if !errors.Is(r.err, ErrPeerless) {
		t.Errorf("the error is %v", r.err)
	}
}

// A torrent without a web seed that can be used has none to download from.
func TestWebSeedNone(t *testing.T) {
	t.Parallel()
	meta, _ := makeContent(t, maketorrent.FormatV1, 100)
	for _, urls := range [][]string{nil, {"ftp://a.example/"}, {"ftp://a.example/", "ftp://a.example/"}, {"http://a.example/%zz"}} {
		r := run(t, only(meta, t.TempDir(), urls...))
		if !errors.Is(r.err, ErrNoWebSeed) || len(r.dropped()) != min(1, len(urls)) {
			t.Errorf("%q: %v, %v", urls, r.err, r.dropped())
		}
	}
}

// The limit of the download rate holds for web seeds.
func TestWebSeedRate(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 600_000)
	s, dir := &webServer{root: root}, t.TempDir()
	o := only(meta, dir, s.start(t))
	o.MaxDownloadRate = 200_000
	begun := time.Now()
	run(t, o).succeeds(t, dir, root)
	if took := time.Since(begun); took < 2*time.Second {
		t.Errorf("600,000 bytes have arrived in %v", took)
	}
}

// A large file is requested over several connections, each for more than one request.
func TestWebSeedConnections(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 48<<20)
	s, dir := &webServer{root: root}, t.TempDir()
	run(t, only(meta, dir, s.start(t))).succeeds(t, dir, root)
	if s.sent.Load() != meta.Size() {
		t.Errorf("%d bytes were sent, want %d", s.sent.Load(), meta.Size())
	}
	if n := s.conns.Load(); n < 2 || n > maxWebConns || int64(len(s.requests)) <= n {
		t.Errorf("%d connections for %d requests", n, len(s.requests))
	}
}

// A pieceServer is an HTTP seed (BEP 17).
func pieceServer(t testing.TB, meta *Metainfo, root string, overloaded int) *webServer {
	content, err := meta.Content()
	if err != nil {
		t.Fatal(err)
	}
	s := &webServer{root: root}
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		piece, err := strconv.Atoi(r.URL.Query().Get("piece"))
		switch {
		case err != nil || r.URL.Query().Get("info_hash") != string(meta.InfoHashV1[:]):
			http.NotFound(w, r)
			return true
		case n <= overloaded:
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "1")
			return true
		}
		var body []byte
		for _, span := range content.Layout.Spans(piece, piece) {
			part := make([]byte, span.Length)
			if span.File != metainfo.Gap && !content.Files[span.File].Pad {
				b, err := os.ReadFile(filepath.Join(append([]string{root}, content.Files[span.File].Path()...)...))
				if err != nil && !content.Single {
					t.Error(err)
				} else if content.Single {
					b, _ = os.ReadFile(root)
				}
				copy(part, b[span.Offset:])
			}
			body = append(body, part...)
		}
		countingWriter{w, &s.sent}.Write(body)
		return true
	}
	return s
}

// An HTTP seed sends pieces of v1 and hybrid torrents, after a while if it is overloaded.
func TestHTTPSeed(t *testing.T) {
	t.Parallel()
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "hybrid": maketorrent.FormatHybrid} {
		for _, sizes := range [][]int{{300_001}, webSizes} {
			t.Run(fmt.Sprint(name, len(sizes)), func(t *testing.T) {
				t.Parallel()
				meta, root := makeContent(t, format, sizes...)
				s, dir := pieceServer(t, meta, root, 2), t.TempDir()
				o := only(meta, dir)
				meta.HTTPSeeds = []string{s.start(t)}
				run(t, o).succeeds(t, dir, root)
				if n := s.sent.Load(); n < meta.Size() || n > meta.Size()+6*pieceLength {
					t.Errorf("%d bytes were sent, of %d", n, meta.Size())
				}
			})
		}
	}
	meta, _ := makeContent(t, maketorrent.FormatV2, 100)
	meta.HTTPSeeds = []string{"http://127.0.0.1:1/"}
	if r := run(t, only(meta, t.TempDir())); !errors.Is(r.err, ErrNoWebSeed) {
		t.Errorf("v2: %v", r.err)
	}
}

// The first failures wait for seconds, later ones for minutes, unless the server says how long.
func TestWebWait(t *testing.T) {
	t.Parallel()
	busy := &webseed.StatusError{Code: 503, RetryAfter: 7 * time.Second}
	for _, test := range []struct {
		err      error
		failures int
		want     time.Duration
	}{
		{webseed.ErrCut, 1, time.Second}, {webseed.ErrCut, 2, 2 * time.Second}, {webseed.ErrCut, 7, 64 * time.Second},
		{webseed.ErrCut, 8, 2 * time.Minute}, {webseed.ErrCut, 1 << 40, 2 * time.Minute},
		{&fileError{nil, 1, "a", busy}, 1, 7 * time.Second}, {busy, 4, 8 * time.Second},
	} {
		if got := webWait(test.err, test.failures); got != test.want {
			t.Errorf("after %d times %v: %v, want %v", test.failures, test.err, got, test.want)
		}
	}
}

// A server that refuses several requests at once is sent one at a time, and is not dropped.
func TestWebSeedOverloaded(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 48<<20)
	s, dir := &webServer{root: root}, t.TempDir()
	var now, refused atomic.Int64
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		defer now.Add(-1)
		if now.Add(1) > 1 {
			refused.Add(1)
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}
		http.ServeFile(countingWriter{w, &s.sent}, r, root)
		return true
	}
	r := run(t, only(meta, dir, s.start(t)))
	r.succeeds(t, dir, root)
	if w := r.dropped(); w != nil || refused.Load() > 2*maxWebConns {
		t.Errorf("%d requests were refused; dropped: %v", refused.Load(), w)
	}
}

// A web seed with other data beside an honest peer is dropped, and the peer is not.
func TestWebSeedLiesBesidePeer(t *testing.T) {
	t.Parallel()
	for name, format := range formats {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, format, 20*pieceLength, 20*pieceLength)
			s, dir := &webServer{root: root, change: func(_ string, b []byte) []byte { return make([]byte, len(b)) }}, t.TempDir()
			o := only(meta, dir, s.start(t))
			o.WebSeeds, o.Peers = WebSeedsOn, []netip.AddrPort{startSeed(t, meta, root, seed.Options{MaxUploadRate: 2 << 20})}
			r := run(t, o)
			r.succeeds(t, dir, root)
			if e := of[EventWebSeed](r); len(e) == 0 || e[len(e)-1].State != WebSeedFailed || !errors.Is(e[len(e)-1].Err, errOtherData) {
				t.Errorf("events: %+v", e)
			}
			for _, e := range of[EventPeer](r) {
				if e.Err != nil {
					t.Errorf("the peer was dropped: %v", e.Err)
				}
			}
		})
	}
}

// A download from a web seed that says nothing ends after the timeout.
func TestWebSeedTimeout(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s := &webServer{root: root, handle: func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		<-r.Context().Done()
		return true
	}}
	o := only(meta, t.TempDir(), s.start(t))
	o.Timeout = 2 * time.Second
	if r := run(t, o); !errors.Is(r.err, ErrTimeout) {
		t.Errorf("the error is %v", r.err)
	}
}

// With web seeds only, no tracker is asked.
func TestWebSeedNoTracker(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, tracker, dir := &webServer{root: root}, &webServer{}, t.TempDir()
	o := only(meta, dir, s.start(t))
	o.Trackers = [][]string{{tracker.start(t) + "announce"}}
	r := run(t, o)
	r.succeeds(t, dir, root)
	if len(tracker.requests)+len(of[EventAnnounce](r))+len(of[EventListening](r)) > 0 {
		t.Errorf("%q; %+v", tracker.requests, r.events)
	}
}

// The status has the state and the figures of each web seed. One that fails several times is
// asked again, and then used.
func TestWebSeedStatus(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, bad, dir := &webServer{root: root}, &webServer{root: root, change: func(_ string, b []byte) []byte { return b[1:] }}, t.TempDir()
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n <= manyFailures {
			w.WriteHeader(http.StatusBadGateway)
		}
		return n <= manyFailures
	}
	o := only(meta, dir, s.start(t), bad.start(t))
	var g *Getter
	var events []EventWebSeed
	var last Status
	o.Event = func(_ time.Time, e Event) {
		switch e := e.(type) {
		case EventWebSeed:
			events = append(events, e)
		case EventComplete:
			last = g.Status()
		}
	}
	g, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	var states []WebSeedState
	for _, e := range events {
		if states = append(states, e.State); (e.Err == nil) != (e.State == WebSeedUsed) {
			t.Errorf("%+v", e)
		}
	}
	if diff := cmp.Diff([]WebSeedState{WebSeedFailed, WebSeedFailed, WebSeedUsed}, states); diff != "" {
		t.Error(diff)
	}
	want := []WebSeedStatus{
		{URL: meta.WebSeeds[0], State: WebSeedUsed, Downloaded: 100_000},
		{URL: meta.WebSeeds[1], State: WebSeedFailed, Err: last.WebSeeds[1].Err},
	}
	for i := range last.WebSeeds {
		last.WebSeeds[i].DownloadRate = 0
	}
	if diff := cmp.Diff(want, last.WebSeeds, cmp.Comparer(func(a, b error) bool { return a == b })); diff != "" || want[1].Err == nil {
		t.Error(diff)
	}
}

// Trackers are not sent the bytes of web seeds as downloaded, but nothing is left.
func TestWebSeedAnnounce(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	s, dir := &webServer{root: root}, t.TempDir()
	announces := make(chan url.Values, 10)
	tracker := &webServer{handle: func(w http.ResponseWriter, r *http.Request, _ int) bool {
		announces <- r.URL.Query()
		io.WriteString(w, "d8:intervali1800e5:peers0:e")
		return true
	}}
	o := only(meta, dir, s.start(t))
	o.WebSeeds, o.Trackers = WebSeedsOn, [][]string{{tracker.start(t) + "announce"}}
	run(t, o).succeeds(t, dir, root)
	var completed url.Values
	for range len(announces) {
		if q := <-announces; q.Get("event") == "completed" {
			completed = q
		}
	}
	if completed.Get("downloaded") != "0" || completed.Get("left") != "0" {
		t.Errorf("the completed event is %v", completed)
	}
}

// withTracker makes a download have a tracker, which knows no peers.
func withTracker(t *testing.T, o *Options) {
	tracker := &webServer{handle: func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		io.WriteString(w, "d8:intervali1800e5:peers0:e")
		return true
	}}
	o.WebSeeds, o.Trackers = WebSeedsOn, [][]string{{tracker.start(t) + "announce"}}
}

// A web seed with wrong files is used again after some time, when they are corrected. A
// file that changes between is not mixed with the older one.
func TestWebSeedReturns(t *testing.T) {
	t.Parallel()
	for name, wrong := range map[string]func(b []byte) []byte{
		"other data": func(b []byte) []byte { return make([]byte, len(b)) },
		"other size": func(b []byte) []byte { return b[1:] },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 10*pieceLength, 100)
			var corrected atomic.Bool
			s, dir := &webServer{root: root, change: func(_ string, b []byte) []byte {
				if corrected.Load() {
					return b
				}
				return wrong(b)
			}}, t.TempDir()
			o := only(meta, dir, s.start(t))
			withTracker(t, &o)
			o.returnTime = 100 * time.Millisecond
			o.Event = func(_ time.Time, e Event) {
				if e, ok := e.(EventWebSeed); ok && e.State == WebSeedFailed {
					corrected.Store(true)
				}
			}
			r := run(t, o)
			r.succeeds(t, dir, root)
			if e := of[EventWebSeed](r); e[len(e)-1].State != WebSeedUsed || r.dropped() != nil {
				t.Errorf("events: %+v", e)
			}
		})
	}
}

// A web seed that is wrong again and again is dropped in the end.
func TestWebSeedReturnsWrong(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 10*pieceLength, 100)
	s := &webServer{root: root, change: func(_ string, b []byte) []byte { return make([]byte, len(b)) }}
	o := only(meta, t.TempDir(), s.start(t))
	withTracker(t, &o)
	o.returnTime = 10 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	o.Event = func(_ time.Time, e Event) {
		if e, ok := e.(EventWebSeed); ok && e.State == WebSeedDropped {
			cancel()
		}
	}
	r := runWith(t, ctx, o)
	failed := 0
	for _, e := range of[EventWebSeed](r) {
		if e.State == WebSeedFailed {
			failed++
		}
	}
	if d := r.dropped(); !errors.Is(r.err, context.Canceled) || len(d) != 1 || !errors.Is(d[0].Err, errOtherData) || failed != maxDrops-1 {
		t.Errorf("%v, events: %+v", r.err, of[EventWebSeed](r))
	}
}
