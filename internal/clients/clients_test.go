package clients

import (
	"bt/internal/testenv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// files writes empty files below a directory of the test.
func files(t *testing.T, names ...string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for _, name := range names {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOf(t *testing.T) {
	dir := files(t,
		"qBittorrent/BT_backup/x.torrent", "elsewhere/x.fastresume", "elsewhere/x.torrent",
		"transmission-daemon/torrents/x.torrent", "transmission-daemon/resume/x.resume", "torrents/x.torrent",
		"session/x.torrent", "session/x.torrent.rtorrent", "session2/x.torrent", "session2/x.torrent.libtorrent_resume",
		"session3/x.torrent", "session3/rtorrent.lock", "session/y.torrent")
	for path, want := range map[string]string{
		"qBittorrent/BT_backup/x.torrent":        "qBittorrent",
		"qBittorrent/BT_backup/gone.torrent":     "qBittorrent",
		"elsewhere/x.fastresume":                 "qBittorrent",
		"elsewhere/x.torrent":                    "",
		"transmission-daemon/torrents/x.torrent": "Transmission",
		"transmission-daemon/resume/x.resume":    "",
		"torrents/x.torrent":                     "", // a directory that is called so
		"session/x.torrent":                      "rTorrent",
		"session2/x.torrent":                     "rTorrent",
		"session3/x.torrent":                     "rTorrent",
		"session/y.torrent":                      "",
	} {
		got := ""
		if c := Of(filepath.Join(dir, filepath.FromSlash(path))); c != nil {
			got = c.Name
		}
		if got != want {
			t.Errorf("%s is of %q, want %q", path, got, want)
		}
	}
	// From inside the directory too.
	t.Chdir(filepath.Join(dir, "qBittorrent", "BT_backup"))
	if c := Of("x.torrent"); c == nil || c.Name != "qBittorrent" {
		t.Errorf("x.torrent in BT_backup is of %v", c)
	}
}

// TestMain makes this binary a program that only waits, under whatever name.
func TestMain(m *testing.M) {
	if os.Getenv("CLIENTS_TEST_WAIT") != "" {
		fmt.Println("ready")
		time.Sleep(time.Minute)
		return
	}
	os.Exit(m.Run())
}

// start runs a program of that name until the test ends.
func start(t *testing.T, name string) (pid int) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.Link(self, path); err != nil {
		data, err := os.ReadFile(self)
		if err := errors.Join(err, os.WriteFile(path, data, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path)
	cmd.Env = append(os.Environ(), "CLIENTS_TEST_WAIT=1")
	out, err := cmd.StdoutPipe()
	if err := errors.Join(err, cmd.Start()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	if _, err := out.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestRuns(t *testing.T) {
	if runtime.GOOS != "linux" {
		if how, runs := qBittorrent.Runs("x"); !runs || how == "" {
			t.Errorf("where nothing can be told it says %q, %t", how, runs)
		}
		return
	}
	// Of no program, so that what else runs on this machine does not matter.
	c := &Client{Name: "Test", commands: []string{"bt-clients-"}}
	if how, runs := c.Runs("x"); runs || how != "no process is called bt-clients-" {
		t.Errorf("nothing runs: %q, %t", how, runs)
	}
	start(t, "not-bt-clients-")
	if how, runs := c.Runs("x"); runs {
		t.Errorf("another program runs: %q", how)
	}
	// The name of a process has 15 bytes at most.
	pid := start(t, "BT-Clients-test-long")
	if how, runs := c.Runs("x"); !runs || how != fmt.Sprintf("process %d is called BT-Clients-test", pid) {
		t.Errorf("it runs: %q, %t", how, runs)
	}
	for _, client := range []*Client{&qBittorrent, &transmission, &rTorrent} {
		for _, command := range client.commands {
			if command == "" || len(command) > 15 || command != strings.ToLower(command) {
				t.Errorf("no process can be called %q", command)
			}
		}
	}
}

func TestLock(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "/proc")
	}
	here, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	c := &Client{Name: "Test", commands: []string{"no program is called so"}, lock: "rtorrent.lock"}
	dir := files(t, "x.torrent")
	for _, test := range []struct {
		lock string
		runs bool
	}{
		{fmt.Sprintf("%s:+%d", here, os.Getpid()), true},
		{fmt.Sprintf("%s:+%d\n", here, os.Getpid()), true},
		{here + ":+99999999", false}, // a leftover
		{"another-host:+1", true},    // which can't be looked at
		{here + ":+", false},
		{here + ":+0", false},
		{here + ":+-1", false},
		{"", false},
		{"whatever", false},
	} {
		if err := os.WriteFile(filepath.Join(dir, "rtorrent.lock"), []byte(test.lock), 0o644); err != nil {
			t.Fatal(err)
		}
		how, runs := c.Runs(filepath.Join(dir, "x.torrent"))
		if runs != test.runs || how == "" || runs && !strings.HasPrefix(how, filepath.Join(dir, "rtorrent.lock")+" names process ") {
			t.Errorf("the lock %q: %q, %t", test.lock, how, runs)
		}
	}
}
