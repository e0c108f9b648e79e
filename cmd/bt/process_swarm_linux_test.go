package main

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/testenv"
)

// The tests named TestProcessSeed run bt seed and a tracker on one host and
// clients on another. The hosts are network namespaces, so ports do not collide
// and no packet leaves the machine.

const (
	swarmTrackerPort = 6969
	swarmSeedPort    = 6881
)

// swarmTimeout is the time after which the tests stop waiting. It is long because
// the race detector and a busy machine are slow.
const swarmTimeout = 80 * time.Second

// A processSwarm is a torrent of random data, and the tracker that serves it.
type processSwarm struct {
	t       *testing.T
	a, b    *testenv.Host // hosts for the seed and the downloading client
	at      *testenv.Host // host of the tracker
	root    string        // directory of the data
	torrent string
	hash    [20]byte
	size    int64
	pieces  int
	tracker *testenv.Tracker
	env     []string
	want    map[string][]byte // the data by path
}

const swarmPiece = 32 << 10

// swarmOf makes files of the given sizes and a torrent of them: a, sub/b, sub/c,
// ...
func swarmOf(t *testing.T, sizes ...int) *processSwarm {
	t.Helper()
	a, b := testenv.Hosts(t)
	return swarmOn(t, a, b, a, sizes...)
}

// swarmOn is like swarmOf, with the seed, the client and the tracker on given hosts.
func swarmOn(t *testing.T, seed, client, tracker *testenv.Host, sizes ...int) *processSwarm {
	t.Helper()
	s := &processSwarm{t: t, a: seed, b: client, at: tracker}
	home := t.TempDir()
	s.env = []string{"HOME=" + home, "XDG_CACHE_HOME=" + filepath.Join(home, "cache"), "GORACE=atexit_sleep_ms=0"}
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		proxy := strings.HasSuffix(strings.ToLower(name), "_proxy")
		own := slices.ContainsFunc(s.env, func(o string) bool { return strings.HasPrefix(o, name+"=") })
		if !proxy && !own {
			s.env = append(s.env, v)
		}
	}

	dir := t.TempDir()
	s.root, s.torrent = filepath.Join(dir, "content"), filepath.Join(dir, "content.torrent")
	chacha := rand.NewChaCha8([32]byte([]byte("the data of bt's swarms of tests")))
	files := make(map[string]string)
	s.want = make(map[string][]byte)
	for i, size := range sizes {
		name := "a"
		if i > 0 {
			name = filepath.Join("sub", string(rune('a'+i)))
		}
		data := make([]byte, size)
		_, _ = chacha.Read(data) // never fails
		files[name], s.want[name] = string(data), data
		s.size += int64(size)
	}
	s.pieces = int((s.size + swarmPiece - 1) / swarmPiece)
	processTree(t, s.root, files)
	made := processMade(t, dir, "make", "content", "-l", fmt.Sprint(swarmPiece), "-o", s.torrent,
		"--announce", fmt.Sprintf("http://%v:%d/announce", s.at.Addr, swarmTrackerPort))
	hash, err := hex.DecodeString(made.InfoHash)
	if err != nil {
		t.Fatal(err)
	}
	s.hash = [20]byte(hash)
	s.tracker = s.at.Opentracker(t, swarmTrackerPort, [][20]byte{s.hash})
	return s
}

// eventually waits until a condition is true.
func (s *processSwarm) eventually(what string, ready func() bool) {
	s.t.Helper()
	for end := time.Now().Add(swarmTimeout); !ready(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

var (
	scrapedSeeds    = regexp.MustCompile(`8:completei(\d+)e`)
	scrapedLeechers = regexp.MustCompile(`10:incompletei(\d+)e`)
)

// seeds returns the number of seeds that the tracker knows, and leechers that of others.
func (s *processSwarm) seeds() string    { return s.scraped(scrapedSeeds) }
func (s *processSwarm) leechers() string { return s.scraped(scrapedLeechers) }

func (s *processSwarm) scraped(count *regexp.Regexp) string {
	s.t.Helper()
	client := http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: s.b.DialContext, DisableKeepAlives: true}}
	var escaped strings.Builder
	for _, c := range s.hash {
		fmt.Fprintf(&escaped, "%%%02x", c)
	}
	res, err := client.Get(fmt.Sprintf("http://%v:%d/scrape?info_hash=%s", s.at.Addr, swarmTrackerPort, &escaped))
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if m := count.FindSubmatch(body); m != nil {
		return string(m[1])
	}
	if got := string(body); got != "d5:filesdee" { // the tracker knows no peers
		s.t.Fatalf("scrape: %q", got)
	}
	return "0"
}

func (s *processSwarm) seedsAre(want string) {
	s.t.Helper()
	s.eventually("the tracker knows of so many seeds: "+want, func() bool { return s.seeds() == want })
}

// compare compares a download byte for byte, except for empty files, which some
// clients don't create.
func (s *processSwarm) compare(root string) {
	s.t.Helper()
	got := make(map[string][]byte)
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		got[name], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	for name, data := range s.want {
		if other, ok := got[name]; !bytes.Equal(other, data) || !ok && len(data) > 0 {
			s.t.Errorf("%s in %s is not what was published, or missing: %v", name, root, !ok)
		}
		delete(got, name)
	}
	for name := range got {
		s.t.Errorf("%s in %s was not published", name, root)
	}
}

