package get

import (
	"context"
	"errors"
	"time"

	"bt/internal/layerfetch"
	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/swarm"
)

// layersTime is how long to wait for the piece layers of a hybrid torrent, which can be
// verified without.
const layersTime = 15 * time.Second

// fetchLayers returns the piece layers of a v2 torrent, from peers. They are nil if the
// torrent is a hybrid, and no peer that supports v2 is connected or sends them.
func (g *Getter) fetchLayers(ctx context.Context, t *Metainfo) (layers []metainfo.PieceLayer, err error) {
	f, err := layerfetch.New[*conn](t)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.layers = f
	g.join(t.V1, t.InfoHashV1, t.V2, t.InfoHashV2)
	g.announce()
	asked := false
	for c := range g.conns {
		asked = g.offerLayers(c) || asked
	}
	g.askLayers(time.Now())
	g.mu.Unlock()
	limited := ctx
	if t.V1 {
		if !asked {
			return nil, nil
		}
		var cancel context.CancelFunc
		limited, cancel = context.WithTimeout(ctx, layersTime)
		defer cancel()
	}
	err = g.await(limited, f.Done)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.layers = nil
	switch {
	case err == nil:
		return f.Layers(), nil
	case ctx.Err() == nil:
		return nil, nil
	}
	return nil, err
}

// offerLayers makes a peer one of those that piece layers are requested from, if it has
// answered with the v2 info-hash, or was answered with it. g.mu is locked.
func (g *Getter) offerLayers(c *conn) bool {
	hash, _ := g.hashV2()
	answered := !c.Called() && c.v2 && c.hello.Has(peer.FeatureV2)
	if g.layers == nil || c.hello.InfoHash != hash && !answered {
		return false
	}
	g.layers.Join(c)
	return true
}

// askLayers makes peers send the requests for piece layers that are due. g.mu is locked.
func (g *Getter) askLayers(now time.Time) {
	if g.layers == nil {
		return
	}
	for _, r := range g.layers.Requests(g.fetchTime(now)) {
		r.Peer.pending.hashes = append(r.Peer.pending.hashes, r.HashRequest)
		r.Peer.Wake()
	}
}

// owesHashes reports whether the peer may send hashes.
func (c *conn) owesHashes() bool {
	c.getter.mu.Lock()
	defer c.getter.mu.Unlock()
	return c.getter.layers != nil && c.getter.layers.Owes(c)
}

// handleHashes handles an answer to a hash request (BEP 52).
func (c *conn) handleHashes(payload []byte) error {
	r, hashes, err := peer.ParseHashes(payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	g, now := c.getter, time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.layers == nil {
		return c.pay(swarm.CostUseless)
	}
	switch err := g.layers.Hashes(c, &r, hashes, g.fetchTime(now)); {
	case errors.Is(err, layerfetch.ErrWrong):
		g.ban(c)
		return errLie
	case err != nil:
		return c.pay(swarm.CostHashes)
	}
	g.arrived.Store(now.UnixNano())
	if g.layers.Done() {
		g.signal()
	}
	g.askLayers(now)
	return nil
}

// handleHashReject handles the rejection of a hash request.
func (c *conn) handleHashReject(payload []byte) error {
	r, err := peer.ParseHashRequest(payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	g, now := c.getter, time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.layers == nil || g.layers.Reject(c, &r, g.fetchTime(now)) != nil {
		return c.pay(swarm.CostUseless)
	}
	g.askLayers(now)
	return nil
}
