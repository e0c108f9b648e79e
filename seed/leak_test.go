//go:build linux

package seed

import (
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/testenv"
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
	time.Sleep(50 * time.Millisecond)
	before := leftovers(t, root)
	if before[2] != 0 {
		t.Errorf("%d maps before there are peers", before[2])
	}
	for i := range 200 {
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 3, byte(i/10)+1)}}
		conn, err := d.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(10 * time.Second))
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
	var after [3]int
	for range 100 {
		if after = leftovers(t, root); after == before {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("goroutines, descriptors and maps were %d and are %d", before, after)
}

func memoryInUse() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse + m.StackInuse)
}

// The peers are bare descriptors, which use no memory of this process.
func TestMemoryOfIdlePeers(t *testing.T) {
	const peers, most = 2000, 20 << 10
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil || limit.Cur < 2*peers+200 {
		testenv.Missing(t, fmt.Sprintf("%d descriptors (ulimit -n), and %d are allowed", 2*peers+200, limit.Cur))
	}
	r, tt, _ := one(t, Options{MaxPeers: peers + 10}, maketorrent.FormatV1, 1<<20)
	h := peer.Handshake{InfoHash: tt.swarms[0].hash}
	h.Set(allFeatures)
	hello := peer.ExtendedHandshake{Client: "somebody 1.2.3", Extensions: map[string]uint8{"ut_metadata": 3}}
	b := hello.Append(h.Append(nil))
	b = peer.Message{ID: peer.IDInterested}.Append(b)
	b = request(0, 0, 16<<10).Append(b)
	fds := make([]int, 0, peers)
	defer func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
		r.empty(t)
	}()
	to := &unix.SockaddrInet4{Port: int(r.port), Addr: [4]byte{127, 0, 0, 1}}
	before := memoryInUse()
	await := func(n int) {
		t.Helper()
		for end := time.Now().Add(time.Minute); r.Peers() < n; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%d of %d peers came", r.Peers(), n)
			}
		}
	}
	for i := range peers {
		await(i - swarm.MaxHalfOpen/2) // more concurrent handshakes would be refused
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			t.Fatal(err)
		}
		fds = append(fds, fd)
		if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 4, byte(i/50) + 1}}); err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(fd, to); err != nil {
			t.Fatal(err)
		}
		if _, err := unix.Write(fd, b); err != nil {
			t.Fatal(err)
		}
	}
	await(peers)
	time.Sleep(300 * time.Millisecond)
	each := (memoryInUse() - before) / peers
	t.Logf("%d bytes a peer", each)
	if each > most {
		t.Errorf("%d bytes a peer, more than %d", each, most)
	}
}
