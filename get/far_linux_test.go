package get

import (
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
	"bt/maketorrent"
	"bt/seed"
)

// A farLink forwards connections with a delay in each direction, and at a limited rate. It
// holds what is on its way, so that only the sender's side limits how much that is.
type farLink struct {
	delay time.Duration
	rate  float64 // bytes per second
	to    string
}

// listen returns the near end of the link.
func (f farLink) listen(t testing.TB) netip.AddrPort {
	t.Helper()
	l := listen(t, "127.0.0.1")
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			go f.forward(near)
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

func (f farLink) forward(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", f.to)
	if err != nil {
		return
	}
	defer far.Close()
	go f.copy(far, near)
	f.copy(near, far)
}

// copy forwards one direction.
func (f farLink) copy(to, from net.Conn) {
	type packet struct {
		data []byte
		at   time.Time
	}
	way := make(chan packet, 1<<14)
	var arriving sync.WaitGroup
	arriving.Go(func() {
		defer to.Close()
		for p := range way {
			time.Sleep(time.Until(p.at))
			if _, err := to.Write(p.data); err != nil {
				from.Close()
			}
		}
	})
	defer arriving.Wait()
	defer close(way)
	const burst = 20 * time.Millisecond // or each late wake-up would make the link slower
	sent := time.Now()
	for {
		b := make([]byte, 64<<10)
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if now := time.Now(); sent.Before(now.Add(-burst)) {
			sent = now
		}
		sent = sent.Add(time.Duration(float64(n) / f.rate * float64(time.Second)))
		time.Sleep(time.Until(sent))
		way <- packet{b[:n], sent.Add(f.delay)}
	}
}

// A download of 2 GiB from one seed over a link of 100 ms and 1 Gbit/s, and a bare connection
// over the same link. The share of its speed should be 0.9. It needs two CPUs that do nothing
// else, and 3 GiB of memory.
func BenchmarkFarSeed(b *testing.B) {
	const size = 2 << 30
	f := farLink{delay: 50 * time.Millisecond, rate: 125e6}
	path := filepath.Join(b.TempDir(), "content")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		b.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		b.Fatal(err)
	}
	made, err := maketorrent.Make(b.Context(), maketorrent.Options{Path: path, Format: maketorrent.FormatV1, PieceLength: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	f.to = startSeed(b, made.Torrent, path, seed.Options{}).String()
	near := f.listen(b)
	b.SetBytes(size)
	var bare, took time.Duration
	for b.Loop() {
		b.StopTimer()
		bare += f.bare(b, size)
		o := Options{Torrent: made.Torrent, Dir: testenv.Tmpfs(b), Peers: []netip.AddrPort{near}, Encryption: EncryptionOff}
		b.StartTimer()
		begun := time.Now()
		if r := run(b, o); r.err != nil {
			b.Fatal(r.err)
		}
		took += time.Since(begun)
		b.StopTimer()
		if err := os.RemoveAll(filepath.Join(o.Dir, "content")); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
	b.ReportMetric(bare.Seconds()/took.Seconds(), "of-bare-speed")
}

// bare returns how long it takes to send so much over a connection without a protocol.
func (f farLink) bare(t testing.TB, size int64) time.Duration {
	t.Helper()
	l := listen(t, "127.0.0.1")
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		b := make([]byte, 1<<20)
		for range size / int64(len(b)) {
			c.Write(b)
		}
	}()
	f.to = l.Addr().String()
	begun := time.Now()
	c, err := net.Dial("tcp", f.listen(t).String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := io.Copy(io.Discard, c); n != size {
		t.Fatalf("%d bytes: %v", n, err)
	}
	return time.Since(begun)
}
