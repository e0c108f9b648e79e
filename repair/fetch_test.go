package repair

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/webseed"
	"bt/maketorrent"
)

// A server serves the files of a tree below a path, and records what was asked for.
type server struct {
	files content
	below string // such as "/pub/content/"
	lie   func(path string, b []byte) []byte

	mu     sync.Mutex
	ranges map[string][][2]int64 // by path: offset and length, except of requests for one byte
}

func (s *server) start(t *testing.T) string {
	t.Helper()
	s.ranges = make(map[string][][2]int64)
	h := httptest.NewServer(s)
	t.Cleanup(h.Close)
	return h.URL
}

// asked returns the ranges that were asked for so far.
func (s *server) asked() map[string][][2]int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.ranges)
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path, ok := strings.CutPrefix(r.URL.Path, s.below)
	b, there := s.files[path]
	if !ok || !there {
		http.NotFound(w, r)
		return
	}
	var first, last int64
	if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last); n != 2 {
		http.Error(w, "only ranges", http.StatusBadRequest)
		return
	}
	if last > first {
		s.mu.Lock()
		s.ranges[path] = append(s.ranges[path], [2]int64{first, last - first + 1})
		s.mu.Unlock()
	}
	if s.lie != nil {
		b = s.lie(path, bytes.Clone(b))
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b))
}

func TestFetchesOnlyWhatIsWrong(t *testing.T) {
	for _, test := range []struct {
		name   string
		format maketorrent.Format
		damage func(t *testing.T, s *sample)
		want   map[string][][2]int64
	}{
		{"v2, a piece in the middle and the last", maketorrent.FormatV2, func(t *testing.T, s *sample) {
			flip(t, s.path("b"), 3)
			flip(t, s.path("sub/d"), 24_999)
		}, map[string][][2]int64{"b": {{0, 16384}}, "sub/d": {{16384, 8616}}}},
		{"v2, adjacent pieces in one request", maketorrent.FormatV2, func(t *testing.T, s *sample) {
			flip(t, s.path("b"), 3)
			flip(t, s.path("b"), 20_000)
		}, map[string][][2]int64{"b": {{0, 30_000}}}},
		{"hybrid, a missing file and a short one", maketorrent.FormatHybrid, func(t *testing.T, s *sample) {
			if err := errors.Join(os.Remove(s.path("c")), os.Truncate(s.path("a"), 17_000)); err != nil {
				t.Fatal(err)
			}
		}, map[string][][2]int64{"c": {{0, 100}}, "a": {{16384, 3616}}}},
		// In v1 the pieces are a 0-1, b 1-3, c 3, sub/d 3-4.
		{"v1, the missing file of a shared piece", maketorrent.FormatV1, func(t *testing.T, s *sample) {
			if err := os.Remove(s.path("c")); err != nil {
				t.Fatal(err)
			}
		}, map[string][][2]int64{"c": {{0, 100}}}},
		{"v1, a shared piece", maketorrent.FormatV1, func(t *testing.T, s *sample) {
			flip(t, s.path("a"), 19_000)
		}, map[string][][2]int64{"a": {{16384, 3616}}, "b": {{0, 12768}}}},
		{"v1, the neighbour of a missing file is wrong too", maketorrent.FormatV1, func(t *testing.T, s *sample) {
			flip(t, s.path("b"), 29_999)
			if err := os.Remove(s.path("c")); err != nil {
				t.Fatal(err)
			}
		}, map[string][][2]int64{"c": {{0, 100}}, "b": {{29152, 848}}, "sub/d": {{0, 15436}}}},
		{"only too long", maketorrent.FormatV1, func(t *testing.T, s *sample) {
			if err := os.Truncate(s.path("b"), 40_000); err != nil {
				t.Fatal(err)
			}
		}, map[string][][2]int64{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: test.format})
			test.damage(t, s)
			web := server{files: s.original, below: "/pub/content/"}
			source := Source{URL: web.start(t) + "/pub"}
			dry := s.repair(t, Options{DryRun: true}, source)
			if ranges := web.asked(); len(ranges) > 0 {
				t.Errorf("a dry run has fetched %v", ranges)
			}
			r := s.repair(t, Options{}, source)
			if !s.isWhole(t) || r.Sources[0].Err != nil || r.Sources[0].Wrong > 0 {
				t.Errorf("%+v", r)
			}
			ranges := web.asked()
			if !maps.EqualFunc(ranges, test.want, slices.Equal) {
				t.Errorf("fetched %v, want %v", ranges, test.want)
			}
			var n int64
			for _, list := range ranges {
				for _, r := range list {
					n += r[1]
				}
			}
			first := dry.Sources[0].Fetched
			if r.Sources[0].Fetched != n || first > n || n > first+dry.Sources[0].More {
				t.Errorf("%d bytes are reported, and %+v before, want %d", r.Sources[0].Fetched, dry.Sources[0], n)
			}
		})
	}
}

