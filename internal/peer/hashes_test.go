package peer

import (
	"bytes"
	"crypto/sha256"
	"math/bits"
	"slices"
	"strings"
	"testing"
)

func TestHashMessages(t *testing.T) {
	want := HashRequest{PiecesRoot: [32]byte(unhex(t, rootHex)), BaseLayer: 2, Index: 512, Length: 256, ProofLayers: 7}
	for _, tt := range []struct {
		id   ID
		hex  string
		wire []byte
	}{
		{IDHashRequest, "00000031 15" + hashBody, want.Append(nil)},
		{IDHashReject, "00000031 17" + hashBody, want.AppendReject(nil)},
	} {
		if !bytes.Equal(tt.wire, unhex(t, tt.hex)) {
			t.Errorf("%v: wrote %x", tt.id, tt.wire)
		}
		m, _, err := Next(tt.wire, testPieces)
		if err != nil || m.ID != tt.id {
			t.Fatalf("%+v, %v", m, err)
		}
		if got, err := ParseHashRequest(m.Payload); err != nil || got != want {
			t.Errorf("%v: read %+v, %v", tt.id, got, err)
		}
		for n := range m.Payload {
			if _, err := ParseHashRequest(m.Payload[:n]); err == nil {
				t.Errorf("%v of %d bytes", tt.id, n)
			}
		}
	}

	// 256 hashes are a tree of height 8, so that of 7 proof layers none is sent.
	r := want
	hashes := bytes.Repeat(unhex(t, rootHex), 256)
	wire := append(r.AppendHashesHeader(nil), hashes...)
	if !bytes.Equal(wire[:53], unhex(t, "00002031 16"+hashBody)) {
		t.Errorf("wrote %x", wire[:53])
	}
	m, n, err := Next(wire, testPieces)
	if err != nil || n != len(wire) || m.ID != IDHashes {
		t.Fatalf("%v, %d, %v", m.ID, n, err)
	}
	got, gotHashes, err := ParseHashes(m.Payload)
	if err != nil || got != want || !bytes.Equal(gotHashes, hashes) {
		t.Errorf("read %+v, %d bytes, %v", got, len(gotHashes), err)
	}
	for _, bad := range [][]byte{nil, m.Payload[:47], m.Payload[:48], m.Payload[:80], m.Payload[:len(m.Payload)-32], m.Payload[:len(m.Payload)-1], append(slices.Clone(m.Payload), 0), append(slices.Clone(m.Payload), hashes[:32]...)} {
		if _, _, err := ParseHashes(bad); err == nil {
			t.Errorf("hashes of %d bytes", len(bad))
		}
	}
	for _, r := range []HashRequest{{}, {Length: MaxLeaves + 1}, {Length: 1 << 31}, {Length: 2, ProofLayers: maxHeight + 1}, {Length: 2, ProofLayers: 1<<32 - 1}} {
		body := r.appendBody(nil)
		// Two hashes, or as many as it says.
		if _, _, err := ParseHashes(append(body, hashes[:64]...)); err == nil {
			t.Errorf("%+v", r)
		}
		if _, n := r.Uncles(); r.Length < 1<<20 && n < 1<<20 {
			if _, _, err := ParseHashes(append(body, make([]byte, 32*(int(r.Length)+n))...)); err == nil {
				t.Errorf("%+v, all there", r)
			}
		}
	}

	// The longest there can be passes Next, and no other.
	r = HashRequest{Length: MaxLeaves, ProofLayers: maxHeight}
	if wire := r.AppendHashesHeader(nil); !fits(wire) {
		t.Error("the longest hashes message is too long")
	}
	r = HashRequest{Length: 1, ProofLayers: maxHeight}
	if wire := append(r.AppendHashesHeader(nil), make([]byte, 32*51)...); !fits(wire) {
		t.Error("one hash and its uncles are too long")
	} else if _, _, err := ParseHashes(wire[5:]); err != nil {
		t.Error(err)
	}
}

func fits(b []byte) bool {
	_, n, err := Next(b, testPieces)
	return err == nil && n >= len(b)
}

// What others send for a request, from their tests or by their code.
func TestUncles(t *testing.T) {
	for _, tt := range []struct {
		name                    string
		base, length, proof     uint32
		wantLayer, wantProofsIn int
	}{
		{"BEP 52: the first log2(length)-1 proof layers are left out", 0, 4, 2, 2, 1},
		{"two leaves, none left out", 0, 2, 3, 1, 3},
		{"libtorrent, 512 pieces", 2, 512, 10, 11, 2},
		{"libtorrent, 512 pieces without a proof", 2, 512, 0, 11, 0},
		{"libtorrent, 8 pieces at the end", 2, 8, 10, 5, 8},
		{"libtorrent, 5 pieces at the end", 2, 5, 10, 5, 8},
		{"libtorrent, one piece at the end", 4, 1, 9, 4, 10},
		{"BiglyBT, two pieces", 4, 2, 6, 5, 6},
	} {
		r := HashRequest{BaseLayer: tt.base, Length: tt.length, ProofLayers: tt.proof}
		if layer, n := r.Uncles(); layer != tt.wantLayer || n != tt.wantProofsIn {
			t.Errorf("%s: %d from layer %d", tt.name, n, layer)
		}
	}
}

