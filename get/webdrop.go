package get

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"bt/internal/netguard"
)

const (
	// A web seed that was dropped returns after returnTime, because its files may have been
	// corrected, and after twice as long each further time, until it was dropped maxDrops
	// times.
	returnTime = 5 * time.Minute
	maxDrops   = 4
)

// drop ends the use of the web seed, for some time if there is something else to download
// from. Getter.mu is locked.
func (w *webSeed) drop(err error) {
	g := w.getter
	if !w.isUsable() {
		return
	}
	w.drops++
	others := g.hasPeers() || slices.ContainsFunc(g.web, func(o *webSeed) bool { return o != w && o.isUsable() })
	_, private := errors.AsType[*netguard.Error](err)
	state := WebSeedDropped
	if w.suspended = others && w.drops < maxDrops && !private && !w.isMixed(); w.suspended {
		state = WebSeedFailed
	}
	w.become(state, err)
	if w.stop != nil {
		w.stop(err)
	}
	g.mix(g.missingFiles())
	if !others {
		g.fail(ErrNoWebSeed)
	}
}

// isUsable reports whether the web seed may be asked. Getter.mu is locked.
func (w *webSeed) isUsable() bool { return w.state != WebSeedDropped && !w.suspended }

// awaitReturn waits until the web seed that was dropped is to be used again, and reports whether
// it is.
func (w *webSeed) awaitReturn(ctx context.Context) bool {
	g := w.getter
	g.mu.Lock()
	suspended, drops := w.suspended, w.drops
	g.mu.Unlock()
	if !suspended {
		return false
	}
	timer := time.NewTimer(cmp.Or(g.options.returnTime, returnTime) << (drops - 1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	files := slices.Collect(g.missingFiles())
	w.suspended, w.most, w.whole, w.has, w.missing, w.missingErr = false, maxWebConns, false, nil, nil, nil
	g.mix(slices.Values(files))
	return true
}

// convict drops the web seed, which has sent a wrong piece, unless it has returned since the
// connection began. Getter.mu is locked.
func (c *webConn) convict(piece int) {
	if c.drops == c.seed.drops {
		c.seed.drop(fmt.Errorf("%s: %w", c.pieces.pathsOf(piece), errOtherData))
	}
}

// pathsOf names the files of a piece.
func (p *pieces) pathsOf(piece int) string {
	var files []int
	c := p.content.Layout.Cursor(piece)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		if !p.isZeros(s) {
			files = append(files, s.File)
		}
	}
	switch len(files) {
	case 0:
		return "padding" // the torrent is wrong
	case 1:
		return p.filePath(files[0])
	}
	return fmt.Sprintf("%s and %d more", p.filePath(files[0]), len(files)-1)
}
