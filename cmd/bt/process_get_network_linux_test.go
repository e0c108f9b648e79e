package main

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"
)

// A download goes on after the network was cut for 15 seconds, or for a minute where BT_SOAK
// is set.
func TestProcessGetCut(t *testing.T) {
	t.Parallel()
	cutFor := 15 * time.Second
	if os.Getenv("BT_SOAK") != "" {
		cutFor = time.Minute
	}
	for name, kind := range map[string]struct{ cut, join func(s *processSwarm) }{
		"the link is down": {
			func(s *processSwarm) { s.ip(s.b, "link", "set", "eth0", "down") },
			func(s *processSwarm) { s.ip(s.b, "link", "set", "eth0", "up") },
		},
		"packets are lost": {
			func(s *processSwarm) { s.b.Drop(s.t, "ip") },
			func(s *processSwarm) { s.b.Undrop(s.t, "ip") },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := swarmOf(t, 12_000_000)
			s.seed("--max-upload-rate", "1MiB/s").starts()
			g := s.get(s.torrent)
			g.hasSome()
			kind.cut(s)
			ctx, cancel := context.WithTimeout(t.Context(), cutFor)
			if conn, err := s.b.DialContext(ctx, "tcp", s.seedAddr()); err == nil {
				conn.Close()
				t.Error("the network is not cut")
			}
			<-ctx.Done()
			cancel()
			if n := g.done(); n == s.size {
				t.Fatal("the download was over before")
			}
			kind.join(s)
			g.succeeds()
		})
	}
}

// A download that has peers goes on without its tracker, and one that has none finds them
// when the tracker is there again.
func TestProcessGetTrackerGone(t *testing.T) {
	t.Parallel()
	s := swarmOf(t, 3_000_000)
	seed := s.limitedSeed(150_000)
	g := s.get(s.torrent)
	g.hasSome()
	s.tracker.Kill()
	seed.signal(syscall.SIGUSR1)
	g.succeeds()
	seed.kill()

	g = s.get(s.torrent)
	if e := g.await("announce", 1); e.Error == "" {
		t.Error("the announce succeeded without a tracker")
	}
	s.tracker.Start(t)
	s.seed().starts()
	g.succeeds()
}

// limitedSeed starts a seed of libtorrent that sends so many bytes a second until SIGUSR1,
// and returns when the tracker knows it.
func (s *processSwarm) limitedSeed(rate int) *swarmProcess {
	s.t.Helper()
	dir := s.t.TempDir()
	if err := os.CopyFS(dir+"/content", os.DirFS(s.root)); err != nil {
		s.t.Fatal(err)
	}
	p := s.peer(s.a, s.a.Addr.String(), swarmSeedPort, s.torrent, dir, fmt.Sprintf("rate=%d", rate))
	s.seedsAre("1")
	return p
}

// The only seed ends, and another one at another address takes its place.
func TestProcessGetSeedReplaced(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ first, second string }{{"bt", "libtorrent"}, {"libtorrent", "bt"}, {"bt", "bt"}} {
		t.Run(test.first+", "+test.second, func(t *testing.T) {
			t.Parallel()
			s := swarmOf(t, 4_000_000, 10, 2_000_000)
			start := func(client string, port, rate int) *swarmProcess {
				if client == "bt" {
					return s.seed("--port", fmt.Sprint(port), "--max-upload-rate", fmt.Sprint(rate)).swarmProcess
				}
				dir := t.TempDir()
				if err := os.CopyFS(dir+"/content", os.DirFS(s.root)); err != nil {
					t.Fatal(err)
				}
				return s.peer(s.a, s.a.Addr.String(), port, s.torrent, dir, fmt.Sprintf("rate=%d", rate))
			}
			seed := start(test.first, swarmSeedPort, 256<<10) // slow enough to be replaced in the middle
			seed.until("the tracker knows the seed", func() bool { return s.seeds() == "1" })
			g := s.get(s.torrent)
			g.hasSome()
			seed.kill()
			start(test.second, swarmSeedPort+1, 4<<20)
			g.succeeds()
		})
	}
}
