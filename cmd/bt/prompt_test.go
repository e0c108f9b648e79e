package main

import (
	"os"
	"path/filepath"
	"testing"
)

// noStdin is a standard input that fails the test when it is read.
type noStdin struct{ t *testing.T }

func (s noStdin) Read([]byte) (int, error) {
	s.t.Error("standard input was read")
	return 0, os.ErrClosed
}

// No command prompts, even on a terminal: it either does its work or refuses.
func TestNoPrompts(t *testing.T) {
	t.Chdir(t.TempDir())
	for name, text := range map[string]string{"data/file": "hello", "page.torrent": "<html>", "scraped.json": `{"torrents":[]}`} {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		code int
		args []string
	}{
		{exitOK, []string{"make", "data", "--private"}},
		{exitWrite, []string{"make", "data"}},
		{exitOK, []string{"make", "data", "--force"}},
		{exitWrite, []string{"make", "data", "-o", "none/"}},
		{exitOK, []string{"info", "data.torrent"}},
		{exitTorrent, []string{"info", "page.torrent"}},
		{exitOK, []string{"verify", "data.torrent"}},
		{exitWrite, []string{"retracker", "data.torrent", "--source", "A"}},
		{exitOK, []string{"retracker", "data.torrent", "--source", "A", "--new-infohash"}},
		{exitOK, []string{"retracker", "data.torrent", "--no-trackers"}},
		{exitUsage, []string{"retracker", "data.torrent", "--drop-dead", "scraped.json"}},
		{exitUsage, []string{"retracker", "data.torrent"}},
		{exitNo, []string{"scrape", "data.torrent", "--peers"}},
		{exitUsage, []string{"seed", "data"}},
		{exitUsage, []string{"seed", "data.torrent", "--max-upload-rate", "0"}},
		{exitUsage, []string{"make"}},
		{exitUsage, []string{"create", "data"}},
		{exitUsage, nil},
	} {
		e, _, stderr := testEnv(test.args...)
		e.stdin, e.stdoutTerminal, e.stderrTerminal = noStdin{t}, true, true
		if code := run(e); code != test.code {
			t.Errorf("bt %q: exit code %d, want %d: %s", test.args, code, test.code, stderr)
		}
	}
}
