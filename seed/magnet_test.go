//go:build linux

package seed

import (
	"io"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// A messageCounter counts messages of one direction, by id, as they pass.
type messageCounter struct {
	pieces int
	in     []byte
	behind bool // the handshake has passed
	counts [256]atomic.Int64
}

func (o *messageCounter) Write(b []byte) (int, error) {
	o.in = append(o.in, b...)
	if !o.behind {
		if len(o.in) < peer.HandshakeLength {
			return len(b), nil
		}
		o.in, o.behind = o.in[peer.HandshakeLength:], true
	}
	for {
		m, n, err := peer.Next(o.in, o.pieces)
		if err != nil {
			return 0, err
		}
		if n > len(o.in) {
			return len(b), nil
		}
		if m.ID >= 0 {
			o.counts[m.ID].Add(1)
		}
		o.in = o.in[n:]
	}
}

// A client with a v2 magnet link has no piece hashes: libtorrent requests them,
// receives them, and could not finish without them.
func TestMagnetV2(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	meta, root := makeContent(t, maketorrent.FormatV2, interopSizes...)
	r := start(t, Options{Encryption: EncryptionOff}, Input{Torrent: meta, Path: root})
	pieces := meta.PieceCount()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	var asked, answered, rejected atomic.Int64
	var wg sync.WaitGroup
	t.Cleanup(func() { l.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer in.Close()
				out, err := net.Dial("tcp", r.addr)
				if err != nil {
					return
				}
				defer out.Close()
				in.SetDeadline(time.Now().Add(80 * time.Second))
				there, back := &messageCounter{pieces: pieces}, &messageCounter{pieces: pieces}
				done := make(chan struct{})
				go func() {
					defer close(done)
					io.Copy(out, io.TeeReader(in, there)) // what is encrypted ends here
					out.(*net.TCPConn).CloseWrite()
				}()
				io.Copy(in, io.TeeReader(out, back))
				in.Close()
				<-done
				asked.Add(there.counts[peer.IDHashRequest].Load())
				answered.Add(back.counts[peer.IDHashes].Load())
				rejected.Add(back.counts[peer.IDHashReject].Load())
			})
		}
	})
	p := &publishedTorrent{Metainfo: meta, root: root}
	link := metainfo.Magnet{HasV2: true, V2: meta.InfoHashV2, Peers: []string{l.Addr().String()}}
	dir := t.TempDir()
	run(t, python, "testdata/leech.py", link.String(), dir).succeed(t)
	p.compare(t, filepath.Join(dir, "content"))
	eventually(t, "the client is gone", func() bool { return r.Peers() == 0 })
	r.stop()
	l.Close()
	wg.Wait()
	t.Logf("%d hash requests, %d answers, %d rejects", asked.Load(), answered.Load(), rejected.Load())
	if asked.Load() == 0 || answered.Load() != asked.Load() || rejected.Load() != 0 {
		t.Errorf("%d hash requests, %d answers, %d rejects", asked.Load(), answered.Load(), rejected.Load())
	}
}
