package main

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"bt/internal/testenv"
)

// A speedSwarm is some seeds on the first CPU, from which downloaders on the second one get
// a file that is in the page cache. They write it to a tmpfs.
type speedSwarm struct {
	b       *testing.B
	torrent string
	size    int64
	peers   []string
	dir     string // of the download
	encrypt bool
	host    *testenv.Host // of the downloader; nil: the second CPU
	v2      bool
}

// A speed is one download.
type speed struct{ seconds, cpu float64 }

const speedSize = 1 << 30

// In each round bt, libtorrent and aria2 get 1 GiB from one seed, or from eight. -benchtime 5x
// makes five rounds, of which the medians count. bt should take half of the CPU time of the
// better one of the others, and be 1.5 times as fast as the faster one. It needs two CPUs that do
// nothing else, and 3 GiB of memory.
func BenchmarkProcessGet(b *testing.B) {
	testenv.Program(b, "taskset")
	python, aria := testenv.Python(b, "libtorrent"), testenv.Program(b, "aria2c")
	bt := processPlain(b)
	dir := testenv.Tmpfs(b)
	data := filepath.Join(dir, "data")
	writeRandom(b, data, speedSize)
	for _, format := range []string{"v1", "v2"} {
		made := processMade(b, dir, "make", data, "-l", "1MiB", "-o", filepath.Join(dir, format+".torrent"), "--format", format)
		hash := made.InfoHash
		if format == "v2" {
			hash = made.InfoHashV2[:40]
		}
		raw, err := hex.DecodeString(hash)
		if err != nil {
			b.Fatal(err)
		}
		tracker := testenv.Opentracker(b, [][20]byte{[20]byte(raw)})
		for _, seeds := range []int{1, 8} {
			for _, encrypt := range []bool{false, true} {
				b.Run(fmt.Sprintf("%s seeds=%d encrypted=%v", format, seeds, encrypt), func(b *testing.B) {
					s := &speedSwarm{b: b, torrent: filepath.Join(dir, format+".torrent"), size: speedSize, encrypt: encrypt, v2: format == "v2"}
					announce := fmt.Sprintf("http://%v/announce", tracker)
					s.seed(bt, data, announce, seeds)
					s.compare(map[string]func() speed{
						"bt":         func() speed { return s.bt(bt) },
						"libtorrent": func() speed { return s.libtorrent(python) },
						"aria2":      func() speed { return s.aria2(aria, announce) },
					})
				})
			}
		}
	}
}

// writeRandom writes a file that compresses badly.
func writeRandom(t testing.TB, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := io.CopyN(f, rand.NewChaCha8([32]byte([]byte("the data of bt's tests of speed."))), size); err != nil {
		t.Fatal(err)
	}
}

// seed starts n seeds, each with its own address.
func (s *speedSwarm) seed(bt, data, announce string, n int) {
	s.b.Helper()
	for i := range n {
		addr := fmt.Sprintf("127.0.0.%d", i+1)
		cmd := exec.CommandContext(s.b.Context(), "taskset", "-c", "0", bt, "seed", s.torrent, data, "--json", "--check", "none", "--announce", announce,
			"--bind", addr, "--port", "7001", "--no-dht", "--no-lsd", "--no-pex", "--no-port-map")
		events, err := os.Create(filepath.Join(s.b.TempDir(), "events"))
		if err != nil {
			s.b.Fatal(err)
		}
		defer events.Close()
		cmd.Stdout, cmd.Stderr = events, events
		if err := cmd.Start(); err != nil {
			s.b.Fatal(err)
		}
		s.b.Cleanup(func() { cmd.Wait() }) // the context has ended
		for end := time.Now().Add(swarmTimeout); ; time.Sleep(10 * time.Millisecond) {
			b, err := os.ReadFile(events.Name())
			if err == nil && bytes.Contains(b, []byte(`"announce"`)) {
				break
			}
			if err != nil || time.Now().After(end) {
				s.b.Fatalf("the seed is not announced: %v\n%s", err, b)
			}
		}
		s.peers = append(s.peers, addr+":7001")
	}
}

