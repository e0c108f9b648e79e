package get

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/maketorrent"
	"bt/seed"
)

// A badPeer is the connection of a peer that misbehaves.
type badPeer struct {
	net.Conn
	meta *Metainfo
}

func (b *badPeer) send(messages ...peer.Message) {
	var out []byte
	for _, m := range messages {
		out = m.Append(out)
	}
	b.Write(out)
}

// each calls handle for each message that is received.
func (b *badPeer) each(handle func(m peer.Message) bool) {
	var in []byte
	buf := make([]byte, 64<<10)
	for {
		n, err := b.Read(buf)
		if err != nil {
			return
		}
		in = append(in, buf[:n]...)
		for {
			m, n, err := peer.Next(in, b.meta.PieceCount())
			if err != nil || n > len(in) {
				break
			}
			if !handle(m) {
				return
			}
			in = in[n:]
		}
	}
}

// unchoked says that it has all pieces, and unchokes.
func (b *badPeer) unchoked() {
	b.send(peer.Message{ID: peer.IDHaveAll}, peer.Message{ID: peer.IDUnchoke})
}

// requests calls answer for each request.
func (b *badPeer) requests(answer func(m peer.Message) bool) {
	b.unchoked()
	b.each(func(m peer.Message) bool { return m.ID != peer.IDRequest || answer(m) })
}

func block(m peer.Message, n int) peer.Message {
	return peer.Message{ID: peer.IDPiece, Index: m.Index, Begin: m.Begin, Payload: make([]byte, n)}
}

// badPeers are what peers do that misbehave.
var badPeers = map[string]func(b *badPeer){
	"closes at once":           func(*badPeer) {},
	"says nothing":             func(b *badPeer) { io.Copy(io.Discard, b) },
	"unchokes, sends nothing":  func(b *badPeer) { b.requests(func(peer.Message) bool { return true }) },
	"closes at a request":      func(b *badPeer) { b.requests(func(peer.Message) bool { return false }) },
	"garbage":                  func(b *badPeer) { b.Write([]byte("this is no message of any kind, and long enough")) },
	"a huge length":            func(b *badPeer) { b.Write([]byte{0x7f, 0xff, 0xff, 0xff, 7}); io.Copy(io.Discard, b) },
	"a length without message": func(b *badPeer) { b.Write([]byte{0, 0, 0x40, 9, 7}); io.Copy(io.Discard, b) },
	"wrong bitfield": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDBitfield, Payload: make([]byte, 1)})
		io.Copy(io.Discard, b)
	},
	"bitfield with spare bits": func(b *badPeer) {
		f := peer.FullBitfield(b.meta.PieceCount())
		f[len(f)-1] = 0xff
		b.send(peer.Message{ID: peer.IDBitfield, Payload: f})
		io.Copy(io.Discard, b)
	},
	"have of no piece": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDHave, Index: 1 << 30})
		io.Copy(io.Discard, b)
	},
	"allowed fast of no piece": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDAllowedFast, Index: 1 << 30})
		io.Copy(io.Discard, b)
	},
	"wrong blocks": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, int(m.Length))); return true })
	},
	"short blocks": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, int(m.Length)-1)); return true })
	},
	"a block and a violation at once": func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			b.Write(append(block(m, int(m.Length)).Append(nil), 0, 0, 0, 1, 99, 0x7f, 0xff, 0xff, 0xff, 7))
			return true
		})
	},
	"empty blocks": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, 0)); return true })
	},
	"shifted blocks": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { m.Begin++; b.send(block(m, int(m.Length))); return true })
	},
	"blocks of no piece": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { m.Index = 1 << 31; b.send(block(m, int(m.Length))); return true })
	},
	"each block twice": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { b.send(block(m, int(m.Length)), block(m, int(m.Length))); return true })
	},
	"blocks without requests": func(b *badPeer) {
		for i := 0; ; i++ {
			if _, err := b.Write(block(peer.Message{Index: uint32(i % 4)}, 16<<10).Append(nil)); err != nil {
				return
			}
		}
	},
	"rejects everything": func(b *badPeer) {
		b.requests(func(m peer.Message) bool { m.ID = peer.IDReject; b.send(m); return true })
	},
	"rejects without requests": func(b *badPeer) {
		b.unchoked()
		for {
			if _, err := b.Write((peer.Message{ID: peer.IDReject, Length: 16 << 10}).Append(nil)); err != nil {
				return
			}
		}
	},
	"chokes at each request": func(b *badPeer) {
		b.requests(func(peer.Message) bool {
			b.send(peer.Message{ID: peer.IDChoke}, peer.Message{ID: peer.IDUnchoke})
			return true
		})
	},
	"haves without end": func(b *badPeer) {
		for i := uint32(0); ; i++ {
			if _, err := b.Write((peer.Message{ID: peer.IDHave, Index: i % 4}).Append(nil)); err != nil {
				return
			}
		}
	},
	"suggests without end": func(b *badPeer) {
		for i := uint32(0); ; i++ {
			if _, err := b.Write((peer.Message{ID: peer.IDSuggest, Index: i % 4}).Append(nil)); err != nil {
				return
			}
		}
	},
	"keep-alives without end": func(b *badPeer) {
		for {
			if _, err := b.Write(make([]byte, 64)); err != nil {
				return
			}
		}
	},
	"interested and not, without end": func(b *badPeer) {
		for {
			out := (peer.Message{ID: peer.IDNotInterested}).Append((peer.Message{ID: peer.IDInterested}).Append(nil))
			if _, err := b.Write(out); err != nil {
				return
			}
		}
	},
	"requests of what we lack": func(b *badPeer) {
		for {
			if _, err := b.Write((peer.Message{ID: peer.IDRequest, Length: 16 << 10}).Append(nil)); err != nil {
				return
			}
		}
	},
	"a request of too much": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDRequest, Length: 1 << 30})
		io.Copy(io.Discard, b)
	},
	"hashes without request": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDHashes, Payload: make([]byte, 48+32)})
		io.Copy(io.Discard, b)
	},
	"extended handshake of garbage": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDExtended, Payload: []byte("d1:")})
		io.Copy(io.Discard, b)
	},
	"long extended handshake": func(b *badPeer) {
		b.send(peer.Message{ID: peer.IDExtended, Payload: append([]byte("d1:v60000:"), make([]byte, 60_001)...)})
		io.Copy(io.Discard, b)
	},
	"many extended messages": func(b *badPeer) {
		for {
			if _, err := b.Write((peer.Message{ID: peer.IDExtended, Extension: 200, Payload: make([]byte, 1000)}).Append(nil)); err != nil {
				return
			}
		}
	},
	"slowly": func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			for _, c := range block(m, int(m.Length)).Append(nil) {
				if _, err := b.Write([]byte{c}); err != nil {
					return false
				}
				time.Sleep(50 * time.Millisecond)
			}
			return true
		})
	},
}

