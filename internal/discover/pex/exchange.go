package pex

import (
	"net/netip"
	"time"

	"bt/internal/peer"
)

// Tick wakes the connection if the peer should be sent a message now. The caller calls it
// about once per second.
func (p *Peer) Tick(now time.Time) {
	p.swarm.mu.Lock()
	due := p.exchangeIsDue(now)
	p.swarm.mu.Unlock()
	if due {
		p.wakeUp()
	}
}

// wakeUp makes the connection call Append.
func (p *Peer) wakeUp() {
	p.news.Store(true)
	p.wake()
}

// exchangeIsDue reports whether there are changes to send, and enough time has passed.
// swarm.mu is locked.
func (p *Peer) exchangeIsDue(now time.Time) bool {
	s := p.swarm
	return !s.closed && p.exchanges != 0 && p.mark.joined < s.log.last && (p.sent.IsZero() || now.Sub(p.sent) >= interval)
}

// News reports whether Append has messages to append. It is cheap.
func (p *Peer) News() bool { return p.news.Load() }

// Append appends the messages that are due.
func (p *Peer) Append(b []byte, now time.Time) []byte {
	p.news.Store(false)
	s := p.swarm
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, addr := range p.connects.take() {
		m := peer.Holepunch{Kind: peer.HolepunchConnect, Addr: addr}
		if p.punches != 0 { // it may have disabled them since
			b = m.Append(b, p.punches)
		}
	}
	if !p.exchangeIsDue(now) {
		return b
	}
	most := maxAdded
	if p.sent.IsZero() {
		most = maxFirst
	}
	var m peer.PEX
	m, p.mark = s.log.since(p.mark, most, p.maySend)
	if len(m.Added)+len(m.Dropped) == 0 {
		return b
	}
	p.sent = now
	return m.Append(b, p.exchanges)
}

// maySend reports whether an address may be sent to the peer. swarm.mu is locked.
func (p *Peer) maySend(addr netip.AddrPort) bool {
	return addr != p.addr && suits(p.remote, addr.Addr())
}

// Receive handles the payload of a message of PEXName. It returns the addresses that may
// be called. ok is false if the peer sends messages too often, and then there are none.
func (p *Peer) Receive(payload []byte, now time.Time) (addrs []netip.AddrPort, ok bool, err error) {
	m, err := peer.ParsePEX(payload)
	if err != nil {
		return nil, false, err
	}
	s := p.swarm
	s.mu.Lock()
	defer s.mu.Unlock()
	most := maxTaken
	switch {
	case s.closed || !p.received.IsZero() && now.Sub(p.received) < minInterval:
		return nil, false, nil
	case p.received.IsZero():
		most = maxFirst
	}
	p.received = now
	for _, a := range m.Added[:min(len(m.Added), most)] {
		if s.mayCall(p, a) {
			addrs = append(addrs, a.Addr)
		}
	}
	return addrs, true, nil
}

// mayCall reports whether a peer that another has named may be called, and is not
// connected. s.mu is locked.
func (s *Swarm) mayCall(giver *Peer, a peer.PEXPeer) bool {
	ip := a.Addr.Addr()
	switch {
	case a.Addr.Port() == 0 || ip.IsUnspecified() || ip.IsMulticast() || ip.IsLinkLocalUnicast():
		return false
	case a.Addr == giver.self || a.Addr == giver.addr || s.peers[a.Addr] != nil:
		return false
	case s.Seed && a.Flags&peer.PEXSeed != 0:
		return false
	}
	return suits(giver.remote, ip)
}
