package pex

import (
	"net/netip"
	"testing"
	"time"

	"bt/internal/peer"
)

func rendezvous(addr netip.AddrPort) []byte {
	m := peer.Holepunch{Kind: peer.HolepunchRendezvous, Addr: addr}
	return m.Append(nil, 1)[6:]
}

// Both peers of a rendezvous are sent the address of the other.
func TestRelay(t *testing.T) {
	s := new(Swarm)
	one := enter(s, 1)
	woken := 0 // the connection of the other
	two := s.Join(Joining{Addr: host(2), Extends: true, Wake: func() { woken++ }})
	two.Update(extended())
	answer, ok, err := one.Relay(rendezvous(listening(2)), start)
	if want := (peer.Holepunch{Kind: peer.HolepunchConnect, Addr: listening(2)}); answer != want || !ok || err != nil {
		t.Errorf("%+v, %v, %v", answer, ok, err)
	}
	if woken != 1 || !two.News() || one.News() {
		t.Errorf("the other is woken %d times: %v", woken, two.News())
	}
	two.exchanges = 0 // so that there is no other message
	b := two.Append(nil, start)
	m, n, err := peer.Next(b, 0)
	if err != nil || n != len(b) || m.Extension != punchID {
		t.Fatalf("%x, %v", b, err)
	}
	got, err := peer.ParseHolepunch(m.Payload)
	if want := (peer.Holepunch{Kind: peer.HolepunchConnect, Addr: listening(1)}); got != want || err != nil {
		t.Errorf("%+v, %v", got, err)
	}
	if b := one.AppendHolepunch(nil, &answer); b[5] != punchID {
		t.Errorf("%x", b)
	}
	if b := two.Append(nil, start); len(b) > 0 {
		t.Errorf("sent again: %x", b)
	}
}

// A rendezvous that is not possible is answered with the reason.
func TestRelayErrors(t *testing.T) {
	s := new(Swarm)
	one := enter(s, 1)
	hello := extended()
	hello.YourIP = netip.MustParseAddr("198.51.100.1")
	one.Update(hello)
	plain := s.Join(Joining{Addr: host(2), Extends: true})
	plain.Update(&peer.ExtendedHandshake{Port: 6881})
	left := enter(s, 3)
	left.Leave()
	local := s.Join(Joining{Addr: netip.MustParseAddrPort("10.0.0.1:6881"), Extends: true})
	local.Update(extended())
	for addr, want := range map[string]peer.HolepunchError{
		"203.0.0.9:0":         peer.HolepunchNoSuchPeer,
		"0.0.0.0:6881":        peer.HolepunchNoSuchPeer,
		"[ff02::1]:6881":      peer.HolepunchNoSuchPeer,
		"203.0.0.9:6881":      peer.HolepunchNotConnected,
		host(2).String():      peer.HolepunchNotConnected, // its source port
		listening(3).String(): peer.HolepunchNotConnected,
		"10.0.0.1:6881":       peer.HolepunchNotConnected, // of another network
		listening(2).String(): peer.HolepunchNoSupport,
		listening(1).String(): peer.HolepunchNoSelf,
		"198.51.100.1:6881":   peer.HolepunchNoSelf,
	} {
		answer, ok, err := one.Relay(rendezvous(netip.MustParseAddrPort(addr)), start)
		if answer.Kind != peer.HolepunchFailed || answer.Addr.String() != addr || answer.Error != want || !ok || err != nil {
			t.Errorf("%s: %+v, %v, %v", addr, answer, ok, err)
		}
	}
	unknown := s.Join(Joining{Addr: host(4), Extends: true})
	unknown.Update(&peer.ExtendedHandshake{Extensions: map[string]uint8{peer.HolepunchName: 1}})
	if answer, _, _ := unknown.Relay(rendezvous(listening(1)), start); answer.Error != peer.HolepunchNotConnected {
		t.Errorf("a peer without an address: %+v", answer)
	}
	connect := peer.Holepunch{Kind: peer.HolepunchConnect, Addr: listening(2)}
	if _, ok, err := one.Relay(connect.Append(nil, 1)[6:], start); ok || err != nil {
		t.Errorf("connect: %v, %v", ok, err)
	}
	if _, ok, err := plain.Relay(rendezvous(listening(1)), start); ok || err != nil {
		t.Errorf("of a peer without support: %v, %v", ok, err)
	}
	if _, _, err := one.Relay([]byte{9}, start); err == nil {
		t.Error("no error for what is no message")
	}
}

// Many peers that want to connect to the same one make us send it few messages.
func TestRelayFlood(t *testing.T) {
	s := new(Swarm)
	victim := enter(s, 0)
	var others []*Peer
	for i := range 100 {
		others = append(others, enter(s, i+1))
	}
	victim.Append(nil, start)
	sent := 0
	for second := range 120 {
		now := start.Add(time.Duration(second) * time.Second / 2)
		for _, p := range others {
			p.Relay(rendezvous(listening(0)), now)
		}
		if n := len(victim.connects.waiting); n > maxWaiting {
			t.Fatalf("%d messages wait", n)
		}
		sent += len(victim.Append(nil, now)) / 18
	}
	if sent != maxConnects {
		t.Errorf("%d messages in a minute", sent)
	}
}
