package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Transmission accepts no peers on loopback from a tracker, and creates no empty
// files.
func TestProcessSeedTransmission(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name       string
		encryption int // 0: prefer plaintext, 2: require RC4
		args       []string
	}{
		{name: "plaintext"},
		{name: "encrypted", encryption: 2, args: []string{"--encryption", "require"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := swarmOf(t, 700_001, 0, 5, 64<<10, 500_000)
			seed := s.seed(test.args...).starts()
			done, content := s.transmission(test.encryption)
			s.eventually("transmission has all", done)
			s.compare(content)
			seed.hasNoErrors()
		})
	}
}

// A download continues when the killed seed is started again.
func TestProcessSeedKilled(t *testing.T) {
	t.Parallel()
	s := swarmOf(t, 4_000_000, 10, 2_000_000)
	waitUntilOld(t, filepath.Join(s.root, "a"), filepath.Join(s.root, "sub/b"), filepath.Join(s.root, "sub/c"))
	first := s.seed().starts()
	leech := s.leech("rate=200000")
	leech.hasSome()
	first.kill()
	second := s.seed().starts()
	leech.signal(syscall.SIGUSR1)
	if first.events("seeding")[0].Known || !second.events("seeding")[0].Known {
		t.Error("the first knows the data, or the second does not")
	}
	leech.succeeds()
	second.hasNoErrors()
	s.compare(s.root)
}

// Known data is not hashed again, even if the seed that checked it was killed.
func TestProcessSeedKnown(t *testing.T) {
	t.Parallel()
	const size = 1 << 30
	s := swarmOf(t, 1)
	dir := t.TempDir()
	s.root, s.torrent, s.pieces = filepath.Join(dir, "zeros"), filepath.Join(dir, "zeros.torrent"), size>>20
	processSparse(t, s.root, size)
	processZeros(t, s.torrent, "zeros", size, 1<<20)
	waitUntilOld(t, s.root)
	var cpu [2]time.Duration
	for i := range cpu {
		seed := s.seed()
		if e := seed.await("seeding", 1); e.Pieces != s.pieces || e.Known != (i == 1) {
			t.Fatalf("start %d: %+v", i, e)
		}
		_, cpu[i] = processStat(t, seed.cmd.Process.Pid)
		seed.kill()
	}
	if cpu[1] > cpu[0]/2 {
		t.Errorf("the first start took %v of CPU, the second %v", cpu[0], cpu[1])
	}
}

// A download continues without its tracker. A seed that starts while the tracker
// is down is found when the tracker is up again.
func TestProcessSeedTrackerKilled(t *testing.T) {
	t.Parallel()
	s := swarmOf(t, 3_000_000)
	seed := s.seed().starts()
	leech := s.leech("rate=100000")
	leech.hasSome()
	s.tracker.Kill()
	leech.signal(syscall.SIGUSR1)
	leech.succeeds()
	seed.hasNoErrors()
	if n := len(seed.events("announce")); n != 1 {
		t.Errorf("%d announces, want 1", n)
	}
	// It can't announce its stop, and does not wait for that.
	seed.signal(syscall.SIGTERM)
	seed.exits(exitTerminated)

	seed = s.seed()
	if e := seed.await("announce", 1); e.Error == "" {
		t.Error("the announce succeeded without a tracker")
	}
	s.tracker.Start(t)
	seed.starts()
	s.leech().succeeds()
	seed.signal(syscall.SIGHUP) // as if its terminal was closed
	seed.exits(exitHangup)
	s.seedsAre("0")
}

