package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/urfave/cli/v2"

	"bt/seed"
)

// A binding holds the local addresses of a seed or a download.
type binding struct {
	network string       // of package net: tcp, tcp4 or tcp6
	addrs   []netip.Addr // to listen on; a single unspecified address means all of the network
}

// bindingOptions holds the flags that select the local addresses and port.
type bindingOptions struct {
	port   option[portRange]
	addr   option[string]
	family familyOptions
}

func (o *bindingOptions) flags() []cli.Flag {
	return append([]cli.Flag{
		valueFlag(&o.port, readPorts, "port", "listen on port `N`, or on the first that is free of N-M (default 6881-6999)"),
		valueFlag(&o.addr, text, "bind", "listen on, and announce and call peers from, the address or the addresses of the network interface `ADDR` alone; 0.0.0.0 is all of IPv4"),
	}, o.family.flags()...)
}

// A portRange is a range of ports to try, in ascending order.
type portRange struct{ first, last uint16 }

var defaultPorts = portRange{6881, 6999}

func readPorts(s string) (portRange, error) {
	low, high, isRange := strings.Cut(s, "-")
	first, err := strconv.ParseUint(low, 10, 16)
	last := first
	if err == nil && isRange {
		last, err = strconv.ParseUint(high, 10, 16)
	}
	if err != nil || last < first {
		return portRange{}, fmt.Errorf("%q is neither a port nor a range of them, such as %s", s, defaultPorts)
	}
	return portRange{uint16(first), uint16(last)}, nil
}

func (r portRange) String() string {
	if r.first == r.last {
		return fmt.Sprint(r.first)
	}
	return fmt.Sprintf("%d-%d", r.first, r.last)
}

// A network is what a seed or a download listens on.
type network struct {
	listener net.Listener
	from     []netip.Addr // source addresses, as in Options.From
	dht      *seed.DHT    // nil: none
	lsd      bool
}

// multicasts is false in tests outside of networks of their own.
var multicasts = true

// open opens the network that the flags select.
func (f *peerFlags) open(u *ui) (n network, err error) {
	b, err := f.binding.binding()
	if err != nil {
		return n, err
	}
	n.from = b.from()
	for _, ip := range f.ips {
		if !slices.ContainsFunc(n.from, func(a netip.Addr) bool { return a.Is4() == ip.Is4() }) {
			u.warn("--ip %s is not announced: trackers are asked over %s only", ip, family(!ip.Is4()))
		}
	}
	n.lsd = multicasts && !f.noLSD && !b.addrs[0].IsLoopback()
	ports := defaultPorts
	if f.binding.port.given {
		ports = f.binding.port.value
	}
	if f.noDHT {
		n.listener, err = b.listen(ports)
		return n, err
	}
	n.dht = &seed.DHT{State: dhtState(u)}
	if n.dht.Nodes, err = u.env.dhtNodes(f.dhtNodes); err != nil {
		return n, err
	}
	var noPackets error
	if n.listener, n.dht.Conns, noPackets, err = b.listenBoth(ports); err == nil && n.dht.Conns == nil {
		u.warn("there is no DHT, %s", whyNoDHT(addrOf(n.listener.Addr().String()).Port(), noPackets))
		n.dht = nil
	}
	return n, err
}

// whyNoDHT says why a UDP port could not be opened.
func whyNoDHT(port uint16, err error) string {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Sprintf("because the UDP port %d is in use; --port chooses another", port)
	}
	return fmt.Sprintf("because the UDP port %d can't be opened: %v", port, err)
}

// closeNetwork closes a network that is not used. l is nil if there is none.
func closeNetwork(l net.Listener, dht *seed.DHT) {
	if l != nil {
		l.Close()
	}
	if dht != nil {
		for _, conn := range dht.Conns {
			conn.Close()
		}
	}
}

func family(is4 bool) string {
	if is4 {
		return "IPv4"
	}
	return "IPv6"
}

// binding returns the binding that the flags select.
func (o *bindingOptions) binding() (binding, error) {
	if err := o.family.check(); err != nil {
		return binding{}, err
	}
	name := o.addr.value
	if name == "" {
		return bindAll(o.family), nil
	}
	if addr, err := netip.ParseAddr(name); err == nil {
		return bindAddr(o.family, addr.Unmap())
	}
	return bindInterface(o.family, name)
}

// bindAll returns the binding to all addresses.
func bindAll(f familyOptions) binding {
	if f.only4 {
		return binding{f.network(), []netip.Addr{netip.IPv4Unspecified()}}
	}
	return binding{f.network(), []netip.Addr{netip.IPv6Unspecified()}}
}

func bindAddr(f familyOptions, addr netip.Addr) (binding, error) {
	switch {
	case !f.allows(addr):
		return binding{}, failf(exitUsage, "--bind: %s is not an address of %s", addr, family(f.only4))
	case addr.Is4():
		return binding{"tcp4", []netip.Addr{addr}}, nil // with tcp, 0.0.0.0 would include IPv6
	}
	return binding{f.network(), []netip.Addr{addr}}, nil
}

// bindInterface returns the binding to the addresses of a network interface, one
// of each family. It does not use SO_BINDTODEVICE, which only Linux has and which
// would exclude peers on this machine. If an address is removed from the
// interface, connections fail instead of using another interface.
func bindInterface(f familyOptions, name string) (binding, error) {
	nic, err := net.InterfaceByName(name)
	if err != nil {
		return binding{}, failf(exitUsage, "--bind: %q is neither an address nor a network interface", name)
	}
	found, err := nic.Addrs()
	if err != nil {
		return binding{}, failf(exitNetwork, "--bind: %s: %w", name, err)
	}
	addrs := reachable(f, found)
	if len(addrs) == 0 {
		what := "address"
		if f.only4 || f.only6 {
			what = family(f.only4) + " address"
		}
		return binding{}, failf(exitNetwork, "--bind: the interface %s has no %s that peers can reach", name, what)
	}
	return binding{f.network(), addrs}, nil
}

