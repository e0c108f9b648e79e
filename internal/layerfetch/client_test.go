package layerfetch_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"bt/internal/infofetch"
	"bt/internal/layerfetch"
	"bt/internal/link"
	"bt/internal/metainfo"
	"bt/internal/peer"
)

// fetchAll fetches what a magnet link names, and compares it.
func fetchAll(t *testing.T, addr netip.AddrPort, magnet metainfo.Magnet, want *metainfo.Torrent, spans int) {
	short := [20]byte(magnet.V2[:])
	o := infofetch.Options{MaxSize: 1 << 20}
	if magnet.HasV2 {
		o.V2 = &magnet.V2
	}
	if magnet.HasV1 {
		short, o.V1 = magnet.V1, &magnet.V1
	}
	ours := peer.Handshake{InfoHash: short, PeerID: sha1.Sum([]byte(t.Name()))}
	ours.Set(peer.FeatureExtensions | peer.FeatureFast | peer.FeatureV2)
	c := &client{t: t, info: infofetch.New[string](o)}
	var err error
	var early []byte
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c.Link, _, early, err = link.Dial(ctx, addr, ours, link.DialOptions{
		Timeouts: &link.DefaultTimeouts, Accepts: func([20]byte) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.QueueBytes((&peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 1}}).Append)
	if err := c.Run(ctx, want.Layout().Pieces(), early, c); err != errDone {
		t.Fatal(err)
	}
	got, err := metainfo.FromInfo(c.info.Info(), c.layers.Layers(), &metainfo.Outside{})
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.InfoBytes(), want.InfoBytes()) || len(got.Findings) > 0 {
		t.Errorf("another torrent, with %v", got.Findings)
	}
	for _, f := range want.Files {
		if f.PiecesRoot != nil && !bytes.Equal(got.PieceLayer(f.PiecesRoot), want.PieceLayer(f.PiecesRoot)) {
			t.Errorf("another layer of %v", f.Path())
		}
	}
	answered, all := c.layers.Progress()
	t.Logf("%d bytes of info dict, %d of %d spans, %d requests, %d rejects", len(c.info.Info()), answered, all, c.requests, c.rejects)
	if c.rejects > 0 || all != spans || c.requests < all {
		t.Errorf("%d rejects of %d requests for %d spans", c.rejects, c.requests, all)
	}
}

// A client is a peer that fetches the info dict and the piece layers, and nothing else.
type client struct {
	*link.Link
	t        *testing.T
	info     *infofetch.Fetch[string]
	layers   *layerfetch.Fetch[string]
	metadata uint8 // the peer's number of ut_metadata
	requests int
	rejects  int
}

var errDone = fmt.Errorf("done")

const seedName = "seed"

func (c *client) Prepare() {
	for _, r := range c.info.Requests(time.Now()) {
		m := peer.Metadata{Kind: peer.MetadataRequest, Piece: r.Piece}
		c.QueueBytes(func(b []byte) []byte { return m.Append(b, c.metadata) })
	}
	if c.layers != nil {
		for _, r := range c.layers.Requests(time.Now()) {
			c.requests++
			c.QueueBytes(r.Append)
		}
	}
}

func (c *client) Send() (time.Time, error)                 { return time.Now().Add(time.Second), nil }
func (c *client) Midway() bool                             { return false }
func (c *client) Owes() int                                { return 1 }
func (c *client) Handled() error                           { return nil }
func (c *client) Rest()                                    {}
func (c *client) Begun(peer.ID, []byte, int) (bool, error) { return false, nil }

func (c *client) Handle(m peer.Message) error {
	switch m.ID {
	case peer.IDExtended:
		if m.Extension != peer.ExtHandshake {
			return c.handleMetadata(m.Payload)
		}
		h, err := peer.ParseExtendedHandshake(m.Payload)
		if err != nil {
			return err
		}
		c.metadata = h.Extensions[peer.MetadataName]
		if !c.info.Join(seedName, h.MetadataSize) {
			return fmt.Errorf("an info dict of %d bytes", h.MetadataSize)
		}
	case peer.IDHashes:
		r, hashes, err := peer.ParseHashes(m.Payload)
		if err != nil {
			return err
		}
		if err := c.layers.Hashes(seedName, &r, hashes, time.Now()); err != nil {
			return fmt.Errorf("%+v: %w", r, err)
		}
		if c.layers.Done() {
			return errDone
		}
	case peer.IDHashReject:
		r, err := peer.ParseHashRequest(m.Payload)
		if err != nil {
			return err
		}
		c.rejects++
		c.t.Logf("it rejects layer %d, index %d, length %d, %d proof layers", r.BaseLayer, r.Index, r.Length, r.ProofLayers)
		return c.layers.Reject(seedName, &r, time.Now())
	}
	return nil
}

func (c *client) handleMetadata(payload []byte) error {
	m, err := peer.ParseMetadata(payload)
	if err != nil {
		return err
	}
	if m.Kind != peer.MetadataData {
		return fmt.Errorf("a message of kind %d about metadata", m.Kind)
	}
	liars, err := c.info.Data(seedName, m.Piece, m.TotalSize, m.Data, time.Now())
	if err != nil || len(liars) > 0 {
		return fmt.Errorf("piece %d: liars %v, %w", m.Piece, liars, err)
	}
	if c.info.Info() == nil {
		return nil
	}
	bare, err := metainfo.FromInfo(c.info.Info(), nil, &metainfo.Outside{})
	if err != nil {
		return err
	}
	if c.layers, err = layerfetch.New[string](bare); err != nil {
		return err
	}
	c.layers.Join(seedName)
	return nil
}
