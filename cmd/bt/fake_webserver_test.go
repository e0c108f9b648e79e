package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// A fakeWebServer serves the files of a directory. The first part of the path selects
// its behaviour: see ServeHTTP.
type fakeWebServer struct {
	dir string

	mu       sync.Mutex
	requests map[string]int // by path
}

// startWebServer is the script command "webserver NAME DIR": it starts a web server for
// the files of DIR and sets $NAME to its host and port.
func startWebServer(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: webserver NAME DIR")
	}
	server := httptest.NewServer(&fakeWebServer{dir: ts.MkAbs(args[1]), requests: make(map[string]int)})
	ts.Defer(server.Close)
	ts.Setenv(args[0], server.Listener.Addr().String())
}

func (f *fakeWebServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	behaviour, path, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	data, err := os.ReadFile(filepath.Join(f.dir, filepath.FromSlash(path)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	f.mu.Lock()
	f.requests[r.URL.Path]++
	n := f.requests[r.URL.Path]
	f.mu.Unlock()

	info, err := os.Stat(filepath.Join(f.dir, filepath.FromSlash(path)))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", fmt.Sprintf(`"%x-%x"`, info.ModTime().UnixNano(), info.Size()))
	switch behaviour {
	case "cut": // each connection ends after 30,000 bytes
		w = &cutWriter{w, 30_000}
	case "change": // cut, and later responses are of another version
		w = &cutWriter{w, 30_000}
		if n > 2 {
			w.Header().Set("ETag", `"new"`)
		}
	case "noranges":
		r.Header.Del("Range")
	case "chunked":
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		w.Write(data[len(data)/2:])
		return
	case "stall": // half of the file, and then nothing
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		w.Write(data[:len(data)/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		return
	case "silent":
		<-r.Context().Done()
		return
	case "again": // elsewhere
		http.Redirect(w, r, "/plain/"+path, http.StatusFound)
		return
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
	case "html":
		w.Header().Set("Content-Type", "text/html")
	case "page": // in the place of the file
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprint(w, "<html>")
		return
	case "lie": // the beginning in the place of every range
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(data)-1, len(data)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data)
		return
	case "loop":
		http.Redirect(w, r, r.URL.Path, http.StatusFound)
		return
	case "tofile":
		http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		return
	case "tolocation": // the URL is what the file says
		w.Header().Set("Location", string(data))
		w.WriteHeader(http.StatusFound)
		return
	case "stale": // other bytes of the same size
		data = bytes.Repeat([]byte{'x'}, len(data))
	}
	http.ServeContent(w, r, "", info.ModTime(), bytes.NewReader(data))
}

// A cutWriter aborts the response after some bytes of its body.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if len(b) <= w.left {
		w.left -= len(b)
		return w.ResponseWriter.Write(b)
	}
	w.ResponseWriter.Write(b[:w.left])
	w.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}
