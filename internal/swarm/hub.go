// Package swarm holds the peers of torrents on one port: which may connect, how many, which
// are called, and which must leave for others.
//
// A [Hub] accepts connections and calls peers, and finds the [Torrent] of each. The
// torrent gives it a [Role], which decides what to do with messages, and what to send. The
// roles share a [Choker] and, in either direction, [Rates].
package swarm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/link"
	"bt/internal/peer"
)

// Options configure a [Hub]. All fields are required, except Encryption and From.
type Options struct {
	Listener      net.Listener // Serve closes it
	PeerID        [20]byte
	MaxPeers      int // connected peers
	MaxHandshakes int // connections in their handshake, which do not count as peers; see MaxHandshakes
	Encryption    link.Encryption
	Timeouts      *link.Timeouts

	// From holds the local addresses to call peers from, one for each address family
	// over which peers are called. An unspecified address lets the system choose.
	From []netip.Addr

	Torrents Torrents
	Warn     func(error) // of what keeps peers from connecting
}

// Torrents finds torrents. Its methods may be called by several goroutines.
type Torrents interface {
	// Find returns a torrent by one of its info-hashes, or nil.
	Find(infoHash [20]byte) Torrent

	// FindReq2 returns an info-hash by the hash that MSE uses for it.
	FindReq2(req2 [20]byte) (infoHash [20]byte, ok bool)
}

// A Torrent is what peers connect for.
type Torrent interface {
	// Enter returns the role for a peer, of which only the first part of the handshake
	// is known, and the answer to that. The hub calls End of each role.
	Enter(ctx context.Context, p *Peer, theirs peer.Handshake) (r Role, ours peer.Handshake, err error)

	// Needs reports whether more peers should be called.
	Needs() bool

	// Greetings returns our handshakes for a peer that is called and knows the torrent by
	// an info-hash: the peer is called with the next if it does not answer one. Has reports
	// whether an info-hash of its answer is the torrent's.
	Greetings(infoHash [20]byte) []peer.Handshake
	Has(infoHash [20]byte) bool
}

// A Role is what this side does with one peer.
type Role interface {
	// Run exchanges messages until the connection ends, and returns the reason. theirs
	// is the peer's handshake, and early the data that followed it.
	Run(ctx context.Context, theirs peer.Handshake, early []byte) error

	// End is called last, also if there was no room for the peer, or its handshake
	// failed, and Run was not called.
	End()

	// Use says how useful the peer is. Any goroutine may call it.
	Use(now time.Time) Use
}

// A Peer is a peer that has connected, or is about to.
type Peer struct {
	*link.Link
	Number uint64 // in the order of arrival
	Joined time.Time

	role    Role
	torrent Torrent
	called  bool     // we have connected to it
	id      [20]byte // guarded by Hub.mu
	evicted bool     // guarded by Hub.mu
}

// Called reports whether we have connected to the peer, and not it to us.
func (p *Peer) Called() bool { return p.called }

// A Hub has the peers of torrents on one port. Its methods may be called by several
// goroutines.
type Hub struct {
	options    Options
	numbers    atomic.Uint64
	limits     limits
	handshakes handshakes
	exchanges  *exchanges
	contacts   contacts
	news       chan struct{} // signals dial; has a buffer of one

	mu     sync.Mutex
	peers  peers
	called map[*Peer]bool // peers that were called
	calls  int            // that are not connected yet
}

// New returns a hub, which accepts no peers before [Hub.Serve] is called.
func New(o Options) *Hub {
	return &Hub{
		options: o, exchanges: newExchanges(), handshakes: handshakes{most: o.MaxHandshakes, crowd: make(crowd)},
		news: make(chan struct{}, 1), peers: peers{all: make(map[*Peer]bool)}, called: make(map[*Peer]bool),
	}
}

// Peers returns the number of connected peers.
func (h *Hub) Peers() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.peers.all)
}

// Connections returns the number of connections, and of those in their handshake.
func (h *Hub) Connections() (open, halfOpen int) {
	h.limits.mu.Lock()
	defer h.limits.mu.Unlock()
	return h.limits.open, h.limits.halfOpen
}

// Hosts returns the hosts that are connected, or have violated the protocol.
func (h *Hub) Hosts() []Host { return h.limits.hosts(time.Now()) }

