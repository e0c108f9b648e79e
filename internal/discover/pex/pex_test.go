package pex

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"bt/internal/peer"
)

const (
	pexID   = 5
	punchID = 6
	ourPort = 6881
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// host returns an address of host number i.
func host(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{203, 0, byte(i >> 8), byte(i)}), 40_000)
}

// listening returns the address at which host number i listens.
func listening(i int) netip.AddrPort { return netip.AddrPortFrom(host(i).Addr(), 6881) }

// extended is the extended handshake of a peer that supports both extensions.
func extended() *peer.ExtendedHandshake {
	return &peer.ExtendedHandshake{Port: 6881, Extensions: map[string]uint8{peer.PEXName: pexID, peer.HolepunchName: punchID}}
}

// enter lets host number i connect.
func enter(s *Swarm, i int) *Peer {
	p := s.Join(Joining{Addr: host(i), Extends: true, Port: ourPort, Wake: func() {}})
	p.Update(extended())
	return p
}

// next returns the message of PEXName that is sent to a peer now, if it is due.
func next(t testing.TB, p *Peer, now time.Time) (m peer.PEX, ok bool) {
	t.Helper()
	if p.Tick(now); !p.News() {
		return m, false
	}
	b := p.Append(nil, now)
	if len(b) == 0 {
		return m, false
	}
	ext, n, err := peer.Next(b, 0)
	if err != nil || n != len(b) || ext.ID != peer.IDExtended || ext.Extension != pexID {
		t.Fatalf("%x, %v", b, err)
	}
	if m, err = peer.ParsePEX(ext.Payload); err != nil {
		t.Fatal(err)
	}
	return m, true
}

// names returns the hosts of addresses at which they listen.
func names(m peer.PEX) string {
	var added, dropped []int
	number := func(a netip.AddrPort) int {
		b := a.Addr().As4()
		if a.Port() != 6881 {
			return -1
		}
		return int(b[2])<<8 | int(b[3])
	}
	for _, p := range m.Added {
		added = append(added, number(p.Addr))
	}
	for _, a := range m.Dropped {
		dropped = append(dropped, number(a))
	}
	return fmt.Sprint(added, dropped)
}

// A peer is sent the others, and then once a minute those that have joined and left.
func TestExchange(t *testing.T) {
	s, now := new(Swarm), start
	one := enter(s, 1)
	if m, ok := next(t, one, now); ok {
		t.Errorf("sent to the only peer: %s", names(m))
	}
	two := enter(s, 2)
	for _, test := range []struct {
		p    *Peer
		want string
	}{{one, "[2] []"}, {two, "[1] []"}} {
		if m, ok := next(t, test.p, now); !ok || names(m) != test.want {
			t.Errorf("sent %s, not %s", names(m), test.want)
		}
	}
	three := enter(s, 3)
	two.Leave()
	if m, ok := next(t, three, now); !ok || names(m) != "[1] []" {
		t.Errorf("a new peer is sent %s", names(m))
	}
	if m, ok := next(t, one, now.Add(interval-time.Second)); ok {
		t.Errorf("sent too soon: %s", names(m))
	}
	four := enter(s, 4) // comes and goes without a trace
	four.Leave()
	now = now.Add(interval)
	if m, ok := next(t, one, now); !ok || names(m) != "[3] [2]" {
		t.Errorf("the change is %s", names(m))
	}
	if m, ok := next(t, three, now); ok {
		t.Errorf("the new peer is sent %s, which it never knew", names(m))
	}
	now = now.Add(time.Hour)
	if m, ok := next(t, one, now); ok {
		t.Errorf("sent without a change: %s", names(m))
	}
	three.Leave()
	if m, ok := next(t, one, now); !ok || names(m) != "[] [3]" {
		t.Errorf("sent %s", names(m))
	}
}

