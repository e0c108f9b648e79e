//go:build linux

package seed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// A hostilePeer is a connection of a peer that misbehaves.
type hostilePeer struct {
	*net.TCPConn
	tt    *Torrent
	root  [32]byte // of the content's only file
	until time.Time
}

// hello sends a handshake and messages.
func (v *hostilePeer) hello(messages ...peer.Message) {
	h := peer.Handshake{InfoHash: v.tt.swarms[0].hash}
	h.Set(allFeatures)
	b := h.Append(nil)
	for _, m := range messages {
		b = m.Append(b)
	}
	v.Write(b)
}

// flood sends b repeatedly, and reads nothing.
func (v *hostilePeer) flood(b []byte) {
	b = bytes.Repeat(b, 1+(32<<10)/len(b))
	for time.Now().Before(v.until) {
		if _, err := v.Write(b); err != nil {
			return
		}
	}
}

// floodRead is like flood, but reads the answers.
func (v *hostilePeer) floodRead(b []byte) {
	go io.Copy(io.Discard, v.TCPConn)
	v.flood(b)
}

// drip sends b slowly, one byte at a time.
func (v *hostilePeer) drip(b []byte) {
	for len(b) > 0 && time.Now().Before(v.until) {
		if _, err := v.Write(b[:1]); err != nil {
			return
		}
		b = b[1:]
		time.Sleep(20 * time.Millisecond)
	}
}

// wait keeps the connection open.
func (v *hostilePeer) wait() { time.Sleep(time.Until(v.until)) }

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b)
	return b
}

func extended(id uint8, payload string) peer.Message {
	return peer.Message{ID: peer.IDExtended, Extension: id, Payload: []byte(payload)}
}

