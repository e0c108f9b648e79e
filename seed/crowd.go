package seed

import (
	"cmp"
	"math/bits"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// A peer counts as served if it received a block within servedTime, or is
	// unchoked and has had a request pending for less than pendingTime. The latter is
	// limited because a peer may cancel all its requests, again and again. Served
	// peers are not evicted.
	servedTime  = time.Minute
	pendingTime = 10 * time.Second

	// introTime is how long a new peer may take to send interested.
	introTime = 10 * time.Second

	// fewPeers is how many peers of one network do not count as a crowd.
	fewPeers = 8

	// maxHalfOpen and minHalfOpen bound the number of connections that may be in
	// their handshake.
	maxHalfOpen = 1000
	minHalfOpen = 16

	// rankPause is the delay after rank has found no peer to evict, before it is
	// tried again.
	rankPause = 100 * time.Millisecond
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

// An evictionCandidate is a peer that is not being served, with the keys that rank
// sorts by.
type evictionCandidate struct {
	*conn
	needless bool // it has never been interested
	crowd    int  // logarithm of the number of peers in its network
	since    time.Time
}

// candidate returns the peer as a candidate for eviction; idle is false if it is
// being served.
func (c *conn) candidate(now time.Time) (s evictionCandidate, idle bool) {
	l := &c.slot
	l.mu.Lock()
	defer l.mu.Unlock()
	served, pending := time.Unix(0, l.served.Load()), time.Unix(0, l.pending.Load())
	if now.Sub(served) < servedTime || l.given && now.Sub(pending) < pendingTime {
		return evictionCandidate{}, false
	}
	s = evictionCandidate{conn: c, needless: !l.wanted && now.Sub(c.joined) >= introTime, since: c.joined}
	if served.After(s.since) {
		s.since = served
	}
	return s, true
}

// rank returns the peers that may be evicted, least useful first: those that were
// never interested, then those of crowded networks, then those that have been idle
// longest.
func rank(conns map[*conn]bool, now time.Time) []*conn {
	all := make(crowd)
	for c := range conns {
		all.add(c.Addr.Addr(), 1)
	}
	var list []evictionCandidate
	for c := range conns {
		if s, idle := c.candidate(now); idle && !c.evicted {
			s.crowd = bits.Len(uint(all.of(c.Addr.Addr()) / fewPeers))
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b evictionCandidate) int {
		if a.needless != b.needless {
			if a.needless {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(b.crowd, a.crowd), a.since.Compare(b.since), cmp.Compare(a.number, b.number))
	})
	order := make([]*conn, len(list))
	for i, s := range list {
		order[i] = s.conn
	}
	return order
}

// admit adds a peer that has completed its handshake. At the limit it evicts the
// least useful peer, and reports false if all are being served.
func (s *choker) admit(c *conn, most int) bool {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.conns)-s.leaving >= most && !s.evict(now) {
		return false
	}
	s.conns[c] = true
	return true
}

// evict disconnects the least useful peer, and reports false if there is none. s.mu
// is locked.
func (s *choker) evict(now time.Time) bool {
	if len(s.useless) == 0 && now.Sub(s.allServed) >= rankPause {
		s.useless = rank(s.conns, now)
		s.useless = s.useless[:(len(s.useless)+15)/16] // rank again later: the others may have become useful
		if len(s.useless) == 0 {
			s.allServed = now
		}
	}
	for len(s.useless) > 0 {
		c := s.useless[0]
		s.useless = s.useless[1:]
		if _, idle := c.candidate(now); idle && s.conns[c] && !c.evicted {
			c.evicted = true
			s.leaving++
			c.Close()
			return true
		}
	}
	return false
}

// handshakes is the set of connections in their handshake. They do not count as peers
// yet.
type handshakes struct {
	most int

	mu    sync.Mutex
	conns []*net.TCPConn
	crowd crowd
}

// maxHandshakes returns the limit of handshakes for a number of peers.
func maxHandshakes(maxPeers int) int { return min(maxHalfOpen, max(maxPeers/2, minHalfOpen)) }

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
