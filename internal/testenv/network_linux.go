package testenv

import (
	"fmt"
	"net/netip"
	"os"
	"testing"
)

// Network returns n hosts on one network, at IPv4 and IPv6 addresses, which exist until
// the test ends. Multicast reaches all of them.
func Network(t testing.TB, n int) []*Host {
	t.Helper()
	for _, name := range []string{"unshare", "nsenter", "ip"} {
		Program(t, name)
	}
	Root(t)
	bridge := newHost(t, "10.77.0.254")
	bridge.ip(t, "link", "add", "br0", "type", "bridge")
	bridge.ip(t, "link", "set", "br0", "up")
	var hosts []*Host
	for i := range n {
		h := newHost(t, fmt.Sprintf("10.77.0.%d", i+1))
		h.Addr6 = netip.MustParseAddr(fmt.Sprintf("fd77::%d", i+1))
		h.skipDAD(t)
		port := fmt.Sprintf("port%d", i)
		bridge.ip(t, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", h.net)
		bridge.ip(t, "link", "set", port, "master", "br0", "up")
		h.ip(t, "address", "add", h.Addr.String()+"/24", "dev", "eth0")
		h.ip(t, "address", "add", h.Addr6.String()+"/64", "dev", "eth0", "nodad")
		h.ip(t, "link", "set", "eth0", "up")
		h.ip(t, "route", "add", "224.0.0.0/4", "dev", "eth0")
		hosts = append(hosts, h)
	}
	return hosts
}

// skipDAD makes link-local addresses of interfaces that are added later usable at once,
// without the detection of duplicates.
func (h *Host) skipDAD(t testing.TB) {
	t.Helper()
	var err error
	if hostErr := h.on(func() {
		for _, of := range []string{"all", "default"} {
			if err == nil {
				err = os.WriteFile("/proc/sys/net/ipv6/conf/"+of+"/accept_dad", []byte("0"), 0)
			}
		}
	}); hostErr != nil {
		t.Fatal(hostErr)
	}
	if err != nil {
		Missing(t, err.Error())
	}
}
