package seed

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bt/internal/swarm"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// If the seed and libtorrent call each other, at once or one after the other, one
// connection stays.
func TestBothCall(t *testing.T) {
	t.Parallel()
	python := testenv.Python(t, "libtorrent")
	for _, id := range []string{"-AA0000-lesser......", "-zz0000-greater....."} {
		for _, connections := range []string{"one", "many"} {
			for _, first := range []string{"both", "libtorrent", "seed"} {
				t.Run(fmt.Sprintf("%s, %s, first %s", id[8:15], connections, first), func(t *testing.T) {
					t.Parallel()
					meta, root := makeContent(t, maketorrent.FormatV1, 300_000)
					file := filepath.Join(t.TempDir(), "content.torrent")
					if err := os.WriteFile(file, meta.Bytes(), 0o644); err != nil {
						t.Fatal(err)
					}
					r := startWith(t, Options{PeerID: [20]byte([]byte(id))}, func(s *Seeder) { s.timeouts.Handshake = 4 * time.Second },
						Input{Torrent: meta, Path: root})
					tt := r.all()[0]
					when := "first"
					if first == "seed" {
						when = "after"
					}
					program := run(t, python, "testdata/both.py", file, t.TempDir(), fmt.Sprint(r.port), connections, when)
					var port uint16
					eventually(t, "libtorrent listens", func() bool {
						_, err := fmt.Sscanf(program.output.String(), "port %d", &port)
						return err == nil
					})
					if first == "libtorrent" {
						eventually(t, "libtorrent is a peer", func() bool { return r.Peers() == 1 })
						time.Sleep(5 * time.Second) // longer than a handshake
					}
					r.hub.Offer(entry{tt}, tt.swarms[0].hash, swarm.Origin{}, []netip.AddrPort{netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)})
					var since time.Time
					eventually(t, "one connection stays", func() bool {
						out := program.output.String()
						at := strings.LastIndex(out, "peers ")
						open, half := r.counts()
						if !strings.Contains(out, "calls") || open != 1 || half != 0 || at < 0 || !strings.HasPrefix(out[at:], "peers 1\n") {
							since = time.Time{}
							return false
						}
						if since.IsZero() {
							since = time.Now()
						}
						return time.Since(since) > 2*time.Second
					})
				})
			}
		}
	}
}
