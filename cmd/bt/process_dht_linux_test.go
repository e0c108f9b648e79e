package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// The tests named TestProcessDHT run a DHT of 30 nodes of its own on four hosts, and clients
// that have nothing but a magnet link without trackers.

const (
	dhtHosts    = 3 // with nodes, and one more for clients
	dhtSessions = 4 // of libtorrent in a process, of which each host runs two, and two of bt
)

// A processDHT is a DHT of nodes of libtorrent and bt. One half of both can vanish.
type processDHT struct {
	t      *testing.T
	hosts  []*testenv.Host
	begin  []string           // nodes that remain, HOST:PORT
	halves [2][]*swarmProcess // the second one vanishes
	port   atomic.Int32       // the last one that a client got
}

// startDHT starts a DHT, and waits until its nodes know each other.
func startDHT(t *testing.T) *processDHT {
	t.Helper()
	d := &processDHT{t: t, hosts: testenv.Network(t, dhtHosts+1)}
	d.port.Store(30_000)
	var firsts []string // nodes of libtorrent's processes, of which the first three remain
	for half := range d.halves {
		for _, h := range d.hosts[:dhtHosts] {
			firsts = append(firsts, fmt.Sprintf("%v:%d", h.Addr, 20_000+1000*half))
		}
	}
	for _, first := range firsts[:dhtHosts] {
		node := netip.MustParseAddrPort(first)
		for i := range uint16(dhtSessions) {
			d.begin = append(d.begin, netip.AddrPortFrom(node.Addr(), node.Port()+i).String())
		}
	}
	nodes, _ := swarmPlan{}.torrent(t, []int{40_000})
	for i := range firsts {
		half, h := i/dhtHosts, d.hosts[i%dhtHosts]
		args := append([]string{fmt.Sprint(dhtSessions)}, firsts[i:]...)
		d.halves[half] = append(d.halves[half],
			nodes.script(h, "dhtnodes.py", append(args, firsts[:i]...)...),
			nodes.in(t).run(h, "bt", "seed", nodes.torrent, nodes.root, "--json", "--port", fmt.Sprint(10_000+half), "--dht-node", d.begin[0], "--no-lsd", "--no-pex"))
	}
	for _, half := range d.halves {
		for i, p := range half {
			if i%2 == 1 {
				swarmBt{p}.await("seeding", 1)
				continue
			}
			p.until("libtorrent's nodes know others", func() bool { return p.knows() >= dhtSessions*dhtHosts })
		}
	}
	return d
}

// knows returns how many nodes each node of dhtnodes.py knows at least.
func (p *swarmProcess) knows() (nodes int) {
	p.t.Helper()
	if lines := p.output(); len(lines) > 0 {
		if _, err := fmt.Sscan(lines[len(lines)-1], &nodes); err != nil {
			p.t.Fatal(err)
		}
	}
	return nodes
}

// script runs a script of testdata/interop with libtorrent.
func (s *processSwarm) script(h *testenv.Host, name string, args ...string) *swarmProcess {
	s.t.Helper()
	return s.run(h, testenv.Python(s.t, "libtorrent"), append([]string{interopScript(s.t, name)}, args...)...)
}

// in returns the swarm for a subtest, whose programs have a home of their own.
func (s *processSwarm) in(t *testing.T) *processSwarm {
	t.Helper()
	other := *s
	other.t, other.env = t, swarmEnv(t)
	return &other
}

// swarm makes a torrent without trackers, with its seed on the ith host.
func (d *processDHT) swarm(i int, format string, sizes ...int) *processSwarm {
	d.t.Helper()
	s, _ := swarmPlan{seed: d.hosts[i], client: d.hosts[dhtHosts], format: format}.torrent(d.t, sizes)
	if strings.Contains(s.magnet, "tr=") {
		d.t.Fatalf("%s has a tracker", s.magnet)
	}
	return s
}

// dhtSeed starts bt seed, which the DHT alone makes known. nodes are those to begin with;
// it knows those of an earlier run too.
func (s *processSwarm) dhtSeed(port int, nodes ...string) swarmSeed {
	s.t.Helper()
	args := []string{"seed", s.torrent, s.root, "--json", "--port", fmt.Sprint(port), "--no-lsd", "--no-pex"}
	for _, node := range nodes {
		args = append(args, "--dht-node", node)
	}
	p := swarmSeed{swarmBt{s.run(s.a, "bt", args...)}}
	p.await("seeding", 1)
	return p
}

