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
	"time"

	"bt/internal/atomicfile"
	"bt/internal/testenv"
)

// processRetracked returns a torrent with the comment, as bt retracker --comment
// writes it.
func processRetracked(name, comment string) string {
	return fmt.Sprintf("d8:announce18:http://t.example/a7:comment%d:%s4:infod6:lengthi1e4:name%d:%s12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee",
		len(comment), comment, len(name), name)
}

// processIs checks that a file is the torrent with one of the comments, and
// returns that comment.
func processIs(t *testing.T, path, name string, comments ...string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, comment := range comments {
		if string(data) == processRetracked(name, comment) {
			return comment
		}
	}
	t.Fatalf("%s is none of the torrents with the comments %q: %q", path, comments, data)
	return ""
}

// processInode returns the inode of a file.
func processInode(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t)
}

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
	strace := testenv.Program(t, "strace")
	const files = 24
	dir := filepath.Join(t.TempDir(), "edited")
	has := map[string]string{} // the comment of each torrent
	for i := range files {
		name := fmt.Sprintf("%02d", i)
		has[name] = "first"
		path := filepath.Join(dir, name+".torrent")
		processTree(t, dir, map[string]string{name + ".torrent": processRetracked(name, "first")})
		if err := errors.Join(os.Chmod(path, 0o640), os.Chown(path, 1234, 2345)); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(t.TempDir(), "log")
	killed := map[string]bool{}
	runs := 0
	check := func(comment string) {
		t.Helper()
		for name, old := range has {
			path := filepath.Join(dir, name+".torrent")
			has[name] = processIs(t, path, name, old, comment)
			if s := processInode(t, path); s.Mode&0o7777 != 0o640 || s.Uid != 1234 || s.Gid != 2345 {
				t.Errorf("%s has the mode %o and the owner %d:%d", path, s.Mode&0o7777, s.Uid, s.Gid)
			}
			if _, err := os.Lstat(path + ".bak"); err == nil {
				processIs(t, path+".bak", name, old)
			} else if has[name] == comment {
				t.Errorf("%s was edited without a backup", path)
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if name := e.Name(); atomicfile.IsTemp(name) || strings.HasSuffix(name, ".bak") {
				if err := os.Remove(filepath.Join(dir, name)); err != nil {
					t.Fatal(err)
				}
			} else if has[strings.TrimSuffix(name, ".torrent")] == "" {
				t.Errorf("%s was left", name)
			}
		}
	}
	for _, call := range processEditCalls {
		for n := 1; !killed[call.name]; n++ {
			if n > 40 {
				t.Fatalf("never killed when %s", call.name)
			}
			if n == 1 && strings.Contains(call.calls, "openat") {
				n = 9 // other calls come before the first file
			}
			runs++
			comment := fmt.Sprintf("run %d", runs)
			cmd := processCommand(t, strace, "-f", "-y", "-qq", "-o", log, "-e", "signal=none", "-e", "trace="+call.calls,
				"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call.calls, n), bt, "retracker", dir, "--comment", comment, "--backup", "-q")
			p := processStart(t, cmd)()
			if p.code == exitOK && n > 20 {
				n = 0 // not called so far: try again
			}
			check(comment)
			lines, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(lines)) {
				_, line, _ = strings.Cut(strings.TrimSpace(line), " ")
				for _, c := range processEditCalls {
					if line = strings.TrimSpace(line); strings.HasSuffix(line, " = ?") && c.look.MatchString(line) {
						killed[c.name] = true
					}
				}
			}
		}
	}
	processStart(t, processCommand(t, bt, "retracker", dir, "--comment", "last", "--backup", "-q"))().exits(exitOK).errors()
	check("last")
	for name, comment := range has {
		if comment != "last" {
			t.Errorf("%s was not edited after all", name)
		}
	}
	t.Logf("%d runs", runs)
}

// processOneEdited makes a directory with one torrent of another owner.
func processOneEdited(t *testing.T, mode os.FileMode) (dir, path string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "edited")
	path = filepath.Join(dir, "x.torrent")
	processTree(t, dir, map[string]string{"x.torrent": processRetracked("x", "old")})
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.Chown(path, 1234, 2345); err != nil {
			t.Fatal(err)
		}
	}
	return dir, path
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
			dir, path := processOneEdited(t, 0o600)
			fault := call.calls + ":error=" + errno.name
			args := []string{"retracker", path, "--comment", "new", "-q"}
			var p *processEnd
			if call.onDir {
				p = processTracedOn(t, dir, fault, args...)
			} else {
				p = processTraced(t, fault, args...)
			}
			comment := "old"
			if call.onDir {
				comment = "new"
			}
			if call.onDir && call.calls == "openat" && errno.name == "EPERM" {
				p.exits(exitOK) // the directory is writable but not readable
			} else {
				p.exits(exitWrite).printsNothing().errors(path + ": ")
				if !strings.Contains(p.stderr, errno.says) || strings.Contains(p.stderr, ".tmp") {
					t.Errorf("%s: the error does not say %q of the torrent alone: %s", fault, errno.says, p.stderr)
				}
			}
			processIs(t, path, "x", comment)
			if s := processInode(t, path); s.Mode&0o7777 != 0o600 || s.Uid != 1234 || s.Gid != 2345 {
				t.Errorf("%s: mode %o, owner %d:%d", fault, s.Mode&0o7777, s.Uid, s.Gid)
			}
			processNames(t, dir, "x.torrent")
		}
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
		if s := processInode(t, path); s.Mode&0o7777 != 0o600 || s.Uid != 1234 || s.Gid != 2345 {
			t.Errorf("the look number %d failed: exit code %d, and now mode %o, owner %d:%d", n, p.code, s.Mode&0o7777, s.Uid, s.Gid)
		}
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

