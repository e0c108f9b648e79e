package get

import (
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"testing"

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
		io.Copy(io.Discard, b)
	},
	"another bitfield": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDBitfield, Payload: make([]byte, 1000)})
		io.Copy(io.Discard, b)
	},
	"pieces": func(b *badPeer) { b.send(block(peer.Message{}, 16<<10)); io.Copy(io.Discard, b) },
}

// info names the size of an info dict, 0 for the right one, and answers requests.
func (b *badPeer) info(size int, answer func(peer.Metadata) *peer.Metadata) {
	if size == 0 {
		size = len(b.meta.InfoBytes())
	}
	h := peer.ExtendedHandshake{Extensions: map[string]uint8{peer.MetadataName: 3}, MetadataSize: size}
	b.Write(h.Append(nil))
	var id uint8
	b.each(func(m peer.Message) bool {
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
			t.Run(fmt.Sprintf("%s, %s", format, name), func(t *testing.T) {
				t.Parallel()
				var peers []netip.AddrPort
				for i := range 3 {
					peers = append(peers, startBad(t, meta, fmt.Sprintf("127.0.0.%d", 2+i), behave))
				}
				peers = append(peers, startSeed(t, meta, root, seed.Options{}))
				dir := t.TempDir()
				r := run(t, Options{Magnet: meta.Magnet(), Dir: dir, Peers: peers, Encryption: EncryptionOff})
				if r.err != nil {
					t.Fatal(r.err)
				}
				sameTree(t, filepath.Join(dir, "content"), root)
			})
		}
	}
}
