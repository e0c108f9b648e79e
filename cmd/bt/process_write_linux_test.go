package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// processFullDisk runs bt with a disk of 64 KiB mounted at disk, which contains
// old.torrent, and then prints the files on it. The mount is in a separate mount
// namespace, which ends with the shell.
const processFullDisk = `
disk=$1
shift
mount -t tmpfs -o size=64k none "$disk" || exit 99
echo old >"$disk/old.torrent"
"$@"
code=$?
cd "$disk" && ls -A && cat old.torrent
exit $code`

func TestProcessFullDisk(t *testing.T) {
	testenv.Root(t) // to mount
	dir := t.TempDir()
	disk := filepath.Join(dir, "disk")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	processTree(t, dir, map[string]string{"content": strings.Repeat("data", 4000)})
	apart := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	probe := exec.Command("true")
	if probe.SysProcAttr = apart; probe.Run() != nil {
		testenv.Missing(t, "the right to a mount name space")
	}
	run := func(args ...string) *processEnd {
		t.Helper()
		args = append([]string{"-c", processFullDisk, "sh", disk, "bt", "make", filepath.Join(dir, "content"), "-q"}, args...)
		cmd := processCommand(t, "sh", args...)
		cmd.SysProcAttr = apart
		p := processStart(t, cmd)()
		if p.code == 99 {
			testenv.Missing(t, "the right to mount a tmpfs: "+p.stderr)
		}
		return p
	}
	x, old := filepath.Join(disk, "x.torrent"), filepath.Join(disk, "old.torrent")
	for _, test := range []struct {
		args []string
		path string
	}{
		{[]string{"-o", x}, x},
		{[]string{"-o", old, "--force"}, old},
	} {
		// The hashes, 20 bytes per piece, need 312 KiB.
		p := run(append(test.args, "-l", "1", "--allow", "small-pieces")...).exits(exitWrite).errors(test.path + ": no space left on device")
		if want := "old.torrent\nold\n"; p.stdout != want {
			t.Errorf("%q: left %q, want %q", p.args, p.stdout, want)
		}
	}
	p := run("-o", x).exits(exitOK) // the hash of one piece fits
	if want := x + "\nold.torrent\nx.torrent\nold\n"; p.stdout != want {
		t.Errorf("printed and left %q, want %q", p.stdout, want)
	}
}

func TestProcessFullStdout(t *testing.T) {
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"content": "data"})
	for i, args := range [][]string{
		{"make", "content", "-o", "-"},
		{"make", "content", "--force", "--json"},
		{"make", "content", "--force"},
		{"make", "content", "--force", "-q"},
		{"verify", "content.torrent"},
		{"verify", "content.torrent", "--json"},
		{"info", "content.torrent"},
		{"info", "content.torrent", "--json"},
		{"help", "make"},
		{"--version"},
	} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := processCommand(t, "bt", args...)
		cmd.Dir, cmd.Stdout = dir, full
		processStart(t, cmd)().exits(exitWrite).errors("writing to standard output: no space left on device")
		full.Close()
		if i == 0 {
			processNames(t, dir, "content")
		}
	}
}

// processTracing returns the path of strace, and skips the test if strace can't
// trace.
func processTracing(t *testing.T) (strace string) {
	t.Helper()
	strace = testenv.Program(t, "strace")
	if out, err := exec.Command(strace, "-f", "-qq", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		testenv.Missing(t, fmt.Sprintf("ptrace, which is not permitted here: %v: %s", err, out))
	}
	return strace
}

// processTraced runs bt and injects a fault, in the syntax of strace, into system
// calls. At least one of them must occur.
func processTraced(t *testing.T, fault string, args ...string) *processEnd {
	t.Helper()
	return processTracedOn(t, "", fault, args...)
}

// processTracedOn is like processTraced for the calls on one file.
func processTracedOn(t *testing.T, path, fault string, args ...string) *processEnd {
	t.Helper()
	strace := processTracing(t)
	calls, _, _ := strings.Cut(fault, ":")
	log := filepath.Join(t.TempDir(), "log")
	flags := []string{"-f", "-qq", "-o", log, "-e", "trace=" + calls, "-e", "signal=none", "-e", "inject=" + fault}
	if path != "" {
		flags = append(flags, "-P", path)
	}
	p := processStart(t, processCommand(t, strace, slices.Concat(flags, []string{"bt"}, args)...))()
	if data, err := os.ReadFile(log); err != nil || len(data) == 0 {
		t.Fatalf("%s: none of these system calls came (%v)", fault, err)
	}
	return p
}

// processNaming lists the system calls that may give a file its name; bt uses one
// of them.
const processNaming = "linkat,?link,?rename,?renameat,renameat2"

