package testenv

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A FarLink is a network between two hosts that is far, slow or lossy, for kernels without
// netem. The test forwards its packets between two TUN devices.
type FarLink struct {
	Delay time.Duration // of each direction
	Rate  float64       // bytes per second of each direction; required
	Loss  float64       // share of the packets that are lost, in each direction
	MTU   int           // 0: 9000, which costs the least
}

// minQueue is the minimum length of the queue in front of the link, which is as long as the
// round trip otherwise.
const minQueue = 10 * time.Millisecond

// windows are the minimum, initial and maximum sizes of TCP's buffers, for links that hold
// many bytes.
const windows = "4096 131072 67108864"

// Hosts returns two hosts with the link between them, which exist until the test ends. More
// addresses of 10.77.0.0/24 may be added to each.
func (f FarLink) Hosts(t testing.TB) (a, b *Host) {
	t.Helper()
	for _, name := range []string{"unshare", "nsenter", "ip"} {
		Program(t, name)
	}
	Root(t)
	if f.MTU == 0 {
		f.MTU = 9000
	}
	a, b = newHost(t, "10.77.0.1"), newHost(t, "10.77.0.2")
	var ends [2]*os.File
	for i, h := range []*Host{a, b} {
		ends[i] = h.tun(t)
		h.ip(t, "address", "add", h.Addr.String()+"/24", "dev", "eth0")
		h.ip(t, "link", "set", "eth0", "mtu", fmt.Sprint(f.MTU), "txqueuelen", "10000", "up")
	}
	var forwarding sync.WaitGroup
	t.Cleanup(func() {
		for _, end := range ends {
			end.Close()
		}
		forwarding.Wait()
	})
	for i := range ends {
		way := make(chan *packet, 1<<16)
		forwarding.Go(func() { f.take(ends[i], way, rand.New(rand.NewPCG(uint64(i), 1))) })
		forwarding.Go(func() { deliver(ends[1-i], way) })
	}
	return a, b
}

// tun makes a TUN device on the host, and returns the end of its packets.
func (h *Host) tun(t testing.TB) *os.File {
	t.Helper()
	var fd int
	var err error
	hostErr := h.on(func() {
		for _, name := range []string{"tcp_rmem", "tcp_wmem"} {
			if err = os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(windows), 0); err != nil {
				return
			}
		}
		if fd, err = unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0); err != nil {
			return
		}
		var request *unix.Ifreq
		if request, err = unix.NewIfreq("eth0"); err == nil {
			request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
	})
	if hostErr != nil || err != nil {
		Missing(t, fmt.Sprintf("TUN devices: %v %v", hostErr, err))
	}
	return os.NewFile(uintptr(fd), "tun")
}

// A packet is on its way until a time.
type packet struct {
	data []byte
	at   time.Time
}

// spare holds packets for reuse.
var spare sync.Pool

// take takes packets from one end of the link, and drops those that are lost or for which
// there is no room.
func (f FarLink) take(from *os.File, way chan<- *packet, random *rand.Rand) {
	defer close(way)
	queue := max(2*f.Delay, minQueue)
	var sent time.Time // when the packets of the queue are sent
	for {
		p, ok := spare.Get().(*packet)
		if !ok || cap(p.data) < f.MTU {
			p = &packet{data: make([]byte, f.MTU)}
		}
		n, err := from.Read(p.data[:f.MTU])
		if err != nil {
			return
		}
		now := time.Now()
		if sent.Before(now) {
			sent = now
		}
		if sent.Sub(now) > queue || f.Loss > 0 && random.Float64() < f.Loss {
			spare.Put(p)
			continue
		}
		sent = sent.Add(time.Duration(float64(n) / f.Rate * float64(time.Second)))
		p.data, p.at = p.data[:n], sent.Add(f.Delay)
		way <- p
	}
}

// deliver gives packets to the other end of the link when they arrive.
func deliver(to *os.File, way <-chan *packet) {
	for p := range way {
		time.Sleep(time.Until(p.at))
		to.Write(p.data) // the host may be down
		spare.Put(p)
	}
}
