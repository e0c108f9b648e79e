package lsd

import (
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// system is the network of this machine.
type system struct{}

// interfaces returns the interfaces that are up and can do multicast, without loopback.
func (system) interfaces() ([]netInterface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var list []netInterface
	for _, i := range all {
		const flags = net.FlagUp | net.FlagMulticast
		if i.Flags&flags != flags || i.Flags&net.FlagLoopback != 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		n := netInterface{index: i.Index, name: i.Name}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				n.prefixes = append(n.prefixes, p)
			}
		}
		list = append(list, n)
	}
	return list, nil
}

// join joins a group. Messages are sent to other programs of this machine too.
func (system) join(i netInterface, v6 bool, from netip.Addr) (groupConn, error) {
	ifi, err := net.InterfaceByIndex(i.index)
	if err != nil {
		return nil, err
	}
	if v6 {
		return join6(ifi, from)
	}
	return join4(ifi, from)
}

// A conn4 is a socket for the group of IPv4. On some systems it receives packets of other
// interfaces too, if another program has joined the group there.
type conn4 struct {
	*ipv4.PacketConn
	ifi  *net.Interface
	from net.IP
}

func join4(ifi *net.Interface, from netip.Addr) (*conn4, error) {
	udp, err := net.ListenMulticastUDP("udp4", ifi, net.UDPAddrFromAddrPort(group4))
	if err != nil {
		return nil, err
	}
	c := &conn4{PacketConn: ipv4.NewPacketConn(udp), ifi: ifi}
	if from.IsValid() {
		c.from = from.AsSlice()
	}
	if err := c.SetMulticastLoopback(true); err != nil {
		udp.Close()
		return nil, err
	}
	_ = c.SetControlMessage(ipv4.FlagInterface, true) // not on Windows
	return c, nil
}

func (c *conn4) send(b []byte) error {
	_, err := c.WriteTo(b, &ipv4.ControlMessage{Src: c.from, IfIndex: c.ifi.Index}, net.UDPAddrFromAddrPort(group4))
	return err
}

func (c *conn4) receive(b []byte) (n int, from netip.Addr, err error) {
	for {
		n, cm, src, err := c.ReadFrom(b)
		if err != nil || cm == nil || cm.IfIndex == c.ifi.Index {
			return n, addrOf(src), err
		}
	}
}

// A conn6 is a conn4 for IPv6.
type conn6 struct {
	*ipv6.PacketConn
	ifi  *net.Interface
	from net.IP
}

func join6(ifi *net.Interface, from netip.Addr) (*conn6, error) {
	udp, err := net.ListenMulticastUDP("udp6", ifi, net.UDPAddrFromAddrPort(group6))
	if err != nil {
		return nil, err
	}
	c := &conn6{PacketConn: ipv6.NewPacketConn(udp), ifi: ifi}
	if from.IsValid() {
		c.from = from.AsSlice()
	}
	if err := c.SetMulticastLoopback(true); err != nil {
		udp.Close()
		return nil, err
	}
	_ = c.SetControlMessage(ipv6.FlagInterface, true) // not on Windows
	return c, nil
}

func (c *conn6) send(b []byte) error {
	to := net.UDPAddrFromAddrPort(group6)
	to.Zone = c.ifi.Name
	_, err := c.WriteTo(b, &ipv6.ControlMessage{Src: c.from, IfIndex: c.ifi.Index}, to)
	return err
}

func (c *conn6) receive(b []byte) (n int, from netip.Addr, err error) {
	for {
		n, cm, src, err := c.ReadFrom(b)
		if err != nil || cm == nil || cm.IfIndex == c.ifi.Index {
			return n, addrOf(src), err
		}
	}
}

// addrOf returns the host of a UDP address; the zero value if it is none.
func addrOf(a net.Addr) netip.Addr {
	udp, ok := a.(*net.UDPAddr)
	if !ok {
		return netip.Addr{}
	}
	ip := udp.AddrPort().Addr().Unmap()
	if !ip.IsLinkLocalUnicast() {
		ip = ip.WithZone("")
	}
	return ip
}
