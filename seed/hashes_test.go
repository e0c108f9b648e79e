package seed

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/swarm"
	"bt/internal/upload"
	"bt/maketorrent"
)

func hashRequest(r peer.HashRequest) peer.Message {
	return peer.Message{ID: peer.IDHashRequest, Payload: r.Append(nil)[5:]}
}

// proved computes the root from the hashes of a layer, from that index on, and the
// uncles behind them.
func proved(q *peer.HashRequest, hashes []byte) []byte {
	own := 1
	for own < int(q.Length) {
		own *= 2
	}
	layer, uncles := bytes.Clone(hashes[:32*q.Length]), hashes[32*q.Length:]
	layer = append(layer, make([]byte, 32*(own-int(q.Length)))...) // leaves behind the end
	for len(layer) > 32 {
		var above []byte
		for ; len(layer) > 0; layer = layer[64:] {
			h := sha256.Sum256(layer[:64])
			above = append(above, h[:]...)
		}
		layer = above
	}
	for at := int(q.Index) / own; len(uncles) > 0; at, uncles = at/2, uncles[32:] {
		pair := append(bytes.Clone(layer), uncles[:32]...)
		if at%2 == 1 {
			pair = append(bytes.Clone(uncles[:32]), layer...)
		}
		h := sha256.Sum256(pair)
		layer = h[:]
	}
	return layer
}

