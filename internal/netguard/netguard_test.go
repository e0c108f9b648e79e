package netguard

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"testing"
)

func TestIsPrivate(t *testing.T) {
	for _, private := range []string{
		"127.0.0.1", "127.255.255.254", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254",
		"0.0.0.0", "0.1.2.3", "100.64.0.1", "100.127.255.255", "192.0.0.8", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
		"::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fdff::1", "fec0::1", "ff02::1", "64:ff9b:1::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::192.168.0.1",
		"2002:7f00:1::", "2002:c0a8:101::1",
	} {
		if !IsPrivate(netip.MustParseAddr(private)) {
			t.Errorf("%s is not private", private)
		}
	}
	for _, public := range []string{
		"1.1.1.1", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "192.0.1.0", "192.167.0.1",
		"198.18.0.1", "223.255.255.255", "::ffff:8.8.8.8", "2001:4860:4860::8888", "2606::1", "64:ff9b::8.8.8.8", "2002:808:808::1",
		"2001:db8::1%eth0",
	} {
		if IsPrivate(netip.MustParseAddr(public)) {
			t.Errorf("%s is private", public)
		}
	}
	if !IsPrivate(netip.Addr{}) {
		t.Error("an invalid address is not private")
	}
}

// A dialer with Control refuses private addresses for contexts of Guard, before it sends
// anything, also if a name stands for them.
func TestControl(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	d := net.Dialer{ControlContext: Control}
	for _, host := range []string{"127.0.0.1", "localhost", "::ffff:127.0.0.1"} {
		for _, network := range []string{"tcp", "udp"} {
			conn, err := d.DialContext(Guard(t.Context()), network, net.JoinHostPort(host, port))
			if err == nil {
				conn.Close()
			}
			if _, ok := errors.AsType[*Error](err); !ok {
				t.Errorf("%s %s: %v", network, host, err)
			}
		}
	}
	conn, err := d.DialContext(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	accepted, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer accepted.Close()
	if accepted.RemoteAddr().String() != conn.LocalAddr().String() {
		t.Error("a refused address was connected to")
	}
}

func TestControlAddresses(t *testing.T) {
	for address, ok := range map[string]bool{"1.1.1.1:80": true, "[2606::1]:80": true, "10.0.0.1:80": false, "[::1]:80": false, "nonsense": false, "": false} {
		if err := Control(Guard(context.Background()), "tcp", address, nil); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
		if err := Control(context.Background(), "tcp", address, nil); err != nil {
			t.Errorf("%q without a guard: %v", address, err)
		}
	}
}
