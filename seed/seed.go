// Package seed publishes: it serves torrents and their data to peers, and tells
// trackers where.
//
// A peer is one goroutine that reads what the peer asks for and sends it,
// straight from the files where they are mapped; see conn. Incoming connections
// only.
package seed

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer/mse"
	"bt/internal/peerid"
	"bt/internal/tracker/client"
)

// Torrent is what Input takes.
type Torrent = metainfo.Torrent

// An Input is a torrent to seed.
type Input struct {
	Torrent  *Torrent
	Path     string     // where its data is, or the directory in which it is
	Trackers [][]string // tiers behind its own

	// Hashed says that the torrent was made of the data at Path, itself, just now:
	// there is nothing to check.
	Hashed bool
}

// Options are the choices of a Seeder. The zero value is fine.
type Options struct {
	Listener net.Listener // required: of TCP

	Client   string   // name and version, told to peers
	PeerID   [20]byte // zero: a new one
	MaxPeers int      // at once; 0 means 2000

	// MaxUploads is how many peers are served at once; 0 means all, unless
	// MaxUploadRate is too little for that.
	MaxUploads int

	MaxUploadRate int64 // bytes a second; 0 means no limit

	// Encryption is what peers may choose of; 0 means plaintext or MSE.
	Encryption Encryption

	IP   netip.Addr // told to trackers; the zero Addr leaves it to them
	Jobs int        // workers for checking; 0 is one a processor

	Check Check // of data that Known does not know
	Known Known

	lookEvery time.Duration // 0 means defaultLook; for tests

	// Event is told what happens, one at a time; nil means nobody is.
	Event func(Event)
}

// Encryption says what of MSE is spoken.
type Encryption uint8

// The choices.
const (
	Prefer  Encryption = iota // whatever the peer wants
	Require                   // only RC4
	Off                       // no MSE
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

	patience patience
	rate     *rateLimit // nil: none
	slots    slots
	views    views
	uploaded atomic.Int64 // bytes of blocks
	numbers  atomic.Uint64

	mu       sync.RWMutex
	torrents map[[20]byte]*torrent // by info-hash
	req2     map[[20]byte][20]byte // info-hashes by what MSE calls them

	limits   limits
	trackers []*client.Client // one for each IP version
	events   sync.Mutex
	managers sync.WaitGroup
}

// defaultMaxPeers is what MaxPeers 0 means.
const defaultMaxPeers = 2000

// New returns a Seeder that serves nothing yet.
func New(o Options) *Seeder {
	s := &Seeder{options: o, patience: defaultPatience, rate: newRateLimit(o.MaxUploadRate)}
	if s.options.PeerID == ([20]byte{}) {
		s.options.PeerID = peerid.New()
	}
	s.options.lookEvery = cmp.Or(o.lookEvery, defaultLook)
	if s.options.MaxPeers == 0 {
		s.options.MaxPeers = defaultMaxPeers
	}
	s.slots = slots{max: o.MaxUploads, conns: make(map[*conn]bool), soon: make(chan struct{}, 1)}
	if s.slots.max == 0 && o.MaxUploadRate > 0 {
		s.slots.max = max(4, int(o.MaxUploadRate/slotRate))
	}
	s.torrents = make(map[[20]byte]*torrent)
	s.req2 = make(map[[20]byte][20]byte)
	if addr, err := netip.ParseAddrPort(o.Listener.Addr().String()); err == nil {
		s.port = addr.Port()
		s.trackers = trackerClients(addr.Addr().Unmap(), o.Client)
	}
	switch o.Encryption {
	case Require:
		s.methods = mse.RC4
	default:
		s.methods = mse.Plaintext | mse.RC4
	}
	return s
}

// add makes a torrent known to peers.
func (s *Seeder) add(t *torrent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range t.swarms {
		h := t.swarms[i].hash
		s.torrents[h] = t
		s.req2[mse.Req2(h)] = h
	}
}

func (s *Seeder) remove(t *torrent) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range t.swarms {
		h := t.swarms[i].hash
		delete(s.torrents, h)
		delete(s.req2, mse.Req2(h))
	}
}

// emit tells of an event.
func (s *Seeder) emit(e Event) {
	if s.options.Event == nil {
		return
	}
	s.events.Lock()
	defer s.events.Unlock()
	e.Time = time.Now()
	s.options.Event(e)
}

// Add seeds a torrent until ctx ends: it checks the data, tells trackers, and
// lets peers in. The error is that the torrent can't be used.
func (s *Seeder) Add(ctx context.Context, in Input) error {
	t, err := newTorrent(s, in)
	if err != nil {
		return err
	}
	s.managers.Go(func() { t.manage(ctx) })
	return nil
}

func (s *Seeder) find(infoHash [20]byte) *torrent {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.torrents[infoHash]
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
	s.slots.mu.Lock()
	defer s.slots.mu.Unlock()
	return len(s.slots.conns)
}

// Serve accepts peers until ctx ends, and returns when all of them have left.
func (s *Seeder) Serve(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	defer func() {
		for _, c := range s.trackers {
			c.Close()
		}
	}()
	defer s.managers.Wait()
	defer wg.Wait()
	wg.Go(func() { s.slots.run(ctx) })
	stop := context.AfterFunc(ctx, func() { s.options.Listener.Close() })
	defer stop()
	for pause := time.Duration(0); ; {
		conn, err := s.options.Listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			// No descriptors left, or the like: it passes.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			select {
			case <-time.After(pause):
			case <-ctx.Done():
			}
			continue
		}
		pause = 0
		tcp, ok := conn.(*net.TCPConn)
		if !ok || !s.limits.admit(conn.RemoteAddr(), s.options.MaxPeers) {
			conn.Close()
			continue
		}
		wg.Go(func() { s.welcome(ctx, tcp) })
	}
}
