package swarm

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
)

const (
	// maxCalls is the maximum number of calls that are not connected yet.
	maxCalls = 32

	// callPause is the minimum pause between two calls.
	callPause = 50 * time.Millisecond
)

var (
	errDuplicate = errors.New("the peer is connected already")
	errBanned    = errors.New("the address is banned, or has too many connections")
	errRoom      = errors.New("there is no room for the peer")
)

// Offer adds addresses of peers that know a torrent by an info-hash. They are called
// while the torrent needs peers and there is room for more.
func (h *Hub) Offer(t Torrent, infoHash [20]byte, o Origin, addrs []netip.AddrPort) {
	h.contacts.offer(t, infoHash, o, h.reachable(addrs))
	h.signal()
}

// reachable returns the addresses whose families peers are called over.
func (h *Hub) reachable(addrs []netip.AddrPort) []netip.AddrPort {
	return slices.DeleteFunc(slices.Clone(addrs), func(a netip.AddrPort) bool {
		_, ok := h.from(a.Addr().Unmap())
		return !ok
	})
}

// Forget forgets the addresses of a torrent. Its peers stay connected.
func (h *Hub) Forget(t Torrent) { h.contacts.forget(t) }

// Keep forgets the addresses of a torrent that were not found by a source. Pinned ones and
// its peers stay.
func (h *Hub) Keep(t Torrent, s Source) { h.contacts.keep(t, s) }

// Wake makes the hub call peers for torrents that need them now and did not before.
func (h *Hub) Wake() { h.signal() }

func (h *Hub) signal() {
	select {
	case h.news <- struct{}{}:
	default:
	}
}

// HasRoom reports whether more peers may be called.
func (h *Hub) HasRoom() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.room() > 0
}

// room returns how many more peers may be called. h.mu is locked.
func (h *Hub) room() int { return h.options.MaxPeers - len(h.peers.all) + h.peers.leaving - h.calls }

// dial calls peers until ctx ends, and waits for the calls.
func (h *Hub) dial(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-h.news:
		}
		wait := callPause - time.Since(last) // also after a flood of news
		if wait <= 0 {
			last = time.Now()
			wait = h.startCall(ctx, &wg)
		}
		if wait > 0 {
			timer.Reset(wait)
		}
	}
}

// startCall starts a call, if one is due and there is room. It returns after what time to
// try again, or 0 to wait for news.
func (h *Hub) startCall(ctx context.Context, wg *sync.WaitGroup) (wait time.Duration) {
	h.mu.Lock()
	if h.calls >= maxCalls || h.room() <= 0 {
		h.mu.Unlock()
		return 0
	}
	h.calls++
	h.mu.Unlock()
	k, wait := h.contacts.next(time.Now(), h.options.MaxPeers)
	if k == nil {
		h.mu.Lock()
		h.calls-- // without news, which would be a reason to try again at once
		h.mu.Unlock()
		return wait
	}
	wg.Go(func() {
		admitted := sync.OnceFunc(h.endCall)
		o := h.call(ctx, k, admitted)
		admitted()
		h.contacts.done(k, time.Now(), o)
		h.signal()
	})
	return callPause
}

// endCall counts a call as answered, or as ended.
func (h *Hub) endCall() {
	h.mu.Lock()
	h.calls--
	h.mu.Unlock()
	h.signal()
}

// call connects to a peer and serves the connection to its end. It calls admitted when
// the peer has been admitted.
func (h *Hub) call(ctx context.Context, k *contact, admitted func()) (o outcome) {
	tcp := net.TCPAddrFromAddrPort(k.addr)
	if !h.limits.admit(tcp) {
		return outcome{err: errBanned}
	}
	through := sync.OnceFunc(func() { h.limits.through(tcp) })
	defer func() {
		through()
		h.limits.leave(tcp, link.IsViolation(o.err))
	}()
	t := k.book.torrent
	l, theirs, early, err := h.connect(ctx, t, k)
	if err != nil {
		return outcome{err: err}
	}
	defer l.Shut()
	if theirs.PeerID == h.options.PeerID {
		return outcome{err: errSelf}
	}
	p := &Peer{Link: l, Number: h.numbers.Add(1), Joined: time.Now(), id: theirs.PeerID, torrent: t, called: true}
	role, _, err := t.Enter(ctx, p, theirs)
	if err != nil {
		return outcome{err: err}
	}
	defer role.End()
	p.role = role
	if err := h.admitCalled(p); err != nil {
		return outcome{err: err}
	}
	defer h.remove(p)
	through()
	admitted()
	err = role.Run(ctx, theirs, early)
	return outcome{err: err, connected: true, useful: role.Use(time.Now()).Since.After(p.Joined)}
}

