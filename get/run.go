package get

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"sync"
	"time"

	"bt/internal/partial"
)

// errDone is the cause of the end of the connections when the download is complete.
var errDone = errors.New("the download is complete")

// completedTime is how long to wait for the answers of trackers to completed events.
const completedTime = 3 * time.Second

// Run downloads the torrent until all that is wanted is there, or until ctx ends, and
// returns nil or the reason why it is not. Before it returns, it disconnects all peers,
// informs the trackers, writes what has arrived and delivers all events. A later Run of
// another Getter goes on from there. Run may be called only once.
//
// The error wraps that of ctx, ErrTimeout, ErrNoSource, ErrNoWebSeed, ErrPeerless, a [*WriteError] or an [*ExistsError], or is that
// of Options.Choose or of the Content method of the torrent that a magnet link stands for.
func (g *Getter) Run(ctx context.Context) error {
	defer g.startEvents()()
	ctx, stop := context.WithCancelCause(ctx)
	g.fail = stop
	var wg sync.WaitGroup
	wg.Go(func() { g.measure(ctx) })
	connect := sync.OnceFunc(func() {
		wg.Go(func() { g.choker.Run(ctx) })
		wg.Go(func() { g.announcer.Run(ctx) })
		wg.Go(func() { g.trusted.Run(ctx) })
		wg.Go(func() { g.finders.Run(ctx) })
		wg.Go(func() { g.hub.Serve(ctx) })
	})
	web := func() { wg.Go(func() { g.runWebSeeds(ctx) }) }
	err := g.download(ctx, connect, web)
	stop(cmp.Or(err, errDone))
	if g.options.Listener != nil {
		g.options.Listener.Close() // if nothing has served it
	}
	g.finders.Close()
	wg.Wait()
	return g.finish(err)
}

// download goes through the states until all is there. connect makes peers be connected, and
// web makes web seeds be used.
func (g *Getter) download(ctx context.Context, connect, web func()) error {
	t := g.options.Torrent
	if t == nil {
		t = g.stored()
	}
	if t == nil {
		switch {
		case g.options.WebSeeds == WebSeedsOnly:
			return ErrPeerless
		case !g.hasPeers():
			return ErrNoSource
		}
		g.setState(StateMetadata, nil, g.announce)
		connect()
		var err error
		if t, err = g.fetch(ctx); err != nil {
			return err
		}
	}
	g.setState(StateChecking, EventMetadata{t}, func() { g.learn(t) })
	if g.options.MetadataOnly {
		return nil
	}
	p, err := g.open(ctx, t)
	if err != nil {
		return err
	}
	g.setState(StateDownloading, nil, func() {
		g.pieces = p
		for c := range g.conns {
			c.Wake() // it connected before the torrent was known
		}
	})
	missing := g.isMissing()
	if missing {
		if err := g.start(p, connect, web); err != nil {
			return err
		}
		if err := g.await(ctx, func() bool { return p.picker.Missing() == 0 }); err != nil {
			return err
		}
	}
	select {
	case <-p.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if missing {
		g.complete(ctx)
	}
	return nil
}

// start starts to download from peers and web seeds.
func (g *Getter) start(p *pieces, connect, web func()) error {
	only := g.options.WebSeeds == WebSeedsOnly
	g.mu.Lock()
	g.newWebSeeds(p)
	some := len(g.web) > 0
	if !only {
		g.announce()
	}
	g.mu.Unlock()
	switch {
	case only && !some:
		return ErrNoWebSeed
	case !some && !g.hasPeers():
		return ErrNoSource
	case !only:
		connect()
	}
	web()
	return nil
}

// learn sets the torrent. g.mu is locked.
func (g *Getter) learn(t *Metainfo) {
	g.life.torrent = t
	g.pieceLength.Store(t.PieceLength)
	if t.Private {
		g.becomePrivate()
	}
	g.join(t.V1, t.InfoHashV1, t.V2, t.InfoHashV2)
}

// stored returns the torrent of the magnet link if an earlier run has stored it, or nil.
func (g *Getter) stored() *Metainfo {
	if g.options.Stream != nil || g.options.Recheck {
		return nil
	}
	t, err := partial.Torrent(cmp.Or(g.options.Dir, "."), g.options.Magnet)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		g.events.Put(EventWarning{err})
	}
	return t
}

// isMissing reports whether pieces are missing that are wanted.
func (g *Getter) isMissing() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.pieces.picker.Missing() > 0
}

