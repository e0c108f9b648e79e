package seed

import (
	"testing"

	"bt/internal/peer"
	"bt/maketorrent"
)

// With real peers: a slot that becomes free is given to a waiting peer.
func TestSlotIsPassedOn(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{MaxUploads: 1}, maketorrent.FormatV1, 300_000)
	a := r.join(t, tt)
	b := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	b.send(peer.Message{ID: peer.IDInterested}, request(0, 0, 16<<10))
	b.await(peer.IDReject)
	a.send(peer.Message{ID: peer.IDNotInterested})
	a.await(peer.IDChoke)
	b.await(peer.IDUnchoke)
	b.send(request(0, 0, 16<<10))
	check(t, tt, root, b.await(peer.IDPiece))
	a.send(peer.Message{ID: peer.IDInterested})
	b.conn.Close()
	a.await(peer.IDUnchoke)
}