// The forms of URLs: a web seed (BEP 19), and a mirror of the content itself.
func TestFormsOfURLs(t *testing.T) {
	for _, test := range []struct{ below, url string }{
		{"/pub/content/", "/pub"}, {"/pub/content/", "/pub/"}, {"/mirror/", "/mirror"}, {"/mirror/", "/mirror/"}, {"/content/", ""},
	} {
		s := newSample(t, maketorrent.Options{})
		if err := errors.Join(os.Remove(s.path("a")), os.Remove(s.path("sub/d"))); err != nil {
			t.Fatal(err)
		}
		web := server{files: s.original, below: test.below}
		if r := s.repair(t, Options{}, Source{URL: web.start(t) + test.url}); !s.isWhole(t) {
			t.Errorf("%v: %+v", test, r)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	data := randomBytes(r, 50_000)
	for _, test := range []struct{ file, url string }{{"/x.bin", "/x.bin"}, {"/pub/content", "/pub/"}, {"/pub/content", "/pub"}} {
		dir := t.TempDir()
		name := filepath.Join(dir, "content")
		if err := os.WriteFile(name, data, 0o644); err != nil {
			t.Fatal(err)
		}
		tor := makeTorrent(t, dir, maketorrent.Options{})
		flip(t, name, 40_000)
		_, bad := verify(t, tor, dir)
		web := server{files: content{strings.TrimPrefix(test.file, "/"): data}, below: "/"}
		report, err := Repair(t.Context(), tor, name, bad, []Source{{URL: web.start(t) + test.url}}, Options{})
		if b, err2 := os.ReadFile(name); err != nil || !bytes.Equal(b, data) {
			t.Errorf("%v: %+v (%v, %v)", test, report, err, err2)
		}
	}
}

// What a server sends is proven before it is used, and what it lacks is asked from the
// next one.
func TestServersThatLie(t *testing.T) {
	for _, test := range []struct {
		name  string
		lie   func(path string, b []byte) []byte
		wrong int
		is    func(err error) bool // nil: no error
	}{
		{"a wrong byte in each piece", func(_ string, b []byte) []byte {
			for i := 5; i < len(b); i += 50 {
				b[i] ^= 1
			}
			return b
		}, 7, nil},
		{"zeros", func(_ string, b []byte) []byte { clear(b); return b }, 7, nil},
		{"one wrong file", func(path string, b []byte) []byte {
			if path == "a" {
				clear(b)
			}
			return b
		}, 2, nil},
		{"another size", func(_ string, b []byte) []byte { return b[:len(b)-1] }, 0, func(err error) bool {
			_, ok := errors.AsType[*SizeError](err)
			return ok
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
			for _, path := range []string{"a", "b", "c", "sub/d"} {
				if err := os.Remove(s.path(path)); err != nil {
					t.Fatal(err)
				}
			}
			liar := server{files: s.original, below: "/content/", lie: test.lie}
			honest := server{files: s.original, below: "/content/"}
			bad := Source{URL: liar.start(t)}
			r := s.repair(t, Options{}, bad)
			if r.Sources[0].Wrong != test.wrong || r.Pieces+test.wrong != 7 && test.is == nil {
				t.Errorf("%+v", r)
			}
			if err := r.Sources[0].Err; (err != nil) != (test.is != nil) || err != nil && !test.is(err) {
				t.Errorf("the error is %v", err)
			}
			for path, b := range read(t, s.path("")) {
				if !bytes.Equal(b, s.original[path]) {
					t.Errorf("%s has wrong bytes", path)
				}
			}
			if r := s.repair(t, Options{}, bad, Source{URL: honest.start(t)}); !s.isWhole(t) {
				t.Errorf("%+v", r)
			}
			if ranges := honest.asked(); test.wrong == 2 && len(ranges) != 1 {
				t.Errorf("the second server was asked for %v", ranges)
			}
		})
	}
}

func TestServersThatFail(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
	if err := errors.Join(os.Remove(s.path("a")), os.Remove(s.path("b"))); err != nil {
		t.Fatal(err)
	}
	// It has only one of the files.
	part := server{files: content{"b": s.original["b"]}, below: "/content/"}
	r := s.repair(t, Options{}, Source{URL: part.start(t)})
	if status, ok := errors.AsType[*webseed.StatusError](r.Sources[0].Err); !ok || status.Code != http.StatusNotFound || r.Pieces != 2 {
		t.Errorf("%+v", r)
	}
	// Nothing listens there.
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	r = s.repair(t, Options{}, Source{URL: closed.URL})
	if err := r.Sources[0].Err; !errors.Is(err, syscall.ECONNREFUSED) || !strings.HasPrefix(err.Error(), "a: ") {
		t.Errorf("the error is %v", err)
	}
}

// A web seed and damaged copies have together what none of them has alone.
func TestURLAndCopies(t *testing.T) {
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 5))
		dir, other := t.TempDir(), t.TempDir()
		original := randomContent(r)
		original["one more"] = randomBytes(r, 100)
		original.write(t, filepath.Join(dir, "content"))
		tor := makeTorrent(t, dir, maketorrent.Options{Format: []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2}[seed%2]})
		before := damaged(r, original)
		if err := errors.Join(os.RemoveAll(filepath.Join(dir, "content")), os.Mkdir(filepath.Join(dir, "content"), 0o755)); err != nil {
			t.Fatal(err)
		}
		before.write(t, filepath.Join(dir, "content"))
		copied := damaged(r, original)
		copied.write(t, filepath.Join(other, "content"))
		served := damaged(r, original)
		for path, b := range served {
			if len(b) != len(original[path]) {
				delete(served, path) // a file of another size is not used
			}
		}
		web := server{files: served, below: "/content/"}
		_, bad := verify(t, tor, dir)
		report, err := Repair(t.Context(), tor, filepath.Join(dir, "content"), bad, []Source{{Path: other}, {URL: web.start(t)}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		checkMended(t, tor, dir, original, before, together(tor, original, before, copied, served), report)
		if t.Failed() {
			t.Fatalf("with seed %d", seed)
		}
	}
}
