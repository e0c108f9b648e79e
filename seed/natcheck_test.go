package seed

import (
	"io"
	"net"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/maketorrent"
)

// A tracker's NAT check is a handshake without a peer id. It is answered whether it
// arrives in one packet or byte by byte, and whether or not a peer id follows.
func TestNATCheck(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatHybrid, 100_000)
	// The answer comes long before the end of the time for the handshake.
	r := startWith(t, Options{}, func(s *Seeder) { s.timeouts.Handshake = 2 * hung }, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	for _, s := range tt.swarms {
		h := peer.Handshake{InfoHash: s.hash, PeerID: [20]byte([]byte("-XX0001-nat check..."))}
		h.Set(peer.FeatureExtensions)
		wire := h.Append(nil)
		opening, id := wire[:peer.OpeningLength], wire[peer.OpeningLength:]
		for name, begin := range map[string]func(conn net.Conn) io.ReadWriter{
			"plain": func(conn net.Conn) io.ReadWriter {
				conn.Write(opening)
				return conn
			},
			"byte by byte": func(conn net.Conn) io.ReadWriter {
				for i := range opening {
					conn.Write(opening[i : i+1])
					time.Sleep(time.Millisecond)
				}
				return conn
			},
			"encrypted": func(conn net.Conn) io.ReadWriter {
				s, err := mse.Initiate(conn, s.hash, mse.Options{Methods: mse.MethodRC4}, opening)
				if err != nil {
					t.Fatal(err)
				}
				return &mseConn{conn, s}
			},
			"encrypted, in two parts": func(conn net.Conn) io.ReadWriter {
				s, err := mse.Initiate(conn, s.hash, mse.Options{Methods: mse.MethodRC4}, opening[:30])
				if err != nil {
					t.Fatal(err)
				}
				c := &mseConn{conn, s}
				c.Write(opening[30:])
				return c
			},
		} {
			conn, err := net.Dial("tcp", r.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(hung))
			c := begin(conn)
			b := make([]byte, peer.HandshakeLength)
			if _, err := io.ReadFull(c, b); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if answer, err := peer.ParseHandshake(b); err != nil || answer.InfoHash != s.hash || answer.PeerID != r.options.PeerID {
				t.Errorf("%s: %+v, %v", name, answer, err)
			}
			// If the peer id follows, it is a peer.
			c.Write(id)
			if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
				t.Errorf("%s: no message after the peer id: %v", name, err)
			}
		}
	}
}

// A NAT check is answered also when newcomers are refused.
func TestNATCheckAtTheLimit(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
	r := startWith(t, Options{MaxPeers: 1}, func(s *Seeder) { s.timeouts.Handshake = 2 * hung }, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	l := r.join(t, tt)
	l.send(request(0, 0, 16))
	l.await(peer.IDPiece)
	h := peer.Handshake{InfoHash: tt.swarms[0].hash, PeerID: [20]byte([]byte("-XX0001-nat check..."))}
	wire := h.Append(nil)
	for _, test := range []struct {
		sent     []byte
		answered bool
	}{{wire[:peer.OpeningLength], true}, {wire, false}} {
		conn, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(hung))
		conn.Write(test.sent)
		if b, err := io.ReadAll(conn); err != nil || (len(b) == peer.HandshakeLength) != test.answered {
			t.Errorf("to %d bytes: %d bytes, %v", len(test.sent), len(b), err)
		}
	}
	l.send(request(0, 0, 16))
	l.await(peer.IDPiece)
}
