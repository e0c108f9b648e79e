package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
)

// A seed to which no peer can connect, since it is behind a NAT, connects to the peers
// that the tracker names, and serves them.
func TestProcessSeedBehindNAT(t *testing.T) {
	t.Parallel()
	for name, client := range map[string]func(s *processSwarm) (isDone func() bool, content string){
		"libtorrent": func(s *processSwarm) (func() bool, string) {
			l := s.leech()
			return func() bool {
				select {
				case <-l.ended:
					return l.cmd.ProcessState.ExitCode() == 0
				default:
					return false
				}
			}, filepath.Join(l.dir, "content")
		},
		"transmission": func(s *processSwarm) (func() bool, string) { return s.transmission(0) },
		"qBittorrent":  natQBittorrent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inside, outside := testenv.HostsBehindNAT(t)
			s := swarmPlan{seed: inside, client: outside, tracker: outside}.of(t, 700_001, 5, 64<<10, 500_000)
			done, content := client(s)
			s.eventually("the tracker knows the client", func() bool { return s.leechers() == "1" })
			seed := s.seed("--encryption", "prefer")
			s.eventually("all is there", done)
			s.compare(content)
			if conn, err := outside.DialContext(t.Context(), "tcp", fmt.Sprintf("%v:%d", inside.Addr, swarmSeedPort)); err == nil {
				conn.Close()
				t.Error("the seed can be reached: this test can't fail")
			}
			seed.hasNoErrors()
		})
	}
}

// natQBittorrent downloads with qBittorrent.
func natQBittorrent(s *processSwarm) (isDone func() bool, content string) {
	const webPort = 8080
	qbittorrent, dir := testenv.Program(s.t, "qbittorrent-nox"), s.t.TempDir()
	profile := testenv.QBittorrentProfile(s.t, s.b.Addr.String(), 51414)
	client := s.run(s.b, qbittorrent, "--profile="+profile, fmt.Sprintf("--webui-port=%d", webPort))
	api := testenv.NewQBittorrent(webPort, &http.Transport{DialContext: s.b.DialContext})
	client.until("qbittorrent answers", api.IsReady)
	torrent, err := os.ReadFile(s.torrent)
	if err != nil {
		s.t.Fatal(err)
	}
	api.Add(s.t, torrent, dir)
	return api.IsDone, filepath.Join(dir, "content")
}
