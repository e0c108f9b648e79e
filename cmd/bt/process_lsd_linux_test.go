package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/internal/testenv"
)

// An lsdClient is a client that searches on the local network, and nowhere else.
type lsdClient struct {
	name string

	// run starts it on a host with a torrent without trackers. dir/content holds the data
	// of a seed. done waits until it has all.
	run func(s *processSwarm, h *testenv.Host, dir string) (done func())
}

var lsdClients = []lsdClient{
	{"bt", func(s *processSwarm, h *testenv.Host, dir string) func() { return btOnNetwork(s, h, dir) }},
	{"libtorrent", libtorrentOnNetwork},
	{"aria2", aria2OnNetwork},
	{"transmission", transmissionOnNetwork},
}

func btOnNetwork(s *processSwarm, h *testenv.Host, dir string, flags ...string) (done func()) {
	s.env = append(s.env, multicastVariable+"=yes")
	flags = append(flags, "--json", "--no-dht", "--no-pex")
	if dir == filepath.Dir(s.root) {
		s.run(h, "bt", append([]string{"seed", s.torrent, s.root}, flags...)...)
		return func() {}
	}
	p := s.run(h, "bt", append([]string{"get", s.torrent, "--output", dir}, flags...)...)
	return func() { p.exits(exitOK) }
}

func libtorrentOnNetwork(s *processSwarm, h *testenv.Host, dir string) (done func()) {
	p := s.finder(h, swarmSeedPort, s.torrent, dir, "lsd")
	return func() { p.until("libtorrent has all", func() bool { return p.counts().pieces == s.pieces }) }
}

func aria2OnNetwork(s *processSwarm, h *testenv.Host, dir string) (done func()) {
	args := []string{"--no-conf", "--enable-dht=false", "--enable-dht6=false", "--enable-peer-exchange=false",
		"--bt-enable-lpd=true", "--bt-lpd-interface=" + h.Addr.String(), "--interface=" + h.Addr.String(),
		fmt.Sprintf("--listen-port=%d", swarmSeedPort), "--file-allocation=none", "--console-log-level=info",
		"--show-console-readout=false", "-d", dir, s.torrent}
	if dir == filepath.Dir(s.root) {
		s.run(h, testenv.Program(s.t, "aria2c"), append(args, "--seed-ratio=0", "--check-integrity=true")...)
		return func() {}
	}
	p := s.run(h, testenv.Program(s.t, "aria2c"), append(args, "--seed-time=0")...)
	return func() { p.exits(0) }
}

func transmissionOnNetwork(s *processSwarm, h *testenv.Host, dir string) (done func()) {
	p, ask := s.transmissionWith(h, dir, s.torrent, transmissionSettings(h, swarmSeedPort, `"dht-enabled": false, "lpd-enabled": true`), nil)
	return func() { p.until("transmission has all", func() bool { return transmissionHasAll(ask) }) }
}

// Two hosts find each other on the local network, without a tracker, the DHT or the
// exchange.
func TestProcessLSD(t *testing.T) {
	t.Parallel()
	bt := lsdClients[0]
	pairs := [][2]lsdClient{{bt, bt}}
	for _, other := range lsdClients[1:] {
		pairs = append(pairs, [2]lsdClient{bt, other}, [2]lsdClient{other, bt})
	}
	for _, pair := range pairs {
		t.Run(pair[0].name+" to "+pair[1].name, func(t *testing.T) {
			t.Parallel()
			s := onNetwork(t)
			pair[0].run(s, s.a, filepath.Dir(s.root))
			dir := t.TempDir()
			pair[1].run(s.in(t), s.b, dir)()
			s.arrived(dir)
		})
	}
}

// onNetwork returns a swarm without trackers on two hosts.
func onNetwork(t *testing.T) *processSwarm {
	t.Helper()
	hosts := testenv.Network(t, 2)
	s, _ := swarmPlan{seed: hosts[0], client: hosts[1]}.torrent(t, []int{700_001, 5})
	return s
}

// Two hosts find each other over IPv6, also if they have no addresses but those of the link.
func TestProcessLSD6(t *testing.T) {
	t.Parallel()
	for _, linkLocal := range []bool{false, true} {
		t.Run(fmt.Sprintf("link-local=%v", linkLocal), func(t *testing.T) {
			t.Parallel()
			s := onNetwork(t)
			if linkLocal {
				for _, h := range []*testenv.Host{s.a, s.b} {
					s.ip(h, "-6", "address", "flush", "dev", "eth0", "scope", "global")
				}
			}
			btOnNetwork(s, s.a, filepath.Dir(s.root), "-6")
			dir := t.TempDir()
			btOnNetwork(s.in(t), s.b, dir, "-6")()
			s.arrived(dir)
		})
	}
}

// A seed on loopback does not search on the local network.
func TestProcessLSDOnLoopback(t *testing.T) {
	t.Parallel()
	s := onNetwork(t)
	tr := trace(t, s.a, s.hash)
	swarmBt{s.run(s.a, "bt", "seed", s.torrent, s.root, "--json", "--bind", "127.0.0.1")}.await("seeding", 1)
	btOnNetwork(s, s.b, t.TempDir()) // finds nothing
	s.eventually("the seed's host hears the other", func() bool { return tr.include([]string{traceHeard}) })
	time.Sleep(5 * time.Second) // for what must not be sent
	if diff := cmp.Diff([]string{traceHeard}, tr.list()); diff != "" {
		t.Errorf("on its network there is (-want +got):\n%s", diff)
	}
}