// complete sends completed events to trackers (BEP 3), if all files are there.
func (g *Getter) complete(ctx context.Context) {
	g.mu.Lock()
	if g.pieces.left > 0 { // only some files are wanted
		g.mu.Unlock()
		return
	}
	var sent []<-chan struct{}
	for _, s := range g.swarms {
		for _, e := range s.entries {
			sent = append(sent, e.Complete())
		}
	}
	g.mu.Unlock()
	late := time.After(completedTime)
	for _, done := range sent {
		select {
		case <-done:
		case <-late:
			return
		case <-ctx.Done():
			return
		}
	}
}

// finish closes what the download has written. err is the reason of its end.
func (g *Getter) finish(err error) error {
	p := g.pieces // nothing runs any more that could change it
	if p == nil {
		return err
	}
	if p.files != nil {
		p.files.Close()
	}
	if err != nil && p.stream != nil {
		go p.close() // a Write of the stream may never return
		return err
	}
	if failed := p.close(); err == nil {
		err = writing(failed)
	}
	if err == nil && p.stream != nil {
		g.events.Put(EventFile{File: p.streams, Size: p.size})
	}
	if err == nil {
		g.setState(StateComplete, EventComplete{p.path, time.Since(g.begun)}, nil)
	}
	return err
}

// startEvents starts the delivery of events. The function that it returns emits the last
// event, and waits until all events are delivered.
func (g *Getter) startEvents() (end func()) {
	if g.options.WebSeeds != WebSeedsOnly {
		if addr, err := netip.ParseAddrPort(g.options.Listener.Addr().String()); err == nil {
			g.events.Put(EventListening{addr})
		}
	}
	var delivery sync.WaitGroup
	delivery.Go(func() { g.events.Deliver(g.options.Event) })
	return func() {
		g.setState(StateStopped, nil, nil)
		g.events.End(EventStopped{Downloaded: g.downloaded.Load(), FromWebSeeds: g.fromWebSeeds(), Uploaded: g.uploaded.Load()})
		delivery.Wait()
	}
}

// measure updates the rates once per second until ctx ends, and does what is due.
func (g *Getter) measure(ctx context.Context) {
	second := time.NewTicker(time.Second)
	defer second.Stop()
	var last EventProgress
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-second.C:
			progress := g.tick(now)
			if progress.Size > 0 && progress != last {
				last = progress
				g.events.Put(progress)
			}
			if g.isLate(now) {
				g.fail(ErrTimeout)
			}
		}
	}
}

// tick does what is due every second, and returns the progress.
func (g *Getter) tick(now time.Time) EventProgress {
	g.mu.Lock()
	defer g.mu.Unlock()
	for c := range g.conns {
		c.up.Slot.Tick()
		if c.exchange != nil {
			c.exchange.Tick(now)
		}
		if c.idle || c.remote != nil && c.remote.Owes() > 0 {
			c.Wake()
		}
	}
	g.askMetadata(now)
	g.askLayers(now)
	g.hurry()
	webSeeds, webConns := g.measureWebSeeds()
	g.speeds[0].Tick(g.downloaded.Load(), len(g.conns)+webConns)
	g.speeds[1].Tick(g.uploaded.Load(), len(g.conns))
	e := EventProgress{Rate: int64(g.speeds[0].Rate), Uploaded: g.uploaded.Load(), Peers: len(g.conns), WebSeeds: webSeeds}
	if g.pieces != nil {
		e.Done, e.Size = g.pieces.there, g.pieces.size
	}
	return e
}

// hurry asks trackers for more peers if none is connected that has what is missing. g.mu is
// locked.
func (g *Getter) hurry() {
	if !g.needs.Load() {
		return
	}
	for c := range g.conns {
		if c.remote == nil || g.pieces.picker.Interesting(c.remote) {
			return
		}
	}
	for _, s := range g.swarms {
		for _, e := range s.entries {
			e.Hurry()
		}
		s.search.Hurry()
	}
}

// isLate reports whether nothing has arrived for too long.
func (g *Getter) isLate(now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	waits := g.life.state == StateMetadata || g.life.state == StateDownloading
	last := time.Unix(0, g.arrived.Load())
	if g.life.since.After(last) {
		last = g.life.since
	}
	return g.options.Timeout > 0 && waits && now.Sub(last) >= g.options.Timeout
}

func (g *Getter) add(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.conns[c] = true
	g.offerLayers(c)
	g.askLayers(time.Now())
}

func (g *Getter) remove(c *conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.conns, c)
	if g.info != nil {
		g.info.Leave(c)
	}
	if g.layers != nil {
		g.layers.Leave(c)
	}
	if c.remote != nil {
		if c.lied.Load() {
			c.pieces.revoke(c.remote)
		}
		c.pieces.picker.Leave(c.remote, time.Now())
		c.remote.Data = c.Addr.Addr() // what the picker keeps must not keep the connection
		c.pieces.wakeIdle()
	}
}
