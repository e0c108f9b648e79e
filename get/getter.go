package get

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"bt/internal/announce"
	"bt/internal/discover"
	"bt/internal/discover/finders"
	"bt/internal/discover/pex"
	"bt/internal/events"
	"bt/internal/infofetch"
	"bt/internal/layerfetch"
	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer/mse"
	"bt/internal/peerid"
	"bt/internal/store"
	"bt/internal/swarm"
	"bt/internal/upload"
)

const (
	// Defaults of Options.
	defaultMaxPeers    = 100
	defaultMaxUploads  = 8
	defaultMaxMetadata = 256 << 20

	// maxTurns is how many peers are sent data at the same moment, and maxMapped and
	// maxSmall how many files are mapped or kept open for that.
	maxTurns  = 16
	maxMapped = maxTurns * store.MaxBatchMappings
	maxSmall  = 64
)

// A Getter downloads a torrent. Its methods may be called by several goroutines.
type Getter struct {
	options  Options
	port     uint16
	name     string     // of the torrent, until it is known
	trackers [][]string // tiers of the torrent
	further  [][]string // those of Options.Trackers that are not among them
	timeouts link.Timeouts

	hub       *swarm.Hub
	exchange  pex.Swarm // closed if the torrent is private
	choker    *swarm.Choker
	uploads   *upload.Torrent
	downloads swarm.Rates
	cache     *store.Cache
	announcer *announce.Announcer // to the trackers of the torrent
	trusted   *announce.Announcer // to those of Options.Trackers, which may be anywhere
	finders   *finders.Finders
	dht       discover.Node // finders, unless tests have set another
	events    *events.Queue[Event]

	begun       time.Time
	needs       atomic.Bool  // peers are called
	pieceLength atomic.Int64 // of the torrent; 0 while it is not known
	downloaded  atomic.Int64 // bytes of blocks
	uploaded    atomic.Int64
	seeds       atomic.Int64            // other seeds, according to the last answer of a tracker
	arrived     atomic.Int64            // when data has last arrived, in Unix nanoseconds
	fail        context.CancelCauseFunc // ends Run with an error
	changed     chan struct{}           // signals that info, layers or pieces have made progress; has a buffer of one

	mu     sync.Mutex // guards what follows, and what it leads to
	life   life
	swarms []*membership
	conns  map[*conn]bool
	info   *infofetch.Fetch[*conn]  // StateMetadata
	layers *layerfetch.Fetch[*conn] // StateMetadata
	pieces *pieces                  // from StateDownloading on
	web    []*webSeed               // from StateDownloading on
	mixed  *webSeed                 // of several of them; may be nil
	speeds [2]swarm.Speed           // down, up
}

// A membership is what is counted for a swarm: the peers and trackers that know a
// torrent by one info-hash. For v2 that is the truncated info-hash (BEP 52).
type membership struct {
	getter     *Getter
	hash       [20]byte
	req2       [20]byte          // by which MSE names the hash
	entries    []*announce.Entry // nil: it is not announced yet
	search     finders.Entry     // nil: no peers are searched for
	downloaded atomic.Int64      // bytes of blocks
	uploaded   atomic.Int64
}

