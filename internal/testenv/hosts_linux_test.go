package testenv

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// client returns a client of servers on the host's network.
func (h *Host) client() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{DialContext: h.DialContext, DisableKeepAlives: true}}
}

func TestHosts(t *testing.T) {
	t.Parallel()
	a, b := Hosts(t)
	hash := hashes(1)[0]
	tracker := a.Opentracker(t, 6969, hashes(1))
	ask := func(from *Host) (string, error) {
		res, err := from.client().Get("http://10.77.0.1:6969/announce?compact=1&left=0&port=6881&peer_id=" + percent(peerID) + "&info_hash=" + percent(hash))
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	for i, h := range []*Host{a, b} {
		got, err := ask(h)
		if want := fmt.Sprintf("d8:completei%de", i+1); err != nil || !strings.HasPrefix(got, want) {
			t.Errorf("announce from %v: %q, %v; want %q…", h.Addr, got, err, want)
		}
	}

	tracker.Kill()
	if got, err := ask(b); err == nil {
		t.Errorf("it was killed, and answers %q", got)
	}
	tracker.Start(t)
	if got, err := ask(b); err != nil || !strings.HasPrefix(got, "d8:completei1e") {
		t.Errorf("announce to a new tracker: %q, %v", got, err)
	}

	// The others have other networks, of the same addresses; and nothing leads out.
	other, _ := Hosts(t)
	other.Opentracker(t, 6969, nil)
	if conn, err := a.DialContext(t.Context(), "udp", "192.0.2.1:53"); err == nil {
		t.Errorf("there is a way from %v to %v", conn.LocalAddr(), conn.RemoteAddr())
	}
	threads, err := filepath.Glob("/proc/self/task/*")
	if err != nil || len(threads) == 0 {
		t.Fatal(err)
	}
	for _, thread := range threads {
		for _, h := range []*Host{a, b, other} {
			if sameFile(thread+"/ns/net", h.net) {
				t.Errorf("%s is still on the host %v", thread, h.Addr)
			}
		}
	}
}

// Programs on a host end with it, also if the test is killed.
func TestKilledHosts(t *testing.T) {
	t.Parallel()
	const key = "BT_TESTENV_KILLED"
	if os.Getenv(key) != "" {
		a, _ := Hosts(t)
		line := a.Command("sleep", "600")
		cmd := exec.Command(line[0], line[1:]...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		proc := fmt.Sprintf("/proc/%d", cmd.Process.Pid)
		for !sameFile(proc+"/ns/net", a.net) {
			time.Sleep(time.Millisecond)
		}
		fmt.Println("sleep", proc, a.net)
		self, err := os.FindProcess(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		self.Kill()
		select {}
	}
	Hosts(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe, "-test.run=^TestKilledHosts$")
	cmd.Env = append(os.Environ(), key+"=1", "TMPDIR="+t.TempDir()) // it cleans nothing up
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var proc, holder string
	if _, err := fmt.Fscanf(stdout, "sleep %s %s\n", &proc, &holder); err != nil {
		rest, _ := io.ReadAll(stdout)
		t.Fatalf("it ran nothing: %v, %s", err, rest)
	}
	if cmd.Wait() == nil {
		t.Fatal("it was not killed")
	}
	for _, path := range []string{proc + "/ns/net", holder} {
		for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			if _, err := os.Stat(path); err != nil {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("%s is there after the test was killed", path)
			}
		}
	}
}

func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}