// A file without changes is not written. An edited file keeps its mode and owner.
func TestProcessRetrackerKeeps(t *testing.T) {
	dir, path := processOneEdited(t, 0o750)
	old := time.Unix(1_600_000_000, 0)
	processTree(t, dir, map[string]string{"same.torrent": processRetracked("x", "new")})
	same := filepath.Join(dir, "same.torrent")
	if err := errors.Join(os.Chtimes(same, old, old), os.Chtimes(path, old, old)); err != nil {
		t.Fatal(err)
	}
	sameBefore, before := processInode(t, same), processInode(t, path)
	p := processRun(t, "", "retracker", dir, "--comment", "new", "--backup").exits(exitOK)
	if want := path + ": comment\n1 of 2 files changed\n"; p.stdout != want {
		t.Errorf("stdout %q, want %q", p.stdout, want)
	}
	processNames(t, dir, "same.torrent", "x.torrent", "x.torrent.bak")
	if s := processInode(t, same); s.Ino != sameBefore.Ino || s.Mtim != sameBefore.Mtim || s.Ctim != sameBefore.Ctim {
		t.Errorf("a file that did not change was written")
	}
	if s := processInode(t, path); s.Mode != before.Mode || s.Uid != before.Uid || s.Gid != before.Gid || s.Mtim == before.Mtim {
		t.Errorf("the edited file was %+v and is %+v", before, s)
	}
	if s := processInode(t, path+".bak"); s.Ino != before.Ino || s.Mtim != before.Mtim || s.Mode != before.Mode {
		t.Errorf("the backup is not the old file: %+v, which was %+v", s, before)
	}
	for _, flags := range [][]string{{"--comment", "dry", "--dry-run"}, {"--comment", "out", "-o", filepath.Join(dir, "out.torrent")}} {
		before := processInode(t, path)
		processRun(t, "", slices.Concat([]string{"retracker", path}, flags)...).exits(exitOK)
		if s := processInode(t, path); *s != *before && (s.Ino != before.Ino || s.Mtim != before.Mtim) {
			t.Errorf("%q: the file was written", flags)
		}
	}
}

// A symbolic link is followed to its file. If a file has several hard links, only
// the given one is edited.
func TestProcessRetrackerLinks(t *testing.T) {
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"real/x.torrent": processRetracked("x", "old"), "links/note": ""})
	real, hard := filepath.Join(dir, "real/x.torrent"), filepath.Join(dir, "real/hard")
	link, second := filepath.Join(dir, "links/l.torrent"), filepath.Join(dir, "links/second.torrent")
	if err := errors.Join(os.Link(real, hard), os.Symlink("../real/x.torrent", link), os.Symlink("l.torrent", second)); err != nil {
		t.Fatal(err)
	}
	processRun(t, "", "retracker", second, "--comment", "new", "--backup", "-q").exits(exitOK)
	processIs(t, real, "x", "new")
	processIs(t, hard, "x", "old")
	processIs(t, second+".bak", "x", "old")
	for path, to := range map[string]string{link: "../real/x.torrent", second: "l.torrent"} {
		if got, err := os.Readlink(path); err != nil || got != to {
			t.Errorf("the link %s leads to %q, %v", path, got, err)
		}
	}
	processNames(t, filepath.Join(dir, "real"), "hard", "x.torrent")
	// All at once, also through a symbolic link to the directory.
	if err := os.Symlink("links", filepath.Join(dir, "to")); err != nil {
		t.Fatal(err)
	}
	processRun(t, "", "retracker", filepath.Join(dir, "to"), "--comment", "newer", "-q").exits(exitOK)
	processIs(t, real, "x", "newer")
	processNames(t, filepath.Join(dir, "real"), "hard", "x.torrent")
	processNames(t, filepath.Join(dir, "links"), "l.torrent", "note", "second.torrent", "second.torrent.bak")
}

