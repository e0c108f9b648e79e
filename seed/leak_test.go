//go:build linux

package seed

import (
	"io"
	"math"
	"net"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/peer"
	"bt/internal/peer/mse"
	"bt/internal/peerid"
	"bt/internal/swarm"
	"bt/maketorrent"
)

// Resources of the process: goroutines, descriptors, and mappings of files in a path.
func leftovers(t testing.TB, path string) [3]int {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		t.Fatal(err)
	}
	return [3]int{runtime.NumGoroutine(), len(fds), strings.Count(string(maps), path)}
}

func TestNothingIsLeft(t *testing.T) {
	r, tt, root := one(t, Options{}, maketorrent.FormatV1, 1<<20, 2<<20)
	r.join(t, tt).conn.Close() // what the first peer starts stays
	r.empty(t)
	eventually(t, "nothing is mapped", func() bool { return leftovers(t, root)[2] == 0 })
	before := leftovers(t, root)
	for i := range 200 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 3, byte(i/10)+1)}}
		conn, err := d.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(hung))
		h := peer.Handshake{InfoHash: tt.swarms[0].hash}
		h.Set(allFeatures)
		b := h.Append(nil)
		b = peer.Message{ID: peer.IDInterested}.Append(b)
		if i%10 == 0 { // leaves within the handshake
			b = b[:30]
		}
		conn.Write(b)
		l := &leecher{t: t, conn: conn, pieces: tt.pieces}
		if i%10 > 0 {
			if _, err := io.ReadFull(conn, make([]byte, peer.HandshakeLength)); err != nil {
				t.Fatal(err)
			}
			l.await(peer.IDUnchoke)
			for k := range uint32(30) {
				l.send(request(k, 0, 16<<10))
			}
			l.await(peer.IDPiece)
			if i == 1 && leftovers(t, root)[2] == 0 {
				t.Error("nothing is mapped: this test can't fail")
			}
		}
		switch i % 4 {
		case 0:
			conn.(*net.TCPConn).SetLinger(0) // a reset
		case 1:
			conn.Write([]byte{0, 0, 0, 9, 1}) // garbage
		case 2:
			conn.(*net.TCPConn).CloseWrite()
		}
		conn.Close()
	}
	r.empty(t)
	awaitLeftovers(t, root, before)
}

func memoryInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// An fdConn is a bare descriptor of a connection, which uses no memory of this process.
type fdConn int

func (c fdConn) Read(b []byte) (n int, err error) {
	if n, err = unix.Read(int(c), b); n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}
func (c fdConn) Write(b []byte) (int, error) { return unix.Write(int(c), b) }
func (c fdConn) Close()                      { unix.Close(int(c)) }

// newFD returns a bound socket.
func newFD(t *testing.T, addr *unix.SockaddrInet4) fdConn {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Bind(fd, addr); err != nil {
		t.Fatal(err)
	}
	return fdConn(fd)
}

// An idle peer takes little memory, whichever side has connected, with encryption or without.
func TestMemoryOfIdlePeers(t *testing.T) {
	const most = 20 << 10
	for _, test := range []struct {
		name      string
		peers     int
		called    bool
		encrypted bool
	}{
		{"accepted", 2000, false, false},
		{"accepted, encrypted", 1000, false, true},
		{"called", 200, true, false},
		{"called, encrypted", 200, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			needDescriptors(t, uint64(2*test.peers+200))
			o := Options{MaxPeers: test.peers + 10, Encryption: EncryptionOff}
			if test.encrypted {
				o.Encryption = EncryptionRequire
			}
			meta, root := makeContent(t, maketorrent.FormatV1, 1<<20)
			// Handshakes that begin together are answered one after the other.
			r := startWith(t, o, func(s *Seeder) { s.timeouts.Handshake = 5 * time.Minute }, Input{Torrent: meta, Path: root})
			tt := r.find(meta.InfoHashV1)
			fds := make([]fdConn, 0, test.peers+1)
			defer func() {
				for _, fd := range fds {
					fd.Close()
				}
				r.empty(t)
			}()
			before := memoryInUse()
			connect := r.idlePeers(t, &fds)
			if test.called {
				connect = r.idleCallees(t, tt, test.peers, &fds)
			}
			for i := range test.peers {
				eventually(t, "others are through", func() bool { return r.Peers() >= i-swarm.MaxHalfOpen/2 })
				greet(t, connect(i), tt, uint16(i+1), test.called, test.encrypted)
			}
			eventually(t, "all are peers", func() bool { _, half := r.counts(); return half == 0 && r.Peers() == test.peers })
			time.Sleep(1500 * time.Millisecond) // for the first exchange too
			// Each collection halves stacks that the handshake has made large.
			each := int64(math.MaxInt64)
			for range 100 {
				time.Sleep(200 * time.Millisecond)
				if each = min(each, (memoryInUse()-before)/int64(test.peers)); each <= most {
					break
				}
			}
			t.Logf("%d bytes a peer", each)
			if each > most {
				t.Errorf("%d bytes a peer, more than %d", each, most)
			}
		})
	}
}

