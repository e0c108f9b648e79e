package get

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"sync"
	"time"

	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/webseed"
)

// WebSeeds says how web seeds (BEP 19) and HTTP seeds (BEP 17) are used. The zero value is
// WebSeedsOn.
type WebSeeds uint8

// Uses of web seeds.
const (
	WebSeedsOn   WebSeeds = iota // beside peers
	WebSeedsOnly                 // instead of peers: no tracker, no peer and no other machine is contacted
	WebSeedsOff                  // none is used
)

const (
	// maxWebSeeds is how many web seeds of a torrent are used.
	maxWebSeeds = 32

	// maxWebConns is how many requests to one web seed are under way at once. There is
	// one until a run has arrived, and if less than manyBytes are missing.
	maxWebConns = 4
	manyBytes   = 32 << 20
)

// Reasons why a web seed is not used.
var (
	errScheme    = errors.New("only http and https are supported")
	errByPiece   = errors.New("HTTP seeds (BEP 17) send the pieces of v1 torrents only")
	errOtherData = errors.New("it has sent a wrong piece: the server has other files, or older ones")
)

// A webSeed is a server that has the content.
type webSeed struct {
	getter  *Getter
	pieces  *pieces
	url     string
	byPiece bool // it is an HTTP seed (BEP 17)
	client  *webseed.Client
	running sync.WaitGroup

	// Guarded by getter.mu.
	stop    context.CancelCauseFunc // ends run; nil: it does not run yet
	conns   []*webConn
	most    int           // connections
	whole   bool          // it sends files from their beginnings only
	has     peer.Bitfield // pieces that it may have; nil: all
	missing map[int]bool  // files that it does not have
	drops   int           // how often it was dropped

	missingErr error // why a file is missing; nil: it may have all
	suspended  bool  // it was dropped, and returns later

	state  WebSeedState
	err    error     // why it is not used
	failed time.Time // when it last failed
	sent   int64     // bytes of blocks
	speed  swarm.Speed
}

// webSeedURLs returns the web seeds and the HTTP seeds of a torrent, each once, those of the
// magnet link included.
func (g *Getter) webSeedURLs(t *Metainfo) (files, byPiece []string) {
	if g.options.WebSeeds == WebSeedsOff {
		return nil, nil
	}
	files = slices.Clone(t.WebSeeds)
	if m := g.options.Magnet; m != nil {
		files = append(files, m.WebSeeds...)
	}
	return distinct(files), distinct(t.HTTPSeeds)
}

// distinct returns the first maxWebSeeds of some URLs, each once.
func distinct(urls []string) (list []string) {
	for _, u := range urls {
		if len(list) < maxWebSeeds && !slices.Contains(list, u) {
			list = append(list, u)
		}
	}
	return list
}

// newWebSeeds makes the web seeds of the torrent, and emits an event for each that can't be
// used. g.mu is locked.
func (g *Getter) newWebSeeds(p *pieces) {
	files, byPiece := g.webSeedURLs(p.torrent)
	for i, rawURL := range slices.Concat(files, byPiece) {
		if err := p.checkWebSeed(rawURL, i >= len(files)); err != nil {
			g.events.Put(EventWebSeed{URL: rawURL, State: WebSeedDropped, Err: err})
			continue
		}
		o := webseed.Options{
			UserAgent: g.options.Client, Proxy: g.options.Proxy, Stall: snubTime,
			// A broken connection is replaced once. Then others may have the rest of the run.
			Backoff: func(attempt int) (time.Duration, bool) { return 0, attempt == 0 },
		}
		if !g.options.AllowLocal {
			o.Trusts = func(*url.URL) bool { return false }
		}
		g.web = append(g.web, &webSeed{
			getter: g, pieces: p, url: rawURL, byPiece: i >= len(files), client: webseed.New(o), most: maxWebConns, state: WebSeedUnused,
		})
	}
	g.newMixed(p)
}

// checkWebSeed returns the reason why a web seed can't be used.
func (p *pieces) checkWebSeed(rawURL string, byPiece bool) error {
	u, err := url.Parse(rawURL)
	if parse, ok := errors.AsType[*url.Error](err); ok {
		return parse.Err // err quotes the URL
	}
	switch {
	case err != nil:
		return err
	case byPiece && !p.torrent.V1:
		return errByPiece
	case u.Scheme != "http" && u.Scheme != "https":
		return errScheme
	}
	return webseed.CheckURL(u)
}

// runWebSeeds downloads from the web seeds until ctx ends, or all are dropped.
func (g *Getter) runWebSeeds(ctx context.Context) {
	var wg sync.WaitGroup
	for _, w := range g.web {
		wg.Go(func() {
			defer w.client.Close()
			w.run(ctx)
			for w.awaitReturn(ctx) {
				w.run(ctx)
			}
		})
	}
	if w := g.mixed; w != nil {
		wg.Go(func() { w.run(ctx) })
	}
	wg.Wait()
}

// run downloads from the web seed until ctx ends, or it is dropped.
func (w *webSeed) run(ctx context.Context) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	w.getter.mu.Lock()
	w.stop = stop
	w.getter.mu.Unlock()
	w.connect(ctx)
	w.running.Wait()
}

// connect starts one more connection, if there are not enough.
func (w *webSeed) connect(ctx context.Context) (started bool) {
	c := w.newConn()
	if c != nil {
		w.running.Go(func() { c.run(ctx) })
	}
	return c != nil
}

// grow starts further connections to a server that works.
func (w *webSeed) grow(ctx context.Context) {
	w.getter.mu.Lock()
	more := !w.whole && w.pieces.size-w.pieces.there >= manyBytes
	w.getter.mu.Unlock()
	for more {
		more = w.connect(ctx)
	}
}

// shrink reports whether a connection is to end, because the server refuses so many. The last
// one stays.
func (w *webSeed) shrink(c *webConn) bool {
	w.getter.mu.Lock()
	defer w.getter.mu.Unlock()
	if len(w.conns) == 1 {
		return false
	}
	w.forget(c)
	w.most = len(w.conns)
	return true
}

// forget removes a connection that ends. Getter.mu is locked.
func (w *webSeed) forget(c *webConn) {
	w.conns = slices.DeleteFunc(w.conns, func(other *webConn) bool { return other == c })
}

// wakeWebSeeds makes connections to web seeds ask for blocks for which there were none before.
// g.mu is locked.
func (g *Getter) wakeWebSeeds() {
	wake := func(w *webSeed) {
		for _, c := range w.conns {
			c.wake()
		}
	}
	for _, w := range g.web {
		wake(w)
	}
	if g.mixed != nil {
		wake(g.mixed)
	}
}
