package get

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/seed"
)

// badInfo are what peers do that have no info dict, or a wrong one.
var badInfo = map[string]func(b *badPeer){
	"a wrong size": func(b *badPeer) { b.info(12345, func(peer.Metadata) *peer.Metadata { return nil }) },
	"a huge size":  func(b *badPeer) { b.info(200<<20, func(peer.Metadata) *peer.Metadata { return nil }) },
	"rejects": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata { m.Kind = peer.MetadataReject; return &m })
	},
	"never answers": func(b *badPeer) { b.info(0, func(peer.Metadata) *peer.Metadata { return nil }) },
	"wrong data": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata {
			size := len(b.meta.InfoBytes())
			return &peer.Metadata{Kind: peer.MetadataData, Piece: m.Piece, TotalSize: size, Data: make([]byte, min(16<<10, size-m.Piece*16<<10))}
		})
	},
	"another total": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata {
			return &peer.Metadata{Kind: peer.MetadataData, Piece: m.Piece, TotalSize: 16 << 10, Data: make([]byte, 16<<10)}
		})
	},
	"many haves": func(b *badPeer) {
		for i := uint32(0); ; i++ {
			if _, err := b.Write((peer.Message{ID: peer.IDHave, Index: i}).Append(nil)); err != nil {
				return
			}
		}
	},
	"a huge bitfield": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDBitfield, Payload: make([]byte, 4<<20)})
		b.wait()
	},
	"another bitfield": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDBitfield, Payload: make([]byte, 1000)})
		b.wait()
	},
	"pieces": func(b *badPeer) { b.send(block(peer.Message{}, 16<<10)); b.wait() },
}

// moreBadInfo are further ones, which don't depend on the format.
var moreBadInfo = map[string]func(b *badPeer){
	"a size of one byte": func(b *badPeer) {
		b.info(1, func(peer.Metadata) *peer.Metadata {
			return &peer.Metadata{Kind: peer.MetadataData, TotalSize: 1, Data: []byte("d")}
		})
	},
	"sizes that change": func(b *badPeer) {
		b.flood(func(i uint32) []byte {
			h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 3}, MetadataSize: 1 + int(i)<<16}
			return h.Append(nil)
		})
	},
	"one wrong byte": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata {
			a := b.rightInfo(m)
			a.Data = append([]byte(nil), a.Data...)
			a.Data[len(a.Data)-1] ^= 1
			return a
		})
	},
	"another piece": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata { m.Piece = 0; return b.rightInfo(m) })
	},
	"each piece twice": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata {
			b.Write(b.rightInfo(m).Append(nil, extensions.IDs()[peer.MetadataName]))
			return b.rightInfo(m)
		})
	},
	"data without a request": func(b *badPeer) {
		h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 3}, MetadataSize: len(b.meta.InfoBytes())}
		b.Write(h.Append(nil))
		b.flood(func(uint32) []byte {
			return b.rightInfo(peer.Metadata{}).Append(nil, extensions.IDs()[peer.MetadataName])
		})
	},
	"an answer of garbage": func(b *badPeer) {
		b.info(0, func(peer.Metadata) *peer.Metadata {
			extended(says, peer.MetadataName, strings.Repeat("l", 9000))(b)
			return nil
		})
	},
	"an answer byte by byte": func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata {
			b.slowly(b.rightInfo(m).Append(nil, extensions.IDs()[peer.MetadataName]), 50*time.Millisecond)
			return nil
		})
	},
	"closes at a request": func(b *badPeer) {
		b.info(0, func(peer.Metadata) *peer.Metadata { b.Close(); return nil })
	},
}

// rightInfo returns the answer to a request.
func (b *badPeer) rightInfo(m peer.Metadata) *peer.Metadata {
	info := b.meta.InfoBytes()
	data, _ := peer.MetadataPiece(info, m.Piece)
	return &peer.Metadata{Kind: peer.MetadataData, Piece: m.Piece, TotalSize: len(info), Data: data}
}

// info names the size of an info dict, 0 for the right one, and answers requests.
func (b *badPeer) info(size int, answer func(peer.Metadata) *peer.Metadata) {
	b.torrent(size, answer, func(peer.HashRequest) []byte { return nil })
}

// torrent answers requests for the info dict, as info does, and hash requests.
func (b *badPeer) torrent(size int, answer func(peer.Metadata) *peer.Metadata, hashes func(peer.HashRequest) []byte) {
	if size == 0 {
		size = len(b.meta.InfoBytes())
	}
	h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 3}, MetadataSize: size}
	b.Write(h.Append(nil))
	var id uint8
	b.each(func(m peer.Message) bool {
		if m.ID == peer.IDHashRequest {
			r, _ := peer.ParseHashRequest(m.Payload)
			b.Write(hashes(r))
		}
		if m.ID != peer.IDExtended {
			return true
		}
		if m.Extension == peer.ExtHandshake {
			h, _ := peer.ParseExtendedHandshake(m.Payload)
			id = h.Extensions[peer.MetadataName]
			return true
		}
		if q, err := peer.ParseMetadata(m.Payload); err == nil && q.Kind == peer.MetadataRequest {
			if a := answer(q); a != nil {
				b.Write(a.Append(nil, id))
			}
		}
		return true
	})
}

// haste makes requests that are not answered time out after a second.
const haste = 9

