package repair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/inspect"
	"bt/internal/webseed"
	"bt/maketorrent"
)

// A wholeServer sends each file as a whole, whatever is asked for.
type wholeServer struct {
	files   content
	chunked bool  // without a length
	cut     int64 // if not 0, each connection ends after so many bytes of a body
	late    bool  // the first request is answered with a range
	bodies  atomic.Int64
	sent    atomic.Int64
}

func (s *wholeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b, ok := s.files[strings.TrimPrefix(r.URL.Path, "/content/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if n := s.bodies.Add(1); n == 1 && s.late {
		http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(b))
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	if !s.chunked {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	}
	for at := 0; at < len(b); at += 1000 {
		if s.cut > 0 && int64(at) >= s.cut*s.bodies.Load() {
			panic(http.ErrAbortHandler)
		}
		n, err := w.Write(b[at:min(at+1000, len(b))])
		if s.sent.Add(int64(n)); err != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
}

// Of a server that sends no ranges, a file is read once, up to the last byte that is needed.
func TestServersWithoutRanges(t *testing.T) {
	for name, server := range map[string]func() *wholeServer{
		"whole":         func() *wholeServer { return &wholeServer{} },
		"chunked":       func() *wholeServer { return &wholeServer{chunked: true} },
		"after a range": func() *wholeServer { return &wholeServer{late: true} },
		"cut":           func() *wholeServer { return &wholeServer{cut: 12_000} },
	} {
		for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2} {
			t.Run(fmt.Sprint(name, format), func(t *testing.T) {
				s := newSample(t, maketorrent.Options{Format: format})
				big := randomBytes(rand.New(rand.NewPCG(3, 3)), 2_000_000)
				s.original["z"] = big
				s.original.write(t, s.path(""))
				s.tor = makeTorrent(t, s.dir, maketorrent.Options{Format: format})
				for _, at := range []int64{5, 40_000, 40_001, 90_000} {
					flip(t, s.path("z"), at)
				}
				flip(t, s.path("a"), 100)
				if err := os.Remove(s.path("b")); err != nil {
					t.Fatal(err)
				}
				h := server()
				h.files = s.original
				web := httptest.NewServer(h)
				defer web.Close()
				source := Source{URL: web.URL}
				dry := s.repair(t, Options{DryRun: true}, source)
				h.bodies.Store(0)
				r := s.repair(t, Options{}, source)
				if !s.isWhole(t) || r.Sources[0].Err != nil || r.Sources[0].Wrong > 0 {
					t.Fatalf("%+v", r.Sources[0])
				}
				first, n := dry.Sources[0].Fetched, r.Sources[0].Fetched
				if !h.late && (n < first || n > first+dry.Sources[0].More) {
					t.Errorf("%d bytes are reported, and %+v before", n, dry.Sources[0])
				}
				if n > 300_000 {
					t.Errorf("%d bytes were fetched", n)
				}
			})
		}
	}
}

// A server that gets several requests at once answers only some at a time, or refuses them:
// then it gets one at a time.
func TestRequestsAtOnce(t *testing.T) {
	for _, limit := range []int32{1, 2, 100} {
		for _, refuse := range []bool{false, true} {
			s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
			r := rand.New(rand.NewPCG(9, 9))
			for i := range 30 {
				s.original[fmt.Sprintf("many/%02d", i)] = randomBytes(r, 40_000)
			}
			s.original.write(t, s.path(""))
			s.tor = makeTorrent(t, s.dir, maketorrent.Options{Format: maketorrent.FormatV2})
			for i := range 30 {
				flip(t, s.path(fmt.Sprintf("many/%02d", i)), 5)
				flip(t, s.path(fmt.Sprintf("many/%02d", i)), 39_000)
			}
			var running, most atomic.Int32
			web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				n := running.Add(1)
				// Once the client has the answer, it may send the next request.
				ended := sync.OnceFunc(func() { running.Add(-1) })
				for old := most.Load(); n > old && !most.CompareAndSwap(old, n); old = most.Load() {
				}
				if n > limit && refuse {
					ended()
					http.Error(w, "one at a time", http.StatusServiceUnavailable)
					return
				}
				if n > limit {
					ended()
					panic(http.ErrAbortHandler)
				}
				for n == 1 && most.Load() == 1 && limit > 1 && r.URL.Path == "/content/many/02" {
					time.Sleep(time.Millisecond) // until there are others
				}
				time.Sleep(time.Millisecond)
				ended()
				http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(s.original[strings.TrimPrefix(r.URL.Path, "/content/")]))
			}))
			report := s.repair(t, Options{}, Source{URL: web.URL})
			web.Close()
			if !s.isWhole(t) || report.Sources[0].Err != nil {
				t.Errorf("limit %d: %+v", limit, report.Sources[0])
			}
			if limit == 100 && (most.Load() < 2 || most.Load() > maxRequests) {
				t.Errorf("there were %d requests at once", most.Load())
			}
		}
	}
}

// The error of the first file in the torrent is reported, whichever request fails first.
func TestErrorOfTheFirstFile(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
	for _, path := range []string{"a", "b", "c", "sub/d"} {
		if err := os.Remove(s.path(path)); err != nil {
			t.Fatal(err)
		}
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := strings.TrimPrefix(r.URL.Path, "/content/"); path == "a" || path == "sub/d" {
			http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(s.original[path]))
			return
		}
		if strings.HasSuffix(r.URL.Path, "b") {
			time.Sleep(20 * time.Millisecond)
		}
		http.NotFound(w, r)
	}))
	defer web.Close()
	r := s.repair(t, Options{}, Source{URL: web.URL})
	if err := r.Sources[0].Err; err == nil || !strings.HasPrefix(err.Error(), "b: ") {
		t.Errorf("the error is %v", err)
	}
	if status, ok := errors.AsType[*webseed.StatusError](r.Sources[0].Err); !ok || status.Code != http.StatusNotFound || r.Pieces != 4 {
		t.Errorf("%+v", r)
	}
}

