package main

import (
	"bytes"
	"encoding/pem"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// An abortingWriter ends the stream of HTTP/2 when it has sent some bytes.
type abortingWriter struct {
	http.ResponseWriter
	left int
}

func (w *abortingWriter) Write(b []byte) (int, error) {
	if w.left -= len(b); w.left < 0 {
		panic(http.ErrAbortHandler)
	}
	return w.ResponseWriter.Write(b)
}

// Web seeds use HTTP/2 where the server does. If the server resets a stream, the rest of the
// file is requested again.
func TestProcessGetHTTP2(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"v1", "v2", "hybrid"} {
		dir, to := t.TempDir(), t.TempDir()
		want := make([]byte, 3_000_000)
		rand.NewChaCha8([32]byte{}).Read(want)
		processTree(t, dir, map[string]string{"content/file": string(want), "content/empty": "", "content/small": "small"})
		var requests, older, cut atomic.Int64
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			n := requests.Add(1)
			if r.ProtoMajor != 2 {
				older.Add(1)
			}
			if n%2 == 1 && n < 10 {
				cut.Add(1)
				w = &abortingWriter{w, 100_000}
			}
			http.ServeFile(w, r, filepath.Join(dir, filepath.FromSlash(r.URL.Path)))
		}))
		server.EnableHTTP2 = true
		server.StartTLS()
		defer server.Close()
		authority := filepath.Join(t.TempDir(), "authority.pem")
		if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
			t.Fatal(err)
		}
		processRun(t, dir, "make", "content", "-q", "--format", format, "-l", "64K", "--web-seed", server.URL+"/").exits(exitOK)
		cmd := processCommand(t, "bt", "get", filepath.Join(dir, "content.torrent"), "-o", to, "--web-seeds", "only", "--allow-local", "-q")
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+authority)
		processStart(t, cmd)().exits(exitOK)
		if got, err := os.ReadFile(filepath.Join(to, "content", "file")); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes are not those of the file: %v", format, len(got), err)
		}
		if older.Load() > 0 || cut.Load() == 0 {
			t.Errorf("%s: %d requests, %d by an older protocol, %d cut", format, requests.Load(), older.Load(), cut.Load())
		}
	}
}
