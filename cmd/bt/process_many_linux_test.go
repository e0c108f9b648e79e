package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/testenv"
)

const processMany = 100_000

// processManyFiles writes many files of 1 to 100 bytes in 100 directories.
func processManyFiles(t *testing.T, root string) {
	t.Helper()
	const dirs = 100
	data := strings.Repeat("0123456789", 10)
	errs := make([]error, dirs)
	var wg sync.WaitGroup
	for d := range dirs {
		wg.Go(func() {
			dir := filepath.Join(root, strconv.Itoa(d))
			errs[d] = os.MkdirAll(dir, 0o755)
			for i := range processMany / dirs {
				if errs[d] == nil {
					errs[d] = os.WriteFile(filepath.Join(dir, strconv.Itoa(i)), []byte(data[:1+(d+i)%100]), 0o644)
				}
			}
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// processPlain returns the path of bt built without the race detector, which needs
// additional memory.
func processPlain(t testing.TB) string {
	t.Helper()
	testenv.Program(t, "go")
	bin, err := buildPlain()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

var buildPlain = sync.OnceValues(func() (bin string, err error) {
	bin = filepath.Join(os.Getenv("XDG_CACHE_HOME"), "plain", "bt") // of leaveHome
	if out, err := exec.Command("go", "build", "-race=false", "-buildvcs=false", "-o", bin, ".").CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return bin, nil
})

// processPeak runs a program, which must succeed, and returns its peak memory in bytes
// and the length of its output.
func processPeak(t *testing.T, name string, args ...string) (peak, output int64) {
	t.Helper()
	p, peak := processMeasured(t, processCommand(t, name, args...))
	return peak, int64(len(p.exits(exitOK).stdout))
}

// processHighWater returns the peak resident memory of a process, or 0 if it has
// ended.
func processHighWater(t *testing.T, pid int) int64 {
	t.Helper()
	return processMemory(t, pid, "VmHWM")
}

// processMemory returns a number of bytes of a process's status, or 0 if it has ended.
func processMemory(t *testing.T, pid int, field string) int64 {
	t.Helper()
	f, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var kib int64
	for s := bufio.NewScanner(f); s.Scan(); {
		if text, ok := strings.CutPrefix(s.Text(), field+":"); ok {
			if _, err := fmt.Sscanf(text, "%d kB", &kib); err != nil {
				t.Fatal(err)
			}
		}
	}
	return kib << 10
}

// checkProcessPeak checks that the peak is below 256 MiB, 512 bytes per file, and
// the size of the torrent.
func checkProcessPeak(t *testing.T, what string, peak, files, torrent int64) {
	t.Helper()
	limit := 256<<20 + 512*files + torrent
	t.Logf("%s: peak %d MiB of %d allowed; the torrent has %d KiB", what, peak>>20, limit>>20, torrent>>10)
	if peak > limit {
		t.Errorf("%s: %d bytes of memory, more than %d", what, peak, limit)
	}
}

// Neither open files nor memory grow with the number of files.
func TestProcessManyFiles(t *testing.T) {
	testenv.Large(t)
	t.Parallel()
	dir := t.TempDir()
	tree, torrent := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent")
	start := time.Now()
	processManyFiles(t, tree)
	t.Logf("wrote the files in %v", time.Since(start))

	bt := processPlain(t)
	limited := func(args ...string) *processEnd {
		t.Helper()
		// Without -S or -H ulimit sets both limits: the runtime raises the soft
		// one.
		args = append([]string{"-c", `ulimit -n 256; exec "$@"`, "sh", bt}, args...)
		start := time.Now()
		p := processStart(t, processCommand(t, "sh", args...))().exits(exitOK)
		t.Logf("%s with 256 open files: %v, %v of CPU", args[4], time.Since(start), p.cpu)
		return p
	}
	if p := processStart(t, processCommand(t, "sh", "-c", "ulimit -n 256; ulimit -Hn"))(); p.stdout != "256\n" {
		t.Fatalf("the hard limit is %s", p.stdout)
	}
	var m processTorrent
	limited("make", tree, "--json").document(&m)
	if m.FileCount != processMany {
		t.Errorf("%d files", m.FileCount)
	}
	if v := limited("verify", torrent, "--json").verdict(); !v.OK || len(v.Files) != processMany || v.Pieces.Good != v.Pieces.Total {
		t.Errorf("ok is %v, %d files, pieces %+v", v.OK, len(v.Files), v.Pieces)
	}

	for _, read := range []string{"parallel", "sequential"} {
		peak, size := processPeak(t, bt, "make", tree, "--read", read, "--no-cache", "--no-date", "-o", "-")
		checkProcessPeak(t, "make of 100,000 files, "+read, peak, processMany, size)
		peak, _ = processPeak(t, bt, "verify", torrent, "--read", read, "--json")
		checkProcessPeak(t, "verify of 100,000 files, "+read, peak, processMany, size)
	}
	for _, format := range []string{"v2", "hybrid"} {
		peak, _ := processPeak(t, bt, "make", tree, "--format", format, "-l", "16K", "--no-cache", "--force", "--json")
		info, err := os.Stat(torrent)
		if err != nil {
			t.Fatal(err)
		}
		checkProcessPeak(t, "make of 100,000 files, "+format, peak, processMany, info.Size())
		peak, _ = processPeak(t, bt, "verify", torrent, "--json")
		checkProcessPeak(t, "verify of 100,000 files, "+format, peak, processMany, info.Size())
		peak, _ = processPeak(t, bt, "verify", torrent, "--json", "--extra")
		checkProcessPeak(t, "verify --extra of 100,000 files, "+format, peak, processMany, info.Size())
	}
}

// A piece may be larger than the memory, and read-ahead is limited.
func TestProcessLargePieces(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	tree := filepath.Join(dir, "tree")
	processTree(t, tree, map[string]string{"a": "data", "c": "data"})
	processSparse(t, filepath.Join(tree, "b"), 2<<30)
	bt := processPlain(t)
	for _, read := range []string{"parallel", "sequential"} {
		for _, c := range [][2]string{{"128M", "8"}, {"4M", "8"}, {"2M", "32"}, {"512K", "64"}, {"64K", "1000"}} {
			peak, size := processPeak(t, bt, "make", tree, "-l", c[0], "--jobs", c[1], "--read", read, "--no-cache", "-o", "-")
			checkProcessPeak(t, fmt.Sprintf("make of 2 GiB in pieces of %siB, %s jobs, %s", c[0], c[1], read), peak, 3, size)
		}
		peak, size := processPeak(t, bt, "make", tree, "--format", "hybrid", "-l", "128M", "--read", read, "--no-cache", "-o", "-")
		checkProcessPeak(t, "hybrid of 2 GiB in pieces of 128 MiB, "+read, peak, 3, size)
	}
}

// A piece length that no torrent can have is wrong usage, reported before
// hashing.
func TestProcessHugePieces(t *testing.T) {
	dir := t.TempDir()
	processSparse(t, filepath.Join(dir, "huge"), processHuge)
	p := processRun(t, dir, "make", "huge", "-l", "1G").exits(exitUsage)
	if p.cpu > processFewCPU {
		t.Errorf("it took %v of CPU", p.cpu)
	}
}

// If mmap fails, bt reads the files instead, without a warning.
func TestProcessWithoutMaps(t *testing.T) {
	dir := t.TempDir()
	content := filepath.Join(dir, "content")
	if err := os.WriteFile(content, bytes.Repeat([]byte("some data "), 1<<19), 0o644); err != nil {
		t.Fatal(err)
	}
	want := processMade(t, dir, "make", "content")
	p := processTracedOn(t, content, "mmap:error=ENODEV", "make", content, "--force", "--read", "parallel", "--json")
	p.exits(exitOK)
	if p.stderr != "" {
		t.Errorf("stderr: %s", p.stderr)
	}
	if !strings.Contains(p.stdout, want.InfoHash) {
		t.Errorf("another info-hash than %s: %s", want.InfoHash, p.stdout)
	}
}

// Reading a sparse file on tmpfs does not allocate memory for it.
func TestProcessSparseOnTmpfs(t *testing.T) {
	t.Parallel()
	dir := testenv.Tmpfs(t)
	sparse := filepath.Join(dir, "sparse")
	processTree(t, dir, map[string]string{"sparse": "data"})
	if err := os.Truncate(sparse, 4<<30); err != nil {
		t.Fatal(err)
	}
	was := testenv.Allocated(t, sparse)
	bt := processPlain(t)
	run := func(args ...string) {
		t.Helper()
		processStart(t, processCommand(t, bt, args...))().exits(exitOK)
	}
	for _, read := range []string{"auto", "parallel", "sequential"} {
		run("make", sparse, "--force", "--read", read, "--no-cache", "-o", sparse+".torrent")
		run("verify", sparse+".torrent", sparse, "--read", read)
		if now := testenv.Allocated(t, sparse); now != was {
			t.Fatalf("--read %s: %d bytes of the file were allocated, now %d", read, was, now)
		}
	}
}
