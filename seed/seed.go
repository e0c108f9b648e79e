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
// Peers connect to the Seeder; it does not connect to peers. It sends blocks straight
// from the files, where the system can map them.
package seed

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/announce"
	"bt/internal/known"
	"bt/internal/metainfo"
	"bt/internal/peer/mse"
	"bt/internal/peerid"
)

// Metainfo is a parsed torrent, as returned by inspect.Parse and inspect.ReadFile.
type Metainfo = metainfo.Torrent

// An Input is a torrent to seed. Torrent and Path are required.
type Input struct {
	Torrent  *Metainfo
	Path     string     // its data, or the directory that holds it
	Trackers [][]string // more tiers, after those of the torrent

	// Read, if non-nil, returns the torrent again whenever it is needed, so that it need
	// not be kept in memory.
	Read func() (*Metainfo, error)

	Uploaded int64         // bytes, in earlier runs
	Served   time.Duration // how long earlier runs have seeded it
	Since    time.Time     // when it was first added, in an earlier run; zero means now

	// Hashed says that the torrent was just made of the data at Path, which is the
	// content itself, so that there is nothing to check.
	Hashed bool
}

// Options are the choices of a Seeder. Only Listener is required.
type Options struct {
	Listener net.Listener // of TCP; Serve closes it

	Client   string   // name and version, sent to peers and trackers; "" sends none
	PeerID   [20]byte // zero means a new one
	MaxPeers int      // at once, or as many as the system has descriptors for; 0 means 2000

	// MaxUploads is how many peers are served at once; 0 means all, unless
	// MaxUploadRate is too little for that.
	MaxUploads int

	MaxUploadRate  int64 // bytes a second; 0 means no limit
	MaxTorrentRate int64 // the same for each torrent

	// A torrent is done when its size was uploaded UntilRatio times, and when it was
	// seeded for the time For; 0 means never.
	UntilRatio float64
	For        time.Duration

	// SuperSeed has every torrent super-seeded until all of it is out (BEP 16).
	SuperSeed bool

	// Encryption is what peers may choose from; 0 means EncryptionPrefer.
	Encryption Encryption

	// From are the addresses that announces leave from, one for each address family to
	// announce over; an unspecified one leaves it to the system. None means the
	// Listener's.
	From []netip.Addr

	IPs  []netip.Addr // sent to trackers, each over its own address family; none leaves it to them
	Jobs int          // workers for checking; 0 means one per CPU

	Check Check // of data that is not known; 0 means CheckFull

	// KnownDir is the directory that remembers which data was found good, so that it
	// need not be checked again while nothing about its files has changed. It may be
	// deleted at any time. "" remembers nothing.
	KnownDir string

	recheckEvery time.Duration // 0 means defaultRecheckEvery; for tests

	// Event, if non-nil, is called with each event and its time. The calls are made by
	// one goroutine, one after another, until Serve returns.
	Event func(time.Time, Event)

	delay func() // at each change of a state; nil: none; for tests
}

// Encryption says what of MSE is spoken.
type Encryption uint8

// The choices.
const (
	EncryptionPrefer  Encryption = iota // whatever the peer wants
	EncryptionRequire                   // only RC4
	EncryptionOff                       // no MSE
)

// Check says how data is checked before it is served.
type Check uint8

// The choices.
const (
	CheckFull  Check = iota // hash it
	CheckQuick              // believe it if all files have their sizes, else hash it
	CheckNone               // believe it
)

// A Seeder serves torrents on one port.
type Seeder struct {
	options Options
	port    uint16
	methods mse.Method
	since   time.Time

	timeouts timeouts
	rate     *rateLimit // nil: none
	choker   choker
	turns    *sendTurns
	mappings mappings
	uploaded atomic.Int64 // bytes of blocks
	numbers  atomic.Uint64

	mu    sync.RWMutex
	list  []*Torrent
	byKey map[[20]byte]*Torrent // by info-hash
	req2  map[[20]byte][20]byte // info-hashes by what MSE calls them

	toOpen, toHash, suspects *backlog

	limits       limits
	handshakes   handshakes
	exchanges    *exchanges
	fewer        error // why there are fewer peers than were asked for; nil: there are not
	announcer    *announce.Announcer
	events       *events
	known        *known.Store
	forgetWarned atomic.Bool // it was told that what is known can't be written

	speedMu sync.Mutex
	speed   speed
}

// defaultMaxPeers is what MaxPeers 0 means.
const defaultMaxPeers = 2000

