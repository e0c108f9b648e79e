package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// Two libtorrent clients that know only the address of bt learn of each other
// through it: through a seed, and through a download that has only a part.
func TestProcessPEX(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"seed", "get"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts := testenv.Network(t, 4)
			s, _ := swarmPlan{seed: hosts[0], client: hosts[1]}.torrent(t, []int{4 << 20})
			// Slow, because libtorrent leaves peers that have all when it has all too.
			only := []string{"--no-dht", "--no-lsd", "--max-upload-rate", fmt.Sprint(64 << 10)}
			s.seed(only...).await("seeding", 1)
			known := s.seedAddr()
			if name == "get" {
				s.get(s.torrent, append(only, "--peer", known, "--port", fmt.Sprint(swarmSeedPort))...).await("listening", 1)
				known = fmt.Sprintf("%v:%d", s.b.Addr, swarmSeedPort)
			}
			first := s.finder(hosts[2], 7000, s.torrent, t.TempDir(), "pex", "peer="+known)
			second := s.finder(hosts[3], 7000, s.torrent, t.TempDir(), "pex", "peer="+known)
			first.until("the first knows the second", func() bool { return first.isConnectedTo(hosts[3]) })
			second.until("the second knows the first", func() bool { return second.isConnectedTo(hosts[2]) })
		})
	}
}

// isConnectedTo reports whether finder.py has a peer on a host.
func (p *swarmProcess) isConnectedTo(h *testenv.Host) bool {
	lines := p.output()
	if len(lines) == 0 {
		return false
	}
	return slices.ContainsFunc(strings.Fields(lines[len(lines)-1]), func(peer string) bool { return strings.HasPrefix(peer, h.Addr.String()+":") })
}