// reachable returns for each allowed family the first address that is reachable
// beyond the link, else the first loopback address.
func reachable(f familyOptions, found []net.Addr) []netip.Addr {
	var picks [2]netip.Addr // IPv4, IPv6
	for _, x := range found {
		prefix, err := netip.ParsePrefix(x.String())
		if err != nil {
			continue
		}
		addr := prefix.Addr().Unmap()
		if !f.allows(addr) {
			continue
		}
		pick := &picks[0]
		if addr.Is6() {
			pick = &picks[1]
		}
		none := !pick.IsValid()
		if addr.IsGlobalUnicast() && (none || pick.IsLoopback()) || addr.IsLoopback() && none {
			*pick = addr
		}
	}
	return slices.DeleteFunc(picks[:], func(a netip.Addr) bool { return !a.IsValid() })
}

// from returns the source addresses of announces, one per address family.
func (b binding) from() []netip.Addr {
	if b.network == "tcp" && b.addrs[0] == netip.IPv6Unspecified() {
		return []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	return b.addrs
}

// listen listens on the first free port of the range.
func (b binding) listen(ports portRange) (net.Listener, error) {
	for port := ports.first; ; port++ {
		l, failed, err := b.listenAt(port)
		for tries := 1; port == 0 && failed > 0 && tries < anyPortTries; tries++ {
			l, failed, err = b.listenAt(0) // port 0: the port that the first address got is in use on another
		}
		if err == nil {
			return l, nil
		}
		if port == ports.last {
			if op, ok := errors.AsType[*net.OpError](err); ok {
				err = op.Err
			}
			return nil, failf(exitNetwork, "can't listen on %s: %w", net.JoinHostPort(b.host(failed), ports.String()), err)
		}
	}
}

// listenBoth listens as listen does, and for packets on the same port. It prefers ports on
// which both work. packets is nil if there is none, and noPackets says why.
func (b binding) listenBoth(ports portRange) (l net.Listener, packets []net.PacketConn, noPackets, err error) {
	for from, tries := ports, 1; ; tries++ {
		if l, err = b.listen(from); err != nil {
			break
		}
		port := addrOf(l.Addr().String()).Port()
		if packets, noPackets = b.listenPackets(port); noPackets == nil {
			return l, packets, nil, nil
		}
		l.Close()
		if ports.last == 0 && tries < anyPortTries {
			continue
		}
		if port >= ports.last {
			break
		}
		from.first = port + 1
	}
	l, err = b.listen(ports)
	return l, nil, noPackets, err
}

// listenPackets opens a UDP socket for each address family on one port. On a machine
// without IPv6 there is none for that.
func (b binding) listenPackets(port uint16) (list []net.PacketConn, err error) {
	var failed error
	for _, addr := range b.from() {
		network := "udp6"
		if addr.Is4() {
			network = "udp4"
		}
		conn, err := net.ListenPacket(network, netip.AddrPortFrom(addr, port).String())
		if err == nil {
			list = append(list, conn)
		} else if failed = err; errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if len(list) > 0 && !errors.Is(failed, syscall.EADDRINUSE) {
		return list, nil
	}
	for _, conn := range list {
		conn.Close()
	}
	return nil, failed
}

// host returns an address in the form that net.Listen expects.
func (b binding) host(i int) string {
	if b.network == "tcp" && b.addrs[i] == netip.IPv6Unspecified() {
		return "" // works without IPv6 too
	}
	return b.addrs[i].String()
}

// anyPortTries is the number of attempts to find a port that is free on all
// addresses.
const anyPortTries = 16

// listenAt listens on all addresses on one port; port 0 means any free port. If
// it fails, it returns the index of the address that failed.
func (b binding) listenAt(port uint16) (l net.Listener, failed int, err error) {
	var list []net.Listener
	for i := range b.addrs {
		l, err := net.Listen(b.network, net.JoinHostPort(b.host(i), fmt.Sprint(port)))
		if err != nil {
			for _, l := range list {
				l.Close()
			}
			return nil, i, err
		}
		list = append(list, l)
		port = addrOf(l.Addr().String()).Port()
	}
	if len(list) == 1 {
		return list[0], 0, nil
	}
	return joinListeners(list), 0, nil
}

// A joinedListener accepts the connections of several listeners. Its address is
// that of the first.
type joinedListener struct {
	list     []net.Listener
	accepted chan acceptance
	done     chan struct{}
	work     sync.WaitGroup
	close    func() error
}

type acceptance struct {
	conn net.Conn
	err  error
}

func joinListeners(list []net.Listener) *joinedListener {
	j := &joinedListener{list: list, accepted: make(chan acceptance), done: make(chan struct{})}
	j.close = sync.OnceValue(func() error {
		close(j.done)
		var errs []error
		for _, l := range j.list {
			errs = append(errs, l.Close())
		}
		j.work.Wait()
		return errors.Join(errs...)
	})
	for _, l := range list {
		j.work.Go(func() {
			for {
				conn, err := l.Accept()
				select {
				case j.accepted <- acceptance{conn, err}:
				case <-j.done:
					if err == nil {
						conn.Close()
					}
					return
				}
			}
		})
	}
	return j
}

func (j *joinedListener) Addr() net.Addr { return j.list[0].Addr() }
func (j *joinedListener) Close() error   { return j.close() }

func (j *joinedListener) Accept() (net.Conn, error) {
	select {
	case a := <-j.accepted:
		return a.conn, a.err
	case <-j.done:
		return nil, net.ErrClosed
	}
}
