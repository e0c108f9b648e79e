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
func (f farLink) listen(t *testing.T) netip.AddrPort {
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

// BT_BENCH makes a download of 2 GiB from one seed over a link of 100 ms and 1 Gbit/s. It is
// at most 10 % slower than a bare connection over the same link.
func TestFarSeed(t *testing.T) {
	if os.Getenv("BT_BENCH") == "" {
		t.Skip("needs BT_BENCH, two CPUs that do nothing else, and 3 GiB of memory")
	}
	const size = 2 << 30
	f := farLink{delay: 50 * time.Millisecond, rate: 125e6}
	bare := f.bare(t, size)

	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: path, Format: maketorrent.FormatV1, PieceLength: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	f.to = startSeed(t, made.Torrent, path, seed.Options{}).String()
	var last int64
	o := Options{Torrent: made.Torrent, Dir: testenv.Tmpfs(t), Peers: []netip.AddrPort{f.listen(t)}, Encryption: EncryptionOff}
	begun := time.Now()
	o.Event = func(at time.Time, e Event) {
		if e, ok := e.(EventProgress); ok {
			t.Logf("%.1f s: %.1f MB/s", at.Sub(begun).Seconds(), float64(e.Done-last)/1e6)
			last = e.Done
		}
	}
	if r := run(t, o); r.err != nil {
		t.Fatal(r.err)
	}
	took := time.Since(begun)
	t.Logf("%v, the bare connection %v", took, bare)
	if took.Seconds() > bare.Seconds()/0.9 {
		t.Errorf("it took %v, a bare connection %v", took, bare)
	}
}

// bare returns how long it takes to send so much over a connection without a protocol.
func (f farLink) bare(t *testing.T, size int64) time.Duration {
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
