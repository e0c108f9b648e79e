package get

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// webAnswer changes how a web server answers. The file is sent after it, unless it returns true.
type webAnswer func(w http.ResponseWriter, r *http.Request, file []byte) bool

// asRange sets the headers of a range of a file.
func asRange(w http.ResponseWriter, r *http.Request, file []byte, most int) []byte {
	var first, last int
	fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-%d", &first, &last)
	last = min(last, first+most-1)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(file)))
	return file[first : last+1]
}

// What servers answer, and whether a download from them succeeds or why it does not.
func TestWebSeedServers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		answer webAnswer
		want   string // the end of the error; "": it succeeds
	}{
		"closes each connection": {func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.Header().Set("Connection", "close")
			return false
		}, ""},
		"ranges without a length": {func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			b := asRange(w, r, file, len(file))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(b[:1])
			http.NewResponseController(w).Flush()
			w.Write(b[1:])
			return true
		}, ""},
		"short ranges": {func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			b := asRange(w, r, file, 50_000)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(b)
			return true
		}, ""},
		"no ranges and no length": {func(w http.ResponseWriter, _ *http.Request, file []byte) bool {
			http.NewResponseController(w).Flush()
			w.Write(file)
			return true
		}, ""},
		"a web page by its type": {func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.Header().Set("Content-Type", "text/html")
			return false
		}, ""},
		"redirects": {func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			is := !strings.Contains(r.URL.Path, "mirror")
			if is {
				http.Redirect(w, r, "/mirror/content/"+filepath.Base(r.URL.Path), http.StatusTemporaryRedirect)
			}
			return is
		}, ""},
		"redirects again and again": {func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
			return true
		}, "it redirects again and again"},
		"the end of a file that is not marked": {func(w http.ResponseWriter, _ *http.Request, file []byte) bool {
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				return false
			}
			defer conn.Close()
			rw.WriteString("HTTP/1.0 200 OK\r\n\r\n")
			rw.Write(file)
			rw.Flush()
			return true
		}, "(no Content-Length)"},
		"several ranges": {func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			w.Header().Set("Content-Type", "multipart/byteranges; boundary=x")
			w.WriteHeader(http.StatusPartialContent)
			fmt.Fprintf(w, "--x\r\nContent-Range: bytes 0-%d/%d\r\n\r\n%s\r\n--x--\r\n", len(file)-1, len(file), file)
			return true
		}, "the server sends a range that can't be read: \"\""},
		"compressed": {func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.Header().Set("Content-Encoding", "gzip")
			return false
		}, "the server sends the file encoded as \"gzip\""},
		"no such range": {func(w http.ResponseWriter, _ *http.Request, file []byte) bool {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", len(file)))
			w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
			return true
		}, "the server has no bytes from 0"},
		"more bytes than it says": {func(w http.ResponseWriter, r *http.Request, file []byte) bool {
			b := asRange(w, r, file, len(file))
			w.WriteHeader(http.StatusPartialContent)
			w.Write(b)
			http.NewResponseController(w).Flush()
			io.Copy(w, bytes.NewReader(make([]byte, 1<<20)))
			return true
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatHybrid, 300_000, 70_000)
			s := &webServer{root: root}
			s.handle = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				file, err := os.ReadFile(filepath.Join(root, filepath.Base(r.URL.Path)))
				if err != nil {
					t.Error(err)
				}
				if test.answer(w, r, file) {
					return true
				}
				r.URL.Path = "/content/" + filepath.Base(r.URL.Path)
				return false
			}
			dir := t.TempDir()
			r := run(t, only(meta, dir, s.start(t)))
			if test.want == "" {
				r.succeeds(t, dir, root)
				return
			}
			if d := r.dropped(); !errors.Is(r.err, ErrNoWebSeed) || len(d) != 1 || !strings.HasSuffix(d[0].Err.Error(), test.want) {
				t.Errorf("%v; dropped: %v", r.err, d)
			}
		})
	}
}

// URLs of web seeds may have a user, blanks, letters beyond ASCII, a query, a fragment and the
// address of an IPv6 host.
func TestWebSeedURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{
		"http://user:secret@HOST/d/", "http://HOST/a b/ü", "http://HOST/a%20b/%C3%BC/", "http://HOST/d/#part", "http://[::1]/",
		"http://HOST/?d=", "http://HOST//d//", "HTTP://HOST/d",
	} {
		t.Run(url, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 100_000, 7)
			s, dir := &webServer{root: root}, t.TempDir()
			s.handle = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				if user, password, _ := r.BasicAuth(); strings.Contains(url, "@") && (user != "user" || password != "secret") {
					w.WriteHeader(http.StatusUnauthorized)
					return true
				}
				r.URL.Path = "/content/" + filepath.Base(r.URL.RequestURI())
				return false
			}
			from := strings.Replace(url, "HOST", strings.TrimPrefix(strings.TrimSuffix(s.start(t), "/"), "http://"), 1)
			if strings.Contains(url, "[::1]") {
				l, err := net.Listen("tcp", "[::1]:0")
				if err != nil {
					testenv.Missing(t, fmt.Sprint("IPv6: ", err))
				}
				server := http.Server{Handler: s}
				go server.Serve(l)
				defer server.Close()
				from = "http://" + l.Addr().String() + "/"
			}
			run(t, only(meta, dir, from)).succeeds(t, dir, root)
		})
	}
}

// A web seed that sends a byte at a time, or nothing, does not keep another one from sending
// its blocks.
func TestWebSeedSlow(t *testing.T) {
	t.Parallel()
	for name, every := range map[string]time.Duration{"slow": 50 * time.Millisecond, "silent": time.Hour} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 20*pieceLength, 5*pieceLength)
			slow, good, dir := &webServer{root: root}, &webServer{root: root}, t.TempDir()
			slow.handle = func(w http.ResponseWriter, r *http.Request, _ int) bool {
				file, _ := os.ReadFile(filepath.Join(root, filepath.Base(r.URL.Path)))
				b := asRange(w, r, file, len(file))
				w.WriteHeader(http.StatusPartialContent)
				for ; len(b) > 0; b = b[1:] {
					w.Write(b[:1])
					http.NewResponseController(w).Flush()
					select {
					case <-time.After(every):
					case <-r.Context().Done():
						return true
					}
				}
				return true
			}
			run(t, only(meta, dir, slow.start(t), good.start(t))).succeeds(t, dir, root)
		})
	}
}
