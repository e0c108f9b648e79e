package seed

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"

	"bt/internal/peer"
	"bt/internal/peer/mse"
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
		e := EventPeer{Torrent: c.torrent, Addr: c.addr, Client: c.client, Joined: true}
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
func isStrike(err error) bool {
	_, garbage := errors.AsType[*peer.Error](err)
	if _, ok := errors.AsType[*mse.Error](err); ok {
		garbage = !errors.Is(err, mse.ErrTorrent) && !errors.Is(err, mse.ErrMethod)
	}
	return garbage || errors.Is(err, errProtocol) || errors.Is(err, errFlood)
}

var (
	errNoTorrent = errors.New("the peer asks for an unknown torrent")
	errPlaintext = errors.New("the peer does not use encryption")
	errFull      = errors.New("the peer limit is reached, and all peers are being served")
	errEncrypted = errors.New("the peer uses encryption, or sends garbage") // many clients try encryption first
)

// shakeHands exchanges handshakes. early is the data that followed the peer's
// handshake. The answer is sent before the peer id is received, because a tracker's
// NAT check never sends one.
func (s *Seeder) shakeHands(ctx context.Context, tcp *net.TCPConn) (c *conn, early []byte, err error) {
	if err := tcp.SetDeadline(time.Now().Add(s.timeouts.handshake)); err != nil {
		return nil, nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = tcp.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	b := make([]byte, peer.HandshakeLength)
	if _, err := io.ReadFull(tcp, b[:peer.GreetingLength]); err != nil {
		return nil, nil, err
	}
	var session *mse.Session
	switch {
	case peer.IsHandshake(b[:peer.GreetingLength]):
		if s.options.Encryption == EncryptionRequire {
			return nil, nil, errPlaintext
		}
		b = b[:peer.GreetingLength]
	case s.options.Encryption == EncryptionOff:
		return nil, nil, errEncrypted
	default:
		session, err = mse.Accept(tcp, b[:peer.GreetingLength], mse.Options{Methods: s.methods, Lookup: s.findReq2,
			Exchange: func(compute func()) error { return s.exchanges.do(ctx, addrOf(tcp.RemoteAddr()), compute) }})
		if err != nil {
			return nil, nil, err
		}
		b = session.Initial
	}
	// read receives until b has at least n bytes.
	read := func(n int) error {
		if len(b) >= n {
			return nil
		}
		more := make([]byte, n-len(b))
		if _, err := io.ReadFull(tcp, more); err != nil {
			return err
		}
		session.Decrypt(more)
		b = append(b, more...)
		return nil
	}
	if err := read(peer.OpeningLength); err != nil {
		return nil, nil, err
	}
	theirs, err := peer.ParseOpening(b)
	if err != nil {
		return nil, nil, err
	}
	t := s.find(theirs.InfoHash)
	if t == nil || session != nil && session.InfoHash != theirs.InfoHash {
		return nil, nil, errNoTorrent
	}
	m, err := t.enter(ctx)
	if err != nil {
		return nil, nil, err
	}
	socket, err := newSocket(tcp)
	if err != nil {
		t.leave(m)
		return nil, nil, err
	}
	c = &conn{number: s.numbers.Add(1), seeder: s, torrent: t, loaded: m, swarm: t.swarm(theirs.InfoHash), socket: socket, crypto: session, room: maxBatch, joined: time.Now()}
	if addr, err := netip.ParseAddrPort(tcp.RemoteAddr().String()); err == nil {
		c.addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
	}
	ours := peer.Handshake{InfoHash: theirs.InfoHash, PeerID: s.options.PeerID}
	ours.Set(peer.FeatureFast | peer.FeatureExtensions)
	if t.v2 {
		// BEP 52: a peer that supports v2 and connects by the v1 info-hash of a
		// hybrid torrent is answered with the v2 info-hash.
		ours.Set(peer.FeatureV2)
		if t.v1 && theirs.Has(peer.FeatureV2) {
			ours.InfoHash = [20]byte(t.hashV2[:])
		}
	}
	answer := ours.Append(nil)
	session.Encrypt(answer)
	if !s.choker.admit(c, s.options.MaxPeers) {
		t.leave(m)
		_ = tcp.SetReadDeadline(time.Now().Add(idTime))
		if errors.Is(read(peer.HandshakeLength), os.ErrDeadlineExceeded) {
			_, _ = tcp.Write(answer)
		}
		return nil, nil, errFull
	}
	admitted := c
	defer func() {
		if err != nil {
			s.choker.remove(admitted)
			t.leave(m)
		}
	}()
	if _, err := tcp.Write(answer); err != nil {
		return nil, nil, err
	}
	if err := read(peer.HandshakeLength); err != nil {
		return nil, nil, err
	}
	early = b[peer.HandshakeLength:]
	if theirs, err = peer.ParseHandshake(b); err != nil {
		return nil, nil, err
	}
	if theirs.PeerID == s.options.PeerID {
		return nil, nil, errors.New("the peer is this seed itself")
	}
	c.slot.mu.Lock()
	c.hello, c.client = theirs, peerid.Client(theirs.PeerID[:])
	c.slot.mu.Unlock()
	_ = tcp.SetDeadline(time.Time{}) // an error means that the connection is closed, which the next read reports
	return c, early, nil
}