// find downloads from a magnet link of the swarm with a client, and compares.
func (d *processDHT) find(s *processSwarm, magnet, client string) {
	s.t.Helper()
	dir, port := s.t.TempDir(), int(d.port.Add(1))
	i := slices.IndexFunc(dhtClients, func(c dhtClient) bool { return c.name == client })
	dhtClients[i].download(s, magnet, dir, d.begin, port)
	s.arrived(dir)
}

// answers counts from now on the answers of bt's node at a port of the second host, and
// checks their size.
func (d *processDHT) answers(port uint16) (count func() int64) {
	d.t.Helper()
	var n atomic.Int64
	d.hosts[1].Capture(d.t, func(p testenv.Packet) {
		if !p.Sent || p.TCP || p.From.Port() != port || !bytes.Contains(p.Data, []byte("1:y1:r")) {
			return
		}
		n.Add(1)
		if len(p.Data) >= 1400 {
			d.t.Errorf("an answer of %d bytes", len(p.Data))
		}
	})
	return n.Load
}

// withoutParameter returns a magnet link without a parameter that begins with a text.
func withoutParameter(magnet, text string) string {
	head, query, _ := strings.Cut(magnet, "?")
	list := slices.DeleteFunc(strings.Split(query, "&"), func(p string) bool { return strings.HasPrefix(p, text) })
	return head + "?" + strings.Join(list, "&")
}

// vanish kills half of the nodes.
func (d *processDHT) vanish() {
	for _, p := range d.halves[1] {
		p.kill()
	}
}

// All clients find bt's seed, and bt those of others, with a magnet link only; also after
// the seed was started again, at another port too, and after half of the nodes vanished.
func TestProcessDHT(t *testing.T) {
	t.Parallel()
	d := startDHT(t)
	swarms := map[string]*processSwarm{
		"v1":     d.swarm(0, "v1", 700_001, 5, 64<<10),
		"v2":     d.swarm(1, "v2", 600_001, 5, 64<<10),
		"hybrid": d.swarm(2, "hybrid", 500_001, 5, 64<<10),
	}
	answers := d.answers(10_000)
	seeds := make(map[string]swarmSeed)
	for format, s := range swarms {
		seeds[format] = s.dhtSeed(swarmSeedPort, d.begin[0])
	}
	theirs := d.swarm(0, "v1", 400_001, 5)
	theirs.finder(theirs.a, 51_413, theirs.torrent, filepath.Dir(theirs.root), "dht="+d.begin[0])

	t.Run("found", func(t *testing.T) {
		for _, client := range dhtClients {
			for _, format := range client.formats {
				t.Run(format+"/"+client.name, func(t *testing.T) {
					t.Parallel()
					d.find(swarms[format].in(t), swarms[format].magnet, client.name)
				})
			}
		}
		for hash, other := range map[string]string{"v1": "xt=urn:btmh:", "v2": "xt=urn:btih:"} {
			t.Run("hybrid by "+hash, func(t *testing.T) {
				t.Parallel()
				d.find(swarms["hybrid"].in(t), withoutParameter(swarms["hybrid"].magnet, other), "libtorrent")
			})
		}
		t.Run("libtorrent's by bt", func(t *testing.T) {
			t.Parallel()
			d.find(theirs.in(t), theirs.magnet, "bt")
		})
	})
	again := func(t *testing.T, formats ...string) {
		for _, client := range []string{"bt", "libtorrent"} {
			for _, format := range formats {
				t.Run(format+"/"+client, func(t *testing.T) {
					t.Parallel()
					d.find(swarms[format].in(t), swarms[format].magnet, client)
				})
			}
		}
	}
	seeds["v1"].signal(syscall.SIGINT)
	<-seeds["v1"].ended
	seeds["hybrid"].kill()
	seeds["v1"] = swarms["v1"].dhtSeed(swarmSeedPort + 1) // with the nodes that it has saved
	seeds["hybrid"] = swarms["hybrid"].dhtSeed(swarmSeedPort, d.begin[0])
	t.Run("after a restart", func(t *testing.T) { again(t, "v1", "hybrid") })
	d.vanish()
	t.Run("after half of the nodes vanished", func(t *testing.T) { again(t, "v2", "hybrid") })
	if n := answers(); n == 0 {
		t.Error("a node of bt answered no queries")
	}
	for _, seed := range seeds {
		seed.hasNoErrors()
	}
}
