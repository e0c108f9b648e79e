package pex

import (
	"net/netip"
	"slices"
	"time"

	"bt/internal/peer"
)

const (
	// maxWaiting is how many connect messages wait to be sent to a peer, and maxConnects
	// how many are sent to it per minute.
	maxWaiting  = 8
	maxConnects = 30
)

// connects are the connect messages for a peer, which other peers have asked for.
type connects struct {
	waiting []netip.AddrPort
	since   time.Time // the beginning of a minute
	n       int       // messages in this minute
}

// add adds a message, and reports whether it may be sent.
func (c *connects) add(addr netip.AddrPort, now time.Time) bool {
	if now.Sub(c.since) >= time.Minute {
		c.since, c.n = now, 0
	}
	switch {
	case slices.Contains(c.waiting, addr):
		return true
	case len(c.waiting) == maxWaiting || c.n == maxConnects:
		return false
	}
	c.waiting = append(c.waiting, addr)
	c.n++
	return true
}

// take returns the messages, and removes them.
func (c *connects) take() []netip.AddrPort {
	list := c.waiting
	c.waiting = nil
	return list
}

// Relay handles the payload of a message of HolepunchName. For a rendezvous with another
// peer of the swarm it makes that one's connection send a connect message, and returns the
// connect message or the error for p. Other messages are ignored. ok reports whether there
// is an answer.
func (p *Peer) Relay(payload []byte, now time.Time) (answer peer.Holepunch, ok bool, err error) {
	m, err := peer.ParseHolepunch(payload)
	if err != nil {
		return answer, false, err
	}
	s := p.swarm
	s.mu.Lock()
	if s.closed || p.punches == 0 || m.Kind != peer.HolepunchRendezvous {
		s.mu.Unlock()
		return answer, false, nil
	}
	target, reason := s.rendezvous(p, m.Addr, now)
	s.mu.Unlock()
	if reason != 0 {
		return peer.Holepunch{Kind: peer.HolepunchFailed, Addr: m.Addr, Error: reason}, true, nil
	}
	target.wakeUp()
	return peer.Holepunch{Kind: peer.HolepunchConnect, Addr: m.Addr}, true, nil
}

// AppendHolepunch appends an answer of Relay.
func (p *Peer) AppendHolepunch(b []byte, m *peer.Holepunch) []byte {
	p.swarm.mu.Lock()
	defer p.swarm.mu.Unlock()
	return m.Append(b, p.punches)
}

// rendezvous adds a connect message for the peer at an address, to connect to p. It returns
// the peer, or why there is no message. s.mu is locked.
func (s *Swarm) rendezvous(p *Peer, addr netip.AddrPort, now time.Time) (target *Peer, reason peer.HolepunchError) {
	ip := addr.Addr()
	if addr.Port() == 0 || ip.IsUnspecified() || ip.IsMulticast() {
		return nil, peer.HolepunchNoSuchPeer
	}
	if addr == p.self || addr == p.addr {
		return nil, peer.HolepunchNoSelf
	}
	switch target = s.peers[addr]; {
	case target == nil || !p.addr.IsValid():
		return nil, peer.HolepunchNotConnected
	case target.punches == 0:
		return nil, peer.HolepunchNoSupport
	case !suits(p.remote, ip) || !suits(target.remote, p.addr.Addr()) || !target.connects.add(p.addr, now):
		return nil, peer.HolepunchNotConnected
	}
	return target, 0
}
