package webseed

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

// A site is the content of a torrent in a directory, and a server of it.
type site struct {
	dir     string
	torrent *metainfo.Torrent
	url     string

	mu       sync.Mutex
	server   http.Handler
	requests int
}

func (s *site) serve(h http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server, s.requests = h, 0
}

func (s *site) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests
}

// newSite makes a torrent of files in a directory called "name", or of one file called
// so if their only path is "".
func newSite(t *testing.T, format maketorrent.Format, pieceLength int64, files map[string]int) *site {
	t.Helper()
	s := &site{dir: t.TempDir()}
	root := filepath.Join(s.dir, "name")
	for path, size := range files {
		write(t, filepath.Join(root, path), random(size + len(path))[len(path):])
	}
	r, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Format: format, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	s.torrent = r.Torrent
	s.server = http.FileServer(http.Dir(s.dir))
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.requests++
		server := s.server
		s.mu.Unlock()
		w.Header().Set("Content-Type", "application/octet-stream")
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	s.url = h.URL + "/"
	return s
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// change replaces a file of the site.
func (s *site) change(t *testing.T, path string, f func(b []byte) []byte) {
	t.Helper()
	path = filepath.Join(s.dir, "name", path)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, f(b))
}

var someFiles = map[string]int{"a b": 100_000, "dir/c+d": 40_000, "dir/e": 5, "empty": 0, "f": 1}

func showProblems(problems []Problem) string {
	var lines []string
	for _, p := range problems {
		line := [...]string{"unreachable", "missing", "no ranges", "wrong", "unchecked"}[p.Kind] + " " + p.File
		if p.More > 0 {
			line += fmt.Sprintf(" +%d", p.More)
		}
		lines = append(lines, line+": "+p.Err.Error())
	}
	return strings.Join(lines, "\n")
}

var formats = []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid}

func TestCheckWebSeed(t *testing.T) {
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	for _, test := range []struct {
		name        string
		change      func(t *testing.T, s *site)
		want, want1 string // want1: of v1, if it differs
	}{
		{"good", func(*testing.T, *site) {}, "", ""},
		{"short", func(t *testing.T, s *site) { s.change(t, "a b", func(b []byte) []byte { return b[:99_999] }) },
			"wrong a b: the server has 99999 bytes of it, and the torrent 100000", ""},
		{"long", func(t *testing.T, s *site) { s.change(t, "dir/e", func(b []byte) []byte { return append(b, 0) }) },
			"wrong dir/e: the server has 6 bytes of it, and the torrent 5", ""},
		{"stale", func(t *testing.T, s *site) { s.change(t, "dir/c+d", flip) },
			"wrong dir/c+d: piece 2 has another hash", "wrong a b: piece 1 has another hash; it also has bytes of dir/c+d"},
		{"all stale", func(t *testing.T, s *site) { s.change(t, "dir/e", flip); s.change(t, "f", flip) },
			"wrong dir/e +1: piece 3 has another hash", "wrong dir/c+d: piece 2 has another hash; it also has bytes of dir/e, f"},
		{"missing", func(t *testing.T, s *site) {
			os.Remove(filepath.Join(s.dir, "name", "f"))
			os.Remove(filepath.Join(s.dir, "name", "dir", "e"))
		}, "missing dir/e +1: the server answers 404 Not Found", ""},
		{"no ranges", func(t *testing.T, s *site) {
			inner := s.server
			s.serve(func(w http.ResponseWriter, r *http.Request) { r.Header.Del("Range"); inner.ServeHTTP(w, r) })
		}, "no ranges a b +2: the server sends no parts of the file", ""},
		{"pages", func(t *testing.T, s *site) {
			inner := s.server
			s.serve(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html")
				inner.ServeHTTP(w, r)
			})
		}, "wrong a b +3: the server sends a web page instead of the file", ""},
		{"forbidden", func(t *testing.T, s *site) {
			s.serve(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusForbidden) })
		}, "unreachable a b +3: the server answers 403 Forbidden", ""},
		{"several problems", func(t *testing.T, s *site) {
			os.Remove(filepath.Join(s.dir, "name", "f"))
			s.change(t, "dir/c+d", func(b []byte) []byte { return b[:1] })
		}, "wrong dir/c+d: the server has 1 bytes of it, and the torrent 40000\nmissing f: the server answers 404 Not Found", ""},
	} {
		for _, format := range formats {
			t.Run(fmt.Sprint(test.name, format), func(t *testing.T) {
				s := newSite(t, format, 64<<10, someFiles)
				test.change(t, s)
				want := test.want
				if format == maketorrent.FormatV1 && test.want1 != "" {
					want = test.want1
				}
				var last [2]int64
				problems, err := newClient(t).CheckWebSeed(t.Context(), s.torrent, s.url, func(done, all int64) { last = [2]int64{done, all} })
				if got := showProblems(problems); err != nil || got != want {
					t.Errorf("%v\n%s\nwant\n%s", err, got, want)
				}
				if want := [2]int64{140_006, 140_006}; last != want {
					t.Errorf("the last progress is %d, want %d", last, want)
				}
			})
		}
	}
}

