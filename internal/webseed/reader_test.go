package webseed

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// What servers may do, so that the whole file arrives nevertheless.
func TestStream(t *testing.T) {
	data := random(300_000)
	for _, test := range []struct {
		name string
		set  func(*server)
	}{
		{"plain", func(*server) {}},
		{"no validator", func(s *server) { s.etag, s.modified = "", time.Time{} }},
		{"weak ETag", func(s *server) { s.etag = `W/"v1"` }},
		{"no ranges", func(s *server) { s.noRanges.Store(true) }},
		{"no size", func(s *server) { s.noRanges.Store(true); s.chunked = true }},
		{"a size for ranges only", func(s *server) { s.chunked = true }},
		{"connections break", func(s *server) { s.cutAfter.Store(7_001) }},
		{"connections break, no validator", func(s *server) { s.etag, s.modified = "", time.Time{}; s.cutAfter.Store(50_000) }},
		{"connections break, time only", func(s *server) { s.etag = ""; s.cutAfter.Store(50_000) }},
		{"one connection breaks, no ranges", func(s *server) {
			s.noRanges.Store(true)
			s.cutAfter.Store(100_000)
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n > 2 {
					s.cutAfter.Store(0)
				}
				return false
			}
		}},
		{"empty", func(s *server) { s.data = nil }},
		{"empty, with status 416", func(s *server) {
			s.data = nil
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				w.Header().Set("Content-Range", "bytes */0")
				return stop(w, http.StatusRequestedRangeNotSatisfiable)
			}
		}},
		{"busy at times", func(s *server) {
			s.cutAfter.Store(50_000)
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				return n%2 == 0 && stop(w, []int{http.StatusServiceUnavailable, http.StatusTooManyRequests, http.StatusBadGateway}[n/2%3])
			}
		}},
		{"shorter ranges than asked for", func(s *server) {
			s.cutAfter.Store(50_000)
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				var from int
				if n, _ := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from); n == 1 && from > 0 {
					r.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", from, from+9_999))
				}
				return false
			}
		}},
		{"redirects", func(s *server) {
			s.cutAfter.Store(50_000)
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if r.URL.Path == "/file" {
					http.Redirect(w, r, "/other/place", http.StatusFound)
				}
				return r.URL.Path == "/file"
			}
		}},
		{"a page that is asked for", func(s *server) {
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if r.URL.Path == "/file" {
					http.Redirect(w, r, "/page.html", http.StatusFound)
					return true
				}
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				http.ServeContent(w, r, "", s.modified, bytes.NewReader(s.data))
				return true
			}
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(data)
			test.set(s)
			got, err := readAll(t, newClient(t), s.start(t)+"/file")
			if err != nil || !bytes.Equal(got, s.data) {
				t.Errorf("%d bytes, %v, want %d", len(got), err, len(s.data))
			}
		})
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func same(want error) func(error) bool {
	return func(err error) bool { return errors.Is(err, want) }
}