// startBad runs a peer that misbehaves until the test ends.
func startBad(t testing.TB, meta *Metainfo, ip string, behave func(b *badPeer)) netip.AddrPort {
	t.Helper()
	l := listen(t, ip)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				theirs := make([]byte, peer.HandshakeLength)
				if _, err := io.ReadFull(conn, theirs); err != nil {
					return
				}
				h, err := peer.ParseHandshake(theirs)
				if err != nil {
					return
				}
				binary.BigEndian.PutUint64(h.PeerID[12:], uint64(time.Now().UnixNano()))
				if _, err := conn.Write(h.Append(nil)); err != nil {
					return
				}
				behave(&badPeer{conn, meta})
			}()
		}
	}()
	return netip.MustParseAddrPort(l.Addr().String())
}

// Beside an honest seed, a peer that misbehaves neither spoils a download nor stops it.
func TestHostilePeers(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 30*pieceLength+1)
	good := startSeed(t, meta, root, seed.Options{})
	for name, behave := range badPeers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bad := startBad(t, meta, "127.0.0.2", behave)
			dir := t.TempDir()
			o := Options{Torrent: meta, Dir: dir, Peers: []netip.AddrPort{bad, good}, Encryption: EncryptionOff, MaxDownloadRate: 2 << 20}
			r := run(t, o)
			if r.err != nil {
				t.Fatal(r.err)
			}
			sameTree(t, filepath.Join(dir, "content"), root)
			for _, e := range of[EventPeer](r) {
				if e.Err != nil && e.Addr.Addr() == good.Addr() {
					t.Errorf("the honest peer was sent away: %v", e.Err)
				}
			}
			if most := meta.Size() * 3; of[EventStopped](r)[0].Downloaded > most {
				t.Errorf("%d bytes were received, of %d", of[EventStopped](r)[0].Downloaded, meta.Size())
			}
		})
	}
}

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
