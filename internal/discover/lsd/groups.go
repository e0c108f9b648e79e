package lsd

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// A network is what a Finder needs of the system.
type network interface {
	// interfaces returns the interfaces that can do multicast.
	interfaces() ([]netInterface, error)

	// join joins the group of an address family on an interface. Messages are sent from
	// an address, if it is specified.
	join(i netInterface, v6 bool, from netip.Addr) (groupConn, error)
}

// A netInterface is a network interface.
type netInterface struct {
	index    int
	name     string
	prefixes []netip.Prefix // its addresses, with the networks that they are in
}

// A groupConn is a socket for one group on one interface.
type groupConn interface {
	send(b []byte) error
	receive(b []byte) (n int, from netip.Addr, err error)
	Close() error
}

// A membership is one of a group on an interface.
type membership struct {
	index int
	v6    bool
	from  netip.Addr // zero: any
}

// groups are the groups that are joined.
type groups struct {
	finder *Finder
	joined map[membership]*socket
	wg     sync.WaitGroup // of readers
	warned bool           // what is wrong was reported, and has not changed
}

// A socket is one for a membership.
type socket struct {
	groupConn
	mu       sync.Mutex
	prefixes []netip.Prefix // of the interface
}

func newGroups(f *Finder) *groups { return &groups{finder: f, joined: make(map[membership]*socket)} }

// update joins the groups on interfaces that have come, and leaves those on ones that have
// gone. It reports whether any have come.
func (g *groups) update() (news bool) {
	list, err := g.finder.options.network.interfaces()
	errs := []error{err}
	wanted := make(map[membership]bool)
	for _, i := range list {
		for _, m := range g.memberships(i) {
			wanted[m] = true
			if s := g.joined[m]; s != nil {
				s.setPrefixes(i.prefixes)
				continue
			}
			if err := g.join(m, i); err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", i.name, err))
				continue
			}
			news = true
		}
	}
	for m, s := range g.joined {
		if err == nil && !wanted[m] {
			s.Close()
			delete(g.joined, m)
		}
	}
	g.warn(errors.Join(errs...))
	return news
}

var errNoInterface = errors.New("no network interface supports multicast")

// warn reports that no group is joined, once until one is. err is the reason, if known.
// Where peers reach us at loopback addresses only, none is to be joined.
func (g *groups) warn(err error) {
	loopback := !slices.ContainsFunc(g.finder.options.Binds, func(a netip.Addr) bool { return !a.IsLoopback() })
	switch {
	case len(g.joined) > 0:
		g.warned = false
	case !loopback && !g.warned:
		g.warned = true
		if err == nil {
			err = errNoInterface
		}
		g.finder.options.Warn(fmt.Errorf("peers in the local network can't be found: %w", err))
	}
}

// memberships returns the groups to join on an interface.
func (g *groups) memberships(i netInterface) (list []membership) {
	for _, bind := range g.finder.options.Binds {
		bind = bind.Unmap()
		has := slices.ContainsFunc(i.prefixes, func(p netip.Prefix) bool {
			if bind.IsUnspecified() {
				return p.Addr().Is6() == bind.Is6() && !p.Addr().IsLoopback()
			}
			return p.Addr() == bind.WithZone("") && !bind.IsLoopback()
		})
		if !has {
			continue
		}
		m := membership{index: i.index, v6: bind.Is6()}
		if !bind.IsUnspecified() {
			m.from = bind
		}
		list = append(list, m)
	}
	return list
}

// join joins a group and reads what is sent to it.
func (g *groups) join(m membership, i netInterface) error {
	conn, err := g.finder.options.network.join(i, m.v6, m.from)
	if err != nil {
		return err
	}
	s := &socket{groupConn: conn, prefixes: i.prefixes}
	g.joined[m] = s
	g.wg.Go(func() { g.finder.read(s) })
	return nil
}

// send sends a message to all groups. Errors are ignored, as interfaces may be down for a
// while.
func (g *groups) send(m *message) {
	for k, s := range g.joined {
		group := group4
		if k.v6 {
			group = group6
		}
		_ = s.send(m.append(nil, group))
	}
}

// close leaves all groups, and waits for the readers.
func (g *groups) close() {
	for _, s := range g.joined {
		s.Close()
	}
	g.wg.Wait()
}

func (s *socket) setPrefixes(prefixes []netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.prefixes = prefixes
}

// isLocal reports whether an address is in a network of the interface.
func (s *socket) isLocal(ip netip.Addr) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.ContainsFunc(s.prefixes, func(p netip.Prefix) bool { return p.Contains(ip.WithZone("")) })
}

// readPause is how long to wait after an error, such as that of an interface that is down.
const readPause = time.Second

// read handles packets until the socket is closed.
func (f *Finder) read(s *socket) {
	b := make([]byte, 64<<10) // Windows returns an error for a packet that is longer
	for {
		n, from, err := s.receive(b)
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			time.Sleep(readPause)
		case s.isLocal(from):
			f.receive(b[:n], from, time.Now())
		}
	}
}