func TestCheck(t *testing.T) {
	const (
		piece16  = 0 // the layer of pieces of 16 KiB, and so on
		piece64  = 2
		piece32M = 11
		piece1G  = 16
	)
	for _, tt := range []struct {
		name                       string
		blocks                     int64
		pieceLayer                 int
		base, index, length, proof uint32
		want                       string // part of the error; empty: none
	}{
		{"pieces of a small file", 40, piece64, 2, 0, 16, 3, ""}, // 10 pieces
		{"pieces as far as there are", 40, piece64, 2, 0, 10, 3, ""},
		{"pieces not that far", 40, piece64, 2, 0, 9, 3, "not a power of two"},
		{"pieces, but one more", 40, piece64, 2, 0, 11, 3, "not a power of two"},
		{"two pieces, as BiglyBT asks", 40, piece64, 2, 8, 2, 3, ""},
		{"the last piece and one after", 36, piece64, 2, 8, 2, 3, ""},
		{"the last piece", 36, piece64, 2, 8, 1, 3, ""},
		{"the last piece but one", 40, piece64, 2, 8, 1, 3, "not a power of two"},
		{"a piece in the middle", 40, piece64, 2, 2, 1, 3, "not a power of two"},
		{"beyond the file", 36, piece64, 2, 10, 2, 3, "10 in a layer of 9"},
		{"beyond the tree", 40, piece64, 2, 16, 2, 3, "16 in a layer of 10"},
		{"far beyond", 40, piece64, 2, 1<<32 - 2, 2, 3, "in a layer of 10"},
		{"more than the tree has", 40, piece64, 2, 0, 32, 3, "32 hashes from 0 in a layer of 10"},
		{"no multiple", 40, piece64, 2, 2, 4, 3, "not a multiple"},
		{"no multiple at the end", 36, piece64, 2, 6, 3, 3, "not a multiple"},
		{"the end", 44, piece64, 2, 8, 3, 3, ""},
		{"none", 40, piece64, 2, 0, 0, 3, "0 hashes"},
		{"too high a proof", 40, piece64, 2, 0, 16, 4, "4 proof layers above layer 2 in a tree of height 6"},
		{"a huge proof", 40, piece64, 2, 0, 16, 1<<32 - 1, "proof layers"},
		{"no proof", 40, piece64, 2, 0, 16, 0, ""},
		{"the layer below the root", 40, piece64, 5, 0, 2, 0, ""},
		{"with a proof that has the root", 40, piece64, 5, 0, 2, 1, "proof layers"},
		{"the root", 40, piece64, 6, 0, 1, 0, "no layer 6"},
		{"above the root", 40, piece64, 7, 0, 2, 0, "no layer 7"},
		{"far above", 40, piece64, 1<<32 - 1, 0, 2, 0, "no layer 4294967295"},
		{"leaves of a piece", 40, piece64, 0, 8, 4, 5, ""},
		{"leaves of a file in one piece", 3, piece64, 0, 0, 4, 1, ""},
		{"the layer of pieces of such a file", 3, piece64, 2, 0, 2, 0, "no layer 2"},
		{"a file of one block", 1, piece16, 0, 0, 1, 0, "no layer 0"},
		{"an empty file", 0, piece16, 0, 0, 2, 0, "empty"},
		{"512 pieces", 1 << 20, piece16, 0, 512, 512, 19, ""},
		{"1024 pieces", 1 << 20, piece16, 0, 1024, 1024, 19, "1024 hashes at once"},
		{"1024 pieces in another layer", 1 << 20, piece64, 2, 1024, 1024, 17, "1024 hashes at once"},
		{"513 pieces, the last, as libtorrent asks", 513 * 4, piece64, 2, 512, 1, 9, ""},
		{"leaves of 32 MiB", 1 << 20, piece32M, 0, 2048, 2048, 19, ""},
		{"as many of another layer", 1 << 20, piece32M, 1, 2048, 1024, 18, "1024 hashes at once"},
		{"leaves of two pieces of 32 MiB", 1 << 20, piece32M, 0, 0, 4096, 19, "4096 hashes at once"},
		{"leaves of 128 MiB in a piece of 1 GiB", 1 << 20, piece1G, 0, 8192, 8192, 19, ""},
		{"leaves of 256 MiB in a piece of 1 GiB", 1 << 20, piece1G, 0, 0, 16384, 19, "16384 hashes at once"},
		{"a negative layer of pieces", 40, -1, 0, 0, 32, 5, ""},
		{"the longest file", 1 << 49, piece1G, 16, 1<<32 - 512, 512, 32, ""},
		{"the longest file, leaves", 1 << 49, piece1G, 0, 1<<32 - 512, 512, 48, ""},
		{"lengths that wrap", 1 << 49, piece1G, 0, 1 << 31, 1<<32 - 1, 48, "at once"},
	} {
		r := HashRequest{BaseLayer: tt.base, Index: tt.index, Length: tt.length, ProofLayers: tt.proof}
		err := r.Check(tt.blocks, tt.pieceLayer)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
		if err == nil && !libtorrentServes(&r, tt.blocks) {
			t.Errorf("%s: not with libtorrent", tt.name)
		}
	}
}