// attacks holds the behaviours of hostile peers, by name. Each is repeated from an
// address of its own.
var attacks = map[string]func(v *hostilePeer){
	"noise":                func(v *hostilePeer) { v.flood(noise(50_000)) },
	"zeros":                func(v *hostilePeer) { v.flood(make([]byte, 1000)) },
	"an HTTP request":      func(v *hostilePeer) { v.Write([]byte("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")); v.wait() },
	"nothing at all":       func(v *hostilePeer) { v.wait() },
	"handshake in drops":   func(v *hostilePeer) { h := peer.Handshake{InfoHash: v.tt.swarms[0].hash}; v.drip(h.Append(nil)) },
	"half a handshake":     func(v *hostilePeer) { h := peer.Handshake{}; v.Write(h.Append(nil)[:40]); v.CloseWrite(); v.wait() },
	"endless handshakes":   func(v *hostilePeer) { h := peer.Handshake{InfoHash: v.tt.swarms[0].hash}; v.flood(h.Append(nil)) },
	"another torrent":      func(v *hostilePeer) { h := peer.Handshake{InfoHash: [20]byte{1}}; v.Write(h.Append(nil)); v.wait() },
	"MSE without end":      func(v *hostilePeer) { v.Write(noise(96)); v.drip(noise(2000)) },
	"MSE, another torrent": func(v *hostilePeer) { mse.Initiate(v, [20]byte{1}, mse.Options{}, nil); v.wait() },
	"MSE, then noise": func(v *hostilePeer) {
		mse.Initiate(v, v.tt.swarms[0].hash, mse.Options{}, noise(500))
		v.flood(noise(5000))
	},
	"MSE, then nothing": func(v *hostilePeer) {
		mse.Initiate(v, v.tt.swarms[0].hash, mse.Options{Methods: mse.MethodRC4}, nil)
		v.wait()
	},
	"noise behind":    func(v *hostilePeer) { v.hello(); v.flood(noise(50_000)) },
	"length of 4 GiB": func(v *hostilePeer) { v.hello(); v.Write([]byte{255, 255, 255, 255, 5}); v.flood(make([]byte, 1000)) },
	"a long unknown":  func(v *hostilePeer) { v.hello(); v.Write([]byte{0, 16, 0, 0, 99}); v.flood(make([]byte, 1000)) },
	"a message in drops": func(v *hostilePeer) {
		v.hello()
		v.drip(extended(0, string(bytes.Repeat([]byte("d"), 60_000))).Append(nil))
	},
	"piece to us":    func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDPiece, Payload: noise(16 << 10)}); v.wait() },
	"hashes to us":   func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDHashes, Payload: make([]byte, 80)}); v.wait() },
	"short bitfield": func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDBitfield}); v.wait() },
	"long bitfield": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDBitfield, Payload: make([]byte, 1<<20)})
		v.wait()
	},
	"flood of bitfields": func(v *hostilePeer) {
		v.hello()
		v.flood(peer.Message{ID: peer.IDBitfield, Payload: peer.NewBitfield(v.tt.pieces)}.Append(nil))
	},
	"flood of keep-alives": func(v *hostilePeer) { v.hello(); v.flood(make([]byte, 4)) },
	"flood of haves":       func(v *hostilePeer) { v.hello(); v.flood(peer.Message{ID: peer.IDHave}.Append(nil)) },
	"flood of chokes":      func(v *hostilePeer) { v.hello(); v.flood(peer.Message{ID: peer.IDChoke}.Append(nil)) },
	"flood of unknowns":    func(v *hostilePeer) { v.hello(); v.flood([]byte{0, 0, 0, 1, 200}) },
	"flood of rejects":     func(v *hostilePeer) { v.hello(); v.floodRead(peer.Message{ID: peer.IDReject}.Append(nil)) },
	"flood of interest": func(v *hostilePeer) {
		v.hello()
		v.flood(peer.Message{ID: peer.IDNotInterested}.Append(peer.Message{ID: peer.IDInterested}.Append(nil)))
	},
	"flood of cancels":      func(v *hostilePeer) { v.hello(); v.flood(peer.Message{ID: peer.IDCancel, Length: 1}.Append(nil)) },
	"requests while choked": func(v *hostilePeer) { v.hello(); v.floodRead(request(0, 0, 16).Append(nil)) },
	"requests, not read": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested})
		v.flood(request(0, 0, 16<<10).Append(nil))
	},
	"requests and cancels": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested})
		v.floodRead(peer.Message{ID: peer.IDCancel, Length: 16 << 10}.Append(request(0, 0, 16<<10).Append(nil)))
	},
	"tiny requests": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested})
		v.floodRead(request(0, 0, 1).Append(nil))
	},
	"request of piece -1": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested}, request(1<<32-1, 0, 16<<10))
		v.wait()
	},
	"request of 4 GiB":   func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDInterested}, request(0, 0, 1<<32-1)); v.wait() },
	"request that wraps": func(v *hostilePeer) { v.hello(peer.Message{ID: peer.IDInterested}, request(0, 1<<32-1, 2)); v.wait() },
	"reads in drops": func(v *hostilePeer) {
		v.SetReadBuffer(1)
		v.hello(peer.Message{ID: peer.IDInterested}, request(0, 0, 16<<10), request(1, 0, 16<<10))
		for time.Now().Before(v.until) {
			if _, err := v.Read(make([]byte, 1)); err != nil {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	},
	"half-close": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested}, request(0, 0, 16<<10))
		v.CloseWrite()
		v.wait()
	},
	"reset in the middle": func(v *hostilePeer) {
		v.hello(peer.Message{ID: peer.IDInterested}, request(0, 0, 16<<10), request(0, 0, 16<<10))
		v.Read(make([]byte, 1000))
		v.SetLinger(0)
	},
	"deep bencode":  func(v *hostilePeer) { v.hello(extended(0, string(bytes.Repeat([]byte("l"), 60_000)))); v.wait() },
	"huge numbers":  func(v *hostilePeer) { v.hello(extended(0, "d1:md11:ut_metadatai99999999999999999999eee")); v.wait() },
	"a huge string": func(v *hostilePeer) { v.hello(extended(0, "d1:v99999999999:x")); v.wait() },
	"many extensions": func(v *hostilePeer) {
		b := []byte("d1:md")
		for i := range 5000 {
			b = fmt.Appendf(b, "5:%05di1e", i)
		}
		v.hello(extended(0, string(append(b, "ee"...))))
		v.wait()
	},
	"flood of handshakes": func(v *hostilePeer) { v.hello(); v.flood(extended(0, "d1:md11:ut_metadatai3eee").Append(nil)) },
	"flood of extensions": func(v *hostilePeer) { v.hello(); v.flood(extended(99, "x").Append(nil)) },
	"metadata, not read": func(v *hostilePeer) {
		v.hello(extended(0, "d1:md11:ut_metadatai3eee"))
		v.flood(extended(1, "d8:msg_typei0e5:piecei0ee").Append(nil))
	},
	"metadata of piece 1e18": func(v *hostilePeer) {
		v.hello(extended(0, "d1:md11:ut_metadatai3eee"))
		v.floodRead(extended(1, "d8:msg_typei0e5:piecei1000000000000000000ee").Append(nil))
	},
	"metadata to us": func(v *hostilePeer) {
		v.hello()
		v.flood(extended(1, "d8:msg_typei1e5:piecei0e10:total_sizei99eexxxx").Append(nil))
	},
	"hash requests": func(v *hostilePeer) {
		v.hello()
		q := peer.HashRequest{PiecesRoot: v.root, BaseLayer: 2, Length: 16, ProofLayers: 2}
		v.floodRead(q.Append(nil))
	},
	"hash requests, not read": func(v *hostilePeer) {
		v.hello()
		q := peer.HashRequest{PiecesRoot: v.root, BaseLayer: 2, Length: 16, ProofLayers: 2}
		v.flood(q.Append(nil))
	},
	"bad hash requests": func(v *hostilePeer) {
		v.hello()
		q := peer.HashRequest{BaseLayer: 1<<32 - 1, Index: 1<<32 - 1, Length: 1<<32 - 1, ProofLayers: 1<<32 - 1}
		v.floodRead(q.Append(nil))
	},
}

