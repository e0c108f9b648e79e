package main

import (
	"bufio"
	"bytes"
	"crypto/sha1"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/testenv"
)

const (
	manyTorrents = 10_000
	manyPiece    = 2 << 10
	manySize     = 5_000 // three pieces
	manySample   = 200   // number of torrents that are downloaded
)

// manyName returns the name of a torrent, which is also that of its file.
func manyName(i int) string { return fmt.Sprintf("number %05d", i) }

// manyData returns the content of a torrent.
func manyData(i int) []byte {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], uint64(i))
	b := make([]byte, manySize)
	_, _ = rand.NewChaCha8(seed).Read(b) // never fails
	return b
}

// manyFiles writes the torrents and their data, and returns the info-hashes.
func manyFiles(t *testing.T, torrents, data string) [][20]byte {
	t.Helper()
	hashes := make([][20]byte, manyTorrents)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for w := range errs {
		wg.Go(func() {
			for i := w; i < manyTorrents && errs[w] == nil; i += len(errs) {
				name, b := manyName(i), manyData(i)
				var pieces []byte
				for piece := range slices.Chunk(b, manyPiece) {
					sum := sha1.Sum(piece)
					pieces = append(pieces, sum[:]...)
				}
				info := fmt.Appendf(nil, "d6:lengthi%de4:name%d:%s12:piece lengthi%de6:pieces%d:%se", len(b), len(name), name, manyPiece, len(pieces), pieces)
				hashes[i] = sha1.Sum(info)
				errs[w] = errors.Join(
					os.WriteFile(filepath.Join(data, name), b, 0o644),
					os.WriteFile(filepath.Join(torrents, name+".torrent"), fmt.Appendf(nil, "d4:info%se", info), 0o644))
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	return hashes
}

// A manySeed is a bt seed process with many torrents, and a summary of its
// events.
type manySeed struct {
	t     *testing.T
	cmd   *exec.Cmd
	began time.Time
	ended chan struct{}

	mu        sync.Mutex
	announced map[string]bool // by info-hash
	known     map[string]bool // value of known in the seeding events, by info-hash
	stopped   map[string]bool // by name
	took      time.Duration   // time until all were announced
	wrong     []string        // the first unexpected lines
}

// startManySeed runs bt seed --json by a command line, with further arguments.
func startManySeed(t *testing.T, line, env []string, args ...string) *manySeed {
	t.Helper()
	s := &manySeed{t: t, ended: make(chan struct{}), announced: make(map[string]bool), known: make(map[string]bool), stopped: make(map[string]bool)}
	line = slices.Concat(line, []string{"seed", "--json"}, args)
	s.cmd = exec.Command(line[0], line[1:]...)
	s.cmd.Env = env
	var stderr bytes.Buffer
	s.cmd.Stderr = &stderr
	stdout, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.began = time.Now()
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		s.read(stdout)
		_ = s.cmd.Wait() // the exit status is checked elsewhere
	}()
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // no effect if it has ended
		<-s.ended
		if t.Failed() {
			t.Logf("bt seed: %v\n%s\n%s", s.cmd.ProcessState, strings.Join(s.wrong, "\n"), stderr.Bytes()[max(0, stderr.Len()-8<<10):])
		}
	})
	return s
}

func (s *manySeed) read(r io.Reader) {
	for lines := bufio.NewScanner(r); lines.Scan(); {
		var e struct {
			Event string `json:"event"`
			Name  string `json:"name"`
			Hash  string `json:"info_hash_v1"`
			Known bool   `json:"known"`
			Error string `json:"error"`
		}
		err := json.Unmarshal(lines.Bytes(), &e)
		s.mu.Lock()
		switch {
		case err != nil || e.Error != "":
			if len(s.wrong) < 20 {
				s.wrong = append(s.wrong, lines.Text())
			}
		case e.Event == "seeding":
			s.known[e.Hash] = e.Known
		case e.Event == "announce":
			if s.announced[e.Hash] = true; len(s.announced) == manyTorrents && s.took == 0 {
				s.took = time.Since(s.began)
			}
		case e.Event == "stopped":
			s.stopped[e.Name] = true
		}
		s.mu.Unlock()
	}
}

// starts waits until the tracker knows all torrents, and returns the number of
// torrents that were hashed.
func (s *manySeed) starts() (hashed int) {
	s.t.Helper()
	s.eventually("all torrents are seeded and announced", func() bool { return len(s.known) == manyTorrents && len(s.announced) == manyTorrents })
	s.hasNoErrors()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.known {
		if !known {
			hashed++
		}
	}
	return hashed
}

// eventually waits until a condition, for which s.mu is locked, is true.
func (s *manySeed) eventually(what string, ready func() bool) {
	s.t.Helper()
	for end := time.Now().Add(swarmTimeout); ; time.Sleep(10 * time.Millisecond) {
		s.mu.Lock()
		ok, seeded, announced := ready(), len(s.known), len(s.announced)
		s.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("never: %s; %d torrents are seeded and %d announced", what, seeded, announced)
		}
	}
}