// New returns a Getter, which does nothing until [Getter.Run] is called. New panics if
// Options.Listener is nil, unless there are no peers. The error is that of the torrent's Content method.
func New(o Options) (*Getter, error) {
	g := &Getter{
		options: o, timeouts: link.DefaultTimeouts, begun: time.Now(), changed: make(chan struct{}, 1),
		conns: make(map[*conn]bool), events: events.New(isDroppable), cache: store.NewCache(maxMapped, maxSmall),
	}
	if g.options.PeerID == ([20]byte{}) {
		g.options.PeerID = peerid.New()
	}
	if o.Event == nil {
		g.options.Event = func(time.Time, Event) {}
	}
	g.options.MaxPeers = cmp.Or(o.MaxPeers, defaultMaxPeers)
	g.options.MaxMetadata = cmp.Or(o.MaxMetadata, defaultMaxMetadata)
	g.choker = swarm.NewChoker(cmp.Or(o.MaxUploads, defaultMaxUploads))
	g.uploads = upload.NewLimits(g.choker, swarm.NewRate(o.MaxUploadRate), maxTurns).Torrent(nil)
	g.downloads = swarm.Rates{All: swarm.NewRate(o.MaxDownloadRate)}
	var addr netip.AddrPort
	if o.WebSeeds != WebSeedsOnly {
		var err error
		if addr, err = netip.ParseAddrPort(o.Listener.Addr().String()); err == nil {
			g.port = addr.Port()
		}
	}
	families := announce.Families(addr.Addr().Unmap(), o.From, o.IPs)
	var from []netip.Addr
	for _, f := range families {
		from = append(from, f.From)
	}
	g.hub = swarm.New(swarm.Options{
		Listener: o.Listener, PeerID: g.options.PeerID, MaxPeers: g.options.MaxPeers, MaxHandshakes: swarm.MaxHandshakes(g.options.MaxPeers),
		Encryption: o.Encryption, Timeouts: &g.timeouts, From: from, Torrents: (*torrents)(g),
		Warn: func(err error) { g.events.Put(EventWarning{err}) },
	})
	announcing := announce.Options{PeerID: g.options.PeerID, Port: g.port, UserAgent: o.Client, Families: families}
	g.trusted = announce.New(announcing)
	announcing.Untrusted = !o.AllowLocal
	g.announcer = announce.New(announcing)
	g.finders = g.newFinders(addr, from)
	if g.dht = o.dht; g.dht == nil {
		g.dht = g.finders
	}
	return g, g.identify()
}

// identify sets what is known of the torrent.
func (g *Getter) identify() error {
	if t := g.options.Torrent; t != nil {
		if _, err := t.Content(); err != nil {
			return err
		}
		g.name, g.trackers = t.Name, metainfo.DistinctTrackers(t.Trackers())
		if t.Private {
			g.exchange.Close()
		}
		g.join(t.V1, t.InfoHashV1, t.V2, t.InfoHashV2)
	} else {
		m := g.options.Magnet
		g.name = m.Name
		for _, url := range m.Trackers {
			g.trackers = append(g.trackers, []string{url})
		}
		g.trackers = metainfo.DistinctTrackers(g.trackers)
		g.join(m.HasV1, m.V1, m.HasV2, m.V2)
		g.info = newInfoFetch(m, g.options.MaxMetadata)
	}
	further := metainfo.DistinctTrackers(append(slices.Clone(g.trackers), g.options.Trackers...))
	g.further = further[len(g.trackers):]
	return nil
}

// hasPeers reports whether there is a tracker or a peer to ask, or another way to find
// peers.
func (g *Getter) hasPeers() bool {
	if g.options.WebSeeds == WebSeedsOnly {
		return false
	}
	if len(g.trackers)+len(g.further)+len(g.options.Peers) > 0 {
		return true
	}
	t := g.options.Torrent
	return g.finders.Any() && (t == nil || !t.Private)
}

// join adds the swarms of info-hashes that were not known before. g.mu is locked, or New
// is running.
func (g *Getter) join(hasV1 bool, v1 [20]byte, hasV2 bool, v2 [32]byte) {
	add := func(hash [20]byte) {
		if g.membership(hash) == nil {
			g.swarms = append(g.swarms, &membership{getter: g, hash: hash, req2: mse.Req2(hash)})
		}
	}
	if hasV1 {
		add(v1)
	}
	if hasV2 {
		add([20]byte(v2[:]))
	}
}

// membership returns the swarm of an info-hash, or nil. g.mu is locked.
func (g *Getter) membership(hash [20]byte) *membership {
	for _, s := range g.swarms {
		if s.hash == hash {
			return s
		}
	}
	return nil
}

// Torrent returns the torrent, or nil while it is not known.
func (g *Getter) Torrent() *Metainfo {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.life.torrent
}

// signal wakes what waits for progress.
func (g *Getter) signal() {
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

// await waits until done, which is called with g.mu locked, reports true.
func (g *Getter) await(ctx context.Context, done func() bool) error {
	for {
		g.mu.Lock()
		is := done()
		g.mu.Unlock()
		if is {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-g.changed:
		}
	}
}
