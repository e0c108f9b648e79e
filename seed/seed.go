// Package seed serves torrents and their data to peers, and announces them to their
// trackers.
//
// A [Seeder] serves on one TCP port. [Seeder.Add] adds a torrent, and [Seeder.Serve]
// checks its data, announces it and serves it until a context ends. What happens
// meanwhile is reported as events:
//
//	torrent, err := inspect.ReadFile("release.torrent")
//	if err != nil {
//		return err
//	}
//	listener, err := net.Listen("tcp", ":6881")
//	if err != nil {
//		return err
//	}
//	seeder := seed.New(seed.Options{
//		Listener: listener,
//		Event: func(at time.Time, event seed.Event) {
//			if e, ok := event.(seed.EventSeeding); ok {
//				log.Println("seeding", e.Torrent.Name())
//			}
//		},
//	})
//	if _, err := seeder.Add(seed.Input{Torrent: torrent, Path: "/srv/archive"}); err != nil {
//		return err
//	}
//	return seeder.Serve(ctx) // context.Canceled when ctx is cancelled
//
// A [Directory] seeds the torrents in a directory, and follows its changes.
//
// Peers connect to the Seeder, and it connects to those that trackers name, while it has
// room. It sends blocks straight from the files, where the system can map them.
package seed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/announce"
	"bt/internal/discover"
	"bt/internal/discover/finders"
	"bt/internal/events"
	"bt/internal/known"
	"bt/internal/link"
	"bt/internal/peer/mse"
	"bt/internal/peerid"
	"bt/internal/store"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// A Seeder serves torrents on one port. Its methods may be called by several
// goroutines.
type Seeder struct {
	options Options
	port    uint16
	since   time.Time

	timeouts link.Timeouts
	conns    conns
	choker   *swarm.Choker
	uploads  *upload.Limits
	cache    *store.Cache
	uploaded atomic.Int64 // bytes of blocks

	mu    sync.RWMutex
	list  []*Torrent
	byKey map[[20]byte]*Torrent // by info-hash
	req2  map[[20]byte][20]byte // info-hashes by the hash that MSE uses for them

	toOpen, toHash, suspects *backlog

	hub          *swarm.Hub
	external     swarm.ExternalAddrs
	reported     []netip.AddrPort // our addresses, as events have reported them; used by measure
	fewer        error            // why MaxPeers was lowered; nil: it was not
	announcer    *announce.Announcer
	finders      *finders.Finders
	dht          discover.Node // finders, unless tests have set another
	events       *events.Queue[Event]
	known        *known.Store
	forgetWarned atomic.Bool // the warning that the cache can't be written was emitted

	speedMu sync.Mutex
	speed   swarm.Speed
}

// slotRate is the rate, in bytes per second, that a peer should get where the rate is
// limited. It sets the number of slots.
const slotRate = 64 << 10

// defaultMaxPeers is used if MaxPeers is 0.
const defaultMaxPeers = 2000

// New returns a Seeder. It serves nothing until [Seeder.Serve] is called. New panics
// if Options.Listener is nil.
func New(o Options) *Seeder {
	s := &Seeder{
		options: o, since: time.Now(), timeouts: link.DefaultTimeouts,
		byKey: make(map[[20]byte]*Torrent), req2: make(map[[20]byte][20]byte),
		known: known.New(o.KnownDir), toOpen: newBacklog(), toHash: newBacklog(), suspects: newBacklog(), events: events.New(isDroppable),
	}
	if s.options.PeerID == ([20]byte{}) {
		s.options.PeerID = peerid.New()
	}
	s.options.recheckEvery = cmp.Or(o.recheckEvery, defaultRecheckEvery)
	if o.Event == nil {
		s.options.Event = func(time.Time, Event) {}
	}
	if s.options.MaxPeers == 0 {
		s.options.MaxPeers = defaultMaxPeers
	}
	allowed := allowedDescriptors()
	n := needs(s.options.MaxPeers, allowed)
	if n.peers < s.options.MaxPeers {
		s.fewer = &fewerPeersError{s.options.MaxPeers, n.peers, allowed}
		s.options.MaxPeers = n.peers
	}
	s.cache = store.NewCache(n.mapped, n.small)
	slots := o.MaxUploads
	if slots == 0 && o.MaxUploadRate > 0 {
		slots = max(4, int(o.MaxUploadRate/slotRate))
	}
	s.choker = swarm.NewChoker(slots)
	s.uploads = upload.NewLimits(s.choker, swarm.NewRate(o.MaxUploadRate), n.turns)
	addr, err := netip.ParseAddrPort(o.Listener.Addr().String())
	if err == nil {
		s.port = addr.Port()
	}
	reached := announce.Families(addr.Addr().Unmap(), o.From, o.IPs)
	var from []netip.Addr
	for _, f := range reached {
		from = append(from, f.From)
	}
	s.hub = swarm.New(swarm.Options{
		Listener: o.Listener, PeerID: s.options.PeerID, MaxPeers: s.options.MaxPeers, MaxHandshakes: n.handshakes,
		Encryption: o.Encryption, Timeouts: &s.timeouts, From: from, Torrents: (*torrents)(s),
		Warn: func(err error) { s.events.Put(EventWarning{Err: err}) },
	})
	s.announcer = announce.New(announce.Options{
		PeerID: s.options.PeerID, Port: s.port, UserAgent: o.Client, Families: reached,
		External: s.external.Trust,
	})
	s.finders = s.newFinders(addr, from)
	if s.dht = o.dht; s.dht == nil {
		s.dht = s.finders
	}
	return s
}