// compare runs the downloaders in turn, and reports their medians.
func (s *speedSwarm) compare(downloads map[string]func() speed) {
	s.b.Helper()
	all := make(map[string][]speed)
	for s.b.Loop() {
		for name, download := range downloads {
			if name == "aria2" && s.v2 {
				continue // it knows no v2
			}
			var err error
			if s.dir, err = os.MkdirTemp(filepath.Dir(s.torrent), "out"); err != nil {
				s.b.Fatal(err)
			}
			all[name] = append(all[name], download())
			if err := os.RemoveAll(s.dir); err != nil {
				s.b.Fatal(err)
			}
		}
	}
	gb := float64(s.size) / 1e9
	least, fastest := 1e9, 0.0
	medians := make(map[string]speed)
	for name, list := range all {
		m := speed{median(list, func(x speed) float64 { return x.seconds }), median(list, func(x speed) float64 { return x.cpu })}
		medians[name] = m
		s.b.ReportMetric(gb/m.seconds, name+"-GB/s")
		s.b.ReportMetric(m.cpu/gb, name+"-CPU-s/GB")
		if name != "bt" {
			least, fastest = min(least, m.cpu), max(fastest, 1/m.seconds)
		}
	}
	ours := medians["bt"]
	s.b.ReportMetric(ours.cpu/least, "of-better-CPU")
	s.b.ReportMetric(1/ours.seconds/fastest, "of-faster-speed")
}

func median(list []speed, of func(speed) float64) float64 {
	var values []float64
	for _, x := range list {
		values = append(values, of(x))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// run runs a program on the host, or on the second CPU.
func (s *speedSwarm) run(args ...string) (speed, string) {
	s.b.Helper()
	line := append([]string{"taskset", "-c", "1"}, args...)
	if s.host != nil {
		line = s.host.Command(args[0], args[1:]...)
	}
	cmd := exec.CommandContext(s.b.Context(), line[0], line[1:]...)
	var out, errors bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errors
	begun := time.Now()
	if err := cmd.Run(); err != nil {
		s.b.Fatalf("%v: %v\n%s%s", args, err, &out, &errors)
	}
	took := time.Since(begun)
	return speed{took.Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}, out.String()
}

// bt includes the time to start.
func (s *speedSwarm) bt(bt string) speed {
	args := []string{bt, "get", s.torrent, "--output", s.dir, "--json", "--no-dht", "--no-lsd", "--no-pex", "--no-port-map", "--bind", s.addr(), "--port", "0"}
	if args = append(args, "--encryption", "off"); s.encrypt {
		args[len(args)-1] = "require"
	}
	for _, p := range s.peers {
		args = append(args, "--peer", p)
	}
	took, _ := s.run(args...)
	return took
}

// addr returns the address of the downloaders.
func (s *speedSwarm) addr() string {
	if s.host != nil {
		return s.host.Addr.String()
	}
	return "127.0.0.1"
}

func (s *speedSwarm) libtorrent(python string) speed {
	args := []string{python, "testdata/interop/fastleech.py", s.torrent, s.dir, s.addr()}
	if s.encrypt {
		args = append(args, "rc4")
	}
	_, out := s.run(append(args, s.peers...)...)
	var took speed
	if _, err := fmt.Sscan(out, &took.seconds, &took.cpu); err != nil {
		s.b.Fatalf("%q: %v", out, err)
	}
	return took
}

// aria2 ends up to a second after the download, so it makes a file when that is complete.
func (s *speedSwarm) aria2(aria, announce string) speed {
	hook, mark := filepath.Join(s.dir, "hook"), filepath.Join(s.dir, "mark")
	if err := os.WriteFile(hook, []byte("#!/bin/sh\n: >"+mark+"\n"), 0o777); err != nil {
		s.b.Fatal(err)
	}
	args := []string{
		aria, "--dir", s.dir, "--bt-tracker", announce, "--on-bt-download-complete", hook,
		"--no-conf", "--seed-time=0", "--file-allocation=none", "--bt-max-peers=0", "--enable-dht=false", "--bt-enable-lpd=false",
		"--enable-peer-exchange=false", "--check-integrity=false", "--bt-request-peer-speed-limit=9000M", "--disk-cache=64M",
		"--interface=127.0.0.1", "--listen-port=7100", "--console-log-level=warn", "--summary-interval=0", "--show-console-readout=false",
	}
	if s.encrypt {
		args = append(args, "--bt-require-crypto=true", "--bt-min-crypto-level=arc4")
	}
	begun := time.Now()
	took, _ := s.run(append(args, s.torrent)...)
	info, err := os.Stat(mark)
	if err != nil {
		s.b.Fatal(err)
	}
	took.seconds = info.ModTime().Sub(begun).Seconds()
	return took
}
