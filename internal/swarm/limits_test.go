package swarm

import (
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// connect opens a connection, completes its handshake and closes it. It returns false if
// the connection was refused.
func (l *limits) connect(addr net.Addr, strike bool) bool {
	if !l.admit(addr) {
		return false
	}
	l.through(addr)
	l.leave(addr, strike)
	return true
}

func tcpAddr(ip string) *net.TCPAddr {
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(ip), 6881))
}

func TestBanEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l limits
		bad, good := tcpAddr("10.0.0.1"), tcpAddr("10.0.0.2")
		for range maxStrikes {
			if !l.connect(bad, true) {
				t.Fatal("banned too soon")
			}
		}
		time.Sleep(banTime - time.Second)
		if l.connect(bad, false) {
			t.Error("not banned")
		}
		if !l.connect(good, false) {
			t.Error("another address is banned")
		}
		time.Sleep(2 * time.Second)
		for range maxStrikes { // and it starts from nothing
			if !l.connect(bad, true) {
				t.Fatal("banned for too long")
			}
		}
		if l.connect(bad, false) {
			t.Error("not banned again")
		}
	})
}

// A ban without strikes lasts as long, and is not shortened by strikes before it. The
// memory for banned hosts is bounded.
func TestBanWithoutStrikes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l limits
		bad := tcpAddr("10.0.0.1")
		for strikes := range maxStrikes - 1 {
			for range strikes {
				l.connect(bad, true)
			}
			l.ban(addrOf(bad))
			time.Sleep(banTime - time.Second)
			if l.connect(bad, false) || !l.isBanned(addrOf(bad)) {
				t.Errorf("after %d strikes: not banned", strikes)
			}
			time.Sleep(2 * time.Second)
			if !l.connect(bad, false) || l.isBanned(addrOf(bad)) {
				t.Errorf("after %d strikes: banned for too long", strikes)
			}
			time.Sleep(banTime)
		}
		for i := range 2 * maxHosts {
			if l.ban(addrOf(numbered(10, i))); len(l.by) > maxHosts {
				t.Fatalf("%d hosts are remembered", len(l.by))
			}
		}
	})
}

// Strikes that are far apart lead to no ban.
func TestRareStrikes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l limits
		addr := tcpAddr("10.0.0.1")
		for range 5 {
			for range maxStrikes - 1 {
				if !l.connect(addr, true) {
					t.Fatal("banned")
				}
			}
			time.Sleep(banTime + time.Second)
		}
	})
}

// An address that opens five connections and then misbehaves on all of them is
// banned, and its count of open connections returns to 0.
func TestStrikesAtOnce(t *testing.T) {
	t.Parallel()
	var l limits
	addr := tcpAddr("10.0.0.1")
	for range maxStrikes + 3 {
		if !l.admit(addr) {
			t.Fatal("refused")
		}
	}
	for range maxStrikes + 3 {
		l.through(addr)
		l.leave(addr, true)
	}
	if l.connect(addr, false) {
		t.Error("not banned")
	}
	if l.open != 0 || l.halfOpen != 0 || l.by[hostOf(addr)].open != 0 {
		t.Errorf("%d are open, %d half", l.open, l.halfOpen)
	}
}

func TestStrikesOfOneHost(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		source, other string
		same          bool
	}{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"fe80::1%eth0", "fe80::2%eth1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"::ffff:10.0.0.1", "::ffff:10.0.0.2", false}, // of one /64
	} {
		var l limits
		for i := range maxStrikes {
			a := netip.MustParseAddr(test.source)
			if b := a.As16(); a.Is6() && !a.Is4In6() { // each time another one
				b[15] += byte(i)
				a = netip.AddrFrom16(b).WithZone(a.Zone())
			}
			if !l.connect(tcpAddr(a.String()), true) {
				t.Fatalf("%s: banned too soon", a)
			}
		}
		if banned := !l.connect(tcpAddr(test.other), false); banned != test.same {
			t.Errorf("strikes of %s: %s is banned: %v", test.source, test.other, banned)
		}
		for i := range maxPerAddress {
			if !l.admit(tcpAddr("2001:db8::1")) {
				t.Fatalf("%d connections are too many", i)
			}
			l.through(tcpAddr("2001:db8::1"))
		}
		if l.admit(tcpAddr("2001:db8::2")) {
			t.Error("too many connections of a /64")
		}
	}
}

