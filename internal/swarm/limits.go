package swarm

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

const (
	// Maximum number of connections per address, in total and during their handshake.
	maxPerAddress         = 100
	maxHalfOpenPerAddress = 50

	// An address with maxStrikes strikes within banTime is banned for banTime.
	maxStrikes = 5
	banTime    = 30 * time.Minute

	// maxHosts is how many addresses are remembered, those without connections
	// included.
	maxHosts = 10_000
)

// limits counts connections and strikes per host: an IPv4 address, or an IPv6 /64.
type limits struct {
	mu       sync.Mutex
	open     int
	halfOpen int
	by       map[netip.Prefix]*hostStats
}

// hostStats are the counts of one host.
type hostStats struct {
	open     int
	halfOpen int
	strikes  int
	since    time.Time // of the first strike, or of the ban
}

func (v *hostStats) isBanned(now time.Time) bool {
	return v.strikes >= maxStrikes && now.Sub(v.since) < banTime
}

// A Host is a snapshot of what is known of a host.
type Host struct {
	Prefix  netip.Prefix // an IPv4 address, or an IPv6 /64
	Open    int          // connections
	Strikes int          // violations of the protocol that count
	Banned  bool         // its connections are refused, and it is not called
}

// hosts returns all hosts that are remembered.
func (l *limits) hosts(now time.Time) []Host {
	l.mu.Lock()
	defer l.mu.Unlock()
	list := make([]Host, 0, len(l.by))
	for prefix, v := range l.by {
		list = append(list, Host{prefix, v.open, v.strikes, v.isBanned(now)})
	}
	return list
}

func addrOf(addr net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func hostOf(addr net.Addr) netip.Prefix { return hostPrefix(addrOf(addr)) }

// hostPrefix returns the host of an address: it alone for IPv4, its /64 for IPv6.
func hostPrefix(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.WithZone("").Prefix(bits)
	return p
}

// admit counts a new connection, and reports whether it is allowed.
func (l *limits) admit(addr net.Addr) bool {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.by[host]
	if v == nil {
		v = new(hostStats)
	}
	if v.isBanned(time.Now()) || v.open >= maxPerAddress || v.halfOpen >= maxHalfOpenPerAddress {
		return false
	}
	if l.by == nil {
		l.by = make(map[netip.Prefix]*hostStats)
	}
	l.by[host] = v
	v.open++
	v.halfOpen++
	l.open++
	l.halfOpen++
	return true
}

// ban bans a host, as maxStrikes strikes do.
func (l *limits) ban(ip netip.Addr) {
	host := hostPrefix(ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.by[host]
	if v == nil {
		v = new(hostStats)
	}
	if l.by == nil {
		l.by = make(map[netip.Prefix]*hostStats)
	}
	l.by[host] = v
	v.strikes, v.since = max(v.strikes, maxStrikes), time.Now()
	if len(l.by) > maxHosts {
		l.evict()
	}
}

// isBanned reports whether a host is banned.
func (l *limits) isBanned(ip netip.Addr) bool {
	host := hostPrefix(ip)
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.by[host]
	return v != nil && v.isBanned(time.Now())
}

// through counts a connection as out of its handshake.
func (l *limits) through(addr net.Addr) {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halfOpen--
	l.by[host].halfOpen--
}

// leave counts a connection as closed, with a strike or without.
func (l *limits) leave(addr net.Addr, strike bool) {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	v := l.by[host]
	v.open--
	if strike {
		if time.Since(v.since) > banTime {
			v.strikes, v.since = 0, time.Now()
		}
		if v.strikes++; v.strikes == maxStrikes {
			v.since = time.Now() // the ban begins
		}
	}
	if v.open == 0 && v.strikes == 0 {
		delete(l.by, host)
	}
	if len(l.by) > maxHosts {
		l.evict()
	}
}

// evict drops hosts without connections: first those whose strikes have expired, then
// others until there is room.
func (l *limits) evict() {
	for host, v := range l.by {
		if v.open == 0 && time.Since(v.since) > banTime {
			delete(l.by, host)
		}
	}
	for host, v := range l.by {
		if len(l.by) <= maxHosts*9/10 {
			return
		}
		if v.open == 0 {
			delete(l.by, host)
		}
	}
}
