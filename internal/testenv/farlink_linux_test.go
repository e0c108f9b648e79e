package testenv

import (
	"io"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
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
	// The receiver's buffer holds all, also if it is not read for a while.
	raw, err := c.(*net.UDPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	if controlErr := raw.Control(func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20) }); controlErr != nil || err != nil {
		t.Fatal(controlErr, err)
	}
	ended := make(chan struct{})
	var sending sync.WaitGroup
	defer sending.Wait()
	defer close(ended)
	sending.Go(func() {
		for range packets {
			from.Write(make([]byte, 100))
			time.Sleep(100 * time.Microsecond) // the link's queue must not overflow
		}
		for { // an empty packet says that there are no more, and may get lost
			select {
			case <-ended:
				return
			case <-time.After(10 * time.Millisecond):
				from.Write(nil)
			}
		}
	})
	arrived := 0
	buf := make([]byte, 200)
	for c.SetReadDeadline(time.Now().Add(time.Minute)); ; arrived++ {
		n, _, err := c.ReadFrom(buf)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	if arrived < packets*7/10 || arrived > packets*9/10 {
		t.Errorf("%d packets of %d arrive", arrived, packets)
	}
}
