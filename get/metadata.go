package get

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bt/internal/infofetch"
	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/swarm"
)

func init() { extensions.Add(peer.MetadataName, (*conn).handleMetadata) }

// newInfoFetch returns the fetch of the info dict of a magnet link.
func newInfoFetch(m *Magnet, most int64) *infofetch.Fetch[*conn] {
	o := infofetch.Options{MaxSize: int(most)}
	if m.HasV1 {
		o.V1 = &m.V1
	}
	if m.HasV2 {
		o.V2 = &m.V2
	}
	return infofetch.New[*conn](o)
}

// fetch returns the torrent of the magnet link, from peers.
func (g *Getter) fetch(ctx context.Context) (*Metainfo, error) {
	info, err := g.fetchInfo(ctx)
	if err != nil {
		return nil, err
	}
	m := g.options.Magnet
	o := &metainfo.Outside{WebSeeds: m.WebSeeds}
	for _, url := range m.Trackers {
		o.Trackers = append(o.Trackers, []string{url})
	}
	t, err := metainfo.FromInfo(info, nil, o)
	if err != nil || !t.V2 {
		return t, err
	}
	if _, err := t.Content(); err != nil {
		return nil, err
	}
	layers, err := g.fetchLayers(ctx, t)
	switch {
	case err != nil:
		return nil, err
	case layers == nil:
		g.events.Put(EventWarning{errNoLayers})
		return t, nil
	}
	return metainfo.FromInfo(info, layers, o)
}

// fetchInfo returns the info dict of the magnet link.
func (g *Getter) fetchInfo(ctx context.Context) (info []byte, err error) {
	err = g.await(ctx, func() bool {
		if info = g.info.Info(); info != nil {
			g.info = nil
		}
		return info != nil
	})
	return info, err
}

// offerMetadata makes the peer one of those that the info dict is fetched from, if it says
// that it has it.
func (c *conn) offerMetadata(h *peer.ExtendedHandshake) {
	g := c.getter
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.info != nil && extensions.PeerID(c.extensions, peer.MetadataName) != 0 && g.info.Join(c, h.MetadataSize) {
		g.askMetadata(time.Now())
	}
}

// askMetadata makes peers send the requests for the info dict that are due. g.mu is locked.
func (g *Getter) askMetadata(now time.Time) {
	if g.info == nil {
		return
	}
	for _, r := range g.info.Requests(g.fetchTime(now)) {
		r.Peer.pending.metadata = append(r.Peer.pending.metadata, r.Piece)
		r.Peer.Wake()
	}
}

// fetchTime returns the time that the fetches of the info dict and of the piece layers see,
// which passes faster in tests.
func (g *Getter) fetchTime(now time.Time) time.Time {
	return now.Add(time.Duration(g.options.haste) * now.Sub(g.begun))
}

// owesMetadata reports whether the peer may send a piece of the info dict.
func (c *conn) owesMetadata() bool {
	c.getter.mu.Lock()
	defer c.getter.mu.Unlock()
	return c.getter.info != nil && c.getter.info.Owes(c)
}

// handleMetadata handles a message about the info dict (BEP 9).
func (c *conn) handleMetadata(payload []byte) error {
	m, err := peer.ParseMetadata(payload)
	if err != nil {
		return errors.Join(link.ErrProtocol, err)
	}
	if m.Kind == peer.MetadataRequest {
		return c.answerMetadata(m.Piece)
	}
	g := c.getter
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.info == nil {
		return c.pay(swarm.CostLong(len(payload)))
	}
	switch m.Kind {
	case peer.MetadataData:
		liars, err := g.info.Data(c, m.Piece, m.TotalSize, m.Data, g.fetchTime(now))
		if err != nil {
			return c.pay(swarm.CostLong(len(payload)))
		}
		g.arrived.Store(now.UnixNano())
		g.ban(liars...)
		if g.info.Info() != nil {
			g.signal()
		}
	case peer.MetadataReject:
		if err := g.info.Reject(c, m.Piece, g.fetchTime(now)); err != nil {
			return c.pay(swarm.CostLong(len(payload)))
		}
	default:
		return c.pay(swarm.CostLong(len(payload)))
	}
	g.askMetadata(now)
	return nil
}

// answerMetadata answers a request for a piece of the info dict.
func (c *conn) answerMetadata(piece int) error {
	id := extensions.PeerID(c.extensions, peer.MetadataName)
	if id == 0 {
		return c.pay(swarm.CostUseless)
	}
	var info []byte
	if t := c.getter.Torrent(); t != nil {
		info = t.InfoBytes()
	}
	return c.up.MetadataRequest(piece, info, id)
}

// errLie is the reason to disconnect a peer that has sent wrong data.
var errLie = fmt.Errorf("%w: it sends wrong data", link.ErrProtocol)

// ban bans the addresses of peers that have sent wrong data, and disconnects them. g.mu is
// locked.
func (g *Getter) ban(liars ...*conn) {
	for _, c := range liars {
		c.lied.Store(true)
		g.hub.Ban(c.Addr.Addr())
		c.Close()
	}
}
