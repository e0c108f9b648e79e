package swarm

import (
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
)

// MaxHalfOpen and MinHalfOpen bound the number of connections that may be in their
// handshake.
const (
	MaxHalfOpen = 1000
	MinHalfOpen = 16
)

// networksOf returns the networks that an address belongs to. In IPv6 a host may have
// a /64, a customer a /56 and a site a /48.
func networksOf(ip netip.Addr) []netip.Prefix {
	lengths := []int{24}
	if ip.Is6() {
		lengths = []int{64, 56, 48}
	}
	list := make([]netip.Prefix, 0, 3)
	for _, bits := range lengths {
		p, err := ip.WithZone("").Prefix(bits)
		if err == nil {
			list = append(list, p)
		}
	}
	return list
}

// A crowd counts connections by network.
type crowd map[netip.Prefix]int

func (c crowd) add(ip netip.Addr, n int) {
	for _, p := range networksOf(ip) {
		if c[p] += n; c[p] == 0 {
			delete(c, p)
		}
	}
}

// of returns how many connections come from the networks of an address. Larger
// networks weigh less, since their hosts are less related.
func (c crowd) of(ip netip.Addr) (n int) {
	for i, p := range networksOf(ip) {
		n = max(n, c[p]>>i)
	}
	return n
}

// handshakes is the set of connections in their handshake. They do not count as peers
// yet.
type handshakes struct {
	most int

	mu    sync.Mutex
	conns []*net.TCPConn
	crowd crowd
}

// MaxHandshakes returns the limit of handshakes for a number of peers.
func MaxHandshakes(maxPeers int) int { return min(MaxHalfOpen, max(maxPeers/2, MinHalfOpen)) }

// add adds a connection. At the limit it closes another one: out of a random sample,
// the one whose network has most connections.
func (h *handshakes) add(conn *net.TCPConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.conns) >= h.most {
		const samples = 16
		worst, most := 0, -1
		for range samples {
			i := rand.IntN(len(h.conns))
			if n := h.crowd.of(addrOf(h.conns[i].RemoteAddr())); n > most {
				worst, most = i, n
			}
		}
		h.conns[worst].Close()
		h.removeAt(worst)
	}
	h.conns = append(h.conns, conn)
	h.crowd.add(addrOf(conn.RemoteAddr()), 1)
}

// remove removes a connection, if it has not been closed by add.
func (h *handshakes) remove(conn *net.TCPConn) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.conns, conn); i >= 0 {
		h.removeAt(i)
	}
}

func (h *handshakes) removeAt(i int) {
	h.crowd.add(addrOf(h.conns[i].RemoteAddr()), -1)
	last := len(h.conns) - 1
	h.conns[i], h.conns[last] = h.conns[last], nil
	h.conns = h.conns[:last]
}