func numbered(network byte, i int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(network, byte(i>>16), byte(i>>8), byte(i)), Port: 6881}
}

// However many addresses misbehave, few are remembered: not those whose bans have
// expired, but always those that are connected.
func TestEvictHosts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l limits
		const connected, old, young = 100, maxHosts / 2, maxHosts * 8 / 10
		for i := range connected {
			for range maxStrikes - 1 {
				l.connect(numbered(10, i), true)
			}
			l.admit(numbered(10, i))
			l.through(numbered(10, i))
		}
		for i := range old {
			l.connect(numbered(11, i), true)
		}
		time.Sleep(banTime + time.Second)
		for i := range young {
			for range maxStrikes {
				l.connect(numbered(12, i), true)
			}
			if len(l.by) > maxHosts {
				t.Fatalf("%d addresses are remembered", len(l.by))
			}
		}
		for i := range young {
			if l.connect(numbered(12, i), false) {
				t.Fatal("evicted although there are others whose bans are over")
			}
		}
		for i := range old {
			if l.by[hostOf(numbered(11, i))] != nil {
				t.Fatal("remembered although its strike has expired")
			}
		}
		for i := range 20_000 {
			if !l.connect(numbered(13, i), true) {
				t.Fatal("refused")
			}
			if len(l.by) > maxHosts {
				t.Fatalf("%d addresses are remembered", len(l.by))
			}
		}
		if l.open != connected {
			t.Errorf("%d are open", l.open)
		}
		for i := range connected {
			l.leave(numbered(10, i), false)
		}
		if l.open != 0 {
			t.Errorf("%d are open", l.open)
		}
		// An address without strikes is not remembered at all.
		before := len(l.by)
		for i := range 20_000 {
			l.connect(numbered(14, i), false)
		}
		if len(l.by) != before {
			t.Errorf("%d addresses are remembered without strikes", len(l.by)-before)
		}
	})
}

func TestLimits(t *testing.T) {
	t.Parallel()
	var l limits
	addr := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 1)}
	for i := range maxPerAddress {
		if !l.admit(addr) {
			t.Fatalf("refused after %d", i)
		}
		l.through(addr)
	}
	if l.admit(addr) {
		t.Error("too many of one address")
	}
	for range maxPerAddress {
		l.leave(addr, false)
	}
	if len(l.by) != 0 || l.open != 0 || l.halfOpen != 0 {
		t.Errorf("%+v", &l)
	}
	for range maxStrikes {
		l.admit(addr)
		l.through(addr)
		l.leave(addr, true)
	}
	if l.admit(addr) {
		t.Error("not banned")
	}
	crowd := &net.TCPAddr{IP: net.IPv4(10, 0, 0, 2)}
	for range maxHalfOpenPerAddress {
		l.admit(crowd)
	}
	if l.admit(crowd) {
		t.Error("too many half open of one address")
	}
	for range maxHalfOpenPerAddress {
		l.through(crowd)
		l.leave(crowd, false)
	}
	for i := range 2 * maxHosts {
		a := &net.TCPAddr{IP: net.IPv4(11, byte(i>>16), byte(i>>8), byte(i))}
		if !l.admit(a) {
			t.Fatal(i, l.open, l.halfOpen, a)
		}
		l.through(a)
		l.leave(a, true)
	}
	if len(l.by) > maxHosts {
		t.Errorf("%d addresses are remembered", len(l.by))
	}
}
