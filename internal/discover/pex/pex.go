// Package pex exchanges the addresses of peers with the peers of a torrent (BEP 11), and
// relays messages between two of them that want to connect to each other through their
// NATs (BEP 55).
//
// A [Swarm] has the peers of one torrent. It opens no connections and starts no
// goroutines: its caller passes messages in, sends what it returns, and calls
// [Peer.Tick] about once per second. It uses no holepunch messages for itself, as this
// would need uTP, and keeps no list of peers that have left for the peers of a small
// swarm.
package pex

import (
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/netguard"
	"bt/internal/peer"
)

const (
	// interval is the minimum time between two messages to a peer, and maxAdded and
	// maxDropped are how many addresses each may have (BEP 11). The first may have more.
	interval   = time.Minute
	maxAdded   = 50
	maxDropped = 50
	maxFirst   = 200

	// A message that arrives sooner than minInterval after the last is ignored. Of the
	// first, maxFirst addresses are used, and maxTaken of others.
	minInterval = 45 * time.Second
	maxTaken    = 2 * maxAdded
)

// A Swarm exchanges addresses between the peers of one torrent. The zero value is ready
// for use. Its methods, and those of its peers, may be called by several goroutines.
type Swarm struct {
	// Seed reports that this side has everything, so that other seeds are of no use. It
	// must not change after the first Join.
	Seed bool

	mu     sync.Mutex
	closed bool
	log    changes
	peers  map[netip.AddrPort]*Peer // by their addresses
}

// A Joining describes a peer that has connected, or was called.
type Joining struct {
	Addr      netip.AddrPort // of the connection, without IPv4 mapped to IPv6
	Called    bool           // we have called it at Addr
	Encrypted bool
	Extends   bool   // it supports the extension protocol; [Peer.Update] will be called
	Port      uint16 // at which peers reach us
	Wake      func() // makes the connection call [Peer.Append]
}

// A Peer is a peer of a Swarm.
type Peer struct {
	news   atomic.Bool // Append has something to send
	swarm  *Swarm
	wake   func()
	remote netip.Addr
	port   uint16 // ours

	// Guarded by swarm.mu.
	addr      netip.AddrPort // at which others reach it; zero: unknown
	flags     peer.PEXFlags
	joined    uint64         // number of the change with which it joined; 0: it is not listed
	self      netip.AddrPort // our address, as the peer says
	exchanges uint8          // its number of PEXName; 0: not supported
	punches   uint8          // its number of HolepunchName; 0: not supported
	mark      mark           // what it was sent
	sent      time.Time      // when it was last sent a message
	received  time.Time      // when a message of it was last accepted
	connects  connects
}

// Join adds a peer. Leave must be called later.
func (s *Swarm) Join(j Joining) *Peer {
	p := &Peer{swarm: s, wake: j.Wake, remote: j.Addr.Addr(), port: j.Port}
	if j.Encrypted {
		p.flags |= peer.PEXEncryption
	}
	if j.Called {
		p.addr = j.Addr
		p.flags |= peer.PEXReachable
	}
	if !j.Extends {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.list(p)
	}
	return p
}

// Update records what the peer says of itself in an extended handshake. Of its address,
// only the port at which it listens is taken from it.
func (p *Peer) Update(h *peer.ExtendedHandshake) {
	s := p.swarm
	s.mu.Lock()
	defer s.mu.Unlock()
	if id, ok := h.Extensions[peer.PEXName]; ok {
		p.exchanges = id
	}
	if id, ok := h.Extensions[peer.HolepunchName]; ok {
		if p.punches = id; id != 0 {
			p.flags |= peer.PEXHolepunch | peer.PEXUTP
		}
	}
	if h.UploadOnly {
		p.flags |= peer.PEXSeed
	}
	if h.YourIP.IsValid() {
		p.self = netip.AddrPortFrom(h.YourIP, p.port)
	}
	if h.Port != 0 && !p.addr.IsValid() {
		p.addr = netip.AddrPortFrom(p.remote, h.Port)
	}
	s.list(p)
}

// list lists a peer whose address is known, unless it is listed. s.mu is locked.
func (s *Swarm) list(p *Peer) {
	if s.closed || p.joined != 0 || !p.addr.IsValid() || p.remote.IsLinkLocalUnicast() {
		return
	}
	if old := s.peers[p.addr]; old != nil { // one of two connections to the same peer
		p.joined, old.joined = old.joined, 0
	} else {
		p.joined = s.log.join(p.addr, p.flags)
	}
	if s.peers == nil {
		s.peers = make(map[netip.AddrPort]*Peer)
	}
	s.peers[p.addr] = p
}

// Leave removes a peer.
func (p *Peer) Leave() {
	s := p.swarm
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.joined == 0 {
		return
	}
	delete(s.peers, p.addr)
	s.log.leave(p.joined, len(s.peers))
	p.joined = 0
}

// Close ends the exchange, as the torrent has turned out to be private (BEP 27). All
// methods do nothing from then on.
func (s *Swarm) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed, s.peers, s.log = true, nil, changes{}
}

// suits reports whether a peer may be sent an address, or send it: that of a private
// network only if the peer is in one, and a loopback address only on this machine.
func suits(peer, addr netip.Addr) bool {
	switch {
	case addr.IsLoopback():
		return peer.IsLoopback()
	case netguard.IsPrivate(addr):
		return netguard.IsPrivate(peer)
	}
	return true
}
