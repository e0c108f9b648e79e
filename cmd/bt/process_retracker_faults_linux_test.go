package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"

	"bt/internal/atomicfile"
	"bt/internal/testenv"
)

// The system calls of an edit in place, in order, and their lines in a log of
// strace -y.
var processEditCalls = []struct {
	name, calls string
	look        *regexp.Regexp
}{
	{"the backup gets its name", "linkat", regexp.MustCompile(`^linkat\(.*\.torrent", .*\.bak`)},
	{"the temporary file is made", "openat", regexp.MustCompile(`^openat\(.*\.tmp", .*O_CREAT`)},
	{"it is written", "write", regexp.MustCompile(`^write\(\d+<[^>]*\.tmp>`)},
	{"the old file is looked at", "newfstatat", regexp.MustCompile(`^newfstatat\(.*\.torrent"`)},
	{"the new file is looked at", "fstat", regexp.MustCompile(`^fstat\(\d+<[^>]*\.tmp>`)},
	{"it gets the owner", "fchown", regexp.MustCompile(`^fchown\(\d+<[^>]*\.tmp>`)},
	{"it gets the mode", "fchmod", regexp.MustCompile(`^fchmod\(\d+<[^>]*\.tmp>`)},
	{"it is synced", "fsync", regexp.MustCompile(`^fsync\(\d+<[^>]*\.tmp>`)},
	{"it is closed", "close", regexp.MustCompile(`^close\(\d+<[^>]*\.tmp>`)},
	{"it gets its name", "renameat,?rename,renameat2", regexp.MustCompile(`^rename.*\.tmp"`)},
	{"the directory is opened", "openat", regexp.MustCompile(`^openat\(.*/edited"`)},
	{"the directory is synced", "fsync", regexp.MustCompile(`^fsync\(\d+<[^>]*/edited>`)},
	{"the directory is closed", "close", regexp.MustCompile(`^close\(\d+<[^>]*/edited>`)},
}

// Not with the race detector, which adds system calls and threads.
func TestProcessRetrackerAllFaults(t *testing.T) {
	processTracing(t)
	testenv.Root(t) // to make files of another owner
	bt := processPlain(t)
	t.Run("killed", func(t *testing.T) { processRetrackerKilled(t, bt) })
	t.Run("can't write", func(t *testing.T) { processRetrackerCantWrite(t, bt) })
	t.Run("can't look", func(t *testing.T) { processRetrackerCantStat(t, bt) })
}

// If the process is killed at any system call of an edit, each torrent is either
// the old or the new one, with its mode and owner, and the next run succeeds.
//
// strace counts the calls per thread, and which thread edits which file is
// random. So the test edits many files in several runs, with one count after
// another, until the log shows that the process was killed in each of the calls.
func processRetrackerKilled(t *testing.T, bt string) {
	k := newKilledEdits(t, bt)
	for _, call := range processEditCalls {
		for n := 1; !k.killed[call.name]; n++ {
			if n > 40 {
				t.Fatalf("never killed when %s", call.name)
			}
			if n == 1 && strings.Contains(call.calls, "openat") {
				n = 9 // other calls come before the first file
			}
			comment, code := k.edit(call.calls, n)
			if code == exitOK && n > 20 {
				n = 0 // not called so far: try again
			}
			k.check(comment)
			k.removeLeftovers()
		}
	}
	processStart(t, processCommand(t, bt, "retracker", k.dir, "--comment", "last", "--backup", "-q"))().exits(exitOK).errors()
	k.check("last")
	for name, comment := range k.comments {
		if comment != "last" {
			t.Errorf("%s was not edited after all", name)
		}
	}
	t.Logf("%d runs", k.runs)
}

// killedEdits is a directory of torrents that runs of bt edit until they are
// killed.
type killedEdits struct {
	t        *testing.T
	bt, dir  string
	comments map[string]string // of each torrent, by its name
	killed   map[string]bool   // the processEditCalls in which a run was killed
	runs     int
}