// Data that is removed during a download is reported missing, and no other data
// is sent for it. When the data is restored, the download continues.
func TestProcessSeedDataGone(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		seed      []string
		leech     []string
		gone, are func(t *testing.T, s *processSwarm)
	}{
		{name: "truncated", gone: truncate(1_000_001), are: restore},
		{name: "truncated, encrypted", seed: []string{"--encryption", "require"}, leech: []string{"rc4"},
			gone: truncate(1_000_001), are: restore},
		// Mapped data is served until the next check for changes, some seconds
		// later.
		{name: "moved", gone: moveTo("content", "elsewhere"), are: moveTo("elsewhere", "content")},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := swarmOf(t, 3_000_000, 1_000_000)
			seed := s.seed(test.seed...).starts()
			leech := s.leech(append(test.leech, "rate=150000")...)
			leech.hasSome()
			s.seedsAre("1")
			test.gone(t, s)
			seed.waitMissing("a")
			if leech.has() == s.pieces {
				t.Fatal("the download was over before")
			}
			test.are(t, s)
			seed.waitRestored()
			leech.signal(syscall.SIGUSR1)
			leech.succeeds()
			s.compare(s.root)
		})
	}
}

// While a truncated file is mapped, the rest of its last page is zeros.
func TestProcessSeedTailGone(t *testing.T) {
	t.Parallel()
	s := swarmOf(t, 2_000_000)
	seed := s.seed().starts()
	leech := s.leech("rate=100000")
	leech.hasSome()
	truncate(1_999_990)(t, s)
	leech.signal(syscall.SIGUSR1)
	seed.waitMissing("a")
	restore(t, s)
	seed.waitRestored()
	leech.succeeds()
}

// waitMissing waits until the seed has found that a file has changed, and the tracker
// has been informed.
func (p swarmSeed) waitMissing(file string) {
	p.t.Helper()
	if e := p.await("error", 1); !strings.Contains(e.Error, filepath.Join(p.root, file)+": changed since it was checked") {
		p.t.Errorf("error %q", e.Error)
	}
	p.seedsAre("0")
}

// waitRestored waits until all data is seeded again, and the tracker has been
// informed.
func (p swarmSeed) waitRestored() {
	p.t.Helper()
	if e := p.await("seeding", 2); e.Pieces != p.pieces {
		p.t.Errorf("%d pieces of %d came back", e.Pieces, p.pieces)
	}
	p.seedsAre("1")
}

func truncate(size int64) func(t *testing.T, s *processSwarm) {
	return func(t *testing.T, s *processSwarm) {
		if err := os.Truncate(filepath.Join(s.root, "a"), size); err != nil {
			t.Fatal(err)
		}
	}
}

// restore restores the first file.
func restore(t *testing.T, s *processSwarm) {
	if err := os.WriteFile(filepath.Join(s.root, "a"), s.want["a"], 0o644); err != nil {
		t.Fatal(err)
	}
}

func moveTo(from, to string) func(t *testing.T, s *processSwarm) {
	return func(t *testing.T, s *processSwarm) {
		dir := filepath.Dir(s.root)
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
}

// bt seed announces its stop, for every kind of end.
func TestProcessSeedEnds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		args   []string
		signal syscall.Signal // 0 if it ends by itself
		code   int
		leech  []string
	}{
		{"by time", []string{"--for", "7s"}, 0, exitOK, nil},
		{"by ratio", []string{"--until-ratio", "0.5"}, 0, exitOK, nil},
		{"SIGINT", nil, syscall.SIGINT, exitInterrupted, []string{"rate=100000"}},
		{"SIGTERM", nil, syscall.SIGTERM, exitTerminated, []string{"rate=100000"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := swarmOf(t, 3_000_000)
			seed := s.seed(append(test.args, "--max-upload-rate", "512KiB/s")...)
			if e := seed.await("announce", 1); e.Error != "" || e.Seeders != 1 {
				t.Fatalf("announce: %+v", e)
			}
			leech := s.leech(test.leech...)
			if test.signal != 0 {
				leech.hasSome()
				s.seedsAre("1")
				seed.signal(test.signal)
			}
			seed.exits(test.code)
			leech.kill()
			s.seedsAre("0")
			events := seed.events("")
			if last := events[len(events)-1]; last.Event != "stopped" {
				t.Errorf("last event %+v", last)
			}
		})
	}
}
