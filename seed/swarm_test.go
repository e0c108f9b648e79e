//go:build linux

package seed

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// A swarm of 20 peers with libtorrent: super-seeding sends hardly more than one
// copy until the others have all between them.
func TestSuperSwarm(t *testing.T) {
	python := testenv.Python(t, "libtorrent")
	const peers = 20
	for _, super := range []bool{false, true} {
		p := publish(t, maketorrent.FormatV1, netip.AddrPort{})
		// The seed is no faster than the others are together.
		r := p.seed(t, Options{SuperSeed: super, MaxUploadRate: 1 << 20}, p.root)
		dir := t.TempDir()
		program := run(t, python, "testdata/swarm.py", p.file, dir, fmt.Sprint(peers), fmt.Sprint(256<<10))
		var first int64
		eventually(t, "the swarm has all between them", func() bool {
			// The output may be read late: a seed that is super-seeding says when it has sent all.
			if status := r.Status().Torrents[0]; !super || status.State == StateSuperSeeding {
				first = status.Uploaded
			}
			return strings.Contains(program.output.String(), "alone")
		})
		program.succeed(t)
		size := float64(p.Size())
		alone, all := float64(first)/size, float64(r.Uploaded())/size
		t.Logf("super %v: %.2f copies sent until the swarm has one, %.2f until each peer has; after seconds: %s",
			super, alone, all, strings.ReplaceAll(strings.TrimSpace(program.output.String()), "\n", ", "))
		if super && (alone < 0.5 || alone > 1.1) { // less: it was not super-seeding until all was sent
			t.Errorf("%.2f copies", alone)
		}
		for i := range peers {
			p.compare(t, filepath.Join(dir, fmt.Sprintf("127.0.6.%d", i+1), "content"))
		}
		r.stop()
	}
}
