package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"bt/internal/testenv"
)

// A swarmLeech is a libtorrent process that downloads.
type swarmLeech struct {
	*swarmProcess
	dir string
}

func (s *processSwarm) leech(options ...string) swarmLeech {
	s.t.Helper()
	python := testenv.Python(s.t, "libtorrent")
	script, err := filepath.Abs("testdata/interop/leech.py")
	if err != nil {
		s.t.Fatal(err)
	}
	dir := s.t.TempDir()
	return swarmLeech{s.run(s.b, python, append([]string{script, s.torrent, dir, s.b.Addr.String()}, options...)...), dir}
}

// has returns the number of pieces that it has.
func (l swarmLeech) has() (pieces int) {
	l.t.Helper()
	if lines := l.output(); len(lines) > 0 {
		if _, err := fmt.Sscan(lines[len(lines)-1], &pieces); err != nil {
			l.t.Fatal(err)
		}
	}
	return pieces
}

// hasSome waits until a part of the pieces is downloaded.
func (l swarmLeech) hasSome() {
	l.t.Helper()
	l.until("a part of the download", func() bool { return l.has() >= l.pieces/10 })
	if n := l.has(); n > l.pieces*3/4 {
		l.t.Fatalf("%d of %d pieces: not in the middle", n, l.pieces)
	}
}

// succeeds waits until the download is complete, and compares it.
func (l swarmLeech) succeeds() {
	l.t.Helper()
	l.exits(0)
	l.compare(filepath.Join(l.dir, "content"))
}

// transmission downloads with transmission. encryption is 0 to prefer plaintext, and 2 to
// require RC4.
func (s *processSwarm) transmission(encryption int) (isDone func() bool, content string) {
	s.t.Helper()
	dir := s.t.TempDir()
	_, ask := s.transmissionIn(s.b, dir, 51413, encryption)
	return func() bool { return transmissionHasAll(ask) }, filepath.Join(dir, "content")
}

// transmissionIn starts transmission on a host with the torrent, whose data is in dir. ask
// runs transmission-remote.
func (s *processSwarm) transmissionIn(h *testenv.Host, dir string, port, encryption int) (client *swarmProcess, ask func(args ...string) (answer string, err error)) {
	s.t.Helper()
	settings := transmissionSettings(h, port, fmt.Sprintf(`"encryption": %d, "dht-enabled": false, "lpd-enabled": false`, encryption))
	return s.transmissionWith(h, dir, s.torrent, settings, nil)
}

// transmissionSettings returns transmission's settings.json for a host, with further fields.
func transmissionSettings(h *testenv.Host, port int, fields string) string {
	return fmt.Sprintf(`{
		%s, "bind-address-ipv4": "%v", "peer-port": %d,
		"pex-enabled": false, "utp-enabled": false,
		"port-forwarding-enabled": false, "blocklist-enabled": false,
		"rpc-bind-address": "127.0.0.1", "rpc-port": 9091,
		"rpc-whitelist-enabled": true, "rpc-whitelist": "127.0.0.1"
	}`, fields, h.Addr, port)
}

// transmissionHasAll reports whether the only torrent of transmission is complete.
func transmissionHasAll(ask func(args ...string) (answer string, err error)) bool {
	answer, err := ask("--torrent", "1", "--info")
	return err == nil && strings.Contains(answer, "Percent Done: 100%")
}

// transmissionWith starts transmission on a host with settings, by which it is controlled at
// port 9091 of loopback, and with further files in its configuration. It adds a torrent or a
// magnet link.
func (s *processSwarm) transmissionWith(h *testenv.Host, dir, source, settings string, files map[string]string) (client *swarmProcess, ask func(args ...string) (answer string, err error)) {
	t := s.t
	t.Helper()
	daemon, remote := testenv.Program(t, "transmission-daemon"), testenv.Program(t, "transmission-remote")
	config := t.TempDir()
	processTree(t, config, map[string]string{"settings.json": settings})
	processTree(t, config, files)
	client = s.run(h, daemon, "-f", "-g", config, "-w", dir)
	ask = func(args ...string) (answer string, err error) {
		line := h.Command(remote, append([]string{"127.0.0.1:9091"}, args...)...)
		cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
		cmd.Env = s.env
		out, err := cmd.Output()
		return string(out), err
	}
	client.until("transmission takes the torrent", func() bool {
		_, err := ask("--add", source)
		return err == nil
	})
	return client, ask
}