// A swarmProcess is a program that runs on a host until the test ends.
type swarmProcess struct {
	*processSwarm
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{}

	mu    sync.Mutex
	lines []string // lines of stdout
}

func (s *processSwarm) run(h *testenv.Host, name string, args ...string) *swarmProcess {
	s.t.Helper()
	line := h.Command(name, args...)
	p := &swarmProcess{processSwarm: s, cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = s.env, s.t.TempDir(), &p.stderr
	r, w := io.Pipe()
	p.cmd.Stdout = w
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit status is checked elsewhere
		w.Close()
	}()
	go func() {
		defer close(p.ended)
		for b := []byte(nil); ; {
			more := make([]byte, 4096)
			n, err := r.Read(more)
			b = append(b, more[:n]...)
			for {
				line, rest, ok := bytes.Cut(b, []byte("\n"))
				if !ok {
					break // an unfinished line of a killed process
				}
				p.mu.Lock()
				p.lines = append(p.lines, string(line))
				p.mu.Unlock()
				b = rest
			}
			if err != nil {
				return
			}
		}
	}()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("%s: %v\n%s\n%s", name, p.cmd.ProcessState, strings.Join(p.lines, "\n"), p.stderr.Bytes()[max(0, p.stderr.Len()-8<<10):])
		}
	})
	return p
}

// kill kills the process if it has not ended.
func (p *swarmProcess) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func (p *swarmProcess) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
}

// exits waits for the end.
func (p *swarmProcess) exits(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(swarmTimeout):
		p.t.Fatalf("%q goes on", p.cmd.Args)
	}
	if p.cmd.ProcessState.ExitCode() != code {
		p.t.Fatalf("%q: %v, want exit code %d", p.cmd.Args, p.cmd.ProcessState, code)
	}
}

// output returns the lines printed so far.
func (p *swarmProcess) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// until waits until the process has printed the expected lines.
func (p *swarmProcess) until(what string, ready func() bool) {
	p.t.Helper()
	p.eventually(what, func() bool {
		if ready() {
			return true
		}
		select {
		case <-p.ended:
			if ready() {
				return true
			}
			p.t.Fatalf("%q ended: %v, before: %s", p.cmd.Args, p.cmd.ProcessState, what)
		default:
		}
		return false
	})
}

// A swarmSeed is a bt seed process.
type swarmSeed struct{ *swarmProcess }

func (s *processSwarm) seed(args ...string) swarmSeed {
	s.t.Helper()
	args = append([]string{"seed", s.torrent, s.root, "--json", "--port", fmt.Sprint(swarmSeedPort)}, args...)
	return swarmSeed{s.run(s.a, "bt", args...)}
}

// A swarmEvent holds the fields of a line of bt seed --json that the tests use.
type swarmEvent struct {
	Event    string `json:"event"`
	Error    string `json:"error"`
	Pieces   int    `json:"pieces"`
	Known    bool   `json:"known"`
	Seeders  int    `json:"seeders"`
	Uploaded int64  `json:"uploaded"`
}

// events returns the events of a kind so far, or all events if kind is "".
func (p swarmSeed) events(kind string) []swarmEvent {
	p.t.Helper()
	var list []swarmEvent
	for _, line := range p.output() {
		var e swarmEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
		if kind == "" || e.Event == kind {
			list = append(list, e)
		}
	}
	return list
}

// await waits for the nth event of a kind, counted from 1.
func (p swarmSeed) await(kind string, n int) swarmEvent {
	p.t.Helper()
	p.until(fmt.Sprintf("event %q, %d times", kind, n), func() bool { return len(p.events(kind)) >= n })
	return p.events(kind)[n-1]
}

// starts waits until peers can find the seed.
func (p swarmSeed) starts() swarmSeed {
	p.t.Helper()
	if e := p.await("seeding", 1); e.Pieces != p.pieces {
		p.t.Fatalf("%d pieces, want %d", e.Pieces, p.pieces)
	}
	p.until("the tracker answers", func() bool {
		return slices.ContainsFunc(p.events("announce"), func(e swarmEvent) bool { return e.Error == "" })
	})
	return p
}

// hasNoErrors checks that there were no errors so far.
func (p swarmSeed) hasNoErrors() {
	p.t.Helper()
	for _, e := range p.events("") {
		if e.Error != "" {
			p.t.Errorf("event %q: %s", e.Event, e.Error)
		}
	}
}

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
	t := s.t
	t.Helper()
	daemon, remote := testenv.Program(t, "transmission-daemon"), testenv.Program(t, "transmission-remote")
	config, dir := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(config, "settings.json"), fmt.Appendf(nil, `{
		"encryption": %d, "bind-address-ipv4": "%v", "peer-port": 51413,
		"dht-enabled": false, "pex-enabled": false, "lpd-enabled": false, "utp-enabled": false,
		"port-forwarding-enabled": false, "blocklist-enabled": false,
		"rpc-bind-address": "127.0.0.1", "rpc-port": 9091,
		"rpc-whitelist-enabled": true, "rpc-whitelist": "127.0.0.1"
	}`, encryption, s.b.Addr), 0o600); err != nil {
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

// waitUntilOld waits until files are old enough for a seed to store the results of a
// check. The change time of a file can't be set back.
func waitUntilOld(t *testing.T, paths ...string) {
	t.Helper()
	for _, path := range paths {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		changed := time.Unix(info.Sys().(*syscall.Stat_t).Ctim.Unix())
		time.Sleep(time.Until(changed.Add(2100 * time.Millisecond)))
	}
}