// What servers must not do, and the errors that say so. The request before the first is
// that of Stat.
func TestStreamErrors(t *testing.T) {
	data := random(300_000)
	after := func(n int, f func(s *server, w http.ResponseWriter, r *http.Request) bool) func(*server) {
		return func(s *server) {
			s.cutAfter.Store(100_000)
			s.handle = func(w http.ResponseWriter, r *http.Request, i int) bool { return i > n && f(s, w, r) }
		}
	}
	contentRange := func(value string, body int) func(*server) {
		return after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Range", value)
			w.Header().Set("ETag", s.etag)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(make([]byte, body))
			return true
		})
	}
	for _, test := range []struct {
		name string
		set  func(*server)
		is   func(error) bool
		text string
	}{
		{"another ETag", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool { s.etag = `"v2"`; return false }),
			is[*ChangedError], `the file changed meanwhile: its ETag was "v1" and is "v2"`},
		{"another time", func(s *server) {
			s.etag = ""
			after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
				s.modified = s.modified.Add(time.Hour)
				return false
			})(s)
		}, is[*ChangedError], "its time was Fri, 02 Jan 2026 03:04:05 GMT and is Fri, 02 Jan 2026 04:04:05 GMT"},
		{"another size", func(s *server) {
			s.etag, s.modified = "", time.Time{}
			after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool { s.data = random(300_001); return false })(s)
		}, is[*ChangedError], "its size was 300000 and is 300001"},
		{"another ETag, seen at the end", func(s *server) {
			s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
				if n == 3 {
					s.etag = `"v2"`
				}
				return false
			}
		}, is[*ChangedError], `its ETag was "v1" and is "v2"`},
		{"another ETag at once", after(1, func(s *server, w http.ResponseWriter, r *http.Request) bool { s.etag = `"v2"`; return false }),
			is[*ChangedError], "ETag"},
		{"gone", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool { return stop(w, http.StatusGone) }),
			is[*StatusError], "the server answers 410 Gone"},
		{"busy for ever", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool { return stop(w, http.StatusBadGateway) }),
			is[*StatusError], "502"},
		{"never there", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool { return stop(w, http.StatusNotFound) }),
			is[*StatusError], "404"},
		{"login", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool { return stop(w, http.StatusUnauthorized) }),
			is[*StatusError], "401"},
		{"a page", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			io.WriteString(w, "<!doctype html>")
			return true
		}), same(ErrHTML), "a web page"},
		{"gzip", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Encoding", "gzip")
			return false
		}),
			is[*EncodingError], `encoded as "gzip"`},
		{"gzip later", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Encoding", "gzip")
			return false
		}),
			is[*EncodingError], `encoded as "gzip"`},
		{"connections break at the same place, no ranges", func(s *server) { s.noRanges.Store(true); s.cutAfter.Store(100_000) },
			same(ErrCut), "ends the connection"},
		{"no bytes at all", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool { panic(http.ErrAbortHandler) }),
			same(ErrCut), "ends the connection"},
		{"no end", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				io.WriteString(conn, "HTTP/1.0 200 OK\r\n\r\nhello")
				conn.Close()
			}
			return true
		}), same(ErrNoEnd), "no Content-Length"},
		{"another range", contentRange("bytes 0-299999/300000", 300_000), is[*RangeError], "was asked for the bytes 100000-, and sends 0-299999"},
		{"a later range", contentRange("bytes 100001-299999/300000", 199_999), is[*RangeError], "and sends 100001-299999"},
		{"another file's range", contentRange("bytes 100000-200000/200001", 100_001), is[*ChangedError], "size"},
		{"a range without numbers", contentRange("bytes x-y/300000", 10), is[*RangeError], "can't be read"},
		{"a range without a header", contentRange("", 10), is[*RangeError], `can't be read: ""`},
		{"no range", contentRange("bytes */300000", 10), is[*RangeError], "can't be read"},
		{"a range of unknown size", contentRange("bytes 100000-299999/*", 200_000), same(ErrNoEnd), "how long"},
		{"fewer bytes", contentRange("bytes 100000-299999/300000", 10), is[*RangeError], "sends 10 bytes as a range of 200000"},
		{"fewer bytes, chunked", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			var from int
			fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &from)
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-299999/300000", from))
			w.WriteHeader(http.StatusPartialContent)
			w.(http.Flusher).Flush()
			return true
		}), same(ErrCut), "ends the connection"},
		{"more bytes, chunked", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Range", "bytes 100000-299999/300000")
			w.WriteHeader(http.StatusPartialContent)
			w.(http.Flusher).Flush()
			w.Write(make([]byte, 200_001))
			return true
		}), is[*RangeError], "more bytes than it says"},
		{"parts of several ranges", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			w.WriteHeader(http.StatusPartialContent)
			return true
		}), is[*RangeError], "can't be read"},
		{"no such range", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Set("Content-Range", "bytes */300000")
			return stop(w, http.StatusRequestedRangeNotSatisfiable)
		}), is[*RangeError], "no bytes from 100000"},
		{"redirects in a circle", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "/file", http.StatusFound)
			return true
		}), is[*RedirectError], "redirects again and again"},
		{"a redirect to a file", after(0, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
			return true
		}), is[*RedirectError], "redirects to a URL of scheme file"},
		{"a redirect to FTP, later", after(2, func(s *server, w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "ftp://f.example/x", http.StatusMovedPermanently)
			return true
		}), is[*RedirectError], "scheme ftp"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(data)
			test.set(s)
			got, err := readAll(t, newClient(t), s.start(t)+"/file")
			if err == nil || !test.is(err) || !strings.Contains(err.Error(), test.text) {
				t.Errorf("%d bytes, %T: %v, want %q", len(got), err, err, test.text)
			}
			if n := s.requests.Load(); n > 20 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A server that stops sending counts as broken after Options.Stall.
func TestStall(t *testing.T) {
	// On a busy machine, a server that sends all may be slow, and counts as broken too.
	for stall := 50 * time.Millisecond; stall < time.Minute; stall *= 4 {
		n, err := readStalled(t, stall)
		if err == nil && n == 4 { // Stat, two parts, Stat
			return
		}
		t.Logf("stalled after %v: %d requests, %v", stall, n, err)
	}
	t.Error("it never needs four requests")
}

// readStalled reads from a server that stops sending once, and returns the number of requests.
func readStalled(t *testing.T, stall time.Duration) (requests int64, err error) {
	s := newServer(random(100_000))
	s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n != 2 {
			return false
		}
		w.Header().Set("ETag", s.etag)
		w.Header().Set("Content-Length", "100000")
		w.Write(s.data[:40_000])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return true
	}
	c := newClient(t)
	c.Stall = stall
	got, err := readAll(t, c, s.start(t)+"/file")
	if err == nil && !bytes.Equal(got, s.data) {
		t.Errorf("%d bytes, which are other ones", len(got))
	}
	return s.requests.Load(), err
}