// hasNoErrors checks that there were no errors so far.
func (s *manySeed) hasNoErrors() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range s.wrong {
		s.t.Error(line)
	}
}

// stops sends the stop signal and waits for the end.
func (s *manySeed) stops() {
	s.t.Helper()
	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(swarmTimeout):
		s.t.Fatal("it goes on")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitTerminated {
		s.t.Errorf("exit code %d", code)
	}
	s.t.Logf("it left within %v", time.Since(began))
}

// idleCPU returns the lowest CPU usage of several measurements.
func (s *manySeed) idleCPU() float64 {
	s.t.Helper()
	least := 1.0
	for range 4 {
		_, before := processStat(s.t, s.cmd.Process.Pid)
		began := time.Now()
		time.Sleep(4 * time.Second)
		_, after := processStat(s.t, s.cmd.Process.Pid)
		if least = min(least, float64(after-before)/float64(time.Since(began))); least < 0.01 {
			break
		}
	}
	return least
}

// If the data is known, ten thousand torrents are announced within a minute. They
// need little memory and almost no CPU, and can be downloaded.
func TestProcessSeedMany(t *testing.T) {
	testenv.Large(t)
	dir := t.TempDir()
	torrents, data, home := filepath.Join(dir, "torrents"), filepath.Join(dir, "data"), filepath.Join(dir, "home")
	for _, d := range []string{torrents, data, home} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	began := time.Now()
	hashes := manyFiles(t, torrents, data)
	t.Logf("%d torrents were written in %v", manyTorrents, time.Since(began))
	tracker := "http://" + testenv.Opentracker(t, hashes).String() + "/announce"
	bt := processPlain(t) // the race detector needs additional memory and CPU
	waitUntilOld(t, filepath.Join(data, manyName(manyTorrents-1)))

	env := []string{"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "XDG_STATE_HOME=" + filepath.Join(home, "state"), dhtNodesVariable + "=none"}
	args := []string{torrents, "--data", data, "--announce", tracker, "--bind", "127.0.0.1", "--port", "0"}
	cold := startManySeed(t, []string{bt}, env, args...)
	if n := cold.starts(); n != manyTorrents {
		t.Errorf("%d torrents were hashed, want all", n)
	}
	t.Logf("cold, all were announced after %v", cold.took)
	cold.stops()

	warm := startManySeed(t, []string{bt}, env, args...)
	if n := warm.starts(); n > 0 {
		t.Errorf("%d torrents were hashed again", n)
	}
	t.Logf("warm, all were announced after %v", warm.took)
	if warm.took > time.Minute {
		t.Errorf("all were announced after %v", warm.took)
	}
	cpu := warm.idleCPU()
	t.Logf("idle, it takes %.2f %% of a processor", 100*cpu)
	if cpu > 0.01 {
		t.Errorf("idle, it takes %.2f %% of a processor", 100*cpu)
	}

	python := testenv.Python(t, "libtorrent")
	got := t.TempDir()
	line := []string{"testdata/interop/leechmany.py", tracker, got}
	sample := rand.New(rand.NewPCG(1, 2)).Perm(manyTorrents)[:manySample]
	for _, i := range sample {
		line = append(line, filepath.Join(torrents, manyName(i)+".torrent"))
	}
	began = time.Now()
	leech := processCommand(t, python, line...)
	leech.Env = env
	processStart(t, leech)().exits(exitOK)
	t.Logf("libtorrent downloaded %d of them in %v", manySample, time.Since(began))
	for _, i := range sample {
		if b, err := os.ReadFile(filepath.Join(got, manyName(i))); err != nil || !bytes.Equal(b, manyData(i)) {
			t.Errorf("%s is not what was published: %v", manyName(i), err)
		}
	}
	warm.hasNoErrors()
	const mostMemory = 200 << 20
	peak := processHighWater(t, warm.cmd.Process.Pid)
	t.Logf("it had %d MiB of memory at most", peak>>20)
	if peak == 0 || peak > mostMemory {
		t.Errorf("it had %d bytes of memory, more than %d", peak, mostMemory)
	}

	// Torrents that are removed while it runs are dropped: it announces their
	// stop and prints an event.
	for i := range 100 {
		if err := os.Remove(filepath.Join(torrents, manyName(i)+".torrent")); err != nil {
			t.Fatal(err)
		}
	}
	warm.eventually("100 have stopped", func() bool { return len(warm.stopped) >= 100 })
	warm.stops()
}
