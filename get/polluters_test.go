package get

import (
	"bytes"
	"cmp"
	crand "crypto/rand"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/internal/testenv"
	"bt/maketorrent"
	"bt/seed"
)

// pollute returns the behavior of a peer that has a file, and sends garbage instead of some of
// its blocks, which it counts.
func pollute(data []byte, share float64, garbage *atomic.Int64) func(b *badPeer) {
	return func(b *badPeer) {
		b.requests(func(m peer.Message) bool {
			at := int64(m.Index)*b.meta.PieceLength + int64(m.Begin)
			payload := data[at:][:m.Length]
			if rand.Float64() < share {
				payload = make([]byte, m.Length)
				crand.Read(payload)
				garbage.Add(1)
			}
			time.Sleep(5 * time.Millisecond) // it is not much faster than the others
			b.send(peer.Message{ID: peer.IDPiece, Index: m.Index, Begin: m.Begin, Payload: payload})
			return true
		})
	}
}

// A pollution is a download from honest peers and from some that send garbage.
type pollution struct {
	polluters, honest int
	size              int     // of the file; 0: 20 MiB
	share             float64 // of the blocks, that is garbage
	pieceLength       int64
	memory            int64 // 0: enough for each peer to give whole pieces
	stream            bool
	most              float64 // times the bytes of the torrent
}

// few is how many times the bytes are received at most if there are few pieces: a peer gives
// some before the first is hashed.
const few = 3

// Peers that send garbage are banned, all of them and no other, and the download ends.
func TestPolluters(t *testing.T) {
	t.Parallel()
	half := pollution{polluters: 8, honest: 8, share: 0.3, pieceLength: pieceLength, most: 1.6}
	for name, format := range formats {
		t.Run("half, "+name, func(t *testing.T) { half.test(t, format) })
	}
	for name, p := range map[string]pollution{
		"one of many":         {polluters: 1, honest: 8, share: 0.3, pieceLength: pieceLength, most: 1.6},
		"all but one":         {polluters: 7, honest: 1, share: 0.9, pieceLength: pieceLength, most: 1.6},
		"half, long pieces":   {polluters: 8, honest: 8, share: 0.3, pieceLength: 1 << 20, most: few},
		"half, shared pieces": {polluters: 8, honest: 8, share: 0.3, pieceLength: 1 << 20, memory: 4 << 20, most: few},
		"half, a stream":      {polluters: 8, honest: 8, share: 0.3, pieceLength: 256 << 10, memory: 4 << 20, stream: true, most: few},
	} {
		t.Run(name, func(t *testing.T) { p.test(t, maketorrent.FormatV1) })
	}
}

// Where long pieces are many, too, little is received twice.
func TestPollutersOfLargeFile(t *testing.T) {
	testenv.Large(t)
	p := pollution{polluters: 8, honest: 8, size: 150 << 20, share: 0.3, pieceLength: 1 << 20, most: 1.6}
	p.test(t, maketorrent.FormatV1)
}

func (p *pollution) test(t *testing.T, format maketorrent.Format) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "content")
	data := make([]byte, cmp.Or(p.size, 20<<20)+5)
	crand.Read(data)
	if err := os.WriteFile(root, data, 0o666); err != nil {
		t.Fatal(err)
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Format: format, PieceLength: p.pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	var peers []netip.AddrPort
	garbage := make(map[netip.Addr]*atomic.Int64)
	for i := range p.polluters {
		sent := new(atomic.Int64)
		a := startBad(t, made.Torrent, fmt.Sprintf("127.0.1.%d", 1+i), pollute(data, p.share, sent))
		garbage[a.Addr()] = sent
		peers = append(peers, a)
	}
	for i := range p.honest {
		l := listen(t, fmt.Sprintf("127.0.2.%d", 1+i))
		peers = append(peers, startSeed(t, made.Torrent, root, seed.Options{Listener: l, MaxUploadRate: int64(len(data)) / 3 / int64(p.honest)}))
	}
	dir := t.TempDir()
	o := Options{Torrent: made.Torrent, Dir: dir, Peers: peers, Encryption: EncryptionOff, memory: p.memory}
	var out bytes.Buffer
	if p.stream {
		o.Stream = &out
	}
	r := run(t, o)
	if r.err != nil {
		t.Fatal(r.err)
	}
	if p.stream {
		if !bytes.Equal(out.Bytes(), data) {
			t.Error("the stream has wrong bytes")
		}
	} else {
		sameTree(t, filepath.Join(dir, "content"), root)
	}
	p.checkBans(t, r, garbage)
	if ratio := float64(of[EventStopped](r)[0].Downloaded) / float64(len(data)); ratio > p.most {
		t.Errorf("%.2f times the bytes were received", ratio)
	}
	t.Logf("%.2f times the bytes were received", float64(of[EventStopped](r)[0].Downloaded)/float64(len(data)))
}

// checkBans checks that exactly those are banned that have sent garbage. If there are few
// pieces, a peer may have had no turn to send much.
func (p *pollution) checkBans(t *testing.T, r result, garbage map[netip.Addr]*atomic.Int64) {
	t.Helper()
	banned := make(map[netip.Addr]bool)
	for _, e := range of[EventPeer](r) {
		addr := e.Addr.Addr()
		switch {
		case errors.Is(e.Err, errLie) && garbage[addr] != nil && garbage[addr].Load() > 0:
			banned[addr] = true
		case e.Err != nil:
			t.Errorf("%v was sent away: %v", e.Addr, e.Err)
		}
	}
	least := int64(0)
	if p.most == few {
		least = 5 // some may have been cancelled
	}
	if len(banned) == 0 && p.most != few {
		t.Error("nobody is banned: this test can't fail")
	}
	for addr, sent := range garbage {
		if sent.Load() >= max(least, 1) && !banned[addr] {
			t.Errorf("%v has sent %d blocks of garbage, and is not banned", addr, sent.Load())
		}
	}
}
