package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// swarmSeeds are the clients that can seed a swarm's torrent. start starts one at
// swarmSeedPort of the seed's host, for a copy of the data in dir/content. If encrypted is
// set, it refuses connections without RC4.
var swarmSeeds = []struct {
	name  string
	start func(s *processSwarm, dir string, encrypted bool) *swarmProcess
}{
	{"bt", btSeeds},
	{"libtorrent", libtorrentSeeds},
	{"qBittorrent", qBittorrentSeeds},
	{"transmission", transmissionSeeds},
	{"aria2", aria2Seeds},
	{"rTorrent", rTorrentSeeds},
}

// seedBy starts a client of swarmSeeds, and returns when the tracker knows the seed.
func (s *processSwarm) seedBy(name string, encrypted bool) *swarmProcess {
	s.t.Helper()
	dir := s.t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "content"), os.DirFS(s.root)); err != nil {
		s.t.Fatal(err)
	}
	for _, c := range swarmSeeds {
		if c.name == name {
			p := c.start(s, dir, encrypted)
			p.until("the tracker knows the seed", func() bool { return s.seeds() == "1" })
			return p
		}
	}
	s.t.Fatalf("no client is called %s", name)
	return nil
}

// seedAddr returns the address of the seed that seedBy started.
func (s *processSwarm) seedAddr() string { return fmt.Sprintf("%v:%d", s.a.Addr, swarmSeedPort) }

// choose returns the first text if the condition is true, and the second one otherwise.
func choose(condition bool, yes, no string) string {
	if condition {
		return yes
	}
	return no
}

func btSeeds(s *processSwarm, dir string, encrypted bool) *swarmProcess {
	return s.run(s.a, "bt", "seed", s.torrent, dir, "--json", "--port", fmt.Sprint(swarmSeedPort),
		"--encryption", choose(encrypted, "require", "prefer"))
}

func libtorrentSeeds(s *processSwarm, dir string, encrypted bool) *swarmProcess {
	if encrypted {
		return s.peer(s.a, s.a.Addr.String(), swarmSeedPort, s.torrent, dir, "rc4")
	}
	return s.peer(s.a, s.a.Addr.String(), swarmSeedPort, s.torrent, dir)
}

// peer starts a peer with libtorrent, see peer.py.
func (s *processSwarm) peer(h *testenv.Host, addr string, port int, source, dir string, options ...string) *swarmProcess {
	s.t.Helper()
	script, err := filepath.Abs("testdata/interop/peer.py")
	if err != nil {
		s.t.Fatal(err)
	}
	return s.run(h, testenv.Python(s.t, "libtorrent"), append([]string{script, source, dir, addr, fmt.Sprint(port)}, options...)...)
}

func qBittorrentSeeds(s *processSwarm, dir string, encrypted bool) *swarmProcess {
	const webPort = 8080
	qbittorrent := testenv.Program(s.t, "qbittorrent-nox")
	profile := testenv.QBittorrentProfile(s.t, s.a.Addr.String(), swarmSeedPort)
	if encrypted {
		config := filepath.Join(profile, "qBittorrent", "config", "qBittorrent.conf")
		b, err := os.ReadFile(config)
		if err == nil { // a section may come again
			err = os.WriteFile(config, append(b, "\n[BitTorrent]\nSession\\Encryption=1\n"...), 0o644)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	p := s.run(s.a, qbittorrent, "--profile="+profile, fmt.Sprintf("--webui-port=%d", webPort))
	api := testenv.NewQBittorrent(webPort, &http.Transport{DialContext: s.a.DialContext})
	p.until("qbittorrent answers", api.IsReady)
	torrent, err := os.ReadFile(s.torrent)
	if err != nil {
		s.t.Fatal(err)
	}
	api.Add(s.t, torrent, dir)
	return p
}

func transmissionSeeds(s *processSwarm, dir string, encrypted bool) *swarmProcess {
	if encrypted {
		p, _ := s.transmissionIn(s.a, dir, swarmSeedPort, 2)
		return p
	}
	p, _ := s.transmissionIn(s.a, dir, swarmSeedPort, 0)
	return p
}

func aria2Seeds(s *processSwarm, dir string, encrypted bool) *swarmProcess {
	args := []string{"--no-conf", "--seed-ratio=0", "--check-integrity=true", "--enable-dht=false", "--enable-dht6=false",
		"--enable-peer-exchange=false", "--bt-enable-lpd=false", "--interface=" + s.a.Addr.String(),
		fmt.Sprintf("--listen-port=%d", swarmSeedPort), "--file-allocation=none", "--console-log-level=warn",
		"--show-console-readout=false", "-d", dir}
	if encrypted {
		args = append(args, "--bt-require-crypto=true", "--bt-min-crypto-level=arc4")
	}
	return s.run(s.a, testenv.Program(s.t, "aria2c"), append(args, s.torrent)...)
}

// rTorrentSeeds seeds with rTorrent, which reads padding of a hybrid from files.
func rTorrentSeeds(s *processSwarm, dir string, encrypted bool) *swarmProcess {
	b, err := os.ReadFile(s.torrent)
	if err != nil {
		s.t.Fatal(err)
	}
	torrent, err := metainfo.Parse(b)
	if err != nil {
		s.t.Fatal(err)
	}
	pads := make(map[string]string)
	for _, f := range torrent.Files {
		if f.Pad {
			pads[strings.Join(f.Path(), "/")] = string(make([]byte, f.Length))
		}
	}
	processTree(s.t, filepath.Join(dir, "content"), pads)
	session := s.t.TempDir()
	config := filepath.Join(session, "rtorrent.rc")
	processTree(s.t, session, map[string]string{"rtorrent.rc": fmt.Sprintf(`
system.daemon.set = true
session.path.set = %s
directory.default.set = %s
network.bind_address.set = %v
network.port_range.set = %d-%[4]d
dht.mode.set = disable
protocol.pex.set = no
protocol.encryption.set = %s
schedule2 = add, 0, 0, ((load.start, "%s"))
`, session, dir, s.a.Addr, swarmSeedPort, choose(encrypted, "require,require_RC4,allow_incoming", "allow_incoming"), s.torrent)})
	return s.run(s.a, testenv.Program(s.t, "rtorrent"), "-n", "-o", "import="+config)
}
