package get

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"

	"bt/internal/pool"
	"bt/maketorrent"
	"bt/seed"
)

// Beside many peers at once that flood us or violate the protocol, a download ends, takes
// little memory, and leaves no goroutine behind. The test is not parallel, as it counts those of the process.
func TestHostileSwarm(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("all", testHostileSwarm)
	for wait := time.Millisecond; runtime.NumGoroutine() > before; wait *= 2 {
		if wait > 40*time.Second {
			t.Fatalf("%d goroutines are left, there were %d", runtime.NumGoroutine(), before)
		}
		time.Sleep(wait)
	}
}

func testHostileSwarm(t *testing.T) {
	meta, root := makeContent(t, maketorrent.FormatV1, 20*pieceLength+1)
	data, err := os.ReadFile(root)
	if err != nil {
		t.Fatal(err)
	}
	var peers []netip.AddrPort
	for _, list := range [][]behavior{badBlocks, badStates, badFloods, badExtensions} {
		for _, b := range list {
			peers = append(peers, startBad(t, meta, fmt.Sprintf("127.0.1.%d", 1+len(peers)), func(p *badPeer) {
				p.data = data
				b.behave(p)
			}))
		}
	}
	good := startSeed(t, meta, root, seed.Options{MaxUploadRate: 200 << 10}) // most are called before the end
	peers = append([]netip.AddrPort{good}, peers...)
	var most uint64
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute) // it must not wait for each in turn
	defer cancel()
	r := runWith(t, ctx, Options{
		Torrent: meta, Dir: t.TempDir(), Peers: peers, Encryption: EncryptionOff, MaxPeers: len(peers),
		Event: func(time.Time, Event) {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse+uint64(pool.Blocks.InUse())*pool.BlockLength)
		},
	})
	if r.err != nil {
		t.Fatal(r.err)
	}
	sameTree(t, of[EventComplete](r)[0].Path, root)
	if most > 128<<20 {
		t.Errorf("the heap had %d MiB", most>>20)
	}
	for _, e := range of[EventPeer](r) {
		if e.Err != nil && e.Addr == good {
			t.Errorf("the honest peer was sent away: %v", e.Err)
		}
	}
}
