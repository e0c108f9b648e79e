package get

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/webseed"
	"bt/maketorrent"
	"bt/seed"
)

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
		{&fileError{1, "a", busy}, 1, 7 * time.Second}, {busy, 4, 8 * time.Second},
	} {
		if got := webWait(test.err, test.failures); got != test.want {
			t.Errorf("after %d times %v: %v, want %v", test.failures, test.err, got, test.want)
		}
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
			// A slow peer gives blocks meanwhile. The other one begins when the web seed has failed,
			// or the download could be over before.
			late := listenLate(t, "127.0.0.3")
			o.WebSeeds, o.Peers = WebSeedsOn, []netip.AddrPort{
				startSeed(t, meta, root, seed.Options{MaxUploadRate: 32 << 10}), startSeed(t, meta, root, seed.Options{Listener: late}),
			}
			o.Event = func(_ time.Time, e Event) {
				if e, ok := e.(EventWebSeed); ok && e.State == WebSeedFailed {
					late.open()
				}
			}
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
			o.returnTime = time.Second // it is corrected before, also on a busy machine
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
