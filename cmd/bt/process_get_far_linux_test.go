package main

import (
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bt/internal/testenv"
)

// farSeeds starts n seeds of data on a host, each at an address of its own.
func (s *speedSwarm) farSeeds(h *testenv.Host, bt, data string, n int) {
	s.b.Helper()
	for i := range n {
		addr := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 77, 0, byte(11 + i)}), 7001)
		line := h.Command("ip", "address", "add", addr.Addr().String()+"/24", "dev", "eth0")
		if out, err := exec.Command(line[0], line[1:]...).CombinedOutput(); err != nil {
			s.b.Fatalf("%v: %s", err, out)
		}
		line = h.Command(bt, "seed", s.torrent, data, "--json", "--check", "none", "--bind", addr.Addr().String(), "--port", "7001",
			"--no-dht", "--no-lsd", "--no-pex", "--no-port-map")
		cmd := exec.CommandContext(s.b.Context(), line[0], line[1:]...)
		var errors strings.Builder
		cmd.Stderr = &errors
		if err := cmd.Start(); err != nil {
			s.b.Fatal(err)
		}
		s.b.Cleanup(func() { cmd.Wait() }) // the context has ended
		for end := time.Now().Add(swarmTimeout); ; time.Sleep(10 * time.Millisecond) {
			c, err := h.DialContext(s.b.Context(), "tcp", addr.String())
			if err == nil {
				c.Close()
				break
			}
			if time.Now().After(end) {
				s.b.Fatalf("the seed does not listen: %v\n%s", err, &errors)
			}
		}
		s.peers = append(s.peers, addr.String())
	}
}

// bare returns how long it takes to send so much over a connection without a protocol.
func (s *speedSwarm) bare(from, to *testenv.Host) time.Duration {
	s.b.Helper()
	l, c, err := from.Listen(netip.AddrPortFrom(from.Addr, 7000))
	if err != nil {
		s.b.Fatal(err)
	}
	defer l.Close()
	defer c.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 1<<20)
		for range s.size / int64(len(b)) {
			c.Write(b)
		}
	}()
	begun := time.Now()
	conn, err := to.DialContext(s.b.Context(), "tcp", l.Addr().String())
	if err != nil {
		s.b.Fatal(err)
	}
	defer conn.Close()
	if n, err := io.Copy(io.Discard, conn); n != s.size {
		s.b.Fatalf("%d bytes: %v", n, err)
	}
	return time.Since(begun)
}

// farSwarm makes a torrent, for a download on a host.
func farSwarm(b *testing.B, size int64, host *testenv.Host) (s *speedSwarm, data string) {
	b.Helper()
	dir := testenv.Tmpfs(b)
	data = filepath.Join(dir, "data")
	writeRandom(b, data, size)
	s = &speedSwarm{b: b, torrent: filepath.Join(dir, "data.torrent"), size: size, host: host}
	processMade(b, dir, "make", data, "-l", "1MiB", "-o", s.torrent)
	return s, data
}

// bt gets 2 GiB from one seed over a link of 100 ms and 1 Gbit/s. A bare TCP connection of as
// many bytes over the same link is measured beside it; both are timed from the start, of the
// process or of the connection, to the last byte. The share of its speed should be 0.9. It
// needs two CPUs that do nothing else, and 5 GiB of memory.
func BenchmarkProcessGetFar(b *testing.B) {
	near, far := testenv.FarLink{Delay: 50 * time.Millisecond, Rate: 125e6}.Hosts(b)
	s, data := farSwarm(b, 2<<30, near)
	bt := processPlain(b)
	s.farSeeds(far, bt, data, 1)
	var bare, ours time.Duration
	for b.Loop() {
		bare += s.bare(far, near)
		var err error
		if s.dir, err = os.MkdirTemp(filepath.Dir(s.torrent), "out"); err != nil {
			b.Fatal(err)
		}
		ours += time.Duration(s.bt(bt).seconds * float64(time.Second))
		os.RemoveAll(s.dir)
	}
	gb := float64(s.size) * float64(b.N) / 1e9
	b.ReportMetric(gb/bare.Seconds(), "bare-GB/s")
	b.ReportMetric(gb/ours.Seconds(), "bt-GB/s")
	b.ReportMetric(bare.Seconds()/ours.Seconds(), "of-bare-speed")
}

// bt and libtorrent get 64 MiB from eight seeds behind a link of 20 ms that loses 5 % of the
// packets in each direction. -benchtime 5x makes five rounds, of which the medians count.
func BenchmarkProcessGetLossy(b *testing.B) {
	python := testenv.Python(b, "libtorrent")
	near, far := testenv.FarLink{Delay: 10 * time.Millisecond, Rate: 125e6, Loss: 0.05, MTU: 1500}.Hosts(b)
	s, data := farSwarm(b, 64<<20, near)
	bt := processPlain(b)
	s.farSeeds(far, bt, data, 8)
	s.compare(map[string]func() speed{
		"bt":         func() speed { return s.bt(bt) },
		"libtorrent": func() speed { return s.libtorrent(python) },
	})
}
