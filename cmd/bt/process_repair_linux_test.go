package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"bt/internal/atomicfile"
	"bt/internal/testenv"
)

// A processDamaged is a torrent at x.torrent, its damaged data at data/content, and a
// copy that has all of it at copy/content.
type processDamaged struct {
	dir, data, copy, torrent string
	old, whole               map[string]string // by name; old is the damaged data
}

func newProcessDamaged(t *testing.T, dir string, format string) *processDamaged {
	t.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	text := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		return string(b)
	}
	d := &processDamaged{dir: dir, data: filepath.Join(dir, "data"), copy: filepath.Join(dir, "copy"), torrent: filepath.Join(dir, "x.torrent")}
	d.whole = map[string]string{"a": text(100_000), "b": text(200_000), "c": text(50_000), "d": text(30_000)}
	d.old = map[string]string{"a": "X" + d.whole["a"][1:], "b": d.whole["b"][:70_000], "d": d.whole["d"] + "more"}
	processTree(t, filepath.Join(d.copy, "content"), d.whole)
	processRun(t, dir, "make", "copy/content", "-q", "-l", "16K", "--format", format, "-o", "x.torrent").exits(exitOK)
	d.damage(t)
	return d
}

// damage restores the damaged data.
func (d *processDamaged) damage(t *testing.T) {
	t.Helper()
	content := filepath.Join(d.data, "content")
	entries, err := os.ReadDir(content)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.RemoveAll(filepath.Join(content, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	processTree(t, content, d.old)
}

// check checks that each file is the old or the whole one, and returns the number of
// whole files. With temp, temporary files may be there.
func (d *processDamaged) check(t *testing.T, temp bool) (whole int) {
	t.Helper()
	content := filepath.Join(d.data, "content")
	entries, err := os.ReadDir(content)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if atomicfile.IsTemp(e.Name()) {
			if !temp {
				t.Errorf("a temporary file stays: %s", e.Name())
			}
			continue
		}
		b, err := os.ReadFile(filepath.Join(content, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch old, ok := d.old[e.Name()]; {
		case string(b) == d.whole[e.Name()]:
			whole++
		case !ok || string(b) != old:
			t.Errorf("%s is neither the old nor the mended file", e.Name())
		}
	}
	return whole
}

// A disk that is full or read-only: each file is as it was or mended, and no temporary
// file stays.
func TestProcessRepairFullDisk(t *testing.T) {
	testenv.Root(t) // to mount
	apart := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	probe := exec.Command("true")
	if probe.SysProcAttr = apart; probe.Run() != nil {
		testenv.Missing(t, "the right to a mount name space")
	}
	const script = `
disk=$1 from=$2 options=$3 then=$4
shift 4
mount -t tmpfs -o "$options" none "$disk" || exit 99
cp -r "$from/data/content" "$disk/content" || exit 98
[ -z "$then" ] || mount -o "remount,$then" "$disk" || exit 99
"$@" >&2
code=$?
cd "$disk" && ls -A . content && sha1sum content/*
exit $code`
	for _, format := range []string{"v1", "v2"} {
		d := newProcessDamaged(t, t.TempDir(), format)
		disk := filepath.Join(d.dir, "disk")
		if err := os.Mkdir(disk, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			options, then, says string
		}{
			{"size=260k", "", "no space left on device"},            // not a second a
			{"size=10m,nr_inodes=5", "", "no space left on device"}, // no new file
			{"size=10m", "ro", "read-only file system"},
		} {
			cmd := processCommand(t, "sh", "-c", script, "sh", disk, d.dir, test.options, test.then, "bt", "verify", d.torrent, disk, "--repair", "--from", d.copy)
			cmd.SysProcAttr = apart
			p := processStart(t, cmd)()
			if p.code == 99 {
				testenv.Missing(t, "the right to mount a tmpfs: "+p.stderr)
			}
			p.exits(exitWrite)
			if !strings.Contains(p.stderr, "bt: error: "+filepath.Join(disk, "content")) || !strings.Contains(p.stderr, test.says) || strings.Contains(p.stderr, ".tmp") {
				t.Errorf("%s: %s", test.options, p.stderr)
			}
			if strings.Contains(p.stdout, ".tmp") {
				t.Errorf("%s: a temporary file stays: %s", test.options, p.stdout)
			}
			for name := range d.old {
				if want := processSum(t, filepath.Join(d.data, "content", name)); !strings.Contains(p.stdout, want) {
					t.Errorf("%s: %s was changed: %s", test.options, name, p.stdout)
				}
			}
		}
	}
}

// A disk with any room that is too small: no file is half a file, no good one is touched,
// and no temporary file stays. With more room, the next run mends the rest.
func TestProcessRepairAnyRoom(t *testing.T) {
	testenv.Root(t) // to mount
	apart := &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	probe := exec.Command("true")
	if probe.SysProcAttr = apart; probe.Run() != nil {
		testenv.Missing(t, "the right to a mount name space")
	}
	const script = `
disk=$1 from=$2 room=$3
shift 3
mount -t tmpfs -o "size=$room" none "$disk" || exit 99
cp -r "$from/data/content" "$disk/content" || exit 98
"$@" >&2
code=$?
cp -r "$disk/." "$from/after"
mount -o remount,size=10m "$disk" && "$@" >&2 || exit 97
cp -r "$disk/." "$from/last"
exit $code`
	web := func(d *processDamaged) string {
		server := httptest.NewServer(&fakeWebServer{dir: d.copy, requests: make(map[string]int)})
		t.Cleanup(server.Close)
		return server.URL + "/plain/"
	}
	r := rand.New(rand.NewPCG(4, 4))
	for n := range 24 {
		d := newProcessDamaged(t, t.TempDir(), []string{"v1", "v2"}[n%2])
		disk := filepath.Join(d.dir, "disk")
		if err := os.Mkdir(disk, 0o755); err != nil {
			t.Fatal(err)
		}
		source := d.copy
		if n%3 == 0 {
			source = web(d)
		}
		cmd := processCommand(t, "sh", "-c", script, "sh", disk, d.dir, fmt.Sprint(210_000+r.IntN(600_000)),
			"bt", "verify", d.torrent, disk, "--repair", "--from", source)
		cmd.SysProcAttr = apart
		p := processStart(t, cmd)()
		if p.code == 99 {
			testenv.Missing(t, "the right to mount a tmpfs: "+p.stderr)
		}
		if p.code != exitOK && p.code != exitWrite {
			t.Fatalf("the exit code is %d: %s", p.code, p.stderr)
		}
		processNoTemp(t, d.dir)
		data := d.data
		d.data = filepath.Join(d.dir, "after")
		if whole := d.check(t, false); p.code == exitOK && whole != 4 {
			t.Errorf("%d files are whole", whole)
		}
		d.data = filepath.Join(d.dir, "last")
		if whole := d.check(t, false); whole != 4 {
			t.Errorf("with more room, %d files are whole: %s", whole, p.stderr)
		}
		d.data = data
	}
}

// processNoTemp reports temporary files below a directory.
func processNoTemp(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && atomicfile.IsTemp(e.Name()) {
			t.Errorf("a temporary file stays: %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// processSum returns the line of sha1sum for a file of the content.
func processSum(t *testing.T, path string) string {
	t.Helper()
	out, err := exec.Command("sha1sum", path).Output()
	if err != nil {
		t.Fatal(err)
	}
	sum, _, _ := bytes.Cut(out, []byte(" "))
	return string(sum) + "  content/" + filepath.Base(path)
}

// Directories and files without permission.
func TestProcessRepairWithoutPermission(t *testing.T) {
	bt := processOther(t)
	d := newProcessDamaged(t, testenv.OpenDir(t), "v2")
	p := processStart(t, bt("verify", d.torrent, d.data, "--repair", "--from", d.copy))().exits(exitWrite)
	if !strings.Contains(p.stderr, "bt: error: "+filepath.Join(d.data, "content", "a")+": permission denied\n") {
		t.Error(p.stderr)
	}
	if d.check(t, false) != 0 {
		t.Error("something was written")
	}
	web := httptest.NewServer(&fakeWebServer{dir: d.copy, requests: make(map[string]int)})
	defer web.Close()
	p = processStart(t, bt("verify", d.torrent, d.data, "--repair", "--from", web.URL+"/plain/"))().exits(exitWrite)
	p.errors(filepath.Join(d.data, "content") + ": storing what was fetched: permission denied\n")
	// The owner of a file can't be kept.
	if err := os.Chmod(filepath.Join(d.data, "content"), 0o777); err != nil {
		t.Fatal(err)
	}
	p = processStart(t, bt("verify", d.torrent, d.data, "--repair", "--from", d.copy))().exits(exitWrite)
	if !strings.Contains(p.stderr, "a: its owner can't be kept: operation not permitted\n") {
		t.Error(p.stderr)
	}
	if d.check(t, false) != 1 { // c was missing, and has no owner yet
		t.Error("other files were written")
	}
}

// If the process is killed at any system call that writes, each file is the old or the
// mended one, and the next run mends the rest.
func TestProcessRepairKilled(t *testing.T) {
	strace := processTracing(t)
	for _, format := range []string{"v1", "hybrid"} {
		d := newProcessDamaged(t, testenv.Tmpfs(t), format) // fsync is fast there
		for _, call := range []string{"fsync", "ftruncate", processNaming, "unlinkat"} {
			killed := 0
			for n := 1; n < 6; n++ {
				d.damage(t)
				cmd := processCommand(t, strace, "-f", "-qq", "-o", os.DevNull, "-e", "signal=none", "-e", "trace="+call,
					"-e", fmt.Sprintf("inject=%s:signal=KILL:when=%d", call, n), "bt", "verify", d.torrent, d.data, "--repair", "--from", d.copy)
				cmd.Env = append(cmd.Env, "GOMAXPROCS=1")
				p := processStart(t, cmd)()
				whole := d.check(t, true)
				if p.code == exitOK {
					if whole != 4 {
						t.Errorf("%s: %d files are whole", call, whole)
					}
					break
				}
				killed++
				processRun(t, "", "verify", d.torrent, d.data, "--repair", "--from", d.copy).exits(exitOK)
				processNoTemp(t, d.data)
			}
			if killed == 0 && call != "unlinkat" {
				t.Errorf("never killed in %s", call)
			}
		}
	}
}

// What was fetched by a killed process is removed by the next one, which mends the rest.
func TestProcessRepairKilledFetching(t *testing.T) {
	d := newProcessDamaged(t, t.TempDir(), "v2")
	server := &fakeWebServer{dir: d.copy, requests: make(map[string]int)}
	for n := range 3 {
		d.damage(t)
		var cmd *exec.Cmd
		var once sync.Once
		requests := 0
		web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			server.mu.Lock()
			requests++
			last := requests > n
			server.mu.Unlock()
			if last {
				once.Do(func() { cmd.Process.Kill() })
			}
			server.ServeHTTP(w, r)
		}))
		cmd = processCommand(t, "bt", "verify", d.torrent, d.data, "--repair", "--from", web.URL+"/plain/")
		server.mu.Lock() // until the process is known
		wait := processStart(t, cmd)
		server.mu.Unlock()
		if p := wait(); p.code == exitOK {
			t.Error("it was not killed")
		}
		web.Close()
		d.check(t, true)
		names, err := filepath.Glob(filepath.Join(d.data, "content", ".bt-*.tmp"))
		if err != nil || len(names) != 1 {
			t.Errorf("the killed process has left %q (%v)", names, err)
		}
		processRun(t, "", "verify", d.torrent, d.data, "--repair", "--from", d.copy).exits(exitOK)
		processNoTemp(t, d.data)
		if d.check(t, false) != 4 {
			t.Error("it is not mended")
		}
	}
}

// An interrupted repair removes its temporary files.
func TestProcessRepairInterrupted(t *testing.T) {
	dir := t.TempDir()
	data, other, torrent := filepath.Join(dir, "data"), filepath.Join(dir, "copy"), filepath.Join(dir, "huge.torrent")
	for _, d := range []string{data, other} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
		processSparse(t, filepath.Join(d, "huge"), 1<<30)
	}
	processZeros(t, torrent, "huge", 1<<30, 16<<20)
	f, err := os.OpenFile(filepath.Join(data, "huge"), os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("damage"), 1<<29); err != nil {
		t.Fatal(err)
	}
	before, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	for signal, code := range map[string]int{"INT": exitInterrupted, "TERM": exitTerminated} {
		// The first fsync is that of the new file, before bt hashes it.
		processTraced(t, "fsync:signal="+signal+":when=1", "verify", torrent, data, "--repair", "--from", other).exits(code)
		processNames(t, data, "huge")
		if after, err := os.Stat(filepath.Join(data, "huge")); err != nil || !os.SameFile(before, after) || !after.ModTime().Equal(before.ModTime()) {
			t.Error("the file was changed", err)
		}
	}
}
