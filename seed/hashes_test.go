package seed

import (
	"bytes"
	"crypto/sha256"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/maketorrent"
)

func hashRequest(r peer.HashRequest) peer.Message {
	return peer.Message{ID: peer.IDHashRequest, Payload: r.Append(nil)[5:]}
}

// Hashes of the piece layer prove themselves: with the uncles they make the root.
func TestHashes(t *testing.T) {
	t.Parallel()
	for _, format := range []maketorrent.Format{maketorrent.V2, maketorrent.Hybrid} {
		const pieces = 21
		r, tt, _ := one(t, Options{}, format, pieces<<16-5, 64<<10)
		l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
		root := *tt.content.Files[0].PiecesRoot
		var small *[32]byte
		for i := range tt.content.Files {
			if f := &tt.content.Files[i]; f.PiecesRoot != nil && f.Length == 64<<10 {
				small = f.PiecesRoot
			}
		}
		base := uint32(metainfo.PieceHeight(tt.meta.PieceLength))
		for length := uint32(2); length <= 32; length *= 2 {
			for index := uint32(0); index < pieces; index += length {
				q := peer.HashRequest{PiecesRoot: root, BaseLayer: base, Index: index, Length: length, ProofLayers: 4}
				l.send(hashRequest(q))
				a, hashes, err := peer.ParseHashes(l.await(peer.IDHashes).Payload)
				if err != nil || a != q {
					t.Fatalf("%v: %+v", err, a)
				}
				if !bytes.Equal(hashes[:32], tt.meta.PieceLayer(&root)[32*index:][:32]) {
					t.Errorf("%+v: not the layer's hashes", q)
				}
				layer, uncles := bytes.Clone(hashes[:32*length]), hashes[32*length:]
				for len(layer) > 32 {
					var above []byte
					for ; len(layer) > 0; layer = layer[64:] {
						h := sha256.Sum256(layer[:64])
						above = append(above, h[:]...)
					}
					layer = above
				}
				for at := index / length; len(uncles) > 0; at, uncles = at/2, uncles[32:] {
					pair := append(bytes.Clone(layer), uncles[:32]...)
					if at%2 == 1 {
						pair = append(bytes.Clone(uncles[:32]), layer...)
					}
					h := sha256.Sum256(pair)
					layer = h[:]
				}
				if !bytes.Equal(layer, root[:]) {
					t.Errorf("%+v: the root is %x", q, layer)
				}
			}
		}
		good := peer.HashRequest{PiecesRoot: root, BaseLayer: base, Length: 4, ProofLayers: 4}
		for name, spoil := range map[string]func(*peer.HashRequest){
			"root":   func(q *peer.HashRequest) { q.PiecesRoot[0]++ },
			"small":  func(q *peer.HashRequest) { q.PiecesRoot = *small },
			"layer":  func(q *peer.HashRequest) { q.BaseLayer++ },
			"leaves": func(q *peer.HashRequest) { q.BaseLayer = 0 },
			"index":  func(q *peer.HashRequest) { q.Index = 1 << 20 },
			"wraps":  func(q *peer.HashRequest) { q.Index = 1<<32 - 4 },
			"none":   func(q *peer.HashRequest) { q.Length = 0 },
			"many":   func(q *peer.HashRequest) { q.Length = 1 << 31 },
			"proof":  func(q *peer.HashRequest) { q.ProofLayers = 1 << 30 },
			"all set": func(q *peer.HashRequest) {
				q.BaseLayer, q.Index, q.Length, q.ProofLayers = 1<<32-1, 1<<32-1, 1<<32-1, 1<<32-1
			},
		} {
			q := good
			spoil(&q)
			l.send(hashRequest(q))
			a, err := peer.ParseHashRequest(l.await(peer.IDHashReject).Payload)
			if err != nil || a != q {
				t.Errorf("%s: %v: %+v", name, err, a)
			}
		}
	}
}