func TestCheckSingleFile(t *testing.T) {
	for _, format := range formats {
		s := newSite(t, format, 16<<10, map[string]int{"": 100_001})
		c := newClient(t)
		for seed, want := range map[string]string{
			s.url:          "",
			s.url + "name": "",
			s.url + "nam":  "missing name: the server answers 404 Not Found",
			// The host is not looked up.
			"ftp://f.example/name": "unchecked : only http and https are checked",
		} {
			problems, err := c.CheckWebSeed(t.Context(), s.torrent, seed, nil)
			if got := showProblems(problems); err != nil || got != want {
				t.Errorf("%v %s: %v, %s, want %s", format, seed, err, got, want)
			}
		}
		s.change(t, "", func(b []byte) []byte { b[100_000] ^= 1; return b })
		problems, err := c.CheckWebSeed(t.Context(), s.torrent, s.url, nil)
		if got, want := showProblems(problems), "wrong name: piece 6 has another hash"; err != nil || got != want {
			t.Errorf("%v stale: %v, %s, want %s", format, err, got, want)
		}
	}
}

// A server that is not there is one problem, and is asked for few files.
func TestCheckUnreachable(t *testing.T) {
	files := make(map[string]int)
	for i := range 500 {
		files[fmt.Sprint(i)] = 10
	}
	s := newSite(t, maketorrent.FormatV1, 16<<10, files)
	s.serve(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	problems, err := newClient(t).CheckWebSeed(t.Context(), s.torrent, s.url, nil)
	if got, want := showProblems(problems), "unreachable : "+ErrCut.Error(); err != nil || got != want {
		t.Errorf("%v, %s, want %s", err, got, want)
	}
	if n := s.count(); n > 4*connections {
		t.Errorf("%d requests", n)
	}

	s.serve(http.NotFound)
	problems, err = newClient(t).CheckWebSeed(t.Context(), s.torrent, s.url, nil)
	got, want := showProblems(problems), "the server answers 404 Not Found\nunchecked : the check ended after 100 files with problems"
	if err != nil || !strings.HasPrefix(got, "missing ") || !strings.HasSuffix(got, want) {
		t.Errorf("%v, %s, want %s", err, got, want)
	}
	if n := s.count(); n > mostProblems+8*connections {
		t.Errorf("%d requests", n)
	}
}

// The sizes of many files are asked for over few connections.
func TestCheckConnections(t *testing.T) {
	files := make(map[string]int)
	for i := range 300 {
		files[fmt.Sprint(i)] = 10
	}
	s := newSite(t, maketorrent.FormatV1, 16<<10, files)
	var addrs sync.Map
	inner := s.server
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		addrs.Store(r.RemoteAddr, true)
		inner.ServeHTTP(w, r)
	})
	problems, err := newClient(t).CheckWebSeed(t.Context(), s.torrent, s.url, nil)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %s", err, showProblems(problems))
	}
	n := 0
	addrs.Range(func(any, any) bool { n++; return true })
	if n > 2*connections { // a request may find all busy, and one free while it dials
		t.Errorf("%d connections for %d requests", n, s.count())
	}
}