// New returns a Seeder that serves nothing before [Seeder.Serve] is called. It panics
// if Options.Listener is nil.
func New(o Options) *Seeder {
	s := &Seeder{
		options: o, since: time.Now(), timeouts: defaultTimeouts, rate: newRateLimit(o.MaxUploadRate),
		byKey: make(map[[20]byte]*Torrent), req2: make(map[[20]byte][20]byte),
		known: known.New(o.KnownDir), toOpen: newBacklog(), toHash: newBacklog(), suspects: newBacklog(), events: newEvents(),
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
	s.turns = newSendTurns(n.turns)
	s.mappings.mapped.most, s.mappings.small.most = n.mapped, n.small
	s.exchanges = newExchanges()
	s.handshakes = handshakes{most: n.handshakes, crowd: make(crowd)}
	s.choker = choker{max: o.MaxUploads, conns: make(map[*conn]bool), soon: make(chan struct{}, 1)}
	if s.choker.max == 0 && o.MaxUploadRate > 0 {
		s.choker.max = max(4, int(o.MaxUploadRate/slotRate))
	}
	addr, err := netip.ParseAddrPort(o.Listener.Addr().String())
	if err == nil {
		s.port = addr.Port()
	}
	s.announcer = announce.New(announce.Options{
		PeerID: s.options.PeerID, Port: s.port, UserAgent: o.Client, Families: families(addr.Addr().Unmap(), o.From, o.IPs),
	})
	switch o.Encryption {
	case EncryptionRequire:
		s.methods = mse.MethodRC4
	default:
		s.methods = mse.MethodPlaintext | mse.MethodRC4
	}
	return s
}

// delay waits where a test wants it.
func (s *Seeder) delay() {
	if s.options.delay != nil {
		s.options.delay()
	}
}

// ErrDuplicate is wrapped by the error of [Seeder.Add] for a torrent that the Seeder
// has already.
var ErrDuplicate = errors.New("the same torrent is seeded already")

// Add adds a torrent. While Serve runs, its data is checked, it is announced, and peers
// are let in. The error is that of the Content method of a torrent that can't be used,
// or wraps [ErrDuplicate].
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
	s.list = append(s.list, t)
	s.mu.Unlock()
	s.toOpen.put(t)
	return t, nil
}

// Remove ends a torrent: peers are sent away, and trackers told.
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

func (s *Seeder) findReq2(req2 [20]byte) ([20]byte, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	h, ok := s.req2[req2]
	return h, ok
}

// Uploaded is how many bytes of blocks were sent.
func (s *Seeder) Uploaded() int64 { return s.uploaded.Load() }

// Peers is how many peers are connected.
func (s *Seeder) Peers() int {
	s.choker.mu.Lock()
	defer s.choker.mu.Unlock()
	return len(s.choker.conns)
}

// Rate is how many bytes of blocks a second were sent over the last seconds.
func (s *Seeder) Rate() int64 {
	s.speedMu.Lock()
	defer s.speedMu.Unlock()
	return int64(s.speed.rate)
}

// startEvents begins to tell what happens; the function that it returns ends that, when
// all is told.
func (s *Seeder) startEvents() (end func()) {
	if addr, err := netip.ParseAddrPort(s.options.Listener.Addr().String()); err == nil {
		s.events.put(EventListening{addr})
	}
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		s.events.deliver(over, s.options.Event)
	}()
	return func() {
		s.events.end(EventStopped{Uploaded: s.Uploaded()})
		close(over)
		<-done
	}
}

// Serve serves until ctx ends. It returns the cause of ctx, when all peers have left,
// trackers were told, and all events were reported. It may be called once.
func (s *Seeder) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer s.startEvents()()
	defer func() { s.warnNotRemembered(s.known.Flush()) }()
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.choker.run(ctx) })
	wg.Go(func() { s.exchanges.run(ctx) })
	wg.Go(func() { s.manage(ctx) })
	wg.Go(func() { s.announcer.Run(ctx) })
	wg.Go(func() { s.measure(ctx) })
	stop := context.AfterFunc(ctx, func() { s.options.Listener.Close() })
	defer stop()
	if s.fewer != nil {
		s.events.put(EventWarning{Err: s.fewer})
	}
	said := false
	for pause := time.Duration(0); ; {
		conn, err := s.options.Listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// No descriptors left, or the like: it passes.
			if !said {
				said = true
				s.events.put(EventWarning{Err: fmt.Errorf("no peer can be let in for now: %w", err)})
			}
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = 0
		tcp, ok := conn.(*net.TCPConn)
		if !ok || !s.limits.admit(conn.RemoteAddr()) {
			conn.Close()
			continue
		}
		s.handshakes.add(tcp)
		wg.Go(func() { s.serveConn(ctx, tcp) })
	}
}
