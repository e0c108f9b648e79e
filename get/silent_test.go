package get

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/peer"
	"bt/maketorrent"
	"bt/seed"
)

// Peers that unchoke us and send nothing don't hold up a download, however many they are: it is over before they
// are snubbed.
func TestSilentPeers(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 20*pieceLength+1)
	var peers []netip.AddrPort
	for i := range 12 {
		peers = append(peers, startBad(t, meta, fmt.Sprintf("127.0.1.%d", 1+i), func(b *badPeer) {
			b.requests(func(peer.Message) bool { return true })
		}))
	}
	peers = append(peers, startSeed(t, meta, root, seed.Options{MaxUploadRate: 1 << 20}))
	for tries := 3; ; tries-- {
		dir := t.TempDir()
		begun := time.Now()
		r := run(t, Options{Torrent: meta, Dir: dir, Peers: peers, Encryption: EncryptionOff})
		if r.err != nil {
			t.Fatal(r.err)
		}
		sameTree(t, filepath.Join(dir, "content"), root)
		took := time.Since(begun)
		if took <= snubTime {
			return
		}
		if t.Logf("it took %v", took); tries == 1 { // a busy machine may need as long now and then
			t.Fatal("each download lasts until peers are snubbed")
		}
	}
}