// Each failure caused by permissions has its own error, and the other files are
// edited.
func TestProcessRetrackerPermissions(t *testing.T) {
	bt := processOther(t)
	dir := processOpenDir(t)
	torrent := processRetracked("x", "old")
	processTree(t, dir, map[string]string{
		"open/fine.torrent": torrent, "open/foreign.torrent": torrent, "open/readonly.torrent": torrent, "open/secret.torrent": torrent,
		"closed/x.torrent": torrent, "open/locked/x.torrent": torrent,
	})
	file := func(name string) string { return filepath.Join(dir, name) }
	const nobody = 65534
	var errs []error
	for _, name := range []string{"open", "open/fine.torrent", "open/readonly.torrent", "closed/x.torrent"} {
		errs = append(errs, os.Chown(file(name), nobody, nobody))
	}
	errs = append(errs, os.Chmod(file("open/readonly.torrent"), 0o444), os.Chmod(file("open/secret.torrent"), 0), os.Chmod(file("open/locked"), 0))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	p := processStart(t, bt("retracker", dir, "--recursive", "--comment", "new", "--json"))().exits(exitWrite).errors(
		file("closed/x.torrent")+": permission denied",
		file("open/foreign.torrent")+": its owner can't be kept: ",
		file("open/locked")+": permission denied",
		file("open/readonly.torrent")+": it is read-only",
		file("open/secret.torrent")+": permission denied",
	)
	var docs []interopRetracked
	p.document(&docs)
	var got []string
	for _, d := range docs {
		code := "ok"
		if d.Error != nil {
			code = d.Error.Code
		}
		got = append(got, strings.TrimPrefix(d.Path, dir+"/")+" "+code)
	}
	if want := []string{"closed/x.torrent write", "open/fine.torrent ok", "open/foreign.torrent write", "open/locked read", "open/readonly.torrent write", "open/secret.torrent read"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for name, comment := range map[string]string{
		"open/fine.torrent": "new", "open/foreign.torrent": "old", "open/readonly.torrent": "old", "open/secret.torrent": "old", "closed/x.torrent": "old",
	} {
		processIs(t, file(name), "x", comment)
	}
	processNames(t, file("closed"), "x.torrent")
	processNames(t, file("open"), "fine.torrent", "foreign.torrent", "locked", "readonly.torrent", "secret.torrent")

	// --force edits a read-only file; its mode is kept.
	processStart(t, bt("retracker", file("open/readonly.torrent"), "--comment", "new", "--force"))().exits(exitOK)
	processIs(t, file("open/readonly.torrent"), "x", "new")
	if s := processInode(t, file("open/readonly.torrent")); s.Mode&0o7777 != 0o444 || s.Uid != nobody {
		t.Errorf("read-only, edited, it has the mode %o and the owner %d", s.Mode&0o7777, s.Uid)
	}
	// Directories for the output or backup that are not writable.
	processStart(t, bt("retracker", file("open/fine.torrent"), "--comment", "x", "-o", file("closed")+"/"))().exits(exitWrite).errors(
		file("closed/fine.torrent") + ": permission denied")
	processStart(t, bt("retracker", file("closed/x.torrent"), "--comment", "x", "--backup"))().exits(exitWrite).errors(": permission denied")
	processNames(t, file("closed"), "x.torrent")
	// A dry run needs no write permission.
	processStart(t, bt("retracker", file("closed/x.torrent"), "--comment", "x", "--dry-run"))().exits(exitOK)
}

func TestProcessRetrackerFullStdout(t *testing.T) {
	dir, path := processOneEdited(t, 0o644)
	for i, flags := range [][]string{{}, {"--json"}, {"--jsonl"}, {"--dry-run"}, {"-o", "-"}, {"-o", filepath.Join(dir, "out"), "--json"}} {
		full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		cmd := processCommand(t, "bt", slices.Concat([]string{"retracker", path, "--comment", fmt.Sprint(i)}, flags)...)
		cmd.Stdout = full
		processStart(t, cmd)().exits(exitWrite).errors("writing to standard output: no space left on device")
		full.Close()
	}
	processNames(t, dir, "out", "x.torrent")
}

// After SIGINT each torrent is old or new, there is no temporary file, and the
// remaining torrents are not edited.
func TestProcessRetrackerInterrupted(t *testing.T) {
	for signal, code := range map[os.Signal]int{os.Interrupt: exitInterrupted, syscall.SIGTERM: exitTerminated} {
		dir := t.TempDir()
		const files = 3000
		tree := make(map[string]string, files)
		for i := range files {
			tree[fmt.Sprintf("%04d.torrent", i)] = processRetracked("x", "old")
		}
		processTree(t, dir, tree)
		cmd := processCommand(t, "bt", "retracker", dir, "--comment", "new")
		wait := processStart(t, cmd)
		first := filepath.Join(dir, "0000.torrent")
		for end := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
			if data, err := os.ReadFile(first); err == nil && string(data) != processRetracked("x", "old") {
				break
			}
			if time.Now().After(end) {
				t.Fatal("it does not begin")
			}
		}
		if err := cmd.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		p := wait()
		edited := 0
		for name := range tree {
			if processIs(t, filepath.Join(dir, name), "x", "old", "new") == "new" {
				edited++
			}
		}
		entries, err := os.ReadDir(dir)
		if err != nil || len(entries) != files {
			t.Errorf("%d files were left, %v", len(entries), err)
		}
		if p.exits(code); edited == files {
			t.Errorf("%v: it went on to the end", signal)
		}
		t.Logf("%v: %d of %d edited", signal, edited, files)
	}
}

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
"$program" 60 >/dev/null 2>&1 &
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
	other := processNamed(t, "other-client")
	for i, s := range processSessions {
		client, dir := processNamed(t, s.command), t.TempDir()
		for name, data := range s.files {
			switch data {
			case "":
				data = processRetracked("x", "old")
			case "fastresume":
				data = processResume
			}
			processTree(t, dir, map[string]string{name: data})
		}
		path := filepath.Join(dir, s.edited)
		old, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		edit := func(tracker string, more ...string) []string {
			return slices.Concat([]string{"bt", "retracker", path, "-q", "--announce", tracker}, more)
		}
		beside := func(tracker string, more ...string) *processEnd {
			return processAlone(t, processBeside, slices.Concat([]string{client}, edit(tracker, more...))...)
		}
		p := beside("http://new.example/1").exits(exitWrite).errors(path + ": it is a session file of " + s.client + ", which seems to run: process ")
		if !strings.Contains(p.stderr, "is called "+s.command) || !strings.Contains(p.stderr, "\nbt: hint: ") {
			t.Errorf("%s: %s", s.command, p.stderr)
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != string(old) {
			t.Errorf("%s: it was edited, %v", s.command, err)
		}
		// Reading is allowed while a client runs.
		beside("http://new.example/1", "--dry-run").exits(exitOK)
		beside("http://t.example/a").exits(exitOK)
		beside("http://new.example/1", "-o", filepath.Join(dir, "copy")).exits(exitOK)
		if data, err := os.ReadFile(path); err != nil || string(data) != string(old) {
			t.Errorf("%s: it was edited, %v", s.command, err)
		}
		for n, run := range []func() *processEnd{
			func() *processEnd { return beside("http://new.example/0", "--force") },
			func() *processEnd {
				return processAlone(t, processBeside, slices.Concat([]string{other}, edit("http://new.example/1"))...)
			},
			func() *processEnd { return processAlone(t, `"$@"`, edit("http://new.example/2")...) },
		} {
			run().exits(exitOK)
			if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), fmt.Sprintf("http://new.example/%d", n)) {
				t.Errorf("%s: edit %d was not done: %q, %v", s.command, n, data, err)
			}
		}
		if i > 0 && processSessions[i-1].client == s.client {
			continue
		}
		t.Run(s.client+" by a link", func(t *testing.T) { // the same file
			link := filepath.Join(t.TempDir(), "link.torrent")
			if err := os.Symlink(path, link); err != nil {
				t.Fatal(err)
			}
			p := processAlone(t, processBeside, client, "bt", "retracker", link, "-q", "--announce", "http://new.example/3")
			p.exits(exitWrite).errors("it is a session file of " + s.client)
		})
	}
}

// rTorrent's lock file names the process, and applies to its own directory. If
// the process is gone, the lock is stale.
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
