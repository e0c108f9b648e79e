//go:build linux

package seed

import (
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/swarm"
	"bt/maketorrent"
)

// dialFrom connects from an address of this host. Linux accepts all of 127/8.
func (r *running) dialFrom(t testing.TB, ip string) *net.TCPConn {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(ip)}}
	conn, err := d.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(hung))
	return conn.(*net.TCPConn)
}

// meet connects from an address and exchanges handshakes. It returns an error if there is
// no answer.
func (r *running) meet(t testing.TB, tt *Torrent, ip string) (*leecher, error) {
	t.Helper()
	l := &leecher{t: t, conn: r.dialFrom(t, ip), pieces: tt.pieces}
	h := peer.Handshake{InfoHash: tt.swarms[0].hash}
	h.Set(allFeatures)
	l.conn.Write(h.Append(nil)) // an error shows when reading
	b := make([]byte, peer.HandshakeLength)
	n, err := io.ReadFull(l.conn, b)
	if err == nil {
		l.hello, err = peer.ParseHandshake(b)
		return l, err
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the connection hangs")
	}
	if n > 0 {
		t.Errorf("%d bytes of a handshake", n)
	}
	l.conn.Close()
	return nil, err
}

// refuses checks that a peer from an address is refused.
func (r *running) refuses(t testing.TB, tt *Torrent, ip string) {
	t.Helper()
	if _, err := r.meet(t, tt, ip); err == nil {
		t.Errorf("%s is let in", ip)
	}
}

// meets checks that a peer from an address is accepted.
func (r *running) meets(t testing.TB, tt *Torrent, ip string) *leecher {
	t.Helper()
	l, err := r.meet(t, tt, ip)
	if err != nil {
		t.Fatalf("%s is not let in: %v", ip, err)
	}
	return l
}

// isServed checks that a connected peer receives the pieces that it requests.
func (l *leecher) isServed(tt *Torrent, root string) {
	l.t.Helper()
	l.send(request(1, 0, 16<<10))
	check(l.t, tt, root, l.await(peer.IDPiece))
}

// openOf returns the number of connections of an address, and strikesOf that of its
// violations.
func (r *running) openOf(ip string) int    { return r.hostOf(ip).Open }
func (r *running) strikesOf(ip string) int { return r.hostOf(ip).Strikes }

func (r *running) hostOf(ip string) swarm.Host {
	for _, h := range r.hub.Hosts() {
		if h.Prefix.Contains(netip.MustParseAddr(ip)) {
			return h
		}
	}
	return swarm.Host{}
}

