package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

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

// processHas checks the mode of a file that processOneEdited or newKilledEdits
// made, and that it has kept its owner.
func processHas(t *testing.T, path string, mode uint32) {
	t.Helper()
	if s := processInode(t, path); s.Mode&0o7777 != mode || s.Uid != 1234 || s.Gid != 2345 {
		t.Errorf("%s has the mode %o and the owner %d:%d", path, s.Mode&0o7777, s.Uid, s.Gid)
	}
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

// A file without changes is not written. An edited file keeps its mode and owner,
// and the backup is the old file.
func TestProcessRetrackerKeeps(t *testing.T) {
	dir, path := processOneEdited(t, 0o750)
	processTree(t, dir, map[string]string{"same.torrent": processRetracked("x", "new")})
	same := filepath.Join(dir, "same.torrent")
	old := time.Unix(1_600_000_000, 0)
	if err := errors.Join(os.Chtimes(same, old, old), os.Chtimes(path, old, old)); err != nil {
		t.Fatal(err)
	}
	before := processInode(t, path)
	processNotWritten(t, same, func() {
		p := processRun(t, "", "retracker", dir, "--comment", "new", "--backup").exits(exitOK)
		if want := path + ": comment\n1 of 2 files changed\n"; p.stdout != want {
			t.Errorf("stdout %q, want %q", p.stdout, want)
		}
	})
	processNames(t, dir, "same.torrent", "x.torrent", "x.torrent.bak")
	if s := processInode(t, path); s.Mode != before.Mode || s.Uid != before.Uid || s.Gid != before.Gid || s.Mtim == before.Mtim {
		t.Errorf("the edited file was %+v and is %+v", before, s)
	}
	if s := processInode(t, path+".bak"); s.Ino != before.Ino || s.Mtim != before.Mtim || s.Mode != before.Mode {
		t.Errorf("the backup is not the old file: %+v, which was %+v", s, before)
	}
}

// A dry run, and an edit that is written elsewhere, do not write the file.
func TestProcessRetrackerReadsOnly(t *testing.T) {
	dir, path := processOneEdited(t, 0o644)
	for _, flags := range [][]string{{"--comment", "dry", "--dry-run"}, {"--comment", "out", "-o", filepath.Join(dir, "out.torrent")}} {
		processNotWritten(t, path, func() {
			processRun(t, "", slices.Concat([]string{"retracker", path}, flags)...).exits(exitOK)
		})
	}
}

// processNotWritten checks that a file is not written, replaced or otherwise
// changed by a run.
func processNotWritten(t *testing.T, path string, run func()) {
	t.Helper()
	before := processInode(t, path)
	run()
	if s := processInode(t, path); s.Ino != before.Ino || s.Mtim != before.Mtim || s.Ctim != before.Ctim {
		t.Errorf("%s was written", path)
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
	dir := testenv.OpenDir(t)
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
		// Each fsync is delayed, so that bt does not edit all before the signal comes. With -D
		// strace is the child, and bt can be signalled.
		cmd := processCommand(t, processTracing(t), "-D", "-f", "-qq", "-o", os.DevNull, "-e", "signal=none",
			"-e", "trace=fsync", "-e", "inject=fsync:delay_enter=50000", "bt", "retracker", dir, "--comment", "new")
		wait := processStart(t, cmd)
		first := filepath.Join(dir, "0000.torrent")
		for end := time.Now().Add(processTimeout / 2); ; time.Sleep(time.Millisecond) {
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