// Peers are named by the address at which they listen, with what is known of them.
func TestAddressesAndFlags(t *testing.T) {
	s := new(Swarm)
	reader := enter(s, 1)
	join := func(j Joining, h *peer.ExtendedHandshake) {
		j.Extends, j.Wake = h != nil, func() {}
		if p := s.Join(j); h != nil {
			p.Update(h)
			p.Update(&peer.ExtendedHandshake{Port: 999}) // not when it is known already
		}
	}
	join(Joining{Addr: host(2)}, &peer.ExtendedHandshake{Port: 7000, UploadOnly: true})
	join(Joining{Addr: host(3), Encrypted: true}, &peer.ExtendedHandshake{Extensions: map[string]uint8{peer.HolepunchName: 1}, Port: 7001})
	join(Joining{Addr: host(4), Called: true}, &peer.ExtendedHandshake{Port: 7002})
	join(Joining{Addr: host(5), Called: true}, nil)
	join(Joining{Addr: host(6)}, nil)
	join(Joining{Addr: netip.MustParseAddrPort("192.168.1.2:3")}, &peer.ExtendedHandshake{Port: 7003})
	join(Joining{Addr: netip.MustParseAddrPort("[fe80::1%eth0]:3"), Called: true}, nil)
	join(Joining{Addr: netip.MustParseAddrPort("[2001:db8::1]:3")}, &peer.ExtendedHandshake{Port: 7004})
	m, _ := next(t, reader, start)
	want := []peer.PEXPeer{
		{Addr: netip.AddrPortFrom(host(2).Addr(), 7000), Flags: peer.PEXSeed},
		{Addr: netip.AddrPortFrom(host(3).Addr(), 7001), Flags: peer.PEXEncryption | peer.PEXUTP | peer.PEXHolepunch},
		{Addr: host(4), Flags: peer.PEXReachable},
		{Addr: host(5), Flags: peer.PEXReachable},
		{Addr: netip.MustParseAddrPort("[2001:db8::1]:7004")},
	}
	if !slices.Equal(m.Added, want) {
		t.Errorf("%v", m.Added)
	}
}

// Messages are bounded, and in time a peer is sent all that is true.
func TestExchangeBounds(t *testing.T) {
	s, now := new(Swarm), start
	reader := enter(s, 0)
	var others []*Peer
	for i := range 400 {
		others = append(others, enter(s, i+1))
	}
	known := make(map[netip.AddrPort]bool)
	messages := 0
	read := func(most int) bool {
		m, ok := next(t, reader, now)
		if !ok {
			return false
		}
		messages++
		if len(m.Added) > most || len(m.Dropped) > maxDropped {
			t.Fatalf("message %d: %d added, %d dropped", messages, len(m.Added), len(m.Dropped))
		}
		for _, a := range m.Dropped {
			if !known[a] {
				t.Fatalf("message %d drops %v, which was not added", messages, a)
			}
			delete(known, a)
		}
		for _, p := range m.Added {
			if known[p.Addr] {
				t.Fatalf("message %d adds %v again", messages, p.Addr)
			}
			known[p.Addr] = true
		}
		return true
	}
	read(maxFirst)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 { // some come and go meanwhile
		i := rng.IntN(len(others))
		others[i].Leave()
		if rng.IntN(2) == 0 {
			others[i] = enter(s, i+1)
		}
		if rng.IntN(20) == 0 {
			now = now.Add(interval)
			read(maxAdded)
		}
	}
	for range 12 {
		now = now.Add(interval)
		read(maxAdded)
	}
	for i, p := range others {
		if there := p.joined != 0; there && !known[listening(i+1)] {
			t.Errorf("host %d is not known", i+1)
		}
	}
	if messages < 10 {
		t.Errorf("%d messages", messages)
	}
	if most := len(s.peers) + keptLeft + maxVoid + 1; len(s.log.list) > most {
		t.Errorf("%d changes are kept of %d peers", len(s.log.list), len(s.peers))
	}
}

// However many peers come and go, few changes are kept.
func TestChangesAreCompacted(t *testing.T) {
	s := new(Swarm)
	for i := range 50_000 {
		enter(s, i&0xffff).Leave()
		if len(s.log.list) > keptLeft+maxVoid+2 {
			t.Fatalf("%d changes of no peers", len(s.log.list))
		}
	}
}

// A peer that has two connections for a moment is not dropped when one of them ends.
func TestTwoConnections(t *testing.T) {
	s := new(Swarm)
	reader := enter(s, 1)
	older := enter(s, 2)
	next(t, reader, start)
	newer := enter(s, 2)
	older.Leave()
	if m, ok := next(t, reader, start.Add(interval)); ok {
		t.Errorf("sent %s", names(m))
	}
	newer.Leave()
	if m, _ := next(t, reader, start.Add(interval)); names(m) != "[] [2]" {
		t.Errorf("sent %s", names(m))
	}
}

