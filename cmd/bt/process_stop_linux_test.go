package main

import (
	"bytes"
	"crypto/sha1"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// processHuge is the size of a sparse file that takes many seconds to hash.
const processHuge = 64 << 30

// processFewCPU is more CPU time than a process uses that does not hash a file of
// processHuge bytes. Hashing it takes ten times as much on the fastest machine.
const processFewCPU = 2 * time.Second

func processSparse(t *testing.T, path string, size int64) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
}

// processHolds reports whether a process has a file open.
func processHolds(pid int, file fs.FileInfo) bool {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, _ := os.ReadDir(dir) // the process may have ended
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		info, err := os.Stat(filepath.Join(dir, e.Name()))
		return err == nil && os.SameFile(info, file)
	})
}

// processStat returns the state of a process, as one letter, and the CPU time
// that it has used.
func processStat(t *testing.T, pid int) (state byte, cpu time.Duration) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The format is "PID (bt) STATE ..."; fields 14 and 15 are user and system
	// time in 1/100 s.
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	var ticks int64
	for _, f := range fields[14-3 : 16-3] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		ticks += n
	}
	return fields[0][0], time.Duration(ticks) * 10 * time.Millisecond
}

// processUntilHashing waits until a process hashes a file: the process has the
// file open and has used CPU time, which only hashing does.
func processUntilHashing(t *testing.T, pid int, path string) {
	t.Helper()
	file, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Duration(-1)
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		switch state, cpu := processStat(t, pid); {
		case state == 'Z':
			return // the process has ended; the caller checks how
		case !processHolds(pid, file):
			opened = -1
		case opened < 0:
			opened = cpu
		case cpu >= opened+30*time.Millisecond:
			return
		}
		if time.Since(start) > processTimeout/2 {
			t.Fatalf("it does not hash %s", path)
		}
	}
}