// Beside an honest seed, several peers that lie about the info dict do not keep it from
// arriving.
func TestHostileInfo(t *testing.T) {
	t.Parallel()
	sizes := make([]int, 26)
	for i := range sizes {
		sizes[i] = 300_000
	}
	for format, f := range formats {
		meta, root := makeContent(t, f, sizes...)
		for name, behave := range badInfo {
			t.Run(fmt.Sprintf("%s, %s", format, name), func(t *testing.T) { testInfo(t, meta, root, 3, behave) })
		}
	}
	meta, root := makeContent(t, formats["v1"], sizes...)
	for name, behave := range moreBadInfo {
		t.Run(name, func(t *testing.T) { testInfo(t, meta, root, 1, behave) })
	}
}

// testInfo downloads from liars and from an honest seed.
func testInfo(t *testing.T, meta *Metainfo, root string, liars int, behave func(b *badPeer)) {
	t.Parallel()
	var peers []netip.AddrPort
	for i := range liars {
		peers = append(peers, startBad(t, meta, fmt.Sprintf("127.0.0.%d", 2+i), behave))
	}
	peers = append(peers, startSeed(t, meta, root, seed.Options{}))
	dir := t.TempDir()
	r := run(t, Options{Magnet: meta.Magnet(), Dir: dir, Peers: peers, Encryption: EncryptionOff, haste: haste})
	if r.err != nil {
		t.Fatal(r.err)
	}
	sameTree(t, filepath.Join(dir, "content"), root)
}

// Peers that were not called while the data was checked are called at once after that.
func TestCallsAfterCheck(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, formats["v1"], 3*pieceLength)
	first := startBad(t, meta, "127.0.0.2", func(b *badPeer) {
		b.info(0, func(m peer.Metadata) *peer.Metadata { return b.rightInfo(m) })
	})
	good := startSeed(t, meta, root, seed.Options{})
	begun := time.Now()
	r := run(t, Options{
		Magnet: meta.Magnet(), Dir: t.TempDir(), Peers: []netip.AddrPort{first, good}, Encryption: EncryptionOff,
		Choose: func(*Metainfo) (func(int) bool, error) {
			time.Sleep(time.Second) // the second peer would be called now
			return nil, nil
		},
	})
	if took := time.Since(begun); r.err != nil || took > 30*time.Second {
		t.Errorf("%v after %v", r.err, took)
	}
}

// hashes sends the header of an answer to a hash request and n bytes, which are no hashes of
// the torrent, as many as it should if n is negative.
func hashes(r peer.HashRequest, n int) []byte {
	out := r.AppendHashesHeader(nil)
	if n < 0 {
		_, uncles := r.Uncles()
		n = 32 * (int(r.Length) + uncles)
	}
	out = append(out, make([]byte, n)...)
	binary.BigEndian.PutUint32(out, uint32(len(out)-4))
	return out
}

// badHashes are what peers answer to hash requests.
var badHashes = []struct {
	name   string
	want   outcome
	answer func(r peer.HashRequest) []byte
}{
	{"never answers", tolerated, func(peer.HashRequest) []byte { return nil }},
	{"rejects", tolerated, func(r peer.HashRequest) []byte { return r.AppendReject(nil) }},
	{"answers to other requests", tolerated, func(r peer.HashRequest) (out []byte) {
		index, file, layer, short := r, r, r, r
		index.Index++
		file.PiecesRoot[3]++
		layer.BaseLayer++
		short.ProofLayers = 0
		out = append(index.AppendReject(nil), hashes(file, -1)...)
		return append(append(out, hashes(layer, -1)...), hashes(short, -1)...)
	}},
	{"wrong hashes", banned, func(r peer.HashRequest) []byte { return hashes(r, -1) }},
	{"too few hashes", dropped, func(r peer.HashRequest) []byte { return hashes(r, 32) }},
	{"a part of a hash", dropped, func(r peer.HashRequest) []byte { return hashes(r, 33) }},
	{"too many hashes", dropped, func(r peer.HashRequest) []byte { return hashes(r, 32*2000) }},
	{"more hashes than any answer has", dropped, func(r peer.HashRequest) []byte { return hashes(r, 1<<20) }},
	{"hashes twice", banned, func(r peer.HashRequest) []byte { return append(hashes(r, -1), hashes(r, -1)...) }},
	{"a header of huge numbers", dropped, func(r peer.HashRequest) []byte {
		out := hashes(r, -1)
		copy(out[4+1+32:], bytes.Repeat([]byte{0xff}, 16))
		return out
	}},
}

// Beside an honest seed, peers that lie about the piece layers do not keep them from arriving.
func TestHostileHashes(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"v2", "hybrid"} {
		meta, root := makeContent(t, formats[format], 10*pieceLength, 300_000)
		for _, b := range badHashes {
			if format != "v2" && b.want == tolerated {
				continue // they are slow: the request must time out
			}
			t.Run(format+", "+b.name, func(t *testing.T) {
				t.Parallel()
				behave := func(p *badPeer) {
					p.torrent(0, func(m peer.Metadata) *peer.Metadata { return p.rightInfo(m) }, b.answer)
				}
				bad := startBad(t, meta, "127.0.0.2", behave)
				good := startSeed(t, meta, root, seed.Options{})
				o := Options{Magnet: &Magnet{HasV2: true, V2: meta.InfoHashV2}, Encryption: EncryptionOff, haste: haste}
				if b.want != tolerated {
					testOutcome(t, b.want, bad, o)
				}
				o.Dir, o.Peers = t.TempDir(), []netip.AddrPort{bad, good}
				r := run(t, o)
				if r.err != nil {
					t.Fatal(r.err)
				}
				sameTree(t, filepath.Join(o.Dir, "content"), root)
			})
		}
	}
}