func TestProcessFaultsOfWriting(t *testing.T) {
	for _, test := range []struct{ fault, why string }{
		{"fsync:error=ENOSPC", "no space left on device"},
		{"fsync:error=EIO", "input/output error"},
		{processNaming + ":error=EIO", "input/output error"},
	} {
		dir := t.TempDir()
		content, out := filepath.Join(dir, "content"), filepath.Join(dir, "out")
		x, old := filepath.Join(out, "x.torrent"), filepath.Join(out, "old.torrent")
		processTree(t, dir, map[string]string{"content": "data", "out/old.torrent": "old"})
		for _, args := range [][]string{
			{"make", content, "-o", x},
			{"make", content, "-o", old, "--force"},
		} {
			p := processTraced(t, test.fault, args...).exits(exitWrite).printsNothing().errors(args[3] + ": ")
			if !strings.Contains(p.stderr, test.why) {
				t.Errorf("%s: the error does not say %q: %s", test.fault, test.why, p.stderr)
			}
			processNames(t, out, "old.torrent")
			if data, err := os.ReadFile(old); err != nil || string(data) != "old" {
				t.Errorf("%s: the old torrent is %q, %v", test.fault, data, err)
			}
		}
	}
}

// A torrent can be written to a file system without hard links.
func TestProcessWithoutHardLinks(t *testing.T) {
	for _, errno := range []string{"EPERM", "EOPNOTSUPP", "EMLINK"} {
		dir := t.TempDir()
		processTree(t, dir, map[string]string{"content": "data"})
		torrent := filepath.Join(dir, "content.torrent")
		processTraced(t, "linkat,?link:error="+errno, "make", filepath.Join(dir, "content"), "-q").exits(exitOK)
		processNames(t, dir, "content", "content.torrent")
		processRun(t, dir, "verify", torrent).exits(exitOK)
	}
}

// A process that is killed during a write leaves the old file or none, and a
// temporary file, which bt does not take for content.
func TestProcessKilledAtWriting(t *testing.T) {
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"tree/a": "data", "tree/old.torrent": "old"})
	tree := filepath.Join(dir, "tree")
	before := processMade(t, dir, "make", tree, "-o", filepath.Join(dir, "before.torrent"))
	for i, args := range [][]string{
		{"make", tree, "-o", filepath.Join(tree, "x.torrent")},
		{"make", tree, "-o", filepath.Join(tree, "old.torrent"), "--force"},
	} {
		if p := processTraced(t, "fsync:signal=KILL", args...).printsNothing(); p.code == exitOK {
			t.Errorf("%q was not killed", p.args)
		}
		entries, err := os.ReadDir(tree)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		temporary := 0
		for _, e := range entries {
			if strings.HasPrefix(e.Name(), ".bt-") && strings.HasSuffix(e.Name(), ".tmp") {
				temporary++
				continue
			}
			names = append(names, e.Name())
		}
		if got := strings.Join(names, " "); got != "a old.torrent" || temporary != i+1 {
			t.Errorf("%q left %q and %d temporary files", args, got, temporary)
		}
		if data, err := os.ReadFile(filepath.Join(tree, "old.torrent")); err != nil || string(data) != "old" {
			t.Errorf("%q: the old torrent is %q, %v", args, data, err)
		}
	}
	after := processMade(t, dir, "make", tree, "-o", filepath.Join(tree, "x.torrent"))
	if after.InfoHash != before.InfoHash {
		t.Errorf("info-hash %s of %d files, want %s", after.InfoHash, after.FileCount, before.InfoHash)
	}
}

// A signal during the write of a torrent is handled after it: the file is
// complete or absent.
func TestProcessInterruptedAtWriting(t *testing.T) {
	for signal, code := range map[string]int{"INT": exitInterrupted, "TERM": exitTerminated} {
		dir := t.TempDir()
		processTree(t, dir, map[string]string{"content": "data"})
		torrent := filepath.Join(dir, "content.torrent")
		p := processTraced(t, processNaming+":signal="+signal, "make", filepath.Join(dir, "content"), "-q")
		switch p.code {
		case exitOK:
			if p.stdout != torrent+"\n" {
				t.Errorf("%s: stdout %q", signal, p.stdout)
			}
			processNames(t, dir, "content", "content.torrent")
			processRun(t, dir, "verify", torrent).exits(exitOK)
		case code:
			p.printsNothing()
			processNames(t, dir, "content")
		default:
			t.Errorf("%s: exit code %d: %s", signal, p.code, p.stderr)
		}
	}
}

// An error names the output, not the temporary file, which the user does not
// know.
func TestProcessErrorNamesNoTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"content": "data"})
	p := processTraced(t, processNaming+":error=EIO", "make", filepath.Join(dir, "content")).exits(exitWrite)
	if strings.Contains(p.stderr, ".tmp") {
		t.Error(p.stderr)
	}
}