// Ban bans a host for half an hour, as repeated violations of the protocol do: its
// connections are closed, for whatever torrent, and it is neither accepted nor called.
func (h *Hub) Ban(addr netip.Addr) {
	addr = addr.Unmap()
	h.limits.ban(addr) // first, so that a peer is admitted either before the loop or not at all
	h.mu.Lock()
	defer h.mu.Unlock()
	for p := range h.peers.all {
		if hostPrefix(p.Addr.Addr()) == hostPrefix(addr) {
			p.Close()
		}
	}
}

// Serve accepts and calls peers until ctx ends. It returns when all have been disconnected.
func (h *Hub) Serve(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { h.exchanges.run(ctx) })
	wg.Go(func() { h.dial(ctx) })
	stop := context.AfterFunc(ctx, func() { h.options.Listener.Close() })
	defer stop()
	warned := false
	for pause := time.Duration(0); ctx.Err() == nil; {
		conn, err := h.options.Listener.Accept()
		if err != nil && ctx.Err() == nil {
			// Accept fails for a while when no descriptors are left.
			if !warned {
				warned = true
				h.options.Warn(fmt.Errorf("no peer can connect for now: %w", err))
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
		}
		if err != nil {
			continue
		}
		pause = 0
		tcp, ok := conn.(*net.TCPConn)
		if !ok || !h.limits.admit(conn.RemoteAddr()) {
			conn.Close()
			continue
		}
		h.handshakes.add(tcp)
		wg.Go(func() { h.welcome(ctx, tcp) })
	}
}

// welcome serves a connection from the handshake to its end, and closes it.
func (h *Hub) welcome(ctx context.Context, tcp *net.TCPConn) {
	defer tcp.Close()
	err := h.serve(ctx, tcp)
	h.limits.leave(tcp.RemoteAddr(), link.IsViolation(err))
}

// idTime is how long to wait for the peer id after the info-hash where no peer can be
// evicted. A newcomer sends it and is refused. A tracker's NAT check sends none, and is
// answered.
const idTime = time.Second

var (
	errFull = errors.New("the peer limit is reached, and all peers are active")
	errSelf = errors.New("the peer is this program itself")
)

// serve exchanges handshakes, runs the role, and returns why the connection has ended.
func (h *Hub) serve(ctx context.Context, tcp *net.TCPConn) error {
	through := sync.OnceFunc(func() {
		h.limits.through(tcp.RemoteAddr())
		h.handshakes.remove(tcp)
	})
	defer through()
	opening, err := link.Accept(ctx, tcp, link.AcceptOptions{
		Encryption: h.options.Encryption, Timeouts: h.options.Timeouts, Lookup: h.options.Torrents.FindReq2,
		Exchange: func(compute func()) error { return h.exchanges.do(ctx, addrOf(tcp.RemoteAddr()), compute) },
	})
	if err != nil {
		return err
	}
	t := h.options.Torrents.Find(opening.Theirs.InfoHash)
	if t == nil {
		return link.ErrTorrent
	}
	p := &Peer{Link: opening.Link(), Number: h.numbers.Add(1), Joined: time.Now(), torrent: t}
	role, ours, err := t.Enter(ctx, p, opening.Theirs)
	if err != nil {
		return err
	}
	defer role.End()
	p.role = role
	if err := h.admit(p); err != nil {
		if err == errFull {
			opening.AnswerCheck(ours, idTime)
		}
		return err
	}
	defer h.remove(p)
	theirs, early, err := opening.Complete(ours)
	if err != nil {
		return err
	}
	if theirs.PeerID == h.options.PeerID {
		return errSelf
	}
	if !h.admitID(p, theirs.PeerID) {
		return errDuplicate
	}
	through()
	err = role.Run(ctx, theirs, early)
	// Closing a socket with unread data would reset it, and lose data that was sent.
	_ = tcp.CloseWrite()
	return err
}

func (h *Hub) admit(p *Peer) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.limits.isBanned(p.Addr.Addr()) {
		return errBanned
	}
	if !h.peers.admit(p, h.options.MaxPeers) {
		return errFull
	}
	return nil
}

func (h *Hub) remove(p *Peer) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.peers.remove(p)
	delete(h.called, p)
	h.signal()
}