// idlePeers returns a function that connects to the seed.
func (r *running) idlePeers(t *testing.T, fds *[]fdConn) func(i int) fdConn {
	to := &unix.SockaddrInet4{Port: int(r.port), Addr: [4]byte{127, 0, 0, 1}}
	return func(i int) fdConn {
		fd := newFD(t, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 4, byte(i/50) + 1}})
		*fds = append(*fds, fd)
		if err := unix.Connect(int(fd), to); err != nil {
			t.Fatal(err)
		}
		return fd
	}
}

// idleCallees offers the seed n addresses, and returns a function that accepts a call.
func (r *running) idleCallees(t *testing.T, tt *Torrent, n int, fds *[]fdConn) func(i int) fdConn {
	l := newFD(t, &unix.SockaddrInet4{})
	*fds = append(*fds, l)
	if err := unix.Listen(int(l), n); err != nil {
		t.Fatal(err)
	}
	addr, err := unix.Getsockname(int(l))
	if err != nil {
		t.Fatal(err)
	}
	addrs := make([]netip.AddrPort, n)
	for i := range addrs {
		ip := netip.AddrFrom4([4]byte{127, 5, byte(i / 250), byte(i%250) + 1})
		addrs[i] = netip.AddrPortFrom(ip, uint16(addr.(*unix.SockaddrInet4).Port))
	}
	r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, addrs)
	return func(int) fdConn {
		fd, _, err := unix.Accept(int(l))
		if err != nil {
			t.Fatal(err)
		}
		*fds = append(*fds, fdConn(fd))
		return fdConn(fd)
	}
}

// greet exchanges handshakes with the seed, and sends what an interested peer does that
// listens at a port.
func greet(t *testing.T, c fdConn, tt *Torrent, port uint16, called, encrypted bool) {
	t.Helper()
	h := peer.Handshake{InfoHash: tt.swarms[0].hash, PeerID: peerid.New()}
	h.Set(allFeatures)
	hello := peer.ExtendedHandshake{Client: "somebody 1.2.3", Port: port, Extensions: map[string]uint8{"ut_metadata": 3, "ut_pex": 4}}
	b := hello.Append(h.Append(nil))
	b = peer.Message{ID: peer.IDInterested}.Append(b)
	b = request(0, 0, 16<<10).Append(b)
	o := mse.Options{Methods: mse.MethodRC4, Lookup: func([20]byte) ([20]byte, bool) { return tt.swarms[0].hash, true }}
	var s *mse.Session
	var err error
	switch {
	case encrypted && called:
		first := make([]byte, peer.GreetingLength)
		if _, err = io.ReadFull(c, first); err == nil {
			s, err = mse.Accept(c, first, o)
		}
		s.Encrypt(b)
	case encrypted:
		_, err = mse.Initiate(c, tt.swarms[0].hash, o, b)
		b = nil
	}
	if err == nil {
		_, err = c.Write(b)
	}
	if err != nil {
		t.Fatal(err)
	}
}