// libtorrentServes reports whether libtorrent 2 answers r with hashes, by what its
// validate_hash_request asks for. It is more lenient, but not in that.
func libtorrentServes(r *HashRequest, blocks int64) bool {
	height := int64(bits.Len64(uint64(blocks - 1)))
	base, index, length := int64(r.BaseLayer), int64(r.Index), int64(r.Length)
	return length > 0 && length <= 8192 && base < height &&
		index+length <= 1<<(height-base) && int64(r.ProofLayers) < height-base
}

// A tree of a file, layer by layer, filled up with zeros to a power of two.
func treeOf(blocks int) [][][32]byte {
	leaves := make([][32]byte, 1<<heightOf(uint32(blocks)))
	for i := range blocks {
		leaves[i] = sha256.Sum256([]byte{byte(i)})
	}
	tree := [][][32]byte{leaves}
	for layer := leaves; len(layer) > 1; {
		var above [][32]byte
		for i := 0; i < len(layer); i += 2 {
			above = append(above, join(layer[i], layer[i+1]))
		}
		tree, layer = append(tree, above), above
	}
	return tree
}

func join(left, right [32]byte) [32]byte {
	return sha256.Sum256(append(left[:], right[:]...))
}

// Every request that passes Check can be answered by the tree, and if it asks for
// all proof layers, the answer proves itself.
func TestEveryRequest(t *testing.T) {
	var checked, proved int
	for blocks := 1; blocks <= 20; blocks++ {
		tree := treeOf(blocks)
		height := len(tree) - 1
		for base := range height + 2 {
			for index := range 35 {
				for length := range 35 {
					for proof := range height + 2 {
						r := HashRequest{BaseLayer: uint32(base), Index: uint32(index), Length: uint32(length), ProofLayers: uint32(proof)}
						if r.Check(int64(blocks), 1) != nil {
							continue
						}
						checked++
						if !libtorrentServes(&r, int64(blocks)) {
							t.Fatalf("%d blocks, %+v: libtorrent refuses", blocks, r)
						}
						if proof == height-1-base {
							prove(t, tree, &r)
							proved++
						}
					}
				}
			}
		}
	}
	if checked < 1000 || proved < 300 {
		t.Errorf("only %d requests, %d proved", checked, proved)
	}
}

// prove answers r from the tree and computes the root from the answer, as its
// receiver would.
func prove(t *testing.T, tree [][][32]byte, r *HashRequest) {
	t.Helper()
	wire := r.AppendHashesHeader(nil)
	for _, h := range tree[r.BaseLayer][r.Index : r.Index+r.Length] {
		wire = append(wire, h[:]...)
	}
	layer, n := r.Uncles()
	for l := layer; l < layer+n; l++ {
		wire = append(wire, tree[l][int(r.Index)>>(l-int(r.BaseLayer))^1][:]...)
	}

	m, size, err := Next(wire, testPieces)
	if err != nil || size != len(wire) {
		t.Fatalf("%+v: %d, %v", r, size, err)
	}
	got, answer, err := ParseHashes(m.Payload)
	if err != nil || got != *r {
		t.Fatalf("%+v: %+v, %v", r, got, err)
	}
	var hashes [][32]byte
	for h := range slices.Chunk(answer, 32) {
		hashes = append(hashes, [32]byte(h))
	}
	own, uncles := slices.Clone(hashes[:r.Length]), hashes[r.Length:]
	zero := tree[r.BaseLayer][len(tree[r.BaseLayer])-1] // where it is needed, the last is of zeros
	for len(own)&(len(own)-1) != 0 {
		own = append(own, zero)
	}
	index := int(r.Index)
	for len(own) > 1 {
		for i := range len(own) / 2 {
			own[i] = join(own[2*i], own[2*i+1])
		}
		own, index = own[:len(own)/2], index/2
	}
	root := own[0]
	for _, uncle := range uncles {
		if index&1 == 0 {
			root = join(root, uncle)
		} else {
			root = join(uncle, root)
		}
		index /= 2
	}
	if root != tree[len(tree)-1][0] {
		t.Fatalf("%+v: proves nothing", r)
	}
}
