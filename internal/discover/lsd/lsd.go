// Package lsd finds peers in the local network by multicast (BEP 14).
//
// A message is a header like that of HTTP, in a UDP packet to a multicast group. It names
// the port at which the sender listens, and torrents by their info-hashes. Its source
// address is that of the peer:
//
//	BT-SEARCH * HTTP/1.1
//	Host: 239.192.152.143:6771
//	Port: 6881
//	Infohash: 0123456789abcdef0123456789abcdef01234567
//	cookie: 5ac0917e
//
// Messages stay in the local network, and ones from elsewhere are ignored, although the
// groups could reach further. There are no answers to a single host: a torrent that
// another peer announces is announced soon, to the group.
package lsd

import (
	"container/list"
	"context"
	"crypto/rand"
	"encoding/hex"
	"net/netip"
	"sync"
	"time"

	"bt/internal/discover"
)

// Options configure a [Finder]. Port is required.
type Options struct {
	Port uint16 // at which peers reach us, over TCP

	// Binds are the local addresses at which peers reach us. An unspecified one stands
	// for all of its address family. If Binds is empty, peers reach us at all addresses.
	// Nothing is sent or received for loopback addresses.
	Binds []netip.Addr

	Warn func(error) // if non-nil, is called for what keeps messages from being sent or received

	network network // set by tests
}

// A Finder is a [discover.Finder] for the local network.
type Finder struct {
	options Options
	cookie  string

	mu       sync.Mutex
	entries  map[[20]byte]*entry
	schedule schedule
	limits   limits
}

// An entry is a torrent of a Finder.
type entry struct {
	finder *Finder
	hash   [20]byte
	swarm  discover.Swarm

	// Guarded by finder.mu.
	removed   bool
	announced time.Time
	list      *list.List // of schedule
	element   *list.Element
}

// New returns a Finder, which does nothing until [Finder.Run] is called.
func New(o Options) *Finder {
	if o.Warn == nil {
		o.Warn = func(error) {}
	}
	if o.network == nil {
		o.network = system{}
	}
	if len(o.Binds) == 0 {
		o.Binds = []netip.Addr{netip.IPv4Unspecified(), netip.IPv6Unspecified()}
	}
	var b [4]byte
	rand.Read(b[:])
	return &Finder{options: o, cookie: hex.EncodeToString(b[:]), entries: make(map[[20]byte]*entry)}
}

// Add adds a torrent by its info-hash, truncated to 20 bytes for v2. It is announced within
// seconds, and then every five minutes, or less often if there are many.
func (f *Finder) Add(infoHash [20]byte, s discover.Swarm) discover.Entry {
	f.mu.Lock()
	defer f.mu.Unlock()
	e := &entry{finder: f, hash: infoHash, swarm: s}
	f.entries[infoHash] = e
	f.schedule.add(e)
	return e
}

// Hurry lets the torrent be announced soon, so that others answer, but not more often than
// once per minute.
func (e *entry) Hurry() {
	f := e.finder
	f.mu.Lock()
	defer f.mu.Unlock()
	if !e.removed {
		f.schedule.hurry(e)
	}
}

// Remove removes the torrent.
func (e *entry) Remove() {
	f := e.finder
	f.mu.Lock()
	defer f.mu.Unlock()
	if e.removed {
		return
	}
	e.removed = true
	f.schedule.remove(e)
	if f.entries[e.hash] == e {
		delete(f.entries, e.hash)
	}
}

const (
	// tick is how often the schedule is looked at.
	tick = time.Second

	// lookAgain is how often interfaces are looked for that have come or gone.
	lookAgain = 30 * time.Second
)

// Run announces the torrents and finds peers until ctx ends. It returns nil. Without an
// interface that can do that, it waits for one.
func (f *Finder) Run(ctx context.Context) error {
	g := newGroups(f)
	defer g.close()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	var looked time.Time
	for {
		now := time.Now()
		if looked.IsZero() || now.Sub(looked) >= lookAgain {
			looked = now
			if g.update() {
				f.renew(now)
			}
		}
		if m := f.next(now); m != nil && len(g.joined) > 0 {
			g.send(m)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// renew lets all torrents be announced again.
func (f *Finder) renew(now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.schedule.renew = now
}

// next returns the message to send now, or nil.
func (f *Finder) next(now time.Time) *message {
	f.mu.Lock()
	defer f.mu.Unlock()
	entries := f.schedule.next(now)
	if len(entries) == 0 {
		return nil
	}
	m := &message{port: f.options.Port, cookie: f.cookie}
	for _, e := range entries {
		m.hashes = append(m.hashes, e.hash)
	}
	return m
}

// receive handles a packet from a host of the local network.
func (f *Finder) receive(b []byte, from netip.Addr, now time.Time) {
	for _, e := range f.match(b, from, now) {
		if e.swarm.Wanted() > 0 {
			e.swarm.Found([]netip.AddrPort{e.at})
		}
	}
}

// A match is a peer of a torrent.
type match struct {
	swarm discover.Swarm
	at    netip.AddrPort
}

// match returns which torrents a packet announces, and lets them be announced soon.
func (f *Finder) match(b []byte, from netip.Addr, now time.Time) (list []match) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.limits.allow(from, now) {
		return nil
	}
	m, err := parse(b)
	if err != nil || m.cookie == f.cookie {
		return nil
	}
	for _, h := range m.hashes {
		if e := f.entries[h]; e != nil {
			f.schedule.hurry(e)
			list = append(list, match{e.swarm, netip.AddrPortFrom(from, m.port)})
		}
	}
	return list
}
