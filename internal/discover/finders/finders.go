// Package finders finds peers of torrents without trackers: by the DHT and by local
// discovery, as far as its user wants them.
package finders

import (
	"context"
	"net/netip"
	"slices"
	"sync"

	"bt/internal/discover"
	"bt/internal/discover/dht"
	"bt/internal/discover/lsd"
	"bt/internal/swarm"
)

// Options configure Finders. The zero value finds nothing.
type Options struct {
	DHT      *discover.DHT  // nil: there is none
	LSD      bool           // local discovery
	Listener netip.AddrPort // where peers can connect
	From     []netip.Addr   // local addresses at which peers can connect, one per address family
	Local    bool           // peers and nodes may be on this machine
	Warn     func(error)    // of what keeps peers from being found; calls are not serialized
}

// Finders are ways to find peers. Their methods may be called by several goroutines.
type Finders struct {
	options Options
	node    *dht.Node // nil: none
	hosts   hosts     // nodes of torrents
	list    []finder

	begin sync.Once
	begun chan struct{} // closed by the first Add
}

// A finder is one way to find peers.
type finder struct {
	discover.Finder
	source swarm.Source
}

// New returns Finders, which do nothing until Run is called.
func New(o Options) *Finders {
	f := &Finders{options: o, hosts: hosts{news: make(chan struct{}, 1)}, begun: make(chan struct{})}
	if o.DHT != nil {
		f.node = dht.New(dht.Options{
			Conns: o.DHT.Conns, Port: o.Listener.Port(), Bootstrap: o.DHT.Nodes, State: o.DHT.State, Warn: o.Warn,
		})
		f.list = append(f.list, finder{f.node, swarm.SourceDHT})
	}
	if o.LSD {
		f.list = append(f.list, finder{lsd.New(lsd.Options{Port: o.Listener.Port(), Binds: o.From, Warn: o.Warn}), swarm.SourceLSD})
	}
	return f
}

// Any reports whether there is a way to find peers.
func (f *Finders) Any() bool { return len(f.list) > 0 }

// Run runs all until ctx ends, and closes the sockets of the DHT. It sends nothing before a
// swarm is added: private torrents must cause no packets.
func (f *Finders) Run(ctx context.Context) {
	select {
	case <-ctx.Done():
		f.Close()
		return
	case <-f.begun:
	}
	var wg sync.WaitGroup
	if f.node != nil {
		wg.Go(func() { f.lookUp(ctx) })
	}
	for _, each := range f.list {
		wg.Go(func() {
			if err := each.Run(ctx); err != nil && ctx.Err() == nil {
				f.options.Warn(err)
			}
		})
	}
	wg.Wait()
}

// Close closes the sockets of the DHT, if Run was not called.
func (f *Finders) Close() {
	if f.node != nil {
		for _, conn := range f.options.DHT.Conns {
			conn.Close()
		}
	}
}

// A Swarm is what Finders know of a swarm, as [discover.Swarm].
type Swarm interface {
	Seeds() bool
	Wanted() int
	Found(source swarm.Source, peers []netip.AddrPort)
}

// found passes on the peers that one finder finds.
type found struct {
	Swarm
	finders *Finders
	source  swarm.Source
}

func (s found) Found(peers []netip.AddrPort) {
	if peers = s.finders.allowed(peers); len(peers) > 0 {
		s.Swarm.Found(s.source, peers)
	}
}

// allowed returns the addresses that strangers may name: they must not make us talk to
// programs of this machine.
func (f *Finders) allowed(addrs []netip.AddrPort) []netip.AddrPort {
	if f.options.Local {
		return addrs
	}
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.AddrPort) bool { return a.Addr().Unmap().IsLoopback() })
}

// Add adds a swarm to each finder.
func (f *Finders) Add(infoHash [20]byte, s Swarm) Entry {
	f.begin.Do(func() { close(f.begun) })
	var e Entry
	for _, each := range f.list {
		e = append(e, each.Add(infoHash, found{s, f, each.source}))
	}
	return e
}

// An Entry is a swarm that was added. The zero value is that of no finder.
type Entry []discover.Entry

// Hurry searches again soon, as [discover.Entry].
func (e Entry) Hurry() {
	for _, each := range e {
		each.Hurry()
	}
}

// Remove removes the swarm, as [discover.Entry].
func (e Entry) Remove() {
	for _, each := range e {
		each.Remove()
	}
}

// HasDHT reports whether there is a node of the DHT.
func (f *Finders) HasDHT() bool { return f.node != nil }

// Port returns the port of the DHT to advertise to a peer, or 0.
func (f *Finders) Port(peer netip.Addr) uint16 {
	if f.node == nil {
		return 0
	}
	return f.node.Port(peer)
}

// External returns our own addresses as several nodes of the DHT see them.
func (f *Finders) External() []netip.Addr {
	if f.node == nil {
		return nil
	}
	var list []netip.Addr
	for _, family := range f.node.Status().Families {
		if family.External.IsValid() {
			list = append(list, family.External.Addr())
		}
	}
	return list
}

// AddNode suggests a node of the DHT that a peer has advertised.
func (f *Finders) AddNode(addr netip.AddrPort) {
	if f.node != nil {
		f.node.AddNodes(f.allowed([]netip.AddrPort{addr}))
	}
}
