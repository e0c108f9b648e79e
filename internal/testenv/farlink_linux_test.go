package testenv

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"
)

// A link delays packets, limits their rate and loses some.
func TestFarLink(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	a, b := FarLink{Delay: 50 * time.Millisecond, Rate: 2 << 20}.Hosts(t)
	l, _, err := a.Listen(netip.AddrPortFrom(a.Addr, 7001))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Write(make([]byte, size))
			c.Close()
		}
	}()
	begun := time.Now()
	c, err := b.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if took := time.Since(begun); took < 100*time.Millisecond {
		t.Errorf("a connection takes %v", took)
	}
	if n, err := io.Copy(io.Discard, c); n != size || err != nil {
		t.Fatalf("%d bytes: %v", n, err)
	}
	if took := time.Since(begun); took < 500*time.Millisecond {
		t.Errorf("%d bytes take %v", size, took)
	}
}

// A link loses the share of packets that it should.
func TestFarLinkLoss(t *testing.T) {
	t.Parallel()
	const packets = 1000
	a, b := FarLink{Rate: 100 << 20, Loss: 0.2, MTU: 1500}.Hosts(t)
	l, c, err := a.Listen(netip.AddrPortFrom(a.Addr, 7001))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	defer c.Close()
	from, err := b.DialContext(t.Context(), "udp", net.JoinHostPort(a.Addr.String(), "7001"))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	var sending sync.WaitGroup
	defer sending.Wait()
	sending.Go(func() {
		for range packets {
			from.Write(make([]byte, 100))
			time.Sleep(200 * time.Microsecond) // the receiver's buffer holds a few hundred
		}
	})
	arrived := 0
	buf := make([]byte, 200)
	for ; ; arrived++ {
		c.SetReadDeadline(time.Now().Add(time.Second))
		if _, _, err := c.ReadFrom(buf); err != nil {
			break
		}
	}
	if arrived < packets*7/10 || arrived > packets*9/10 {
		t.Errorf("%d packets of %d arrive", arrived, packets)
	}
}
