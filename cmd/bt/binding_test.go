package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// bindingFor parses flags as bt seed does.
func bindingFor(args ...string) (binding, error) {
	var o bindingOptions
	command := &cli.Command{Name: "seed", Flags: o.flags()}
	inv, err := parseArgs(append([]string{"seed"}, args...), nil, []*cli.Command{command})
	if err == nil {
		_, err = setFlags(command.Flags, inv.flags)
	}
	if err != nil {
		return binding{}, err
	}
	return o.binding()
}

func TestBinding(t *testing.T) {
	for _, test := range []struct {
		args    string
		network string
		from    string
		err     string
	}{
		{"", "tcp", "0.0.0.0 ::", ""},
		{"-4", "tcp4", "0.0.0.0", ""},
		{"-6", "tcp6", "::", ""},
		{"--bind 0.0.0.0", "tcp4", "0.0.0.0", ""},
		{"--bind ::ffff:0.0.0.0", "tcp4", "0.0.0.0", ""},
		{"--bind ::", "tcp", "0.0.0.0 ::", ""},
		{"--bind :: -6", "tcp6", "::", ""},
		{"--bind 127.0.0.5", "tcp4", "127.0.0.5", ""},
		{"--bind ::ffff:127.0.0.5 -4", "tcp4", "127.0.0.5", ""},
		{"--bind ::1", "tcp", "::1", ""},
		{"--bind ::1 --ipv6", "tcp6", "::1", ""},
		{"--bind lo", "tcp", "127.0.0.1 ::1", ""},
		{"--bind lo -4", "tcp4", "127.0.0.1", ""},
		{"--bind lo -6", "tcp6", "::1", ""},

		{"-4 -6", "", "", "-4, -6: only one of them"},
		{"--bind ::1 -4", "", "", "--bind: ::1 is not an address of IPv4"},
		{"--bind :: -4", "", "", "--bind: :: is not an address of IPv4"},
		{"--bind 127.0.0.1 -6", "", "", "--bind: 127.0.0.1 is not an address of IPv6"},
		{"--bind none0", "", "", `--bind: "none0" is neither an address nor a network interface`},
	} {
		if strings.Contains(test.args, "lo") && !hasLoopback() {
			continue
		}
		b, err := bindingFor(strings.Fields(test.args)...)
		switch {
		case test.err != "":
			if err == nil || err.Error() != test.err {
				t.Errorf("%q: %v", test.args, err)
			}
		case err != nil:
			t.Errorf("%q: %v", test.args, err)
		default:
			if from := strings.Trim(fmt.Sprint(b.from()), "[]"); b.network != test.network || from != test.from {
				t.Errorf("%q: %s, from %s", test.args, b.network, from)
			}
			t.Run(test.args, func(t *testing.T) { checkListens(t, b) })
		}
	}
}

// hasLoopback reports whether the interface lo has addresses of both families. It
// has not on another system, or one without IPv6.
func hasLoopback() bool {
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return false
	}
	addrs, err := lo.Addrs()
	return err == nil && len(addrs) >= 2
}

// checkListens checks that the listener of a binding accepts connections on the
// announced addresses and on no others, until it is closed.
func checkListens(t *testing.T, b binding) {
	l, err := b.listen(portRange{})
	if err != nil {
		t.Fatal(err)
	}
	const greeting = "it is the listener of the test"
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, greeting)
			conn.Close()
		}
	}()
	port := addrOf(l.Addr().String()).Port()
	for _, to := range []string{"127.0.0.1", "127.0.0.5", "::1"} {
		addr := netip.MustParseAddr(to)
		want := slices.ContainsFunc(b.from(), func(a netip.Addr) bool { return a == addr || a.IsUnspecified() && a.Is4() == addr.Is4() })
		conn, err := net.Dial("tcp", netip.AddrPortFrom(addr, port).String())
		greeted := false
		if err == nil {
			if !want { // another program may listen there
				_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			}
			b := make([]byte, len(greeting))
			_, err = io.ReadFull(conn, b)
			greeted = string(b) == greeting
			conn.Close()
		}
		if greeted != want {
			t.Errorf("connecting to %s: %v", to, err)
		}
	}
	l.Close()
	if _, err := l.Accept(); err == nil {
		t.Error("it accepts when closed")
	}
}

// The error of an address that can't be bound ends the search for a port and
// names the address.
func TestListenFails(t *testing.T) {
	const foreign = "192.0.2.1" // from the documentation range, so no machine has it
	for _, addrs := range []string{foreign, "127.0.0.1 " + foreign, foreign + " 127.0.0.1"} {
		b := binding{network: "tcp"}
		for _, s := range strings.Fields(addrs) {
			b.addrs = append(b.addrs, netip.MustParseAddr(s))
		}
		for _, ports := range []portRange{defaultPorts, {}, {41000, 41003}} {
			l, err := b.listen(ports)
			if err == nil {
				l.Close()
			}
			if err == nil || !strings.HasPrefix(err.Error(), "can't listen on "+foreign) {
				t.Errorf("%s, port %v: %v", addrs, ports, err)
			}
		}
	}
}

func TestReachable(t *testing.T) {
	for _, test := range []struct{ found, want string }{
		{"", ""},
		{"192.0.2.1/24", "192.0.2.1"},
		{"fe80::1/64", ""},
		{"fe80::1/64 192.0.2.1/24 2001:db8::1/64 192.0.2.2/24 2001:db8::2/64", "192.0.2.1 2001:db8::1"},
		{"127.0.0.1/8 ::1/128", "127.0.0.1 ::1"},
		{"127.0.0.1/8 192.0.2.1/32", "192.0.2.1"},
		{"169.254.1.1/16 fd00::1/8", "fd00::1"},
	} {
		var found []net.Addr
		for _, s := range strings.Fields(test.found) {
			ip, n, err := net.ParseCIDR(s)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, &net.IPNet{IP: ip, Mask: n.Mask})
		}
		if got := strings.Trim(fmt.Sprint(reachable(familyOptions{}, found)), "[]"); got != test.want {
			t.Errorf("%s: %s, want %s", test.found, got, test.want)
		}
	}
}

// A UDP port that can't be opened is only said to be in use if it is.
func TestWhyNoDHT(t *testing.T) {
	b := binding{network: "tcp4", addrs: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	var port uint16
	var l net.Listener
	var packets []net.PacketConn
	var noPackets error
	for range 20 { // until the TCP port is free
		conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		port = addrOf(conn.LocalAddr().String()).Port()
		if l, packets, noPackets, err = b.listenBoth(portRange{port, port}); err == nil {
			break
		}
	}
	if l == nil {
		t.Fatal("no TCP port is free")
	}
	l.Close()
	if packets != nil || !strings.Contains(whyNoDHT(port, noPackets), " is in use; ") {
		t.Errorf("%v, %v", packets, noPackets)
	}
	if got := whyNoDHT(7, errors.New("no such thing")); got != "because the UDP port 7 can't be opened: no such thing" {
		t.Error(got)
	}
}
