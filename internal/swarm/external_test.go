package swarm

import (
	"fmt"
	"net/netip"
	"testing"
)

// Our address is what most of several networks report, whatever one of them does.
func TestExternalAddrs(t *testing.T) {
	var e ExternalAddrs
	us, us6, lie := netip.MustParseAddr("203.0.113.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("203.0.113.66")
	peerAt := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 51, byte(i), 1}) }
	for i := range 250 { // one network
		e.Report(netip.AddrFrom4([4]byte{198, 18, 0, byte(i)}), lie)
	}
	e.Report(peerAt(1), us)
	e.Report(peerAt(2), us)
	if got := e.Addrs(); len(got) != 0 {
		t.Errorf("%v after two reports", got)
	}
	e.Report(peerAt(3), us)
	for i := range 3 {
		e.Report(peerAt(4+i), us6)
	}
	if got := fmt.Sprint(e.Addrs()); got != "[203.0.113.1 2001:db8::1]" {
		t.Errorf("%s", got)
	}
	for i := range 2 { // some lie
		e.Report(peerAt(10+i), lie)
	}
	if got := e.Addrs(); len(got) != 1 || got[0] != us6 {
		t.Errorf("%v, although as many say otherwise", got)
	}
	for i := range maxReports { // our address has changed
		e.Report(peerAt(100+i), lie)
	}
	if got := fmt.Sprint(e.Addrs()); got != "[203.0.113.66 2001:db8::1]" || len(e.reports[0]) != maxReports {
		t.Errorf("%s, by %d reports", got, len(e.reports[0]))
	}
}

func TestExternalAddrsThatCantBe(t *testing.T) {
	var e ExternalAddrs
	for _, addr := range []string{"127.0.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "10.0.0.1", "192.168.1.1", "fd00::1", "100.64.0.1"} {
		for i := range 5 {
			e.Report(netip.AddrFrom4([4]byte{198, 51, byte(i), 1}), netip.MustParseAddr(addr))
		}
	}
	for i := range 5 {
		e.Report(netip.AddrFrom4([4]byte{198, 51, byte(i), 1}), netip.Addr{})
		e.Report(netip.Addr{}, netip.MustParseAddr("203.0.113.1"))
	}
	if got := e.Addrs(); len(got) > 0 {
		t.Errorf("%v", got)
	}
	for i := range 3 {
		e.Report(netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 2)}), netip.MustParseAddr("10.0.0.1"))
	}
	if got := fmt.Sprint(e.Addrs()); got != "[10.0.0.1]" {
		t.Errorf("in a private network: %s", got)
	}
}
