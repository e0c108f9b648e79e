package main

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
		"transmission": natTransmission,
		"qBittorrent":  natQBittorrent,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inside, outside := testenv.HostsBehindNAT(t)
			s := swarmOn(t, inside, outside, outside, 700_001, 5, 64<<10, 500_000)
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

// natTransmission downloads with transmission.
func natTransmission(s *processSwarm) (isDone func() bool, content string) {
	t := s.t
	daemon, remote := testenv.Program(t, "transmission-daemon"), testenv.Program(t, "transmission-remote")
	config, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "settings.json"), fmt.Appendf(nil, `{
		"bind-address-ipv4": "%v", "peer-port": 51413,
		"dht-enabled": false, "pex-enabled": false, "lpd-enabled": false, "utp-enabled": false,
		"port-forwarding-enabled": false, "blocklist-enabled": false,
		"rpc-bind-address": "127.0.0.1", "rpc-port": 9091,
		"rpc-whitelist-enabled": true, "rpc-whitelist": "127.0.0.1"
	}`, s.b.Addr), 0o600); err != nil {
		t.Fatal(err)
	}
	client := s.run(s.b, daemon, "-f", "-g", config, "-w", dir)
	ask := func(args ...string) (answer string, err error) {
		line := s.b.Command(remote, append([]string{"127.0.0.1:9091"}, args...)...)
		cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
		cmd.Env = s.env
		out, err := cmd.Output()
		return string(out), err
	}
	client.until("transmission takes the torrent", func() bool {
		_, err := ask("--add", s.torrent)
		return err == nil
	})
	return func() bool {
		answer, err := ask("--torrent", "1", "--info")
		return err == nil && strings.Contains(answer, "Percent Done: 100%")
	}, filepath.Join(dir, "content")
}

// natQBittorrent downloads with qBittorrent.
func natQBittorrent(s *processSwarm) (isDone func() bool, content string) {
	t := s.t
	qbittorrent := testenv.Program(t, "qbittorrent-nox")
	profile, dir := t.TempDir(), t.TempDir()
	config := filepath.Join(profile, "qBittorrent", "config", "qBittorrent.conf")
	if err := os.MkdirAll(filepath.Dir(config), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, fmt.Appendf(nil, `[LegalNotice]
Accepted=true

[BitTorrent]
Session\BTProtocol=TCP
Session\DHTEnabled=false
Session\PeXEnabled=false
Session\LSDEnabled=false
Session\InterfaceAddress=%v
Session\Port=51414

[Network]
PortForwardingEnabled=false

[Preferences]
WebUI\Address=127.0.0.1
WebUI\LocalHostAuth=false
WebUI\UseUPnP=false
`, s.b.Addr), 0o644); err != nil {
		t.Fatal(err)
	}
	client := s.run(s.b, qbittorrent, "--profile="+profile, "--webui-port=8080")
	web := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DialContext: s.b.DialContext}}
	const api = "http://127.0.0.1:8080/api/v2/"
	get := func(what string) string {
		resp, err := web.Get(api + what)
		if err != nil {
			return ""
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return ""
		}
		return string(b)
	}
	client.until("qbittorrent answers", func() bool { return strings.HasPrefix(get("app/version"), "v") })
	torrent, err := os.ReadFile(s.torrent)
	if err != nil {
		t.Fatal(err)
	}
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	file, err := w.CreateFormFile("torrents", "content.torrent")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Write(torrent); err != nil {
		t.Fatal(err)
	}
	if err := w.WriteField("savepath", dir); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	resp, err := web.Post(api+"torrents/add", w.FormDataContentType(), &form)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return func() bool { return strings.Contains(get("torrents/info"), `"progress":1,`) }, filepath.Join(dir, "content")
}
