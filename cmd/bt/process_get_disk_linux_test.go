package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// A download to a full disk ends with what is missing, and a second run goes on once there is
// room.
func TestProcessGetDiskFull(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"v1", "hybrid"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			s := swarmPlan{format: format}.of(t, 6_000_000, 0, 10, 4_000_000)
			seed := s.seed("--status", swarmStatus).starts()
			disk := testenv.NewSmallTmpfs(t, 5<<20)
			s.getTo(disk.Dir, s.torrent).failsToWrite("no space left on device")
			s.getTo(disk.Dir, s.torrent).failsToWrite("no space left on device") // as before

			before := seed.sent()
			disk.Resize(16 << 20)
			s.getTo(disk.Dir, s.torrent).succeeds()
			if n := seed.sent() - before; n > s.size-1<<20 {
				t.Errorf("%d bytes of %d were fetched again", n, s.size)
			}
		})
	}
}

// Space that is reserved at the start is missing before anything is downloaded.
func TestProcessGetAllocate(t *testing.T) {
	t.Parallel()
	s := swarmOf(t, 6_000_000, 0, 10, 4_000_000)
	seed := s.seed("--status", swarmStatus).starts()
	disk := testenv.NewSmallTmpfs(t, 8<<20)
	s.getTo(disk.Dir, s.torrent, "--allocate", "full").failsToWrite("no space left on device")
	if n := seed.sent(); n > 0 {
		t.Errorf("%d bytes were fetched", n)
	}
	disk.Resize(16 << 20)
	s.getTo(disk.Dir, s.torrent, "--allocate", "full").succeeds()
}

// A disk that begins to fail in the middle ends the download. When it works again, without
// what it could not write, a second run goes on.
func TestProcessGetDiskFails(t *testing.T) {
	t.Parallel()
	disk := testenv.NewDisk(t, t.TempDir(), 64<<20)
	s := swarmOf(t, 6_000_000, 10, 4_000_000)
	s.seed("--max-upload-rate", "1MiB/s").starts()
	dir := filepath.Join(disk.Dir, "here") // beside lost+found
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	g := s.getTo(dir, s.torrent)
	g.hasSome()
	disk.FailWrites()
	g.failsToWrite("input/output error")
	disk.MendWrites()
	s.getTo(dir, s.torrent).succeeds()
}

// failsToWrite waits until bt ends because it can't write, and says why.
func (g swarmGet) failsToWrite(why string) {
	g.t.Helper()
	g.exits(exitWrite)
	if text := g.stderr.String(); !strings.Contains(text, "bt: error: ") || !strings.Contains(text, why) {
		g.t.Errorf("stderr %q, want %q in it", text, why)
	}
}
