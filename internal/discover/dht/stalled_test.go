package dht

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"bt/internal/discover/krpc"
)

// A lookup in two address families waits only once for the limit of queries.
func TestStalledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newFakeNet()
		n := New(Options{Conns: []net.PacketConn{network.listen("10.0.0.1:6881"), network.listen("[fd00::1]:6881")}, Rate: 1})
		l := n.newLookup(krpc.ID{}, krpc.FindNode)
		for _, s := range l.sides {
			for i := range byte(k) {
				b := s.family.local.Addr().AsSlice()
				b[len(b)-1] = 2 + i
				ip, _ := netip.AddrFromSlice(b)
				s.add(l.target, krpc.Node{ID: krpc.ID{i}, Addr: netip.AddrPortFrom(ip, 6881)}, nil)
			}
		}
		n.mu.Lock()
		defer n.unlock()
		for n.queries.Allow() {
		}
		for range alpha {
			n.step(l)
			if len(n.stalled) != 1 {
				t.Fatalf("the lookup waits %d times", len(n.stalled))
			}
			time.Sleep(time.Second)
			n.resume(time.Now())
		}
	})
}