// Few pieces are read of a large file.
func TestSamples(t *testing.T) {
	for _, test := range []struct {
		size, pieceLength int64
		want              int
	}{
		{1, 16 << 10, 1},
		{20 << 10, 16 << 10, 2},
		{16 << 14, 16 << 10, 8},
		{1 << 40, 16 << 20, 4},
		{1 << 40, 128 << 20, 1},
	} {
		l, err := metainfo.NewLayout(test.pieceLength, []int64{test.size}, metainfo.AlignmentPacked)
		if err != nil {
			t.Fatal(err)
		}
		got := samples(l)
		seen := make(map[int]bool)
		for _, piece := range got {
			if piece < 0 || piece >= l.Pieces() || seen[piece] {
				t.Errorf("%d bytes: pieces %d", test.size, got)
			}
			seen[piece] = true
		}
		if len(got) != test.want || !seen[0] || test.want > 1 && !seen[l.Pieces()-1] {
			t.Errorf("%d bytes: pieces %d, want %d", test.size, got, test.want)
		}
	}
}

func TestCheckHTTPSeed(t *testing.T) {
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatHybrid} {
		s := newSite(t, format, 32<<10, map[string]int{"": 100_000})
		data, err := os.ReadFile(filepath.Join(s.dir, "name"))
		if err != nil {
			t.Fatal(err)
		}
		serve := func(w http.ResponseWriter, r *http.Request, fault string) {
			var piece int
			fmt.Sscan(r.URL.Query().Get("piece"), &piece)
			if r.URL.Query().Get("info_hash") != string(s.torrent.InfoHashV1[:]) {
				w.WriteHeader(http.StatusNotFound)
				return
			}
			b := data[piece<<15 : min(piece<<15+1<<15, len(data))]
			switch fault {
			case "busy":
				w.WriteHeader(http.StatusServiceUnavailable)
			case "short":
				b = b[1:]
			case "long":
				b = append([]byte{0}, b...)
			case "other":
				b = make([]byte, len(b))
			}
			w.Write(b)
		}
		c := newClient(t)
		for f, want := range map[string]string{
			"":      "",
			"busy":  "unreachable : piece 0: the server answers 503 Service Unavailable",
			"short": "wrong : piece 0: the server sends 32767 of 32768 bytes",
			"long":  "wrong : piece 0: the server sends more than its 32768 bytes",
			"other": "wrong : piece 0: another hash",
		} {
			s.serve(func(w http.ResponseWriter, r *http.Request) { serve(w, r, f) })
			problems, err := c.CheckHTTPSeed(t.Context(), s.torrent, s.url)
			if got := showProblems(problems); err != nil || got != want {
				t.Errorf("%v, %s: %v, %s, want %s", format, f, err, got, want)
			}
		}
	}
	s := newSite(t, maketorrent.FormatV2, 32<<10, map[string]int{"": 100_000})
	problems, err := newClient(t).CheckHTTPSeed(t.Context(), s.torrent, s.url)
	if got, want := showProblems(problems), "unchecked : "+errNotV1.Error(); err != nil || got != want {
		t.Errorf("v2: %v, %s, want %s", err, got, want)
	}
}

func TestCheckStops(t *testing.T) {
	s := newSite(t, maketorrent.FormatV1, 64<<10, someFiles)
	stopped := errors.New("stopped")
	ctx, cancel := context.WithCancelCause(t.Context())
	s.serve(func(w http.ResponseWriter, r *http.Request) {
		cancel(stopped)
		<-r.Context().Done()
	})
	if problems, err := newClient(t).CheckWebSeed(ctx, s.torrent, s.url, nil); !errors.Is(err, stopped) {
		t.Errorf("%v, %s", err, showProblems(problems))
	}
}

func TestCheckTime(t *testing.T) {
	s := newSite(t, maketorrent.FormatV1, 64<<10, someFiles)
	s.serve(func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c := newClient(t)
	c.CheckTime = 50 * time.Millisecond
	problems, err := c.CheckWebSeed(t.Context(), s.torrent, s.url, nil)
	if got, want := showProblems(problems), "unchecked : the check ended after 50ms"; err != nil || got != want {
		t.Errorf("%v, %s, want %s", err, got, want)
	}
}
