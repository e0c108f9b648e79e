package webseed

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

// OpenRange needs one request for a range, and one for the file of a server without ranges.
func TestOpenRange(t *testing.T) {
	data := random(100_000)
	for _, test := range []struct {
		name     string
		set      func(*server)
		ranges   bool
		requests int64
	}{
		{"ranges", func(*server) {}, true, 1},
		{"no ranges", func(s *server) { s.noRanges.Store(true) }, false, 1},
		{"no ranges, no size", func(s *server) { s.noRanges.Store(true); s.chunked = true }, false, 1},
		{"ranges, connections break", func(s *server) { s.cutAfter.Store(10_000) }, true, 2},
		{"no ranges, a connection breaks", func(s *server) {
			s.noRanges.Store(true)
			s.cutAfter.Store(25_000)
			s.handle = func(_ http.ResponseWriter, _ *http.Request, n int) bool {
				if n > 1 {
					s.cutAfter.Store(0)
				}
				return false
			}
		}, false, 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newServer(data)
			test.set(s)
			const offset, n = 20_000, 15_000
			f, r, err := newClient(t).OpenRange(t.Context(), s.start(t)+"/file", offset, n)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			if f.Ranges != test.ranges || f.Size != int64(len(data)) && !s.chunked {
				t.Errorf("%+v", f)
			}
			want := data[offset : offset+n]
			if !f.Ranges {
				want = data[:offset+n]
			}
			b := make([]byte, len(want))
			if _, err := io.ReadFull(r, b); err != nil || !bytes.Equal(b, want) {
				t.Errorf("%v, or other bytes", err)
			}
			if n := s.requests.Load(); n != test.requests {
				t.Errorf("%d requests, want %d", n, test.requests)
			}
		})
	}
}

func TestOpenRangeErrors(t *testing.T) {
	s := newServer(random(1000))
	url := s.start(t)
	c := newClient(t)
	_, _, err := c.OpenRange(t.Context(), url+"/file", 1000, 5)
	if _, ok := errors.AsType[*RangeError](err); !ok {
		t.Errorf("beyond the end: %v", err)
	}
	s.handle = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Range", "bytes 0-4/1000")
		w.WriteHeader(http.StatusPartialContent)
		io.WriteString(w, "the five bytes, encoded")
		return true
	}
	_, _, err = c.OpenRange(t.Context(), url+"/file", 0, 5)
	if _, ok := errors.AsType[*EncodingError](err); !ok {
		t.Errorf("an encoded range: %v", err)
	}
	s.handle = func(w http.ResponseWriter, _ *http.Request, _ int) bool {
		return stop(w, http.StatusServiceUnavailable)
	}
	before := s.requests.Load()
	_, _, err = c.OpenRange(t.Context(), url+"/file", 0, 5)
	if status, ok := errors.AsType[*StatusError](err); !ok || status.Code != http.StatusServiceUnavailable {
		t.Errorf("a status: %v", err)
	}
	if s.requests.Load() != before+1 {
		t.Error("it was tried again")
	}
	// The file changes between two requests of a reader.
	s.handle = nil
	s.cutAfter.Store(100)
	_, r, err := c.OpenRange(t.Context(), url+"/file", 0, 500)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	s.etag, s.modified = `"v2"`, time.Time{}
	if _, err := io.ReadAll(r); !IsAnswer(err) {
		t.Errorf("another version: %v", err)
	}
}
