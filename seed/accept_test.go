package seed

import (
	"errors"
	"net"
	"sync/atomic"
	"syscall"
	"testing"

	"bt/maketorrent"
)

// A failingListener fails to accept a number of times, for lack of descriptors.
type failingListener struct {
	net.Listener
	failures atomic.Int64
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.failures.Add(-1) >= 0 {
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
	return l.Listener.Accept()
}

// A lack of descriptors causes one warning, and peers can connect once it is over.
func TestAcceptFails(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &failingListener{Listener: listener}
	l.failures.Store(5)
	r := start(t, Options{Listener: l}, Input{Torrent: meta, Path: root})
	r.join(t, r.find(meta.InfoHashV1))
	r.mu.Lock()
	defer r.mu.Unlock()
	warnings := 0
	for _, e := range r.events {
		if e, ok := e.event.(EventWarning); ok {
			warnings++
			if !errors.Is(e.Err, syscall.EMFILE) {
				t.Errorf("warning: %v", e.Err)
			}
		}
	}
	if warnings != 1 {
		t.Errorf("%d warnings", warnings)
	}
}
