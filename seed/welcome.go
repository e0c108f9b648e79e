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
	// How many connections one address may have, and how many may be in their
	// handshake.
	maxPerAddress         = 100
	maxHalfOpenPerAddress = 50

	// An address with maxStrikes strikes within banTime is banned for banTime.
	maxStrikes = 5
	banTime    = 30 * time.Minute

	// idTime is how soon a peer id comes behind the info-hash. Where all are served a
	// newcomer is refused, and only what sends none, a NAT check, is answered.
	idTime = time.Second

	// maxHosts is how many addresses are remembered, and not only connected.
	maxHosts = 10_000
)

// limits count connections by address. IPv6 counts by /64, which is one host.
type limits struct {
	mu       sync.Mutex
	open     int
	halfOpen int
	by       map[netip.Prefix]*hostStats
}

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

// admit reports whether a connection may come in, and counts it.
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

// through notes that a handshake is over.
func (l *limits) through(addr net.Addr) {
	host := hostOf(addr)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.halfOpen--
	l.by[host].halfOpen--
}

// leave notes that a connection has ended, and whether it counts as a strike.
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

// evict drops addresses without connections: first those whose strikes have expired,
// then others until there is room.
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

// serveConn takes a connection from its first byte to its end.
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
		// What is sent is not cut off by what was not read.
		_ = tcp.CloseWrite()
	}
	s.limits.leave(tcp.RemoteAddr(), isStrike(err))
}

// isStrike reports whether an error is the fault of the peer, and counts as a strike.
func isStrike(err error) bool {
	_, garbage := errors.AsType[*peer.Error](err)
	if _, ok := errors.AsType[*mse.Error](err); ok {
		garbage = !errors.Is(err, mse.ErrTorrent) && !errors.Is(err, mse.ErrMethod)
	}
	return garbage || errors.Is(err, errProtocol) || errors.Is(err, errFlood)
}

var (
	errNoTorrent = errors.New("the peer asks for a torrent that is not here")
	errPlaintext = errors.New("the peer does not encrypt")
	errFull      = errors.New("there are as many peers as there may be, and all are served")
	errEncrypted = errors.New("the peer encrypts, or sends noise") // many try that first
)

// shakeHands exchanges handshakes. early is what the peer has sent behind its. The
// answer does not wait for the peer id, which a tracker's NAT check never sends.
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
	// read has at least n bytes in b.
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
		// BEP 52: a peer that asks by the hash of v1 and knows v2 is told so, and
		// the answer has the hash of v2.
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
		return nil, nil, errors.New("it is ourselves")
	}
	c.slot.mu.Lock()
	c.hello, c.client = theirs, peerid.Client(theirs.PeerID[:])
	c.slot.mu.Unlock()
	_ = tcp.SetDeadline(time.Time{}) // of a connection that is closed: reading will tell
	return c, early, nil
}
