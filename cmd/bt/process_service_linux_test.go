package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/tracker"
)

// A service is a bt seed DIR process in the environment of systemd, with a
// service manager of the test.
type service struct {
	t        *testing.T
	cmd      *exec.Cmd
	messages *serviceLog // messages of sd_notify
	events   *serviceLog // lines of stdout
	ended    chan error
}

// A serviceLog is a list of lines and the times at which they arrived.
type serviceLog struct {
	mu    sync.Mutex
	lines []string
	times []time.Time
}

func (l *serviceLog) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines, l.times = append(l.lines, line), append(l.times, time.Now())
}

func (l *serviceLog) all() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.lines)
}

// when returns the times of a line.
func (l *serviceLog) when(line string) []time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	var times []time.Time
	for i := range l.lines {
		if l.lines[i] == line {
			times = append(times, l.times[i])
		}
	}
	return times
}

// startService starts bt seed with a directory. watchdog is the variable that
// systemd would set.
func startService(t *testing.T, dir, watchdog string) *service {
	t.Helper()
	// Not t.TempDir, because the path of a socket is limited to 107 bytes.
	run, err := os.MkdirTemp("", "bt")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(run) })
	socket := filepath.Join(run, "notify")
	manager, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	s := &service{t: t, messages: new(serviceLog), events: new(serviceLog), ended: make(chan error, 1)}
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 4096)
		for {
			n, err := manager.Read(buf)
			if err != nil {
				return
			}
			for line := range strings.Lines(string(buf[:n])) {
				s.messages.add(strings.TrimSuffix(line, "\n"))
			}
		}
	})
	t.Cleanup(func() {
		manager.Close()
		wg.Wait()
	})

	s.cmd = processCommand(t, "bt", "seed", dir, "--json", "--bind", "127.0.0.1", "--port", "42000-42999")
	s.cmd.Env = slices.DeleteFunc(s.cmd.Env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasSuffix(strings.ToLower(name), "_proxy") || name == "HOME"
	})
	s.cmd.Env = append(s.cmd.Env, "NOTIFY_SOCKET="+socket, "WATCHDOG_USEC="+watchdog,
		"XDG_STATE_HOME="+filepath.Join(run, "state"), "XDG_CACHE_HOME="+filepath.Join(run, "cache"))
	s.cmd.Stderr = t.Output()
	out, w := io.Pipe()
	s.cmd.Stdout = w
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := s.cmd.Wait()
		w.Close()
		s.ended <- err
	}()
	wg.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			s.events.add(lines.Text())
		}
	})
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // it has ended or must end
		if t.Failed() {
			t.Logf("events: %s\nmessages: %q", strings.Join(s.events.all(), "\n"), s.messages.all())
		}
	})
	return s
}

func (s *service) until(what string, ready func() bool) {
	s.t.Helper()
	for end := time.Now().Add(processTimeout / 2); !ready(); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-s.ended:
			s.t.Fatalf("it ended (%v), before: %s", err, what)
		default:
		}
		if time.Now().After(end) {
			s.t.Fatalf("never: %s", what)
		}
	}
}

// has reports whether there was an event about a torrent, or about none if name
// is "".
func (s *service) has(kind, name string) bool {
	s.t.Helper()
	for _, line := range s.events.all() {
		var e struct{ Event, Name string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			s.t.Fatalf("%q: %v", line, err)
		}
		if e.Event == kind && (e.Name == name || name == "") {
			return true
		}
	}
	return false
}

// terminate stops the service as systemd does.
func (s *service) terminate() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(processTimeout / 2):
		s.t.Fatal("SIGTERM does not end it")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitTerminated {
		s.t.Errorf("exit code %d, want %d", code, exitTerminated)
	}
}

// serviceTorrent makes a torrent of a file whose data is its name.
func serviceTorrent(t *testing.T, dir, name, out, announce string) {
	t.Helper()
	processTree(t, dir, map[string]string{name: name})
	processRun(t, dir, "make", name, "-q", "-o", out, "--announce", announce).exits(exitOK)
}

// The service manager is notified that bt is ready, regularly that it is alive,
// and that it stops. The tracker gets the stop event.
func TestProcessServiceNotify(t *testing.T) {
	t.Parallel()
	fake := &fakeTracker{swarms: make(map[[20]byte]tracker.Counts)}
	addr, stop, err := fake.start("127.0.0.1:0", "")
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	announces := func(event string) (n int) {
		fake.mu.Lock()
		defer fake.mu.Unlock()
		for _, a := range fake.announces {
			if strings.HasPrefix(a, event+" ") {
				n++
			}
		}
		return n
	}
	dir := t.TempDir()
	serviceTorrent(t, dir, "one", "one.torrent", "http://"+addr+"/announce")
	const watchdog = 20 * time.Second
	s := startService(t, dir, "20000000")
	s.until("the torrent is announced", func() bool { return announces("started") == 1 })
	s.until("it is alive for some time", func() bool { return len(s.messages.when("WATCHDOG=1")) >= 4 })
	if all := s.messages.all(); all[0] != "READY=1" || len(s.messages.when("READY=1")) != 1 {
		t.Fatalf("messages %q, want READY=1 first, and once", all)
	}
	if !s.has("listening", "") {
		t.Error("it does not listen")
	}
	last := s.messages.when("READY=1")[0]
	for _, at := range s.messages.when("WATCHDOG=1") {
		if gap := at.Sub(last); gap > watchdog/2 {
			t.Errorf("%v without a word", gap)
		}
		last = at
	}
	if n := len(s.messages.when("STOPPING=1")); n != 0 || announces("stopped") != 0 {
		t.Errorf("%d times STOPPING=1, and it goes on", n)
	}

	s.terminate()
	// The announce and the message are in their sockets and are read soon.
	for end := time.Now().Add(processTimeout / 2); announces("stopped") == 0 || len(s.messages.when("STOPPING=1")) == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("the tracker received %d stopped events, and systemd %q", announces("stopped"), s.messages.all())
		}
	}
	if n := announces("stopped"); n != 1 {
		t.Errorf("the tracker received %d stopped events, want 1", n)
	}
}

// SIGHUP does not end the service but makes it read the directory at once.
// Otherwise changes without a file system event, such as a broken link that
// becomes valid, are found once a minute.
func TestProcessServiceHangup(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir, elsewhere := filepath.Join(root, "dir"), filepath.Join(root, "elsewhere")
	const nobody = "http://127.0.0.1:9/announce"
	serviceTorrent(t, dir, "one", "one.torrent", nobody)
	if err := os.Mkdir(elsewhere, 0o755); err != nil {
		t.Fatal(err)
	}
	late := filepath.Join(elsewhere, "late.torrent")
	serviceTorrent(t, dir, "two", late+".new", nobody)
	if err := os.Symlink(late, filepath.Join(dir, "two.torrent")); err != nil {
		t.Fatal(err)
	}
	s := startService(t, dir, "20000000")
	s.until("the first is seeded", func() bool { return s.has("seeding", "one") })
	s.until("the second is missed", func() bool { return s.has("error", "") })

	if err := os.Rename(late+".new", late); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Second)
	if s.has("seeding", "two") {
		t.Fatal("it is found without SIGHUP, so this says nothing")
	}
	for range 3 {
		start := time.Now()
		if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		s.until("the second is seeded", func() bool { return s.has("seeding", "two") })
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("it took %v", took)
		}
	}
	s.terminate()
}
