package seed

import (
	"testing"

	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/maketorrent"
)

// A kind of extended message is added by one file: this one adds an echo.

const toyName = "bt_toy"

func init() { extensions.Add(toyName, (*conn).handleToy) }

func (c *conn) handleToy(payload []byte) error {
	id := extensions.PeerID(c.extensions, toyName)
	if id != 0 {
		c.Queue(peer.Message{ID: peer.IDExtended, Extension: id, Payload: payload})
	}
	return c.pay(swarm.CostUseless)
}

func TestToyExtension(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV1, 100_000)
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	h, err := peer.ParseExtendedHandshake(l.await(peer.IDExtended).Payload)
	if err != nil || h.Extensions[toyName] == 0 || h.Extensions[toyName] == h.Extensions[peer.MetadataName] {
		t.Fatalf("%v: %v", err, h.Extensions)
	}
	ours := peer.ExtendedHandshake{Extensions: map[string]uint8{toyName: 99}}
	l.send(peer.Message{ID: peer.IDExtended, Payload: ours.Append(nil)[6:]})
	l.send(peer.Message{ID: peer.IDExtended, Extension: h.Extensions[toyName], Payload: []byte("hello")})
	if m := l.await(peer.IDExtended); m.Extension != 99 || string(m.Payload) != "hello" {
		t.Errorf("extension %d: %q", m.Extension, m.Payload)
	}
}
