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
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/netguard"
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

// asked returns the requests so far. Those that the client has given up may still come.
func (s *webServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func (s *webServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.requests = append(s.requests, r.URL.RequestURI()+" "+r.Header.Get("Range"))
	n := len(s.requests)
	s.mu.Unlock()
	if s.handle == nil || !s.handle(w, r, n) {
		s.serve(w, r)
	}
}

// serve answers with a file.
func (s *webServer) serve(w http.ResponseWriter, r *http.Request) {
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
						t.Errorf("%d bytes were sent, of %d; %+v; %q", s.sent.Load(), sum(sizes), e, s.asked())
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
			t.Errorf("whole %t: %d bytes were sent, want %d; %q", whole, s.sent.Load(), want, s.asked())
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
			if n == 1 {
				s.serve(&cutWriter{w, 100_000}, r)
			}
			return n == 1
		}
		r := run(t, only(meta, dir, s.start(t)))
		r.succeeds(t, dir, root)
		if w := r.dropped(); w != nil {
			t.Errorf("dropped: %v", w)
		}
		if list := s.asked(); len(list) < 2 {
			t.Errorf("requests: %q", list)
		}
	}
}

// A cutWriter cuts the connection after some bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	n := min(len(b), w.left)
	w.left -= n
	if _, err := w.ResponseWriter.Write(b[:n]); err == nil && n == len(b) {
		return n, nil
	}
	http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
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
	if list := s.asked(); len(list) < 2 {
		t.Errorf("requests: %q", list)
	}
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
	if requests := append(s.asked(), from.asked()...); !errors.Is(r.err, ErrNoWebSeed) || len(w) != 1 || len(requests) > 0 {
		t.Fatalf("%v, dropped: %v, requests: %q", r.err, w, requests)
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
		peer := startSeed(t, meta, root, seed.Options{MaxUploadRate: 1 << 20})
		s, dir := &webServer{root: root}, t.TempDir()
		ofUse := make(chan struct{})
		release := sync.OnceFunc(func() { close(ofUse) })
		if use == WebSeedsOn {
			// The web seed could finish alone, so it waits until the peer has sent something.
			s.handle = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
				select {
				case <-ofUse:
				case <-r.Context().Done():
				}
				return false
			}
		}
		o := only(meta, dir, s.start(t))
		o.WebSeeds, o.Peers = use, []netip.AddrPort{peer}
		o.Event = func(_ time.Time, e Event) {
			if e, ok := e.(EventProgress); ok && e.Done > 0 {
				release()
			}
		}
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
	for _, urls := range [][]string{
		nil, {"ftp://a.example/"}, {"ftp://a.example/", "ftp://a.example/"}, {"http://a.example/%zz"}, {"http:///a/"}, {"http://a.example:65536/"},
	} {
		r := run(t, only(meta, t.TempDir(), urls...))
		if !errors.Is(r.err, ErrNoWebSeed) || len(r.dropped()) != min(1, len(urls)) {
			t.Errorf("%q: %v, %v", urls, r.err, r.dropped())
		}
	}
}

// If the server refuses all connections at once, one of them stays.
func TestWebSeedShrink(t *testing.T) {
	t.Parallel()
	w := &webSeed{getter: new(Getter), most: maxWebConns}
	for range maxWebConns {
		w.conns = append(w.conns, new(webConn))
	}
	for i, c := range slices.Clone(w.conns) {
		if last := i == maxWebConns-1; w.shrink(c) == last {
			t.Errorf("connection %d of %d ends: %v", i+1, maxWebConns, !last)
		}
	}
	if len(w.conns) != 1 || w.most != 1 {
		t.Errorf("%d connections are left, at most %d are made", len(w.conns), w.most)
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
	if n, requests := s.conns.Load(), len(s.asked()); n < 2 || n > maxWebConns || int64(requests) <= n {
		t.Errorf("%d connections for %d requests", n, requests)
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
	if requests := tracker.asked(); len(requests)+len(of[EventAnnounce](r))+len(of[EventListening](r)) > 0 {
		t.Errorf("%q; %+v", requests, r.events)
	}
}
