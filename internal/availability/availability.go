// Package availability asks the peers of a swarm which pieces they have, and counts the
// copies of each piece.
//
// [Ask] connects to each peer, without encryption or with it (MSE), and listens for its
// bitfield, have all, have none and have messages (BEP 3, 6) and its extended handshake
// (BEP 10). It says that it has no pieces, and never that it is interested, so no peer
// sends it data or keeps an unchoke slot for it. If the number of pieces is unknown, as
// for a magnet link, it fetches the info dict from the same peers (BEP 9).
//
// The numbers are what the peers claim. A seed in super-seeding mode (BEP 16) claims few
// pieces and counts as such a peer. Peers that only speak uTP are not reached.
package availability

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"bt/internal/infofetch"
	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/peerid"
	"bt/internal/swarm"
)

const (
	// MaxPeers is the maximum number of peers that Ask asks.
	MaxPeers = 200

	// MaxConnections is a reasonable number of connections at once.
	MaxConnections = 50

	// maxOfHost is the maximum number of peers that are asked at one address. Otherwise a
	// list of peers could direct many connections to a host that is no peer.
	maxOfHost = 10

	// maxInfo is the maximum size in bytes of an info dict that is fetched. Several may be
	// fetched and parsed at once.
	maxInfo = 8 << 20

	// DefaultTimeout is the default of Options.Timeout.
	DefaultTimeout = 5 * time.Second
)

// Options say which peers to ask.
type Options struct {
	InfoHash [20]byte         // for v2, the first 20 bytes (BEP 52)
	Hashes   [][20]byte       // all info-hashes of the torrent: a peer may answer with another one; nil means InfoHash
	Pieces   int              // of the torrent; 0: the info dict is fetched
	Peers    []netip.AddrPort // untrusted; those at the front are asked first
	MaxPeers int              // peers to ask; 0 or more than MaxPeers means MaxPeers

	// Connections limits the connections at once, of all calls that share it. Nil means
	// that the call has MaxConnections of its own.
	Connections *semaphore.Weighted

	Timeout time.Duration // to connect and for the handshake, and again to listen; 0 means DefaultTimeout
	Client  string        // the name and version that peers see

	// Progress, if not nil, is called after each peer, with a Result that lacks Copies
	// and Rarest. Calls are serialized.
	Progress func(Result)
}

// A Result says how many copies of the pieces a swarm has.
type Result struct {
	Peers       int // addresses of peers, each counted once
	Asked       int // peers that were asked
	Answered    int // those that have said which pieces they have
	Unreachable int // those that did not accept a connection

	Seeds        int // peers that have all pieces
	PartialSeeds int // peers that lack pieces and do not download (BEP 21)

	Pieces int // of the torrent; 0: unknown

	// Copies is the number of distributed copies: the copies of the rarest piece, and as
	// a fraction the share of pieces that have more. It is rounded down to thousandths.
	// Copies and Rarest are zero unless Known.
	Copies float64
	Rarest Rarest

	// Clients are the names of clients that answered, by their addresses.
	Clients map[netip.AddrPort]string
}

// Known reports whether Copies and Rarest are known: peers have answered, and the number
// of pieces is known.
func (r *Result) Known() bool { return r.Pieces > 0 && r.Answered > 0 }

// Ask asks peers, and returns when all have answered or failed, or ctx has ended.
func Ask(ctx context.Context, o Options) Result {
	a := newAsker(o)
	connections := o.Connections
	if connections == nil {
		connections = semaphore.NewWeighted(MaxConnections)
	}
	var wg sync.WaitGroup
	for _, addr := range a.choose() {
		if connections.Acquire(ctx, 1) != nil {
			break // ctx has ended
		}
		wg.Go(func() {
			defer connections.Release(1)
			a.ask(ctx, addr)
		})
	}
	wg.Wait()
	return a.finish()
}

// An asker is the state of one call of Ask.
type asker struct {
	options  Options
	peerID   [20]byte
	timeouts link.Timeouts
	times    times
	known    int // number of pieces as it is known before any peer is asked; 0: it is not

	mu     sync.Mutex // guards what follows
	result Result
	ids    map[[20]byte]bool       // peer ids that were seen
	tally  *tally                  // nil: the number of pieces is unknown
	claims []claim                 // to be counted when it is known
	fetch  *infofetch.Fetch[*conn] // nil: it is not needed, or it has ended
	conns  map[*conn]bool          // those that take part in fetch
}

func newAsker(o Options) *asker {
	timeout := cmp.Or(o.Timeout, DefaultTimeout)
	a := &asker{
		options: o, peerID: peerid.New(), times: timesOf(timeout),
		timeouts: link.Timeouts{Handshake: timeout, KeepAlive: time.Minute, Drop: time.Minute, Stall: timeout},
		result:   Result{Clients: make(map[netip.AddrPort]string)},
		ids:      make(map[[20]byte]bool), conns: make(map[*conn]bool),
	}
	a.setPieces(o.Pieces)
	if a.known = a.result.Pieces; o.Pieces == 0 {
		a.fetch = infofetch.New[*conn](infofetch.Options{V1: &a.options.InfoHash, MaxSize: maxInfo})
	}
	return a
}