func (s *Seeder) delay() {
	if s.options.delay != nil {
		s.options.delay()
	}
}

// ErrDuplicate is returned by [Seeder.Add] for a torrent that the Seeder already has.
// The returned error wraps it.
var ErrDuplicate = errors.New("the same torrent is seeded already")

// Add adds a torrent. While Serve runs, the torrent's data is checked, announced and
// served. Add returns the error of the torrent's Content method if the torrent can't
// be used, or an error that wraps [ErrDuplicate].
func (s *Seeder) Add(in Input) (*Torrent, error) {
	t, err := newTorrent(s, &in)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	for _, w := range t.swarms {
		if other := s.byKey[w.hash]; other != nil {
			s.mu.Unlock()
			return nil, fmt.Errorf("%w: %s", ErrDuplicate, other.name)
		}
	}
	for _, w := range t.swarms {
		s.byKey[w.hash] = t
		s.req2[mse.Req2(w.hash)] = w.hash
	}
	t.announceAt(append(in.Torrent.Trackers(), in.Trackers...))
	if !t.private {
		s.finders.AddNodes(in.Torrent.Nodes)
	}
	s.list = append(s.list, t)
	s.mu.Unlock()
	s.toOpen.put(t)
	return t, nil
}

// Remove removes a torrent. Its peers are disconnected and its trackers are informed.
func (s *Seeder) Remove(t *Torrent) {
	if !t.setState(nil, StateRemoved, EventStopped{Torrent: t, Uploaded: t.Uploaded()}, nil) {
		return // it was removed before
	}
	s.mu.Lock()
	for _, w := range t.swarms {
		delete(s.byKey, w.hash)
		delete(s.req2, mse.Req2(w.hash))
	}
	if i := slices.Index(s.list, t); i >= 0 {
		s.list = slices.Delete(s.list, i, i+1)
	}
	s.mu.Unlock()
}

func (s *Seeder) find(infoHash [20]byte) *Torrent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byKey[infoHash]
}

// torrents finds the torrents of a Seeder for its hub.
type torrents Seeder

// Find returns the torrent with an info-hash, or nil.
func (s *torrents) Find(infoHash [20]byte) swarm.Torrent {
	if t := (*Seeder)(s).find(infoHash); t != nil {
		return entry{t}
	}
	return nil
}

// FindReq2 returns an info-hash by the hash that MSE uses for it.
func (s *torrents) FindReq2(req2 [20]byte) ([20]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.req2[req2]
	return h, ok
}

// Uploaded returns the number of bytes of blocks that were sent since New.
func (s *Seeder) Uploaded() int64 { return s.uploaded.Load() }

// Peers returns the number of connected peers.
func (s *Seeder) Peers() int { return s.hub.Peers() }

// Rate returns the upload rate over the last seconds, in bytes per second.
func (s *Seeder) Rate() int64 {
	s.speedMu.Lock()
	defer s.speedMu.Unlock()
	return int64(s.speed.Rate)
}

// startEvents starts the delivery of events. The function that it returns emits the
// last event, and waits until all events are delivered.
func (s *Seeder) startEvents() (end func()) {
	if addr, err := netip.ParseAddrPort(s.options.Listener.Addr().String()); err == nil {
		s.events.Put(EventListening{addr})
	}
	var delivery sync.WaitGroup
	delivery.Go(func() { s.events.Deliver(s.options.Event) })
	return func() {
		s.events.End(EventStopped{Uploaded: s.Uploaded()})
		delivery.Wait()
	}
}

// Serve serves torrents until ctx ends, and returns the cause of ctx. Before it
// returns, it disconnects all peers, informs the trackers and delivers all events.
// Serve may be called only once.
func (s *Seeder) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.startEvents()()
	defer func() { s.warnNotRemembered(s.known.Flush()) }()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.choker.Run(ctx) })
	wg.Go(func() { s.manage(ctx) })
	wg.Go(func() { s.announcer.Run(ctx) })
	wg.Go(func() { s.finders.Run(ctx) })
	wg.Go(func() { s.measure(ctx) })
	if s.fewer != nil {
		s.events.Put(EventWarning{Err: s.fewer})
	}
	s.hub.Serve(ctx)
	return context.Cause(ctx)
}