// A reader returns when its context ends, also from a wait.
func TestStreamStops(t *testing.T) {
	stopped := errors.New("stopped")
	for name, handle := range map[string]func(cancel func(), w http.ResponseWriter, r *http.Request){
		"in a body": func(cancel func(), w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			cancel()
			<-r.Context().Done()
		},
		"before the headers": func(cancel func(), w http.ResponseWriter, r *http.Request) {
			cancel()
			<-r.Context().Done()
		},
		"in a wait": func(cancel func(), w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			time.AfterFunc(20*time.Millisecond, cancel)
		},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := newServer(random(1000))
		s.handle = func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n > 1 {
				handle(func() { cancel(stopped) }, w, r)
			}
			return n > 1
		}
		f, err := newClient(t).Stat(ctx, s.start(t)+"/file")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f.Stream(ctx)); !errors.Is(err, stopped) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadAt(t *testing.T) {
	s := newServer(random(100_000))
	s.cutAfter.Store(3_000)
	c := newClient(t)
	f, err := c.Stat(t.Context(), s.start(t)+"/file")
	if err != nil {
		t.Fatal(err)
	}
	if f.Size != 100_000 || !f.Ranges || f.ETag != `"v1"` || f.Modified == "" {
		t.Errorf("%+v", f)
	}
	for _, r := range [][2]int{{0, 1}, {0, 100_000}, {99_999, 1}, {5, 0}, {12_345, 10_000}} {
		b := make([]byte, r[1])
		if err := f.ReadAt(t.Context(), b, int64(r[0])); err != nil || !bytes.Equal(b, s.data[r[0]:r[0]+r[1]]) {
			t.Errorf("%d bytes from %d: %v, or other bytes", r[1], r[0], err)
		}
	}
	s.cutAfter.Store(0)
	for _, r := range [][2]int{{99_999, 2}, {100_000, 1}} {
		if err := f.ReadAt(t.Context(), make([]byte, r[1]), int64(r[0])); err == nil {
			t.Errorf("%d bytes from %d: no error", r[1], r[0])
		}
	}
	s.noRanges.Store(true)
	if err := f.ReadAt(t.Context(), make([]byte, 10), 0); err != nil {
		t.Errorf("the first bytes of a server without ranges: %v", err)
	}
	if err := f.ReadAt(t.Context(), make([]byte, 10), 1); !errors.Is(err, ErrNoRanges) {
		t.Errorf("later bytes of a server without ranges: %v", err)
	}
}

func TestBackoff(t *testing.T) {
	var waits []time.Duration
	for attempt := 0; ; attempt++ {
		wait, again := Backoff(attempt)
		if !again {
			break
		}
		waits = append(waits, wait/time.Second)
	}
	if got, want := fmt.Sprint(waits), "[0s 1ns 2ns 4ns 8ns 15ns]"; got != want {
		t.Errorf("waits of %s seconds, want %s", got, want)
	}
}

func TestRetryAfter(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, "100000": time.Minute, "-1": 0, "soon": 0,
		"Fri, 02 Jan 2026 03:04:05 GMT": 0, "Fri, 02 Jan 2099 03:04:05 GMT": time.Minute,
	} {
		if got := retryAfter(s); got != want {
			t.Errorf("%q: %v, want %v", s, got, want)
		}
	}
}

// A server can't make us wait for long, nor for a negative time.
func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{"7", "-1", "9223372036854775808", "Fri, 02 Jan 2099 03:04:05 GMT", " 7\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, d := range []time.Duration{retryAfter(s), secondsIn(strings.NewReader(s))} {
			if d < 0 || d > time.Minute {
				t.Errorf("%q: %v", s, d)
			}
		}
	})
}

// Requests carry the user agent, accept no encoding, and go through the proxy.
func TestRequest(t *testing.T) {
	var got []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, fmt.Sprint(r.Method, r.URL, r.Header["Accept-Encoding"], r.Header["User-Agent"], r.Header["Range"]))
		w.Header().Set("Content-Range", "bytes 0-0/1")
		w.WriteHeader(http.StatusPartialContent)
		io.WriteString(w, "x")
	}))
	defer proxy.Close()
	c := New(Options{UserAgent: "bt/1", Proxy: func(*url.URL) (*url.URL, error) { return url.Parse(proxy.URL) }})
	defer c.Close()
	if _, err := c.Stat(t.Context(), "http://w.example/x"); err != nil {
		t.Fatal(err)
	}
	proxy.Close() // waits for the handler
	if want := "[GEThttp://w.example/x [identity] [bt/1] [bytes=0-0]]"; fmt.Sprint(got) != want {
		t.Errorf("%s, want %s", got, want)
	}
}