// connect calls a peer with the handshakes of the torrent, in order, until it answers one.
func (h *Hub) connect(ctx context.Context, t Torrent, k *contact) (l *link.Link, theirs peer.Handshake, early []byte, err error) {
	from, ok := h.from(k.addr.Addr())
	if !ok {
		return nil, theirs, nil, errNoFamily
	}
	for _, ours := range t.Greetings(k.infoHash) {
		l, theirs, early, err = h.greet(ctx, t, k.addr, from, ours)
		if err == nil || ctx.Err() != nil || IsUnreachable(err) || errors.Is(err, link.ErrOtherTorrent) {
			break
		}
	}
	return l, theirs, early, err
}

// greet calls a peer with a handshake, first with encryption if that is preferred, and then
// without if that is allowed.
func (h *Hub) greet(ctx context.Context, t Torrent, addr netip.AddrPort, from netip.Addr, ours peer.Handshake) (l *link.Link, theirs peer.Handshake, early []byte, err error) {
	o := link.DialOptions{Timeouts: h.options.Timeouts, Encryption: h.options.Encryption, From: from, Accepts: t.Has}
	o.Encrypt = o.Encryption != link.EncryptionOff
	l, theirs, early, err = link.Dial(ctx, addr, ours, o)
	if err != nil && o.Encryption == link.EncryptionPrefer && ctx.Err() == nil && !IsUnreachable(err) && !errors.Is(err, link.ErrOtherTorrent) {
		o.Encrypt = false
		l, theirs, early, err = link.Dial(ctx, addr, ours, o)
	}
	return l, theirs, early, err
}

var errNoFamily = errors.New("no local address can reach the peer's")

// from returns the local address to call an address from.
func (h *Hub) from(to netip.Addr) (from netip.Addr, ok bool) {
	for _, a := range h.options.From {
		switch {
		case a.Is4() != to.Is4():
		case a.IsUnspecified():
			return netip.Addr{}, true
		default:
			return a, true
		}
	}
	return netip.Addr{}, false
}

// IsUnreachable reports whether there was no connection at all.
func IsUnreachable(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "dial"
}

// admitCalled adds a peer that was called, unless there is no room. It evicts no other.
func (h *Hub) admitCalled(p *Peer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limits.isBanned(p.Addr.Addr()) {
		return errBanned
	}
	if len(h.peers.all)-h.peers.leaving >= h.options.MaxPeers {
		return errRoom
	}
	for other := range h.peers.all {
		if other.isSame(p) && !h.prefers(p, other) {
			return errDuplicate
		}
	}
	for other := range h.peers.all {
		if other.isSame(p) {
			other.Close()
		}
	}
	h.peers.all[p] = true
	h.called[p] = true
	return nil
}

// admitID reports whether an accepted peer may stay whose id is now known: it may not if
// we have called the same peer before, and that connection is the one to keep.
func (h *Hub) admitID(p *Peer, id [20]byte) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p.id = id
	for other := range h.called {
		if other.isSame(p) {
			if !h.prefers(p, other) {
				return false
			}
			other.Close()
		}
	}
	return true
}

// isSame reports whether two connections are to the same peer for the same torrent. An
// accepted peer has no id before it has sent it, and a peer may send one of zeros.
func (p *Peer) isSame(o *Peer) bool {
	return p.torrent == o.torrent && p.id == o.id && p.id != [20]byte{}
}

// prefers reports whether to keep a new connection rather than an older one to the same
// peer. If both sides have called, each has both connections, and they must keep the same
// one: that of the side with the greater id, as libtorrent does too. Long after the first
// call another address can't replace it, as any host could that knows the id of a peer.
func (h *Hub) prefers(p, old *Peer) bool {
	late := p.Joined.Sub(old.Joined) > h.options.Timeouts.Handshake
	if p.called == old.called || late && p.Addr.Addr() != old.Addr.Addr() {
		return false
	}
	weCall := string(h.options.PeerID[:]) > string(p.id[:])
	return p.called == weCall
}
