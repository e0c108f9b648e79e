package testenv

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
)

// DualHosts returns Hosts that have IPv6 addresses too.
func DualHosts(t testing.TB) (a, b *Host) {
	t.Helper()
	a, b = Hosts(t)
	for i, h := range []*Host{a, b} {
		h.Addr6 = netip.MustParseAddr(fmt.Sprintf("fd77::%d", i+1))
		h.ip(t, "address", "add", h.Addr6.String()+"/64", "dev", "eth0", "nodad")
	}
	return a, b
}

// Drop makes the host drop all packets of TCP and UDP that come from the other one over IPv4
// ("ip") or IPv6 ("ip6"), and answer nothing.
func (h *Host) Drop(t testing.TB, family string) {
	t.Helper()
	h.nft(t, `table `+family+` drops {
	chain in {
		type filter hook input priority 0
		iifname "eth0" meta l4proto { tcp, udp } drop
	}
}`)
}

// Undrop ends what Drop began.
func (h *Host) Undrop(t testing.TB, family string) {
	t.Helper()
	h.nft(t, "delete table "+family+" drops")
}

// nft changes tables of the host's packet filter.
func (h *Host) nft(t testing.TB, changes string) {
	t.Helper()
	Program(t, "nft")
	line := h.Command("nft", "-f", "-")
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Stdin = strings.NewReader(changes)
	if out, err := cmd.CombinedOutput(); err != nil {
		Missing(t, fmt.Sprintf("packet filters: nft: %v: %s", err, bytes.TrimSpace(out)))
	}
}

// Listen listens at an address of the host for TCP and UDP.
func (h *Host) Listen(addr netip.AddrPort) (l net.Listener, c net.PacketConn, err error) {
	hostErr := h.on(func() {
		if l, err = net.Listen("tcp", addr.String()); err == nil {
			c, err = net.ListenPacket("udp", addr.String())
		}
	})
	if hostErr != nil {
		err = hostErr
	}
	return l, c, err
}

// StartDNS is the function StartDNS on the host, until the test ends.
func (h *Host) StartDNS(t testing.TB, hosts map[string][]netip.Addr) (server netip.AddrPort) {
	t.Helper()
	var stop func()
	var err error
	if hostErr := h.on(func() { server, stop, err = StartDNS(hosts) }); hostErr != nil {
		t.Fatal(hostErr)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return server
}
