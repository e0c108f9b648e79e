package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// processSession lists session files of clients with the processes that make bt
// refuse the edit.
var processSessions = []struct {
	client, command string
	files           map[string]string
	edited          string
}{
	{"qBittorrent", "qbittorrent-nox", map[string]string{"BT_backup/x.torrent": ""}, "BT_backup/x.torrent"},
	{"qBittorrent", "qbittorrent", map[string]string{"else/x.fastresume": "fastresume"}, "else/x.fastresume"},
	{"Transmission", "transmission-da", map[string]string{"torrents/x.torrent": "", "resume/x.resume": "de"}, "torrents/x.torrent"},
	{"Transmission", "transmission-gt", map[string]string{"torrents/x.torrent": "", "resume/x.resume": "de"}, "torrents/x.torrent"},
	{"rTorrent", "rtorrent", map[string]string{"s/x.torrent": "", "s/x.torrent.rtorrent": "de"}, "s/x.torrent"},
	{"rTorrent", "rtorrent main", map[string]string{"s/x.torrent": "", "s/x.torrent.libtorrent_resume": "de"}, "s/x.torrent"},
}

const processResume = "d11:file-format22:libtorrent resume file12:file-versioni1e8:trackersll18:http://t.example/aeee"

// processAlone runs a script in a PID namespace, in which /proc lists only its
// own processes.
func processAlone(t *testing.T, script string, args ...string) *processEnd {
	t.Helper()
	testenv.Root(t) // for the name spaces
	cmd := processCommand(t, "sh", slices.Concat([]string{"-c", "mount -t proc none /proc || exit 99\n" + script, "sh"}, args)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Cloneflags: syscall.CLONE_NEWPID}
	p := processStart(t, cmd)()
	if p.code == 99 {
		testenv.Missing(t, "the right to mount /proc: "+p.stderr)
	}
	return p
}

// processBeside runs a program under another name, and bt while it runs.
const processBeside = `
program=$1
shift
"$program" 600 >/dev/null 2>&1 &
until [ "$(cat /proc/$!/comm)" = "${program##*/}" ]; do :; done
"$@"
code=$?
kill $!
exit $code`

// processNamed makes a program with a given name, which sleeps for the time of
// its argument.
func processNamed(t *testing.T, name string) (path string) {
	t.Helper()
	data, err := os.ReadFile(testenv.Program(t, "sleep"))
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestProcessRetrackerClients(t *testing.T) {
	testenv.Root(t) // to make the namespaces
	for i, s := range processSessions {
		t.Run(s.command, func(t *testing.T) {
			client := processNamed(t, s.command)
			path := processSessionFiles(t, s.files, s.edited)
			refusal := ": it is a session file of " + s.client + ", which seems to run: process "
			p := processEditBeside(t, client, path, "http://new.example/1").exits(exitWrite).errors(path + refusal)
			if !strings.Contains(p.stderr, "is called "+s.command) || !strings.Contains(p.stderr, "\nbt: hint: ") {
				t.Error(p.stderr)
			}
			processSessionKeeps(t, client, path)
			processSessionEdits(t, client, path)
			if i > 0 && processSessions[i-1].client == s.client {
				return
			}
			link := filepath.Join(t.TempDir(), "link.torrent")
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			processEditBeside(t, client, link, "http://new.example/3").exits(exitWrite).errors(link + refusal)
		})
	}
}

// processSessionFiles writes the files of one of processSessions, and returns the
// path of the one to edit.
func processSessionFiles(t *testing.T, files map[string]string, edited string) (path string) {
	t.Helper()
	dir := t.TempDir()
	for name, data := range files {
		switch data {
		case "":
			data = processRetracked("x", "old")
		case "fastresume":
			data = processResume
		}
		processTree(t, dir, map[string]string{name: data})
	}
	return filepath.Join(dir, edited)
}

// processEditBeside sets the tracker of a file while a client runs.
func processEditBeside(t *testing.T, client, path, tracker string, flags ...string) *processEnd {
	t.Helper()
	return processAlone(t, processBeside, slices.Concat([]string{client, "bt", "retracker", path, "-q", "--announce", tracker}, flags)...)
}

// processSessionKeeps checks that a file may be read while a client runs, and is
// not edited.
func processSessionKeeps(t *testing.T, client, path string) {
	t.Helper()
	old, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(old), "new.example") {
		t.Errorf("it was edited: %q", old)
	}
	processEditBeside(t, client, path, "http://new.example/1", "--dry-run").exits(exitOK)
	processEditBeside(t, client, path, "http://t.example/a").exits(exitOK) // changes nothing
	processEditBeside(t, client, path, "http://new.example/1", "-o", path+".copy").exits(exitOK)
	if data, err := os.ReadFile(path); err != nil || string(data) != string(old) {
		t.Errorf("it was edited: %q, %v", data, err)
	}
}

// processSessionEdits checks that a file is edited with --force, beside another
// program, and if no program runs.
func processSessionEdits(t *testing.T, client, path string) {
	t.Helper()
	for n, edit := range []func(tracker string) *processEnd{
		func(tracker string) *processEnd { return processEditBeside(t, client, path, tracker, "--force") },
		func(tracker string) *processEnd {
			return processEditBeside(t, processNamed(t, "other-client"), path, tracker)
		},
		func(tracker string) *processEnd {
			return processAlone(t, `"$@"`, "bt", "retracker", path, "-q", "--announce", tracker)
		},
	} {
		tracker := fmt.Sprintf("http://new.example/edit%d", n)
		edit(tracker).exits(exitOK)
		if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), tracker) {
			t.Errorf("it was not edited: %q, %v", data, err)
		}
	}
}

// rTorrent's lock file names the process, and applies to its own directory. If
// the process has ended, the lock is stale.
func TestProcessRetrackerLocks(t *testing.T) {
	dir := t.TempDir()
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	processTree(t, dir, map[string]string{
		"a/x.torrent": processRetracked("x", "old"), "a/rtorrent.lock": host + ":+99999999",
		"b/x.torrent": processRetracked("x", "old"), "b/rtorrent.lock": "elsewhere:+1",
		"c/x.torrent": processRetracked("x", "old"), "c/rtorrent.lock": "",
	})
	at := func(name string) string { return filepath.Join(dir, name, "x.torrent") }
	for _, order := range [][]string{{"a", "b", "c"}, {"c", "b", "a"}, {"b", "a", "c"}} {
		comment := strings.Join(order, "")
		t.Run(comment, func(t *testing.T) {
			processTree(t, dir, map[string]string{"b/x.torrent": processRetracked("x", "old")})
			p := processAlone(t, `"$@"`, "bt", "retracker", at(order[0]), at(order[1]), at(order[2]), "--comment", comment, "-q").exits(exitWrite).errors(
				at("b") + ": it is a session file of rTorrent, which seems to run: ")
			if !strings.Contains(p.stderr, "rtorrent.lock names process 1 of elsewhere") {
				t.Errorf("%s", p.stderr)
			}
			processIs(t, at("a"), "x", comment)
			processIs(t, at("b"), "x", "old")
			processIs(t, at("c"), "x", comment)
		})
	}
}
