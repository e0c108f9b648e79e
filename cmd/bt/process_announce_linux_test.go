package main

import (
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"bt/internal/testenv"
)

// A dualStackTracker is a tracker whose host name has an IPv4 and an IPv6 address.
// Over the address family that hangs names, it accepts connections and never
// answers.
type dualStackTracker struct {
	url   string
	hosts string // a file for /etc/hosts

	mu     sync.Mutex
	events map[string]map[string]bool // announced info-hashes by event, over the family that works
	from   map[netip.Addr]bool        // source addresses, over both families
	hung   int                        // number of requests without an answer
}

func startDualStackTracker(t *testing.T, hangs string) *dualStackTracker {
	t.Helper()
	tr := &dualStackTracker{events: map[string]map[string]bool{"started": {}, "stopped": {}, "": {}}, from: make(map[netip.Addr]bool)}
	port := "0"
	for _, host := range []string{"127.0.0.1", "::1"} {
		l, err := net.Listen("tcp", net.JoinHostPort(host, port))
		if err != nil {
			testenv.Missing(t, "the address "+host+": "+err.Error())
		}
		_, port, _ = net.SplitHostPort(l.Addr().String())
		server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			from, err := netip.ParseAddrPort(r.RemoteAddr)
			if err != nil {
				t.Error(err)
			}
			tr.mu.Lock()
			tr.from[from.Addr()] = true
			if host == hangs {
				tr.hung++
			} else {
				query := r.URL.Query()
				if torrents := tr.events[query.Get("event")]; torrents != nil {
					torrents[query.Get("info_hash")] = true
				}
			}
			tr.mu.Unlock()
			if host == hangs {
				<-r.Context().Done()
				return
			}
			fmt.Fprint(w, "d8:completei1e10:incompletei0e8:intervali1800e5:peers0:e")
		})}
		go server.Serve(l)
		t.Cleanup(func() { server.Close() })
	}
	tr.url = "http://both.example:" + port + "/announce"
	tr.hosts = filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(tr.hosts, []byte("127.0.0.1 both.example\n::1 both.example\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	return tr
}

// count returns the number of torrents that were announced with an event over the family
// that works.
func (tr *dualStackTracker) count(event string) int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return len(tr.events[event])
}

// await waits until so many torrents were announced with an event, and returns how many
// were. Requests may still arrive from a process that has ended.
func (tr *dualStackTracker) await(event string, torrents int) int {
	for end := time.Now().Add(processTimeout / 2); tr.count(event) < torrents && time.Now().Before(end); {
		time.Sleep(50 * time.Millisecond)
	}
	return tr.count(event)
}

// sources returns the addresses that announces came from.
func (tr *dualStackTracker) sources() map[netip.Addr]bool {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return maps.Clone(tr.from)
}

// unanswered returns the number of requests that got no answer.
func (tr *dualStackTracker) unanswered() int {
	tr.mu.Lock()
	defer tr.mu.Unlock()
	return tr.hung
}

// command returns a bt command that can resolve the tracker's name.
func (tr *dualStackTracker) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	testenv.Root(t) // to mount
	cmd := processCommand(t, "sh", append([]string{"-c", `mount --bind "$0" /etc/hosts && exec bt "$@"`, tr.hosts}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	dir := t.TempDir()
	cmd.Env = append(cmd.Env, "XDG_CACHE_HOME="+dir, "XDG_STATE_HOME="+dir)
	return cmd
}

// If a tracker accepts connections but never answers over one address family, it
// gets all announces over the other within seconds, and all stop events.
func TestProcessAnnounceOneFamilyHangs(t *testing.T) {
	t.Parallel()
	for hangs, torrents := range map[string]int{"127.0.0.1": 400, "::1": 60} {
		tr := startDualStackTracker(t, hangs)
		dir := t.TempDir()
		processTree(t, dir, map[string]string{"f": strings.Repeat("data", 1000)})
		jobs := "jobs:\n"
		for i := range torrents {
			jobs += fmt.Sprintf("  - {path: f, entropy: true, announce: [%q], output: %d.torrent}\n", tr.url, i)
		}
		processTree(t, dir, map[string]string{"jobs.yaml": jobs})
		processRun(t, dir, "make", "--batch", "jobs.yaml", "-q").exits(exitOK)
		cmd := tr.command(t, "seed", dir, "--port", "0", "--json", "--check", "none")
		wait := processStart(t, cmd)
		if n := tr.await("started", torrents); n != torrents {
			t.Errorf("%s hangs: %d of %d torrents were announced", hangs, n, torrents)
		}
		began := time.Now()
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p := wait()
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("%s hangs: the end took %v", hangs, took)
		}
		if n := tr.await("stopped", torrents); n != torrents {
			t.Errorf("%s hangs: the tracker received stopped events for %d of %d torrents", hangs, n, torrents)
		}
		if strings.Contains(p.stdout, `"error"`) || tr.unanswered() == 0 {
			t.Errorf("%s hangs, with %d requests; printed %.1000q", hangs, tr.unanswered(), p.stdout)
		}
	}
}

// Announces leave from the address of --bind, and only over its address family.
func TestProcessAnnounceFrom(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ args, want string }{
		{"--bind 127.0.0.5", "127.0.0.5"},
		{"--bind 0.0.0.0", "127.0.0.1"},
		{"--bind ::1", "::1"},
		{"--bind lo", "127.0.0.1 ::1"},
		{"--bind lo -6", "::1"},
		{"-4", "127.0.0.1"},
		{"-6", "::1"},
		{"", "127.0.0.1 ::1"},
	} {
		tr := startDualStackTracker(t, "")
		dir := t.TempDir()
		processTree(t, dir, map[string]string{"f": "data"})
		torrent := filepath.Join(dir, "f.torrent")
		processRun(t, "", "make", filepath.Join(dir, "f"), "-q", "-a", tr.url, "-o", torrent).exits(exitOK)
		args := append([]string{"seed", torrent, "--port", "0"}, strings.Fields(test.args)...)
		cmd := tr.command(t, args...)
		wait := processStart(t, cmd)
		for end := time.Now().Add(processTimeout / 2); len(tr.sources()) < len(strings.Fields(test.want)) && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(500 * time.Millisecond) // for those that must not come
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		wait().exits(exitTerminated)
		from := tr.sources()
		for _, addr := range strings.Fields(test.want) {
			if !from[netip.MustParseAddr(addr)] {
				t.Errorf("%q: not announced from %s", test.args, addr)
			}
		}
		if n := len(strings.Fields(test.want)); len(from) != n {
			t.Errorf("%q: announced from %v", test.args, from)
		}
	}
}
