package main

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
)

// A torrent of a million pieces and 1 TiB takes little memory, also in a second run.
func TestProcessGetMemory(t *testing.T) {
	t.Parallel()
	const (
		size, piece = 1 << 40, 1 << 20
		most        = 300_000_000
		rate        = 20 << 20
	)
	bt := processPlain(t)
	s := swarmOf(t, 1) // its hosts
	dir := t.TempDir()
	data, torrent := filepath.Join(dir, "zeros"), filepath.Join(dir, "zeros.torrent")
	processSparse(t, data, size)
	processZeros(t, torrent, "zeros", size, piece)
	seed := swarmSeed{swarmBt{s.run(s.a, bt, "seed", torrent, data, "--json", "--check", "none",
		"--port", fmt.Sprint(swarmSeedPort), "--max-upload-rate", fmt.Sprint(rate))}}
	seed.await("seeding", 1)

	to, done := t.TempDir(), int64(0)
	for run, seconds := range []int64{20, 5} {
		g := swarmGet{swarmBt{s.run(s.b, bt, "get", torrent, "--output", to, "--json", "--peer", s.seedAddr())}, to}
		done += seconds * rate
		g.until(fmt.Sprintf("%d MiB have arrived", done>>20), func() bool { return g.done() >= done })
		peak := processHighWater(t, g.cmd.Process.Pid)
		done = g.done()
		t.Logf("run %d: %d MiB have arrived, peak %d MiB", run, done>>20, peak>>20)
		if peak == 0 || peak > most {
			t.Errorf("run %d: it took %d bytes, want %d at most", run, peak, most)
		}
		g.signal(syscall.SIGINT)
		g.exits(exitInterrupted)
	}
}