// choose returns the peers to ask, and counts all.
func (a *asker) choose() []netip.AddrPort {
	most := MaxPeers
	if n := a.options.MaxPeers; n > 0 {
		most = min(n, most)
	}
	var list []netip.AddrPort
	known := make(map[netip.AddrPort]bool)
	ofHost := make(map[netip.Addr]int)
	for _, addr := range a.options.Peers {
		addr = netip.AddrPortFrom(addr.Addr().Unmap(), addr.Port())
		if known[addr] || !swarm.IsCallable(addr) {
			continue
		}
		known[addr] = true
		if len(list) < most && ofHost[addr.Addr()] < maxOfHost {
			ofHost[addr.Addr()]++
			list = append(list, addr)
		}
	}
	a.result.Peers = len(known)
	return list
}

// ask asks a peer.
func (a *asker) ask(ctx context.Context, addr netip.AddrPort) {
	if ctx.Err() != nil {
		return
	}
	l, theirs, early, err := a.connect(ctx, addr)
	if err != nil {
		a.note(func(r *Result) {
			r.Asked++
			if swarm.IsUnreachable(err) {
				r.Unreachable++
			}
		})
		return
	}
	defer l.Shut()
	if !a.isNew(theirs.PeerID) {
		a.note(func(r *Result) { r.Peers-- })
		return
	}
	c := &conn{Link: l, asker: a, hello: theirs, began: time.Now()}
	ok := c.listen(ctx, early)
	a.note(func(r *Result) {
		r.Asked++
		if ok && !c.lied {
			a.add(c, addr)
		}
	})
}

// isNew reports whether the peer with a peer id has not been asked at another address.
func (a *asker) isNew(id [20]byte) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.ids[id]
	a.ids[id] = true
	return !known || id == [20]byte{}
}

// connect connects to a peer: without encryption and, if the peer does not answer that,
// with it.
func (a *asker) connect(ctx context.Context, addr netip.AddrPort) (l *link.Link, theirs peer.Handshake, early []byte, err error) {
	ours := peer.Handshake{InfoHash: a.options.InfoHash, PeerID: a.peerID}
	ours.Set(peer.FeatureFast | peer.FeatureExtensions)
	// libtorrent may answer with the v2 info-hash of a hybrid torrent to its v1 info-hash, if
	// it has spoken v2 with this address before.
	accepts := func(hash [20]byte) bool { return hash == ours.InfoHash || slices.Contains(a.options.Hashes, hash) }
	o := link.DialOptions{Timeouts: &a.timeouts, Accepts: accepts}
	l, theirs, early, err = link.Dial(ctx, addr, ours, o)
	if err != nil && ctx.Err() == nil && !swarm.IsUnreachable(err) && !isOther(err) {
		o.Encrypt = true
		l, theirs, early, err = link.Dial(ctx, addr, ours, o)
	}
	return l, theirs, early, err
}

// note changes the result, and reports the progress.
func (a *asker) note(change func(r *Result)) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change(&a.result)
	if a.options.Progress != nil {
		r := a.result
		r.Answered += len(a.claims)
		r.Clients = nil // it still changes
		a.options.Progress(r)
	}
}

// add adds the answer of a peer. a.mu is locked.
func (a *asker) add(c *conn, addr netip.AddrPort) {
	if name := cmp.Or(peerid.Client(c.hello.PeerID[:]), c.client); name != "" {
		a.result.Clients[addr] = name
	}
	if a.tally == nil {
		a.claims = append(a.claims, c.claim)
		return
	}
	a.count(&c.claim)
}

// count counts what a peer claims, if a torrent with so many pieces allows that. a.mu is
// locked.
func (a *asker) count(c *claim) {
	r := &a.result
	has, ok := c.pieces(r.Pieces)
	if !ok {
		return
	}
	r.Answered++
	switch {
	case c.all || has.All(r.Pieces):
		r.Seeds++
		a.tally.seeds++
		return
	case c.uploadOnly:
		r.PartialSeeds++
	}
	a.tally.add(has)
}

// setInfo ends the fetch of the info dict. a.mu is locked.
func (a *asker) setInfo(info []byte) {
	a.fetch = nil
	for c := range a.conns {
		c.Wake()
	}
	t, err := metainfo.FromInfo(info, nil, new(metainfo.Outside))
	if err == nil {
		a.setPieces(t.PieceCount())
	}
	if a.tally == nil {
		return
	}
	for _, c := range a.claims {
		a.count(&c)
	}
	a.claims = nil
}

// setPieces sets the number of pieces, unless it is out of bounds.
func (a *asker) setPieces(n int) {
	if 0 < n && n <= maxPieces {
		a.result.Pieces, a.tally = n, newTally(n)
	}
}

// finish returns the result.
func (a *asker) finish() Result {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.result
	for _, c := range a.claims {
		r.Answered++
		switch {
		case c.all:
			r.Seeds++
		case c.uploadOnly:
			r.PartialSeeds++
		}
	}
	if r.Known() {
		r.Copies, r.Rarest = a.tally.copies(), a.tally.rarest()
	}
	return r
}
