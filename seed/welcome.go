package seed

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/peerid"
)

const (
	// Maximum number of connections per address, in total and during their handshake.
	maxPerAddress         = 100
	maxHalfOpenPerAddress = 50

	// An address with maxStrikes strikes within banTime is banned for banTime.
	maxStrikes = 5
	banTime    = 30 * time.Minute

	// idTime is how long to wait for the peer id after the info-hash where no peer
	// can be evicted. A newcomer sends it and is refused. A tracker's NAT check sends
	// none, and is answered.
	idTime = time.Second

	// maxHosts is how many addresses are remembered, those without connections
	// included.
	maxHosts = 10_000
)

// limits counts connections and strikes per host: an IPv4 address, or an IPv6 /64.
type limits struct {
	mu       sync.Mutex
	open     int
	halfOpen int
	by       map[netip.Prefix]*hostStats
}

// hostStats are the counts of one host.
type hostStats struct {
	open     int
	halfOpen int
	strikes  int
	since    time.Time // of the first strike, or of the ban
}

func addrOf(addr net.Addr) netip.Addr {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return netip.Addr{}
	}
	return ap.Addr().Unmap().WithZone("")
}

func hostOf(addr net.Addr) netip.Prefix {
	ip := addrOf(addr)
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits)
	return p
}

// admit counts a new connection, and reports whether it is allowed.
func (l *limits) admit(addr net.Addr) bool {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	v := l.by[host]
	if v == nil {
		v = new(hostStats)
	}
	banned := v.strikes >= maxStrikes && time.Since(v.since) < banTime
	if banned || v.open >= maxPerAddress || v.halfOpen >= maxHalfOpenPerAddress {
		return false
	}
	if l.by == nil {
		l.by = make(map[netip.Prefix]*hostStats)
	}
	l.by[host] = v
	v.open++
	v.halfOpen++
	l.open++
	l.halfOpen++
	return true
}

// through counts a connection as out of its handshake.
func (l *limits) through(addr net.Addr) {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halfOpen--
	l.by[host].halfOpen--
}

// leave counts a connection as closed, with a strike or without.
func (l *limits) leave(addr net.Addr, strike bool) {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open--
	v := l.by[host]
	v.open--
	if strike {
		if time.Since(v.since) > banTime {
			v.strikes, v.since = 0, time.Now()
		}
		if v.strikes++; v.strikes == maxStrikes {
			v.since = time.Now() // the ban begins
		}
	}
	if v.open == 0 && v.strikes == 0 {
		delete(l.by, host)
	}
	if len(l.by) > maxHosts {
		l.evict()
	}
}

// evict drops hosts without connections: first those whose strikes have expired, then
// others until there is room.
func (l *limits) evict() {
	for host, v := range l.by {
		if v.open == 0 && time.Since(v.since) > banTime {
			delete(l.by, host)
		}
	}
	for host, v := range l.by {
		if len(l.by) <= maxHosts*9/10 {
			return
		}
		if v.open == 0 {
			delete(l.by, host)
		}
	}
}

// serveConn serves a connection from the handshake to its end, and closes it.
func (s *Seeder) serveConn(ctx context.Context, tcp *net.TCPConn) {
	defer tcp.Close()
	c, early, err := s.shakeHands(ctx, tcp)
	s.limits.through(tcp.RemoteAddr())
	s.handshakes.remove(tcp)
	if err == nil {
		e := EventPeer{Torrent: c.torrent, Addr: c.Link.Addr, Client: c.client, Joined: true}
		joined := c.torrent.emitJoined(c.loaded, e)
		if joined {
			err = c.run(ctx, early)
		}
		s.choker.remove(c)
		c.torrent.leave(c.loaded)
		if joined {
			e.Joined, e.Client, e.Uploaded = false, c.client, c.slot.uploaded.Load()
			if isStrike(err) {
				e.Err = err
			}
			c.torrent.emit(e)
		}
		// Closing a socket with unread data would reset it, and lose data that was
		// sent.
		_ = tcp.CloseWrite()
	}
	s.limits.leave(tcp.RemoteAddr(), isStrike(err))
}

// isStrike reports whether err is a violation by the peer, and counts as a strike.
func isStrike(err error) bool { return link.IsViolation(err) || errors.Is(err, errFlood) }

var errFull = errors.New("the peer limit is reached, and all peers are being served")

// shakeHands exchanges handshakes. early is the data that followed the peer's
// handshake.
func (s *Seeder) shakeHands(ctx context.Context, tcp *net.TCPConn) (c *conn, early []byte, err error) {
	opening, err := link.Accept(ctx, tcp, link.AcceptOptions{
		Encryption: s.options.Encryption, Timeouts: &s.timeouts, Lookup: s.findReq2,
		Exchange: func(compute func()) error { return s.exchanges.do(ctx, addrOf(tcp.RemoteAddr()), compute) },
	})
	if err != nil {
		return nil, nil, err
	}
	t := s.find(opening.Theirs.InfoHash)
	if t == nil {
		return nil, nil, link.ErrTorrent
	}
	m, err := t.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	c = &conn{Link: opening.Link(), number: s.numbers.Add(1), seeder: s, torrent: t, loaded: m, swarm: t.swarm(opening.Theirs.InfoHash), joined: time.Now()}
	ours := t.handshake(opening.Theirs)
	if !s.choker.admit(c, s.options.MaxPeers) {
		t.leave(m)
		opening.AnswerCheck(ours, idTime)
		return nil, nil, errFull
	}
	theirs, early, err := opening.Complete(ours)
	if err == nil && theirs.PeerID == s.options.PeerID {
		err = errors.New("the peer is this seed itself")
	}
	if err != nil {
		s.choker.remove(c)
		t.leave(m)
		return nil, nil, err
	}
	c.slot.mu.Lock()
	c.hello, c.client = theirs, peerid.Client(theirs.PeerID[:])
	c.slot.mu.Unlock()
	return c, early, nil
}

// handshake returns the answer to the first part of a peer's handshake.
func (t *Torrent) handshake(theirs peer.Handshake) peer.Handshake {
	ours := peer.Handshake{InfoHash: theirs.InfoHash, PeerID: t.seeder.options.PeerID}
	ours.Set(peer.FeatureFast | peer.FeatureExtensions)
	if t.v2 {
		// BEP 52: a peer that supports v2 and connects by the v1 info-hash of a
		// hybrid torrent is answered with the v2 info-hash.
		ours.Set(peer.FeatureV2)
		if t.v1 && theirs.Has(peer.FeatureV2) {
			ours.InfoHash = [20]byte(t.hashV2[:])
		}
	}
	return ours
}
