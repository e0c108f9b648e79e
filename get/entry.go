package get

import (
	"context"

	"bt/internal/link"
	"bt/internal/peer"
	"bt/internal/swarm"
)

// torrents finds the torrent of a Getter for its hub.
type torrents Getter

// Find returns the torrent if it has the info-hash, or nil.
func (t *torrents) Find(infoHash [20]byte) swarm.Torrent {
	if e := (entry{(*Getter)(t)}); e.Has(infoHash) {
		return e
	}
	return nil
}

// FindReq2 returns an info-hash by the hash that MSE uses for it.
func (t *torrents) FindReq2(req2 [20]byte) (infoHash [20]byte, ok bool) {
	g := (*Getter)(t)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.swarms {
		if s.req2 == req2 {
			return s.hash, true
		}
	}
	return infoHash, false
}

// An entry is the torrent that peers connect for.
type entry struct{ *Getter }

// Enter returns the role for a peer.
func (e entry) Enter(_ context.Context, p *swarm.Peer, theirs peer.Handshake) (swarm.Role, peer.Handshake, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.membership(theirs.InfoHash)
	if s == nil {
		return nil, peer.Handshake{}, link.ErrTorrent
	}
	return newConn(e.Getter, p, s), e.handshake(theirs.InfoHash, theirs.Has(peer.FeatureV2)), nil
}

// Needs reports whether peers are called. It takes no lock of the Getter, and neither do
// PieceLength, OtherSeeds and Leeches, because the hub and the choker call them with locks
// held.
func (e entry) Needs() bool { return e.needs.Load() }

// PieceLength, OtherSeeds and Leeches describe the torrent for the choker.
func (e entry) PieceLength() int64 { return e.pieceLength.Load() }
func (e entry) OtherSeeds() int64  { return e.seeds.Load() }
func (e entry) Leeches() bool      { return true }

// Greetings returns the handshakes for a peer that is called. While piece layers may be
// needed, a peer that knows a hybrid torrent by its v1 info-hash is first called with the
// other one, as libtorrent (2.0.8) answers hash requests only then.
func (e entry) Greetings(infoHash [20]byte) []peer.Handshake {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := []peer.Handshake{e.handshake(infoHash, false)}
	if v2, ok := e.hashV2(); ok && v2 != infoHash && e.life.state == StateMetadata {
		list = append([]peer.Handshake{e.handshake(v2, false)}, list...)
	}
	return list
}

// Has reports whether an info-hash is one of the torrent's.
func (e entry) Has(infoHash [20]byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.membership(infoHash) != nil
}

// handshake returns our handshake for a peer that knows the torrent by an info-hash, and
// that supports v2 or is not known to. g.mu is locked.
func (g *Getter) handshake(infoHash [20]byte, peerV2 bool) peer.Handshake {
	ours := peer.Handshake{InfoHash: infoHash, PeerID: g.options.PeerID}
	ours.Set(peer.FeatureFast | peer.FeatureExtensions)
	if t := g.life.torrent; g.dht.HasDHT() && (t == nil || !t.Private) {
		ours.Set(peer.FeatureDHT)
	}
	if v2, ok := g.hashV2(); ok {
		// BEP 52: a peer that supports v2 and connects by the v1 info-hash of a hybrid
		// torrent is answered with the v2 info-hash.
		ours.Set(peer.FeatureV2)
		if peerV2 {
			ours.InfoHash = v2
		}
	}
	return ours
}

// hashV2 returns the truncated v2 info-hash, if the torrent is known to have one. g.mu is
// locked.
func (g *Getter) hashV2() (hash [20]byte, ok bool) {
	if t := g.life.torrent; t != nil {
		return [20]byte(t.InfoHashV2[:]), t.V2
	}
	if m := g.options.Magnet; m != nil {
		return [20]byte(m.V2[:]), m.HasV2
	}
	return hash, false
}
