package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bt/internal/testenv"
)

// A tracesTest runs bt seed, bt get and two libtorrent clients, which know each other from
// a tracker, and checks what both processes of bt send.
type tracesTest struct {
	private bool
	beside  bool     // the seed has a public torrent too
	flags   []string // of bt
	seed    []string // the traces of bt seed, and no others
	get     []string // the traces of bt get, and no others
}

var (
	dhtTraces = []string{traceUDP, traceHash, traceDHT, traceDHTBit, tracePort}
	lsdTraces = []string{traceUDP, traceHash, traceSearch}
	pexTraces = []string{traceOffersPEX, traceSendsPEX}
)

var tracesTests = map[string]tracesTest{
	"public":       both(slices.Concat(dhtTraces, lsdTraces, pexTraces)),
	"no DHT":       both(slices.Concat(lsdTraces, pexTraces), "--no-dht"),
	"no LSD":       both(slices.Concat(dhtTraces, pexTraces), "--no-lsd"),
	"no PEX":       both(slices.Concat(dhtTraces, lsdTraces), "--no-pex"),
	"none of them": both(nil, "--no-dht", "--no-lsd", "--no-pex"),
	"private":      {private: true},
	"beside":       {private: true, beside: true, seed: []string{traceUDP, traceDHT, traceSearch}},
}

// both returns a test of a public torrent, of which both processes send the same, and
// which libtorrent announces on the network.
func both(want []string, flags ...string) tracesTest {
	want = append(want, traceHeard)
	return tracesTest{flags: flags, seed: want, get: want}
}

// A public torrent is made known by the DHT, local discovery and the exchange, unless flags
// forbid it; a private one by trackers alone (BEP 27).
func TestProcessTraces(t *testing.T) {
	t.Parallel()
	for name, test := range tracesTests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test.run(t)
		})
	}
}

func (test tracesTest) run(t *testing.T) {
	const size, rate = 1 << 20, 100 << 10 // so slow that the peers are there together
	hosts := testenv.Network(t, 4)
	plan := swarmPlan{seed: hosts[0], client: hosts[1], tracker: hosts[3]}
	others, node := hosts[2], hosts[3]
	args := []string{"--announce", fmt.Sprintf("http://%v:%d/announce", node.Addr, swarmTrackerPort)}
	if test.private {
		args = append(args, "--private")
	}
	s, hashes := plan.torrent(t, []int{size}, args...)
	s.env = append(s.env, multicastVariable+"=yes")
	s.tracker = node.Opentracker(t, swarmTrackerPort, hashes)
	begin := fmt.Sprintf("%v:%d", node.Addr, 20_000)
	nodes := s.script(node, "dhtnodes.py", fmt.Sprint(dhtSessions), begin)
	nodes.until("libtorrent's nodes know others", func() bool { return nodes.knows() >= dhtSessions-1 })

	bySeed, byGet := trace(t, s.a, s.hash), trace(t, s.b, s.hash)
	flags := append([]string{"--encryption", "off", "--dht-node", begin, "--max-upload-rate", fmt.Sprint(rate)}, test.flags...)
	what := []string{s.torrent, s.root}
	if test.beside {
		what = s.besidePublic()
	}
	seed := swarmSeed{swarmBt{s.run(s.a, "bt", slices.Concat([]string{"seed", "--json", "--port", fmt.Sprint(swarmSeedPort)}, flags, what)...)}}
	s.seedsAre("1")
	began := time.Now()
	getter := s.in(t)
	getter.env = append(getter.env, multicastVariable+"=yes")
	get := getter.get(s.torrent, append(flags, "--seed")...)
	var libtorrents []*swarmProcess
	for i := range 2 {
		libtorrents = append(libtorrents, s.finder(others, 7000+i, s.torrent, t.TempDir(), "tracker", "dht="+begin, "lsd", "pex"))
	}
	for _, p := range libtorrents {
		p.until("libtorrent has all", func() bool { return p.counts().pieces == s.pieces })
	}
	get.await("complete", 1)
	for end := time.Now().Add(swarmTimeout); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if bySeed.include(test.seed) && byGet.include(test.get) {
			break
		}
	}
	t.Logf("it took %v", time.Since(began))
	time.Sleep(5 * time.Second) // for what must not be sent
	bySeed.are(t, "seed", test.seed)
	byGet.are(t, "get", test.get)
	seed.hasNoErrors()
}

// besidePublic makes a public torrent, and returns arguments of bt seed for both.
func (s *processSwarm) besidePublic() []string {
	s.t.Helper()
	dir, data := s.t.TempDir(), filepath.Dir(s.root)
	processTree(s.t, data, map[string]string{"public": "data"})
	processMade(s.t, data, "make", "public", "-o", filepath.Join(dir, "public.torrent"))
	if err := os.Link(s.torrent, filepath.Join(dir, "private.torrent")); err != nil {
		s.t.Fatal(err)
	}
	return []string{dir, "--data", data}
}
