//go:build linux

package seed

import (
	"bytes"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/maketorrent"
)

// A shortReader reads at most 9000 bytes at a time.
type shortReader struct{ net.Conn }

func (c shortReader) Read(b []byte) (int, error) {
	if n := rand.IntN(10); n == 0 {
		time.Sleep(time.Millisecond)
	}
	return c.Conn.Read(b[:min(len(b), 1+rand.IntN(9000))])
}

// A batch that the socket accepts only in part is continued where it stopped, whether
// it is mapped, copied, zeros or encrypted.
func TestShortReads(t *testing.T) {
	t.Parallel()
	sizes := []int64{1 << 20, 3, 40_000, 70_000, 5, 1, 65_535, 300_001, 11}
	for name, format := range map[string]maketorrent.Format{"v1": maketorrent.FormatV1, "hybrid": maketorrent.FormatHybrid} {
		for how, method := range map[string]mse.Method{"plaintext": 0, "RC4": mse.MethodRC4} {
			t.Run(name+" "+how, func(t *testing.T) {
				t.Parallel()
				meta, root := makeContent(t, format, sizes...)
				r := startWith(t, Options{}, func(s *Seeder) { smallBuffers(t, s, 4<<10) }, Input{Torrent: meta, Path: root})
				tt := r.find(meta.InfoHashV1)
				l := r.dial(t, meta.InfoHashV1, tt.pieces, allFeatures)
				if method != 0 {
					l.conn.Close()
					var err error
					if l, err = r.seal(t, tt, method, 68, nil); err != nil {
						t.Fatal(err)
					}
				}
				l.conn.SetDeadline(time.Now().Add(hung))
				tcp, ok := l.conn.(*net.TCPConn)
				if !ok {
					tcp = l.conn.(*mseConn).Conn.(*net.TCPConn)
				}
				tcp.SetReadBuffer(8 << 10)
				l.conn = shortReader{l.conn}
				l.send(peer.Message{ID: peer.IDInterested})
				l.await(peer.IDUnchoke)
				all := make([]int, tt.pieces)
				for i := range all {
					all[i] = i
				}
				for i, got := range l.download(loadedOf(t, tt).lengthOf, all...) {
					if !bytes.Equal(got, expected(t, meta, root, i)) {
						t.Errorf("piece %d is not what is in the files", i)
					}
				}
			})
		}
	}
}