// While other peers misbehave, an honest peer gets its data. The others are
// disconnected when they should be.
func TestHostile(t *testing.T) {
	meta, root := makeContent(t, maketorrent.FormatHybrid, 4<<20)
	// The peer that is not hostile must not exceed the timeouts because the machine is busy.
	slow := testenv.Slowness(t)
	r := startWith(t, Options{}, func(s *Seeder) {
		s.timeouts = link.Timeouts{Handshake: slow * time.Second, KeepAlive: 500 * time.Millisecond, Drop: slow * 2 * time.Second, Stall: slow * 2 * time.Second}
	}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	if len(attacks) < 30 {
		t.Fatalf("only %d attacks", len(attacks))
	}
	treeRoot := *loadedOf(t, tt).content.Files[0].PiecesRoot
	ctx, cancel := context.WithTimeout(t.Context(), slow*time.Minute)
	defer cancel()
	var wg sync.WaitGroup
	defer wg.Wait()
	number := byte(1)
	for _, do := range attacks {
		number++
		// Linux has all of 127/8.
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, number)}}
		wg.Go(func() {
			for ctx.Err() == nil {
				conn, err := d.DialContext(ctx, "tcp", r.addr)
				if err != nil {
					return
				}
				v := &hostilePeer{conn.(*net.TCPConn), tt, treeRoot, time.Now().Add(slow * 3 * time.Second)}
				v.SetDeadline(v.until)
				do(v)
				v.Close()
				time.Sleep(50 * time.Millisecond) // banned, most of them
			}
		})
	}
	// And slow handshakes by the hundred.
	for i := range 300 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 2, byte(i%10)+1)}}
		wg.Go(func() {
			conn, err := d.DialContext(ctx, "tcp", r.addr)
			if err == nil {
				conn.Write([]byte("\x13Bit"))
				<-ctx.Done()
				conn.Close()
			}
		})
	}
	l := r.join(t, tt)
	all := make([]int, tt.pieces)
	for i := range all {
		all[i] = i
	}
	// Of 4 MiB each; undisturbed, one takes 10 ms. On a busy machine it may take some
	// windows until there are as many in one.
	const want = 4
	window := slow * 4 * time.Second
	l.conn.SetDeadline(time.Now().Add(slow * time.Minute))
	downloads, began := 0, time.Now()
	for downloads < want || time.Since(began) < window {
		if ctx.Err() != nil {
			t.Errorf("%d downloads in the last %v", downloads, window)
			break
		}
		if time.Since(began) >= window {
			t.Logf("%d downloads", downloads)
			downloads, began = 0, time.Now()
		}
		for i, got := range l.download(loadedOf(t, tt).lengthOf, all...) {
			if !bytes.Equal(got, expected(t, meta, root, i)) {
				t.Fatalf("piece %d is not what is in the files", i)
			}
		}
		downloads++
		time.Sleep(20 * time.Millisecond)
	}
	cancel()
	wg.Wait()
	l.conn.Close()
	r.empty(t)
}