// conduct lists behaviours of peers, and whether each counts as a strike. Each uses one
// connection, and then waits for the seed.
var conduct = map[string]struct {
	do         func(v *hostilePeer)
	strike     bool
	encryption Encryption
	timeouts   link.Timeouts // fields that are not zero replace the defaults
}{
	"garbage":          {do: func(v *hostilePeer) { v.hello(); v.Write([]byte{0, 0, 0, 9, 1}) }, strike: true},
	"a huge message":   {do: func(v *hostilePeer) { v.hello(); v.Write([]byte{255, 255, 255, 255, 5}) }, strike: true},
	"a bad request":    {do: func(v *hostilePeer) { v.hello(request(1<<32-1, 0, 16<<10)) }, strike: true},
	"a piece to us":    {do: func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDPiece, Payload: make([]byte, 9)}) }, strike: true},
	"a bad bitfield":   {do: func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDBitfield, Payload: []byte{1}}) }, strike: true},
	"bad bencode":      {do: func(v *hostilePeer) { v.hello(extended(0, "d1:x")) }, strike: true},
	"a bad have":       {do: func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDHave, Index: 1 << 30}) }, strike: true},
	"noise":            {do: func(v *hostilePeer) { v.Write(noise(5000)) }, strike: true},
	"noise in MSE":     {do: func(v *hostilePeer) { mse.Initiate(v, v.tt.swarms[0].hash, mse.Options{}, noise(500)) }, strike: true},
	"no MSE behind":    {do: func(v *hostilePeer) { v.Write(make([]byte, 96)) }, strike: true}, // a key of 0
	"an endless flood": {do: func(v *hostilePeer) { v.hello(); v.floodRead(make([]byte, 4)) }, strike: true},

	"another torrent":      {do: func(v *hostilePeer) { h := peer.Handshake{InfoHash: [20]byte{1}}; v.Write(h.Append(nil)) }},
	"MSE, another torrent": {do: func(v *hostilePeer) { mse.Initiate(v, [20]byte{1}, mse.Options{}, nil) }},
	"MSE, no method": {
		do: func(v *hostilePeer) {
			mse.Initiate(v, v.tt.swarms[0].hash, mse.Options{Methods: mse.MethodPlaintext}, nil)
		},
		encryption: EncryptionRequire,
	},
	"plaintext": {do: func(v *hostilePeer) { v.hello() }, encryption: EncryptionRequire},
	"MSE":       {do: func(v *hostilePeer) { mse.Initiate(v, v.tt.swarms[0].hash, mse.Options{}, nil) }, encryption: EncryptionOff},
	"a seed":    {do: func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDHaveAll}) }},
	"nothing":   {do: func(v *hostilePeer) { v.CloseWrite() }},
	"half a handshake": {do: func(v *hostilePeer) {
		h := peer.Handshake{InfoHash: v.tt.swarms[0].hash}
		v.Write(h.Append(nil)[:50])
		v.CloseWrite()
	}},
	"half of MSE":        {do: func(v *hostilePeer) { v.Write(noise(150)); v.CloseWrite() }},
	"a handshake":        {do: func(v *hostilePeer) { v.hello(); v.CloseWrite() }},
	"half a message":     {do: func(v *hostilePeer) { v.hello(); v.Write([]byte{0, 0, 0, 13, 6}); v.CloseWrite() }},
	"a reset":            {do: func(v *hostilePeer) { v.hello(); v.SetLinger(0); v.Close() }},
	"a reset of nothing": {do: func(v *hostilePeer) { v.SetLinger(0); v.Close() }},
	"a request and a reset": {do: func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested}, request(0, 0, 16<<10))
		v.SetLinger(0)
		v.Close()
	}},
	"what is not known": {do: func(v *hostilePeer) { v.hello(extended(99, "?"), peer.Message{ID: 99}); v.CloseWrite() }},
	"a slow handshake":  {do: func(v *hostilePeer) { v.Write([]byte("\x13Bit")) }, timeouts: link.Timeouts{Handshake: 300 * time.Millisecond}},
	"silence":           {do: func(v *hostilePeer) { v.hello() }, timeouts: link.Timeouts{Drop: 300 * time.Millisecond}},
}

// An address with too many strikes is refused, whatever other addresses do. Conduct
// that is no strike has no consequence, however often it occurs.
func TestBan(t *testing.T) {
	t.Parallel()
	const bad, good, other = "127.0.5.1", "127.0.5.2", "127.0.5.3"
	for name, c := range conduct {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
			r := startWith(t, Options{Encryption: c.encryption}, func(s *Seeder) {
				if c.timeouts.Handshake > 0 {
					s.timeouts.Handshake = c.timeouts.Handshake
				}
				if c.timeouts.Drop > 0 {
					s.timeouts.Drop = c.timeouts.Drop
				}
			}, Input{Torrent: meta, Path: root})
			tt := r.find(meta.InfoHashV1)
			served := func() {}
			if c.encryption != EncryptionRequire && c.timeouts == (link.Timeouts{}) { // an honest peer that keeps its connection
				l := r.meets(t, tt, good)
				l.send(peer.Message{ID: peer.IDInterested})
				l.await(peer.IDUnchoke)
				served = func() { l.isServed(tt, root) }
			}
			var wg sync.WaitGroup
			for range maxStrikes {
				v := &hostilePeer{TCPConn: r.dialFrom(t, bad), tt: tt, until: time.Now().Add(30 * time.Second)}
				wg.Go(func() {
					c.do(v)
					if _, err := io.Copy(io.Discard, v); errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error("the connection hangs")
					}
					v.Close()
				})
			}
			served()
			wg.Wait()
			// Connections are accepted in order: after this one, all have been.
			last := r.dialFrom(t, other)
			last.CloseWrite()
			io.Copy(io.Discard, last)
			eventually(t, "all have left", func() bool { return r.openOf(bad) == 0 })
			served()
			if c.strike {
				if n := r.strikesOf(bad); n != maxStrikes {
					t.Errorf("%d strikes of %d count", n, maxStrikes)
				}
				for range 3 {
					r.refuses(t, tt, bad)
				}
				r.meets(t, tt, other)
				served()
				return
			}
			if n := r.strikesOf(bad); n != 0 {
				t.Errorf("%d strikes", n)
			}
			if c.encryption != EncryptionRequire {
				eventually(t, "it is let in", func() bool { // with short timeouts not each time
					_, err := r.meet(t, tt, bad)
					return err == nil
				})
			}
			served()
		})
	}
}
