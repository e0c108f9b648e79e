package swarm

import (
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peer/mse"
)

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b)
	return b
}

// drips sends b again and again, one byte at a time.
func drips(b []byte) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		for i := 0; ; i++ {
			if _, err := conn.Write(b[i%len(b) : i%len(b)+1]); err != nil {
				return
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
}

// sends sends b, and waits for the other side to close the connection.
func sends(b []byte) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		conn.Write(b)
		io.Copy(io.Discard, conn)
	}
}

// floods sends b without end.
func floods(b []byte) func(*net.TCPConn) {
	return func(conn *net.TCPConn) {
		for {
			if _, err := conn.Write(b); err != nil {
				return
			}
		}
	}
}

// Peers that are called and don't do what a peer does cost a call, or two, and nothing is
// left of them. They are called again later, or not at all, and those that violate the
// protocol get a strike.
func TestHostileCallees(t *testing.T) {
	hash := [20]byte{1}
	greeting := func(hash [20]byte, id [20]byte) []byte {
		return (&peer.Handshake{InfoHash: hash, PeerID: id}).Append(nil)
	}
	good := greeting(hash, [20]byte{9})
	reset := func(conn *net.TCPConn) {
		conn.Read(make([]byte, 1)) // or the call itself could fail, and not be repeated
		conn.SetLinger(0)
	}
	accepts := func(key [20]byte, rest []byte) func(*net.TCPConn) {
		return func(conn *net.TCPConn) {
			first := make([]byte, peer.GreetingLength)
			if _, err := io.ReadFull(conn, first); err != nil {
				return
			}
			s, err := mse.Accept(conn, first, mse.Options{Lookup: func([20]byte) ([20]byte, bool) { return key, true }})
			if err != nil {
				return
			}
			b := append([]byte(nil), rest...)
			s.Encrypt(b)
			conn.Write(b)
			io.Copy(io.Discard, conn)
		}
	}
	const (
		again    = "again after a minute"
		later    = "again after ten minutes"
		needless = "again after hours"
		never    = "not again"
	)
	for name, test := range map[string]struct {
		answer  func(conn *net.TCPConn) // nil: nothing listens
		tries   int
		strike  bool
		outcome string
		hangs   bool // it must time out, and takes no more part in the handshake
	}{
		"no listener":       {nil, 0, false, again, false},
		"closes at once":    {func(*net.TCPConn) {}, 2, false, again, false},
		"resets":            {reset, 2, false, again, false},
		"nothing":           {sends(nil), 2, false, again, true},
		"half a handshake":  {sends(good[:40]), 2, false, again, true},
		"half, then closes": {func(conn *net.TCPConn) { conn.Write(good[:40]) }, 2, false, again, false},
		"drips a handshake": {drips(good), 2, false, again, true},
		"drips noise":       {drips(noise(1000)), 2, false, again, true},
		"noise":             {sends(noise(5000)), 2, true, again, false},
		"noise without end": {floods(noise(5000)), 2, true, again, false},
		"a key of zero":     {sends(make([]byte, 96)), 2, true, again, false},
		"a web server": {func(conn *net.TCPConn) {
			conn.Write([]byte("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n" + strings.Repeat("<p>no</p>", 20)))
		}, 2, true, again, false},
		"another torrent":         {sends(greeting([20]byte{7}, [20]byte{9})), 2, false, again, true},
		"MSE, another torrent":    {accepts(hash, greeting([20]byte{7}, [20]byte{9})), 1, false, again, false},
		"MSE, a wrong key":        {accepts([20]byte{8}, good), 2, false, again, true},
		"MSE, half a handshake":   {accepts(hash, good[:40]), 2, false, again, true},
		"MSE, noise":              {accepts(hash, noise(5000)), 2, false, again, true},
		"our id":                  {greets(string(testID[:])), 2, false, never, false},
		"MSE, our id":             {accepts(hash, greeting(hash, testID)), 1, false, never, false},
		"a handshake and no more": {func(conn *net.TCPConn) { conn.Write(good); conn.CloseWrite() }, 2, false, later, false},
		"a seed":                  {greets("-XX0001-seed", peer.Message{ID: peer.IDHaveAll}), 2, false, needless, false},
		"MSE, a seed":             {accepts(hash, peer.Message{ID: peer.IDHaveAll}.Append(good)), 1, false, needless, false},
		"MSE, then garbage":       {accepts(hash, append(good[:len(good):len(good)], 0, 0, 0, 9, 1)), 1, true, later, false},
		"garbage later":           {greets("-XX0001-garbage", peer.Message{ID: peer.IDBitfield, Payload: []byte{1}}), 2, true, later, false},
	} {
		t.Run(name, func(t *testing.T) {
			before := leftovers(t)
			var o Options
			if test.hangs {
				o.Timeouts = &link.Timeouts{Handshake: 300 * time.Millisecond, KeepAlive: time.Minute, Drop: time.Minute, Stall: time.Minute}
			}
			h := newHub(t, o)
			stop := h.serve(t)
			l := listenAt(t, "127.0.50.1:0", test.answer)
			addr := l.addr()
			if test.answer == nil {
				l.end()
			}
			began := time.Now()
			h.Offer(h.torrents[0], hash, Origin{}, []netip.AddrPort{addr})
			var k *contact
			got := never
			eventually(t, "the call ends", func() bool {
				h.contacts.mu.Lock()
				defer h.contacts.mu.Unlock()
				if h.contacts.isOwn(addr, began) {
					return true
				}
				if b := h.contacts.books[h.torrents[0]]; b != nil {
					k = b.contacts[addr]
				}
				if k == nil || k.place < 0 {
					return false
				}
				switch wait := k.next.Sub(began); {
				case wait >= recallNeedless:
					got = needless
				case wait >= 2*recall:
					got = later
				default:
					got = again
				}
				return true
			})
			tries, _, _ := l.calls()
			if tries != test.tries || got != test.outcome {
				t.Errorf("%d calls, and is called %s", tries, got)
			}
			if hosts := h.Hosts(); (len(hosts) == 1 && hosts[0].Strikes == 1) != test.strike {
				t.Errorf("strikes: %+v", hosts)
			}
			if open, halfOpen := h.Connections(); open != 0 || halfOpen != 0 {
				t.Errorf("%d connections, %d in their handshake", open, halfOpen)
			}
			stop()
			l.end()
			var after [2]int
			for range 8000 {
				if after = leftovers(t); after[0] <= before[0] && after[1] <= before[1] {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("goroutines and descriptors were %d and are %d", before, after)
		})
	}
}

// leftovers returns the numbers of goroutines and descriptors.
func leftovers(t *testing.T) [2]int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return [2]int{runtime.NumGoroutine(), len(fds)}
}
