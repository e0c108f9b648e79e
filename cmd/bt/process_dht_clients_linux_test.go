package main

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
)

// A dhtClient is a client that can search in the DHT.
type dhtClient struct {
	name    string
	formats []string

	// download downloads from a magnet link to dir/content. It begins with nodes,
	// of which one is enough for most.
	download func(s *processSwarm, magnet, dir string, nodes []string, port int)
}

var dhtClients = []dhtClient{
	{"bt", []string{"v1", "v2", "hybrid"}, btFinds},
	{"libtorrent", []string{"v1", "v2", "hybrid"}, libtorrentFinds},
	{"aria2", []string{"v1"}, aria2Finds},
	{"transmission", []string{"v1"}, transmissionFinds},
}

func btFinds(s *processSwarm, magnet, dir string, nodes []string, port int) {
	s.t.Helper()
	s.getTo(dir, magnet, "--port", fmt.Sprint(port), "--dht-node", nodes[0], "--no-lsd", "--no-pex").exits(exitOK)
}

func libtorrentFinds(s *processSwarm, magnet, dir string, nodes []string, port int) {
	s.t.Helper()
	p := s.finder(s.b, port, magnet, dir, "dht="+nodes[0])
	p.until("libtorrent has all", func() bool { return p.counts().pieces == s.pieces })
	p.kill() // all is in files
}

// finder starts a peer of finder.py.
func (s *processSwarm) finder(h *testenv.Host, port int, source, dir string, options ...string) *swarmProcess {
	s.t.Helper()
	return s.script(h, "finder.py", append([]string{source, dir, h.Addr.String(), fmt.Sprint(port)}, options...)...)
}

func aria2Finds(s *processSwarm, magnet, dir string, nodes []string, port int) {
	s.t.Helper()
	s.run(s.b, testenv.Program(s.t, "aria2c"), "--no-conf", "--seed-time=0", "--enable-dht=true", "--enable-dht6=false",
		"--dht-entry-point="+nodes[0], "--dht-file-path="+filepath.Join(s.t.TempDir(), "dht.dat"), fmt.Sprintf("--dht-listen-port=%d", port),
		"--enable-peer-exchange=false", "--bt-enable-lpd=false", "--interface="+s.b.Addr.String(), fmt.Sprintf("--listen-port=%d", port),
		"--file-allocation=none", "--console-log-level=info", "--show-console-readout=false", "-d", dir, magnet).exits(0)
}

// transmissionFinds gives transmission many nodes, as if it had run before. It asks one
// every few seconds, and does nothing else before it knows more than eight.
func transmissionFinds(s *processSwarm, magnet, dir string, nodes []string, port int) {
	s.t.Helper()
	var compact []byte
	for _, node := range nodes {
		b, err := netip.MustParseAddrPort(node).MarshalBinary()
		if err != nil {
			s.t.Fatal(err)
		}
		compact = append(append(compact, b[:4]...), b[5], b[4])
	}
	state := fmt.Sprintf("d2:id20:transmission of test5:nodes%d:%se", len(compact), compact)
	p, ask := s.transmissionWith(s.b, dir, magnet, transmissionSettings(s.b, port, `"dht-enabled": true, "lpd-enabled": false`), map[string]string{"dht.dat": state})
	p.until("transmission has all", func() bool { return transmissionHasAll(ask) })
}

// interopScript returns the path of a script of testdata/interop.
func interopScript(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("testdata", "interop", name))
	if err != nil {
		t.Fatal(err)
	}
	return path
}