func newKilledEdits(t *testing.T, bt string) *killedEdits {
	t.Helper()
	k := &killedEdits{t: t, bt: bt, dir: filepath.Join(t.TempDir(), "edited"), comments: map[string]string{}, killed: map[string]bool{}}
	const files = 24
	for i := range files {
		name := fmt.Sprintf("%02d", i)
		processTree(t, k.dir, map[string]string{name + ".torrent": processRetracked(name, "first")})
		if err := errors.Join(os.Chmod(k.path(name), 0o640), os.Chown(k.path(name), 1234, 2345)); err != nil {
			t.Fatal(err)
		}
		k.comments[name] = "first"
	}
	return k
}

func (k *killedEdits) path(name string) string { return filepath.Join(k.dir, name+".torrent") }

// edit sets a new comment in all torrents, and kills bt in the nth of the calls of
// a thread.
func (k *killedEdits) edit(calls string, n int) (comment string, code int) {
	k.t.Helper()
	k.runs++
	comment = fmt.Sprintf("run %d", k.runs)
	log := filepath.Join(k.t.TempDir(), "log")
	p := processStart(k.t, processCommand(k.t, testenv.Program(k.t, "strace"), "-f", "-y", "-qq", "-o", log, "-e", "signal=none", "-e", "trace="+calls,
		"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", calls, n), k.bt, "retracker", k.dir, "--comment", comment, "--backup", "-q"))()
	k.readLog(log)
	return comment, p.code
}

// readLog finds the calls in which bt was killed, in a log of strace.
func (k *killedEdits) readLog(log string) {
	k.t.Helper()
	lines, err := os.ReadFile(log)
	if err != nil {
		k.t.Fatal(err)
	}
	for line := range strings.Lines(string(lines)) {
		_, line, _ = strings.Cut(strings.TrimSpace(line), " ") // the thread
		line = strings.TrimSpace(line)
		if !strings.HasSuffix(line, " = ?") { // it returned
			continue
		}
		for _, c := range processEditCalls {
			if c.look.MatchString(line) {
				k.killed[c.name] = true
			}
		}
	}
}

// check checks that each torrent has the comment it had or the new one, its mode
// and owner, and a backup if it was edited.
func (k *killedEdits) check(comment string) {
	k.t.Helper()
	for name, old := range k.comments {
		path := k.path(name)
		k.comments[name] = processIs(k.t, path, name, old, comment)
		processHas(k.t, path, 0o640)
		if _, err := os.Lstat(path + ".bak"); err == nil {
			processIs(k.t, path+".bak", name, old)
		} else if k.comments[name] == comment {
			k.t.Errorf("%s was edited without a backup", path)
		}
	}
}

// removeLeftovers removes backups and temporary files, and checks that no other
// files are there.
func (k *killedEdits) removeLeftovers() {
	k.t.Helper()
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		k.t.Fatal(err)
	}
	for _, e := range entries {
		if name := e.Name(); atomicfile.IsTemp(name) || strings.HasSuffix(name, ".bak") {
			if err := os.Remove(filepath.Join(k.dir, name)); err != nil {
				k.t.Fatal(err)
			}
		} else if k.comments[strings.TrimSuffix(name, ".torrent")] == "" {
			k.t.Errorf("%s was left", name)
		}
	}
}

// If a system call fails, bt reports it, the torrent is the old one, and there is
// no temporary file. The new torrent is in place only if the sync of the
// directory fails.
func TestProcessRetrackerFaults(t *testing.T) {
	testenv.Root(t) // to set the owner
	for _, errno := range []struct{ name, says string }{
		{"ENOSPC", "no space left on device"}, {"EIO", "input/output error"}, {"EPERM", "operation not permitted"},
	} {
		for _, call := range []struct {
			calls string
			onDir bool // only calls on the directory
		}{
			{calls: "fchown"},
			{calls: "fchmod"},
			{calls: "fsync"},
			{calls: "renameat,?rename,renameat2"},
			{calls: "openat", onDir: true},
			{calls: "fsync", onDir: true},
		} {
			t.Run(errno.name+" of "+call.calls, func(t *testing.T) {
				processRetrackerFault(t, call.calls, call.onDir, errno.name, errno.says)
			})
		}
	}
}

