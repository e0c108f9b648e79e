package seed

import (
	"context"
	"slices"

	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/upload"
)

// An entry is a torrent that peers connect for.
type entry struct{ *Torrent }

// Enter returns the role of a seed for a peer.
func (e entry) Enter(ctx context.Context, p *swarm.Peer, theirs peer.Handshake) (swarm.Role, peer.Handshake, error) {
	t := e.Torrent
	m, err := t.enter(ctx)
	if err != nil {
		return nil, peer.Handshake{}, err
	}
	c := &conn{Peer: p, seeder: t.seeder, torrent: t, loaded: m, swarm: t.swarm(theirs.InfoHash)}
	c.up = upload.Peer{Link: p.Link, Slot: swarm.NewSlot(e, p.Number, p.Joined, p.Wake), Torrent: t.uploads, Source: c}
	return c, t.handshake(theirs), nil
}

// Needs reports whether peers are called: only those that may need what is served.
func (e entry) Needs() bool { return e.isServed() }

// PieceLength, OtherSeeds and Leeches describe the torrent for the choker.
func (e entry) PieceLength() int64 { return e.pieceLength }
func (e entry) OtherSeeds() int64  { return e.seeds.Load() }
func (e entry) Leeches() bool      { return false }

// Greetings returns the handshake for a peer that is called.
func (e entry) Greetings(infoHash [20]byte) []peer.Handshake {
	return []peer.Handshake{e.handshake(peer.Handshake{InfoHash: infoHash})}
}

// Has reports whether an info-hash is one of the torrent's.
func (e entry) Has(infoHash [20]byte) bool {
	return slices.ContainsFunc(e.swarms, func(s *swarmStats) bool { return s.hash == infoHash })
}

// handshake returns the answer to the first part of a peer's handshake.
func (t *Torrent) handshake(theirs peer.Handshake) peer.Handshake {
	ours := peer.Handshake{InfoHash: theirs.InfoHash, PeerID: t.seeder.options.PeerID}
	ours.Set(peer.FeatureFast | peer.FeatureExtensions)
	if t.usesDHT() {
		ours.Set(peer.FeatureDHT)
	}
	if t.v2 {
		// BEP 52: a peer that supports v2 and connects by the v1 info-hash of a
		// hybrid torrent is answered with the v2 info-hash.
		ours.Set(peer.FeatureV2)
		if t.v1 && theirs.Has(peer.FeatureV2) {
			ours.InfoHash = [20]byte(t.hashV2[:])
		}
	}
	return ours
}