// processZeros writes the torrent of a file that contains only zeros.
func processZeros(t *testing.T, path, name string, size, pieceLength int64) {
	t.Helper()
	sum := sha1.Sum(make([]byte, pieceLength))
	b := metainfo.Builder{
		V1: true, Name: name, Single: true, PieceLength: pieceLength,
		Files:  []metainfo.BuildFile{{Length: size}},
		Hashes: metainfo.Hashes{Pieces: bytes.Repeat(sum[:], int(size/pieceLength))},
	}
	data, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestProcessInterrupted(t *testing.T) {
	const promptly = 2 * time.Second
	dir := t.TempDir()
	content, torrent := filepath.Join(dir, "huge"), filepath.Join(dir, "huge.torrent")
	processSparse(t, content, processHuge)
	processZeros(t, torrent, "huge", processHuge, 16<<20)
	for _, read := range []string{"parallel", "sequential"} {
		for _, end := range []struct {
			signal syscall.Signal
			code   int
			why    string
		}{
			{syscall.SIGINT, exitInterrupted, "interrupted"},
			{syscall.SIGTERM, exitTerminated, "terminated"},
		} {
			out := filepath.Join(dir, "out")
			for _, args := range [][]string{
				{"make", content, "-l", "256M", "-o", filepath.Join(out, "x.torrent")},
				{"verify", torrent},
				{"verify", torrent, "--report", filepath.Join(out, "r.html")},
			} {
				if err := os.MkdirAll(out, 0o755); err != nil {
					t.Fatal(err)
				}
				interrupt := func() (took time.Duration) {
					cmd := processCommand(t, "bt", append(args, "--read", read)...)
					cmd.Dir = out
					wait := processStart(t, cmd)
					processUntilHashing(t, cmd.Process.Pid, content)
					start := time.Now()
					if err := cmd.Process.Signal(end.signal); err != nil {
						t.Fatal(err)
					}
					p := wait()
					took = time.Since(start)
					p.exits(end.code).printsNothing().errors("bt: error: " + end.why + "\n")
					processNames(t, out)
					return took
				}
				took := interrupt()
				for tries := 2; took > promptly && tries > 0; tries-- { // a busy machine may have given it no CPU
					took = interrupt()
				}
				if took > promptly {
					t.Errorf("%q: %v took %v", args, end.signal, took)
				}
			}
		}
	}
}

// An output that can't be written is an error before anything is hashed.
func TestProcessOutputRefused(t *testing.T) {
	dir := testenv.OpenDir(t)
	content, old := filepath.Join(dir, "huge"), filepath.Join(dir, "huge.torrent")
	processSparse(t, content, processHuge)
	processTree(t, dir, map[string]string{"huge.torrent": "old"})
	before, err := os.Stat(old)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(cmd *exec.Cmd, why string) {
		t.Helper()
		p := processStart(t, cmd)().exits(exitWrite).printsNothing().errors(why)
		if p.cpu > processFewCPU {
			t.Errorf("%q took %v of CPU", p.args, p.cpu)
		}
		after, err := os.Stat(old)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(old)
		if err != nil || string(data) != "old" || !after.ModTime().Equal(before.ModTime()) || !os.SameFile(before, after) {
			t.Errorf("%q: touched the output: %q, %v", p.args, data, err)
		}
		processNames(t, dir, "huge", "huge.torrent")
	}
	bt := func(args ...string) *exec.Cmd { return processCommand(t, "bt", args...) }
	nowhere := filepath.Join(dir, "nowhere")
	refused(bt("make", content), "huge.torrent: exists")
	refused(bt("make", content, "-o", old), "huge.torrent: exists")
	refused(bt("make", content, "-o", dir), "huge.torrent: exists")
	refused(bt("make", content, "-o", filepath.Join(nowhere, "x.torrent")), "no such file or directory")
	refused(bt("make", content, "-o", nowhere+"/"), "no such file or directory")
	refused(bt("make", content, "-o", filepath.Join(old, "x.torrent"), "--force"), "not a directory")
	refused(bt("make", content, "-o", "/dev/null", "--force"), "not a regular file")

	t.Run("as another user", func(t *testing.T) {
		bt := processOther(t)
		refused(bt("make", content, "-o", filepath.Join(dir, "new.torrent")), "new.torrent: permission denied")
		refused(bt("make", content, "--force"), "huge.torrent: permission denied")
		// The directory is not writable by anybody, so the error is the same for
		// root.
		out, small := testenv.OpenDir(t), filepath.Join(testenv.OpenDir(t), "small")
		if err := os.Chmod(out, 0o777); err != nil {
			t.Fatal(err)
		}
		processTree(t, filepath.Dir(small), map[string]string{"small": "data"})
		p := processStart(t, bt("make", small, "-q", "-o", out))().exits(exitOK)
		if !strings.HasSuffix(p.stdout, "small.torrent\n") {
			t.Errorf("stdout %q", p.stdout)
		}
	})
}

// processIdle returns when a process waits for something: all of its threads sleep, and used
// no CPU time for a while.
func processIdle(t *testing.T, pid int) {
	t.Helper()
	last := ""
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(300 * time.Millisecond) {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
		if err != nil {
			t.Fatal(err)
		}
		now, sleeps := "", len(threads) > 0
		for _, thread := range threads {
			b, err := os.ReadFile(thread)
			if err != nil {
				continue // it has ended
			}
			_, rest, _ := strings.Cut(string(b), ") ")
			fields := strings.Fields(rest) // from the state on; then the times are at 11 and 12
			sleeps = sleeps && fields[0] == "S"
			now += fields[11] + " " + fields[12] + ","
		}
		if sleeps && now == last {
			return
		}
		last = now
	}
	t.Fatalf("process %d does not become idle", pid)
}

// SIGINT ends bt while it waits for stdin, for a FIFO, or for the reader of
// stdout.
func TestProcessInterruptedWaiting(t *testing.T) {
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"content": strings.Repeat("data", 100_000)})
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"info", "-"}, {"verify", "-", "."}, {"info", "fifo"}, {"verify", "fifo"}, {"make", "content", "-l", "16", "--allow", "small-pieces", "-o", "-"},
	} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		r2, w2, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		cmd := processCommand(t, "bt", args...)
		cmd.Dir, cmd.Stdin = dir, r
		if args[0] == "make" {
			cmd.Stdout = w2
		}
		wait := processStart(t, cmd)
		processIdle(t, cmd.Process.Pid)
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		stop := time.AfterFunc(time.Minute, func() {
			t.Errorf("%q goes on after SIGINT", args)
			_ = cmd.Process.Kill()
		})
		if p := wait(); stop.Stop() && p.code != exitInterrupted {
			t.Errorf("%q: %s", args, p.state)
		}
		for _, c := range []io.Closer{r, w, r2, w2} {
			c.Close()
		}
	}
}