func processRetrackerFault(t *testing.T, calls string, onDir bool, errno, says string) {
	dir, path := processOneEdited(t, 0o600)
	fault := calls + ":error=" + errno
	args := []string{"retracker", path, "--comment", "new", "-q"}
	var p *processEnd
	if onDir {
		p = processTracedOn(t, dir, fault, args...)
		processIs(t, path, "x", "new")
	} else {
		p = processTraced(t, fault, args...)
		processIs(t, path, "x", "old")
	}
	processHas(t, path, 0o600)
	processNames(t, dir, "x.torrent")
	if onDir && calls == "openat" && errno == "EPERM" {
		p.exits(exitOK) // the directory is writable but not readable
		return
	}
	p.exits(exitWrite).printsNothing().errors(path + ": ")
	if !strings.Contains(p.stderr, says) || strings.Contains(p.stderr, ".tmp") {
		t.Errorf("the error does not say %q of the torrent alone: %s", says, p.stderr)
	}
}

// processFault runs bt with a fault in the nth call of a thread, and returns the
// log. With one busy thread, n nearly always counts the calls of the process.
func processFault(t *testing.T, bt, call, errno string, n int, flags []string, args ...string) (p *processEnd, log string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "log")
	cmd := processCommand(t, testenv.Program(t, "strace"), slices.Concat([]string{"-f", "-y", "-qq", "-o", file, "-e", "signal=none", "-e", "trace=" + call,
		"-e", fmt.Sprintf("inject=%s:error=%s:when=%d", call, errno, n)}, flags, []string{bt, "retracker"}, args)...)
	cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
	p = processStart(t, cmd)()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return p, string(data)
}

// The first byte of the output can't be written. Writes of the runtime to itself
// must succeed.
func processRetrackerCantWrite(t *testing.T, bt string) {
	for errno, says := range map[string]string{"EIO": "input/output error", "EPERM": "operation not permitted", "ENOSPC": "no space left on device"} {
		tries := 0
		for ; tries < 20; tries++ {
			dir, path := processOneEdited(t, 0o600)
			p, log := processFault(t, bt, "write", errno, 1, nil, path, "--comment", "new")
			processNames(t, dir, "x.torrent")
			if !regexp.MustCompile(`\.tmp>, .*INJECTED`).MatchString(log) {
				continue
			}
			processIs(t, path, "x", "old")
			if p.exits(exitWrite); strings.Count(log, "INJECTED") == 1 && !strings.Contains(p.stderr, path+": "+says) {
				t.Errorf("%s: stderr %q", errno, p.stderr)
			}
			break
		}
		if tries == 20 {
			t.Errorf("%s: nothing was ever written", errno)
		}
	}
}

// If the mode or owner can't be read, the file is not replaced.
func processRetrackerCantStat(t *testing.T, bt string) {
	failed := 0
	for n := range 12 { // twice, because the thread that makes the call is random
		n = n%6 + 1
		dir, path := processOneEdited(t, 0o600)
		p, _ := processFault(t, bt, "newfstatat", "EIO", n, []string{"-P", path}, path, "--comment", "new", "--force", "-q")
		comment := "new"
		if p.code != exitOK {
			failed++
			comment = "old"
		}
		processIs(t, path, "x", comment)
		processHas(t, path, 0o600)
		processNames(t, dir, "x.torrent")
	}
	if failed == 0 {
		t.Error("none of the faults was noticed")
	}
}