// Hashes prove themselves: with the uncles they make the root.
func TestHashes(t *testing.T) {
	t.Parallel()
	for _, format := range []maketorrent.Format{maketorrent.FormatV2, maketorrent.FormatHybrid} {
		const pieces = 21
		r, tt, path := one(t, Options{}, format, pieces<<16-5-3*metainfo.BlockLength, 3<<14-5)
		l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
		var roots [][32]byte // pads have none
		for _, f := range loadedOf(t, tt).content.Files {
			if f.PiecesRoot != nil {
				roots = append(roots, *f.PiecesRoot)
			}
		}
		root, small := roots[0], roots[1]
		base := uint32(metainfo.PieceHeight(tt.pieceLength))
		ask := func(q peer.HashRequest) []byte {
			l.send(hashRequest(q))
			a, hashes, err := peer.ParseHashes(l.await(peer.IDHashes).Payload)
			if err != nil || a != q {
				t.Fatalf("%v: %+v", err, a)
			}
			if got := proved(&q, hashes); !bytes.Equal(got, q.PiecesRoot[:]) {
				t.Errorf("%+v: the root is %x", q, got)
			}
			return hashes
		}
		for length := uint32(2); length <= 32; length *= 2 {
			for index := uint32(0); index < pieces; index += length {
				hashes := ask(peer.HashRequest{PiecesRoot: root, BaseLayer: base, Index: index, Length: length, ProofLayers: 4})
				if !bytes.Equal(hashes[:32], loadedOf(t, tt).meta.PieceLayer(&root)[32*index:][:32]) {
					t.Errorf("%d from %d: not the layer's hashes", length, index)
				}
			}
		}
		ask(peer.HashRequest{PiecesRoot: root, BaseLayer: base + 1, Index: 2, Length: 2, ProofLayers: 3})

		// Of blocks: all of a piece, half of it, and the last, which has one block.
		const blocks = 4 // a piece
		data, err := os.ReadFile(filepath.Join(path, "a"))
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range []peer.HashRequest{
			{Index: 0, Length: blocks},
			{Index: 5 * blocks, Length: blocks},
			{Index: 5*blocks + 2, Length: 2},
			{Index: (pieces - 1) * blocks, Length: 1},
		} {
			q.PiecesRoot, q.ProofLayers = root, 6
			hashes := ask(q)
			at := int(q.Index) * metainfo.BlockLength
			if h := sha256.Sum256(data[at:min(at+metainfo.BlockLength, len(data))]); !bytes.Equal(hashes[:32], h[:]) {
				t.Errorf("%+v: not the hash of the block", q)
			}
		}
		ask(peer.HashRequest{PiecesRoot: root, BaseLayer: 1, Index: 2 * 7, Length: 2, ProofLayers: 5})
		ask(peer.HashRequest{PiecesRoot: root, BaseLayer: 1, Index: 2 * (pieces - 1), Length: 1, ProofLayers: 5})
		ask(peer.HashRequest{PiecesRoot: small, Length: 2, ProofLayers: 1})
		ask(peer.HashRequest{PiecesRoot: small, Index: 2, Length: 1, ProofLayers: 1})
		good := peer.HashRequest{PiecesRoot: root, BaseLayer: base, Length: 4, ProofLayers: 4}
		for name, spoil := range map[string]func(*peer.HashRequest){
			"root":   func(q *peer.HashRequest) { q.PiecesRoot[0]++ },
			"small":  func(q *peer.HashRequest) { q.PiecesRoot = small },
			"layer":  func(q *peer.HashRequest) { q.BaseLayer += 5 },
			"pieces": func(q *peer.HashRequest) { q.BaseLayer, q.Length = 0, 8 },
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

// Receiving blocks does not reset the cost of hash requests, which is higher: the
// peer is slowed down.
func TestHashFlood(t *testing.T) {
	t.Parallel()
	r, tt, _ := one(t, Options{}, maketorrent.FormatV2, 300_000)
	l := r.join(t, tt)
	q := peer.HashRequest{PiecesRoot: *loadedOf(t, tt).content.Files[0].PiecesRoot, Length: 4, ProofLayers: 4}
	const floodBurst, floodRate = 50_000, 5_000                             // of package swarm
	const n, cost = floodBurst/swarm.CostHashes + 300, swarm.CostHashes + 4 // blocks
	began := time.Now()
	for range n {
		l.send(request(0, 0, 1), hashRequest(q))
		l.await(peer.IDHashes)
	}
	burst := float64(floodBurst + upload.LayerTries*swarm.CostHashes)
	if took, least := time.Since(began).Seconds(), (n*cost-burst)/floodRate; took < 0.9*least {
		t.Errorf("%d requests took %.2f s, want %.2f", n, took, least)
	}
}

// A peer that starts from a magnet link requests the piece layer of each of many
// files, without pauses, and may do so again. One that continues is slowed down but
// not disconnected, since libtorrent does so.
func TestHashesOfManyFiles(t *testing.T) {
	t.Parallel()
	const files = 1500
	meta, root := manyFiles(t, files)
	r := start(t, Options{}, Input{Torrent: meta, Path: root, Hashed: true})
	tt := r.find([20]byte(meta.InfoHashV2[:]))
	m := loadedOf(t, tt)
	l := r.dial(t, tt.swarms[0].hash, tt.pieces, allFeatures)
	ask := func() error {
		var b []byte
		n := 0
		for _, f := range m.content.Files {
			b = hashRequest(peer.HashRequest{PiecesRoot: *f.PiecesRoot, Length: 2}).Append(b)
			n++
		}
		sent := make(chan error, 1)
		go func() { _, err := l.conn.Write(b); sent <- err }()
		for n > 0 {
			msg, err := l.read()
			if err != nil {
				<-sent
				return err
			}
			if msg.ID == peer.IDHashReject {
				t.Fatal("it is refused")
			}
			if msg.ID == peer.IDHashes {
				n--
			}
		}
		return <-sent
	}
	for i := range upload.LayerTries {
		if err := ask(); err != nil {
			t.Fatalf("time %d: %v", i+1, err)
		}
	}
	if err := ask(); err != nil {
		t.Fatalf("one that goes on is sent away: %v", err)
	}
}

// manyFiles writes that many files, of two pieces each, and returns a v2 torrent of
// them and where they are.
func manyFiles(t *testing.T, n int) (*Metainfo, string) {
	t.Helper()
	root := filepath.Join(t.TempDir(), "many")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, metainfo.BlockLength+1)
	for i := range n {
		binary.BigEndian.PutUint32(data, uint32(i))
		if err := os.WriteFile(filepath.Join(root, fmt.Sprintf("f%05d", i)), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Format: maketorrent.FormatV2, PieceLength: metainfo.BlockLength})
	if err != nil {
		t.Fatal(err)
	}
	return made.Torrent, root
}