// Of what a peer sends, only addresses are used that a peer can have, and not too often.
func TestReceive(t *testing.T) {
	s := &Swarm{Seed: true}
	giver := enter(s, 1)
	hello := extended()
	hello.YourIP = netip.MustParseAddr("198.51.100.1")
	giver.Update(hello)
	enter(s, 2)
	m := peer.PEX{}
	for _, a := range []string{
		"203.0.113.9:6881", "[2001:db8::9]:1", // good
		"203.0.113.9:0", "0.0.0.0:1", "224.0.0.1:1", "[::]:1", "[ff02::1]:1", "[fe80::1]:1", "169.254.1.1:1",
		"127.0.0.1:1", "[::1]:1", "10.0.0.1:1", "192.168.0.1:1", "[fd00::1]:1",
		"198.51.100.1:6881", listening(1).String(), listening(2).String(),
	} {
		m.Added = append(m.Added, peer.PEXPeer{Addr: netip.MustParseAddrPort(a)})
	}
	m.Added = append(m.Added, peer.PEXPeer{Addr: netip.MustParseAddrPort("203.0.113.10:6881"), Flags: peer.PEXSeed})
	payload := m.Append(nil, 1)[6:]
	addrs, ok, err := giver.Receive(payload, start)
	if got := fmt.Sprint(addrs); !ok || err != nil || got != "[203.0.113.9:6881 [2001:db8::9]:1]" {
		t.Errorf("%s, %v, %v", got, ok, err)
	}
	if addrs, ok, err := giver.Receive(payload, start.Add(minInterval-1)); ok || err != nil || addrs != nil {
		t.Errorf("too soon: %v, %v, %v", addrs, ok, err)
	}
	if addrs, ok, err := giver.Receive(payload, start.Add(minInterval)); !ok || err != nil || len(addrs) != 2 {
		t.Errorf("in time: %v, %v, %v", addrs, ok, err)
	}
	if _, _, err := giver.Receive([]byte("i1e"), start.Add(time.Hour)); err == nil {
		t.Error("no error for what is no message")
	}

	long := peer.PEX{}
	for i := range 190 {
		long.Added = append(long.Added, peer.PEXPeer{Addr: listening(i + 100)})
	}
	payload = long.Append(nil, 1)[6:]
	other := enter(s, 3)
	for i, want := range []int{190, maxTaken, maxTaken} {
		if addrs, _, _ := other.Receive(payload, start.Add(time.Duration(i)*interval)); len(addrs) != want {
			t.Errorf("%d addresses of message %d", len(addrs), i)
		}
	}
}

// Peers of a private network or of this machine may name others there.
func TestReceiveLocal(t *testing.T) {
	for from, want := range map[string]string{
		"127.0.0.1:5": "[127.0.0.2:1 10.0.0.1:1 203.0.113.1:1]", "10.0.0.2:5": "[10.0.0.1:1 203.0.113.1:1]", "203.0.113.2:5": "[203.0.113.1:1]",
	} {
		s := new(Swarm)
		p := s.Join(Joining{Addr: netip.MustParseAddrPort(from), Extends: true})
		m := peer.PEX{}
		for _, a := range []string{"127.0.0.2:1", "10.0.0.1:1", "203.0.113.1:1"} {
			m.Added = append(m.Added, peer.PEXPeer{Addr: netip.MustParseAddrPort(a), Flags: peer.PEXSeed})
		}
		addrs, _, _ := p.Receive(m.Append(nil, 1)[6:], start)
		if got := fmt.Sprint(addrs); got != want {
			t.Errorf("from %s: %s", from, got)
		}
	}
}

// A swarm that is closed sends nothing and takes nothing.
func TestClose(t *testing.T) {
	s := new(Swarm)
	one, two := enter(s, 1), enter(s, 2)
	if one.Tick(start); !one.News() {
		t.Error("nothing is due before")
	}
	s.Close()
	three := enter(s, 3)
	m := peer.PEX{Added: []peer.PEXPeer{{Addr: listening(9)}}}
	addrs, ok, err := one.Receive(m.Append(nil, 1)[6:], start)
	b := one.Append(nil, start)
	if one.Tick(start); len(b) > 0 || one.News() || ok || err != nil || len(addrs) > 0 {
		t.Errorf("%x, %v, %v", b, addrs, err)
	}
	if _, ok, _ := one.Relay(rendezvous(listening(2)), start); ok {
		t.Error("a rendezvous is answered")
	}
	one.Leave()
	two.Leave()
	three.Leave()
}

// A peer with 500 others costs little memory.
func BenchmarkJoin(b *testing.B) {
	b.ReportAllocs()
	s := new(Swarm)
	for i := range b.N {
		enter(s, i&0xffff)
	}
}