// A temporary file contains the passkeys of the torrent: even during the write,
// only those who can read the torrent can read it.
func TestProcessRetrackerPrivateTemporary(t *testing.T) {
	processTracing(t)
	for _, args := range [][]string{{}, {"--backup", "--force"}} {
		dir, path := processOneEdited(t, 0o600)
		processTraced(t, "fchmod,fsync:signal=KILL", slices.Concat([]string{"retracker", path, "--comment", "new"}, args)...)
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if s := processInode(t, filepath.Join(dir, e.Name())); s.Mode&0o077 != 0 {
				t.Errorf("%q: %s has the mode %o, the torrent has 600", args, e.Name(), s.Mode&0o7777)
			}
		}
	}
	// The same applies to the backup.
	for _, args := range [][]string{{"--backup"}, {"--backup", "--force"}} {
		_, path := processOneEdited(t, 0o600)
		processRun(t, "", slices.Concat([]string{"retracker", path, "--comment", "new"}, args)...).exits(exitOK)
		processIs(t, path+".bak", "x", "old")
		if s := processInode(t, path+".bak"); s.Mode&0o7777 != 0o600 {
			t.Errorf("%q: the backup has the mode %o, the torrent has 600", args, s.Mode&0o7777)
		}
	}
}

// If the backup can't be a hard link, it is a copy.
func TestProcessRetrackerWithoutHardLinks(t *testing.T) {
	dir, path := processOneEdited(t, 0o644)
	processTraced(t, "linkat,?link:error=EPERM", "retracker", path, "--comment", "new", "--backup", "-q").exits(exitOK)
	processIs(t, path, "x", "new")
	processIs(t, path+".bak", "x", "old")
	processNames(t, dir, "x.torrent", "x.torrent.bak")
	// If there can be no backup, the torrent is not edited.
	dir, path = processOneEdited(t, 0o644)
	if err := os.Mkdir(path+".bak", 0o755); err != nil {
		t.Fatal(err)
	}
	processRun(t, "", "retracker", path, "--comment", "new", "--backup").exits(exitWrite).errors(path + ".bak: ")
	processRun(t, "", "retracker", path, "--comment", "new", "--backup", "--force").exits(exitWrite).errors(path + ".bak: ")
	processIs(t, path, "x", "old")
	processNames(t, dir, "x.torrent", "x.torrent.bak")
}

// processSmallDisk runs a command with a small disk mounted at disk, which
// contains x.torrent, and then prints the files on it.
const processSmallDisk = `
disk=$1 options=$2 then=$3 from=$4
shift 4
mount -t tmpfs -o "$options" none "$disk" || exit 99
cat "$from" >"$disk/x.torrent" || exit 98
[ -z "$then" ] || mount -o "remount,$then" "$disk" || exit 99
"$@"
code=$?
cd "$disk" && ls -A && cat x.torrent
exit $code`

func TestProcessRetrackerFullDisk(t *testing.T) {
	testenv.Root(t) // to mount
	apart := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	probe := exec.Command("true")
	if probe.SysProcAttr = apart; probe.Run() != nil {
		testenv.Missing(t, "the right to a mount name space")
	}
	dir := t.TempDir()
	disk, from := filepath.Join(dir, "disk"), filepath.Join(dir, "from")
	if err := os.Mkdir(disk, 0o755); err != nil {
		t.Fatal(err)
	}
	processTree(t, dir, map[string]string{"from": processRetracked("x", "old")})
	path := filepath.Join(disk, "x.torrent")
	for _, test := range []struct{ options, then, comment, says string }{
		{"size=64k", "", strings.Repeat("long", 20_000), "no space left on device"},
		{"nr_inodes=2", "", "new", "no space left on device"}, // no inode for a new file
		{"size=64k", "ro", "new", "read-only file system"},
	} {
		cmd := processCommand(t, "sh", "-c", processSmallDisk, "sh", disk, test.options, test.then, from, "bt", "retracker", path, "--comment", test.comment)
		cmd.SysProcAttr = apart
		p := processStart(t, cmd)()
		if p.code == 99 {
			testenv.Missing(t, "the right to mount a tmpfs: "+p.stderr)
		}
		p.exits(exitWrite).errors(path + ": " + test.says)
		if want := "x.torrent\n" + processRetracked("x", "old"); p.stdout != want {
			t.Errorf("%+v: left %q, want %q", test.options, p.stdout, want)
		}
	}
}
