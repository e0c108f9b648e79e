package partial

import (
	"errors"
	"testing"

	"golang.org/x/sys/unix"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// A disk is full in the middle. After space was made, a second run goes on.
func TestFullDisk(t *testing.T) {
	testenv.Root(t)
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 1 << 20, "b": 1 << 20})
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		testenv.Missing(t, "to mount a tmpfs: "+err.Error())
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	c := s.open(t, Options{Dir: dir})
	_ = s.feedUntil(t, c)
	err := c.Close()
	var full *DiskError
	if !errors.As(err, &full) || !full.IsFull() {
		t.Fatalf("%v", err)
	}
	have := c.Have().Count()
	if have < 20 {
		t.Errorf("%d pieces were written", have)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_REMOUNT, "size=8m"); err != nil {
		t.Fatal(err)
	}
	c = s.open(t, Options{Dir: dir})
	if n := c.Have().Count(); n < have {
		t.Errorf("%d pieces are there, %d were written", n, have)
	}
	s.feedAll(t, c)
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
}