// A mirror is a server of a damaged copy. Its behaviour is random.
func mirror(t *testing.T, r *rand.Rand, files content) string {
	kind := r.IntN(4)
	seed := r.Uint64()
	h := &wholeServer{files: files, chunked: kind == 1}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if kind < 2 {
			h.ServeHTTP(w, q)
			return
		}
		b, ok := files[strings.TrimPrefix(q.URL.Path, "/content/")]
		if !ok {
			http.NotFound(w, q)
			return
		}
		if kind == 3 && (seed+uint64(len(q.URL.Path)))%3 == 0 { // it sends only some
			q.Header.Del("Range")
		}
		http.ServeContent(w, q, "x.bin", time.Time{}, bytes.NewReader(b))
	}))
	t.Cleanup(web.Close)
	return web.URL
}

// Random damages and damaged mirrors, some without ranges: what they have together is
// restored. If the repair ends at a random moment, each file is as it was or mended.
func TestRandomMirrors(t *testing.T) {
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid} {
		t.Run(fmt.Sprint(format), func(t *testing.T) {
			t.Parallel()
			for seed := range uint64(24) {
				r := rand.New(rand.NewPCG(seed, 21))
				dir := t.TempDir()
				root := filepath.Join(dir, "content")
				original := randomContent(r)
				original["one more"] = randomBytes(r, 100)
				original.write(t, root)
				tor := makeTorrent(t, dir, maketorrent.Options{Format: format})
				before := damaged(r, original)
				if err := errors.Join(os.RemoveAll(root), os.Mkdir(root, 0o755)); err != nil {
					t.Fatal(err)
				}
				before.write(t, root)
				trees := []content{before}
				var sources []Source
				for range 1 + seed%2 {
					served := damaged(r, original)
					for path, b := range served {
						if len(b) != len(original[path]) {
							delete(served, path) // a file of another size is not used
						}
					}
					trees = append(trees, served)
					sources = append(sources, Source{URL: mirror(t, r, served)})
				}
				_, bad := verify(t, tor, dir)
				if seed%3 == 0 {
					stopMirrors(t, r, tor, root, bad, sources, original, before)
					if _, bad = verify(t, tor, dir); t.Failed() {
						t.Fatalf("with seed %d", seed)
					}
				}
				start := read(t, root)
				report, err := Repair(t.Context(), tor, root, bad, sources, Options{})
				if err != nil {
					t.Fatal(err)
				}
				checkMended(t, tor, dir, original, start, together(tor, original, trees...), report)
				if t.Failed() {
					t.Fatalf("with seed %d: %+v", seed, report.Sources)
				}
			}
		})
	}
}

// stopMirrors repairs from mirrors, and ends at a random moment.
func stopMirrors(t *testing.T, r *rand.Rand, tor *inspect.Torrent, root string, bad []int, sources []Source, original, before content) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	left := 1 + r.IntN(60)
	_, err := Repair(ctx, tor, root, bad, sources, Options{Progress: func(Step, int64, int64) {
		if left--; left == 0 {
			cancel()
		}
	}})
	if err != nil && !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	after := read(t, root)
	now, was := together(tor, original, after), together(tor, original, before)
	for p := range was {
		if was[p] && !now[p] {
			t.Errorf("piece %d was good", p)
		}
	}
	for path, b := range after {
		old, ok := before[path]
		if want := original[path]; ok && bytes.Equal(old, want) && !bytes.Equal(b, want) {
			t.Errorf("the good file %s was changed", path)
		}
	}
	for path := range before {
		if _, ok := after[path]; !ok {
			t.Errorf("%s is gone", path)
		}
	}
}

// BenchmarkFetch repairs 500 small files and 500 ranges of a large one from a server that
// answers after 5 ms.
func BenchmarkFetch(b *testing.B) {
	r := rand.New(rand.NewPCG(2, 2))
	original := content{"large": randomBytes(r, 16<<20)}
	for i := range 500 {
		original[fmt.Sprintf("small/%03d", i)] = randomBytes(r, 1000)
	}
	dir := b.TempDir()
	root := filepath.Join(dir, "content")
	original.write(b, root)
	tor := makeTorrent(b, dir, maketorrent.Options{Format: maketorrent.FormatV2})
	before := content{"large": bytes.Clone(original["large"])}
	for i := range 500 {
		before["large"][i*32<<10] ^= 1
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(5 * time.Millisecond)
		http.ServeContent(w, r, "x.bin", time.Time{}, bytes.NewReader(original[strings.TrimPrefix(r.URL.Path, "/content/")]))
	}))
	defer web.Close()
	for b.Loop() {
		b.StopTimer()
		if err := os.RemoveAll(root); err != nil {
			b.Fatal(err)
		}
		before.write(b, root)
		_, bad := verify(b, tor, dir)
		b.StartTimer()
		report, err := Repair(b.Context(), tor, root, bad, []Source{{URL: web.URL}}, Options{})
		if err != nil || report.Pieces != len(bad) {
			b.Fatal(err, report)
		}
	}
	if now := read(b, root); !maps.EqualFunc(now, original, bytes.Equal) {
		b.Error("it is not whole")
	}
}
