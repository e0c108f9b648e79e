package clients

import (
	"path/filepath"
	"syscall"
	"testing"
)

// A lock file that is a FIFO says nothing, and is not waited for.
func TestLockIsNoFIFO(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "rtorrent.lock"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &Client{Name: "Test", commands: []string{"no program is called so"}, lock: "rtorrent.lock"}
	if how, runs := c.Runs(filepath.Join(dir, "x.torrent")); runs {
		t.Errorf("it runs: %s", how)
	}
}
