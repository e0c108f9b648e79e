package webseed

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// A piece is requested by info-hash and number, and must have its size.
func TestOpenPiece(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("piece"), 10_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if q := r.URL.Query(); q.Get("info_hash") != "12345678901234567890" || q.Get("a") != "b" {
			http.NotFound(w, r)
			return
		}
		switch r.URL.Query().Get("piece") {
		case "1":
			w.Write(want)
		case "2": // without Content-Length
			w.Write(want[:100])
			w.(http.Flusher).Flush()
			w.Write(want[100:])
		case "3":
			w.Header().Set("Content-Length", "49999")
			w.Write(want[1:])
		case "4": // too long
			w.Write(want)
			w.(http.Flusher).Flush()
			w.Write(want)
		case "5":
			w.Write(want[:100])
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "6":
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "17\n")
		case "7":
			w.WriteHeader(http.StatusServiceUnavailable)
			io.WriteString(w, "busy")
		case "8": // as PHP does by default
			w.Header().Set("Content-Type", "text/html; charset=UTF-8")
			w.Header().Set("Content-Length", strconv.Itoa(len(want)))
			w.Write(want)
		case "9":
			io.WriteString(w, "<html>")
		}
	}))
	defer server.Close()
	c := New(Options{})
	defer c.Close()
	for piece, test := range map[int]error{
		1: nil, 2: nil, 3: &SizeError{int64(len(want)) - 1}, 4: errMore, 5: ErrCut,
		6: &StatusError{503, 17 * time.Second}, 7: &StatusError{503, 0}, 8: nil, 9: ErrHTML,
	} {
		var got []byte
		r, whole, err := c.OpenPiece(t.Context(), server.URL+"/?a=b", [20]byte([]byte("12345678901234567890")), piece, int64(len(want)))
		if err == nil {
			got, err = io.ReadAll(r)
			r.Close()
			if !whole {
				t.Errorf("piece %d is not whole", piece)
			}
		}
		switch {
		case test == nil && (err != nil || !bytes.Equal(got, want)):
			t.Errorf("piece %d: %d bytes, %v", piece, len(got), err)
		case test != nil && (err == nil || err.Error() != test.Error() || retryIn(err) != retryIn(test)):
			t.Errorf("piece %d: %v, want %v", piece, err, test)
		}
	}
}

func retryIn(err error) time.Duration {
	if status, ok := errors.AsType[*StatusError](err); ok {
		return status.RetryAfter
	}
	return 0
}

// The length of an answer shows whether it is of the ranges or of the whole piece.
func TestOpenPieceRanges(t *testing.T) {
	t.Parallel()
	want := bytes.Repeat([]byte("piece"), 10_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		part := append(want[5:105:105], want[1000:1001]...)
		if r.URL.Query().Get("ranges") != "5-104,1000-1000" {
			t.Errorf("%q", r.URL.RawQuery)
		}
		switch r.URL.Query().Get("piece") {
		case "1":
			w.Write(part)
		case "2":
			w.Header().Set("Content-Length", strconv.Itoa(len(want)))
			w.Write(want)
		case "3": // without Content-Length
			w.Write(part)
			w.(http.Flusher).Flush()
		case "4":
			w.Write(part[1:])
		case "5":
			http.Error(w, "no ranges", http.StatusBadRequest)
		}
	}))
	defer server.Close()
	c := New(Options{})
	defer c.Close()
	for piece, test := range map[int]struct {
		n     int
		whole bool
		err   error
	}{1: {101, false, nil}, 2: {len(want), true, nil}, 3: {err: ErrNoEnd}, 4: {err: &SizeError{100}}, 5: {err: &StatusError{Code: 400}}} {
		r, whole, err := c.OpenPiece(t.Context(), server.URL, [20]byte{}, piece, int64(len(want)), PieceRange{5, 100}, PieceRange{1000, 1})
		if test.err != nil {
			if err == nil || err.Error() != test.err.Error() {
				t.Errorf("piece %d: %v, want %v", piece, err, test.err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if r.Close(); err != nil || len(got) != test.n || whole != test.whole {
			t.Errorf("piece %d: %d bytes, whole %t, %v", piece, len(got), whole, err)
		}
	}
}
