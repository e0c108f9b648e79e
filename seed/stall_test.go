//go:build linux

package seed

import (
	"bytes"
	"fmt"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/upload"
	"bt/maketorrent"
)

// smallBuffers limits the socket buffer of each peer, which would otherwise hold
// megabytes. Connections inherit the limit from the listener.
func smallBuffers(t testing.TB, s *Seeder, bytes int) {
	t.Helper()
	raw, err := s.options.Listener.(*net.TCPListener).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var optErr error
	err = raw.Control(func(fd uintptr) {
		optErr = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, bytes)
	})
	if err != nil || optErr != nil {
		t.Fatal(err, optErr)
	}
}

// askForMuch sends as many requests as the seed queues, for 32 MB of data.
func (l *leecher) askForMuch() {
	l.t.Helper()
	l.send(peer.Message{ID: peer.IDInterested})
	l.await(peer.IDUnchoke)
	requests := make([]peer.Message, upload.MaxRequests)
	for i := range requests {
		requests[i] = request(uint32(i/4%(l.pieces-1)), uint32(i%4)<<14, 16<<10)
	}
	l.send(requests...)
}

// awaitStandstill waits until bytes were sent and no more are.
func (r *running) awaitStandstill(t *testing.T) {
	t.Helper()
	last, since := int64(0), time.Now()
	eventually(t, "nothing is sent any more", func() bool {
		if n := r.Uploaded(); n != last {
			last, since = n, time.Now()
		}
		return last > 0 && time.Since(since) > 300*time.Millisecond
	})
}

// A peer that requests blocks and does not receive them is dropped, and nothing of it
// remains.
func TestStall(t *testing.T) {
	t.Parallel()
	for name, method := range map[string]mse.Method{"plaintext": 0, "RC4": mse.MethodRC4} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 1<<20)
			r := startWith(t, Options{}, func(s *Seeder) {
				s.timeouts.Stall = time.Second
				smallBuffers(t, s, 64<<10)
			}, Input{Torrent: meta, Path: root})
			tt := r.find(meta.InfoHashV1)
			var l *leecher
			if method == 0 {
				l = r.dial(t, meta.InfoHashV1, tt.pieces, allFeatures)
			} else {
				var err error
				if l, err = r.seal(t, tt, method, 68, nil); err != nil {
					t.Fatal(err)
				}
			}
			l.askForMuch()
			r.awaitStandstill(t)
			left := awaitEvent(t, r, func(e EventPeer) bool { return !e.Joined })
			if left.Uploaded >= upload.MaxRequests*peer.BlockLength {
				t.Error("it has got all without reading: this test can't fail")
			}
			if left.Err != nil { // it may be a bad line
				t.Errorf("it is a strike: %v", left.Err)
			}
			r.empty(t)
			if all, _ := r.cache.InUse(); all > 0 || leftovers(t, root)[2] > 0 {
				t.Errorf("%d mappings are left, %d maps", all, leftovers(t, root)[2])
			}
		})
	}
}

// A slowReader is a peer that reads 100 KB per second.
type slowReader struct{ net.Conn }

func (c slowReader) Read(b []byte) (int, error) {
	time.Sleep(50 * time.Millisecond)
	return c.Conn.Read(b[:min(len(b), 5_000)])
}

// A peer that receives a block now and then is not dropped, even if a whole batch
// takes many times the timeout.
func TestSlowTaker(t *testing.T) {
	t.Parallel()
	const stall = 6 * time.Second // the reader, too, may get no CPU for some seconds
	meta, root := makeContent(t, maketorrent.FormatV1, 1<<20)
	r := startWith(t, Options{}, func(s *Seeder) {
		s.timeouts.Stall = stall
	}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	l := r.dial(t, meta.InfoHashV1, tt.pieces, allFeatures)
	l.conn.(*net.TCPConn).SetReadBuffer(32 << 10)
	l.askForMuch()
	l.conn = slowReader{l.conn}
	blocks := 0
	for begin := time.Now(); time.Since(begin) < stall*3/2; {
		check(t, tt, root, l.await(peer.IDPiece))
		blocks++
	}
	if r.Peers() != 1 {
		t.Error("it was dropped")
	}
	if n := blocks * peer.BlockLength; n > link.MaxWrite {
		t.Errorf("it took %d bytes, more than a batch: this test can't fail", n)
	}
}

// Stalled peers, more than there may be send turns, slow down no other peer.
func TestStallDisturbsNoOther(t *testing.T) {
	t.Parallel()
	stalled := upload.MaxTurns + 10
	needDescriptors(t, uint64(2*stalled+200))
	meta, root := makeContent(t, maketorrent.FormatV1, 2<<20, 1<<20)
	r := startWith(t, Options{MaxPeers: stalled + 10}, func(s *Seeder) {
		s.timeouts.Stall = 5 * time.Minute
		smallBuffers(t, s, 64<<10)
	}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	for i := range stalled {
		l := r.meets(t, tt, fmt.Sprintf("127.0.10.%d", i/(maxPerAddress/2)+1))
		l.askForMuch()
	}
	r.awaitStandstill(t)
	eventually(t, "peers that take nothing use no mappings", func() bool {
		_, users := r.cache.InUse()
		return users == 0
	})
	l := r.join(t, tt)
	for i := range tt.pieces {
		for _, got := range l.download(loadedOf(t, tt).lengthOf, i) {
			if !bytes.Equal(got, expected(t, meta, root, i)) {
				t.Errorf("piece %d is not what is in the files", i)
			}
		}
	}
	if n := r.Peers(); n != stalled+1 {
		t.Errorf("%d peers are there of %d", n, stalled+1)
	}
	begin := time.Now()
	r.stop() // stalled peers do not delay it
	if d := time.Since(begin); d > stopTime {
		t.Errorf("it took %v to stop", d)
	}
	if all, _ := r.cache.InUse(); all > 0 {
		t.Errorf("%d mappings are left", all)
	}
}
