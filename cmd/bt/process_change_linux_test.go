package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// processLarge is the size of a file that takes long enough to hash to be changed
// meanwhile.
const processLarge = 1 << 30

// processChanges lists changes of a file that is being hashed.
var processChanges = []struct {
	name   string
	change func(path string) error
}{
	{"grows", func(path string) error {
		return os.Truncate(path, processLarge+1)
	}},
	{"shrinks", func(path string) error {
		return os.Truncate(path, 1<<20)
	}},
	{"rewritten", func(path string) error {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte("new"), 0)
		return err
	}},
	{"replaced", func(path string) error { // by a file that differs only in its inode
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		other := filepath.Join(filepath.Dir(filepath.Dir(path)), "other")
		if err := os.WriteFile(other, nil, 0o644); err != nil {
			return err
		}
		if err := os.Truncate(other, info.Size()); err != nil {
			return err
		}
		if err := os.Chtimes(other, time.Time{}, info.ModTime()); err != nil {
			return err
		}
		return os.Rename(other, path)
	}},
	{"deleted", os.Remove},
}

// processMeanwhile runs bt, and changes a file when bt has begun to hash it. strace stops
// the process for the change, as it maps or reads the file.
func processMeanwhile(t *testing.T, file string, change func() error, args ...string) *processEnd {
	t.Helper()
	strace := processTracing(t)
	log := filepath.Join(t.TempDir(), "log")
	// The second call of a thread: what the first one mapped or read is being hashed.
	// With -D it is strace that is the child, and bt can be signalled.
	cmd := processCommand(t, strace, append([]string{"-D", "-f", "-qq", "-o", log, "-P", file,
		"-e", "trace=mmap,pread64", "-e", "signal=SIGSTOP", "-e", "inject=mmap,pread64:signal=SIGSTOP:when=2",
		"bt"}, append(args, "--jobs", "2")...)...)
	wait := processStart(t, cmd)
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		if data, _ := os.ReadFile(log); bytes.Contains(data, []byte("--- stopped by SIGSTOP ---")) {
			break
		}
		if state, _ := processStat(t, cmd.Process.Pid); state == 'Z' || time.Since(start) > processTimeout/2 {
			_ = cmd.Process.Kill()
			p := wait()
			t.Fatalf("%q was not stopped while it hashes: %s\nstdout: %s\nstderr: %s", args, p.state, p.stdout, p.stderr)
		}
	}
	if err := change(); err != nil {
		t.Fatal(err)
	}
	// Each thread stops the process once.
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		for {
			_ = cmd.Process.Signal(syscall.SIGCONT)
			select {
			case <-ended:
				return
			case <-time.After(10 * time.Millisecond):
			}
		}
	}()
	return wait()
}

// processThree writes a tree of three files, of which the middle one is large.
// Piece 0 contains only bytes of the first file.
func processThree(t *testing.T, dir string) (middle string) {
	t.Helper()
	tree := filepath.Join(dir, "tree")
	if err := os.RemoveAll(tree); err != nil {
		t.Fatal(err)
	}
	processTree(t, tree, map[string]string{
		"a": strings.Repeat("a", 1<<20+100),
		"c": strings.Repeat("c", 1<<20),
	})
	middle = filepath.Join(tree, "b")
	processSparse(t, middle, processLarge)
	// Some file systems have a low time resolution.
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(middle, old, old); err != nil {
		t.Fatal(err)
	}
	return middle
}

func TestProcessMakeOfChangingFile(t *testing.T) {
	t.Parallel()
	for _, c := range processChanges {
		t.Run(c.name, func(t *testing.T) {
			for _, read := range []string{"parallel", "sequential"} {
				dir := t.TempDir()
				middle := processThree(t, dir)
				out := filepath.Join(dir, "out")
				if err := os.Mkdir(out, 0o755); err != nil {
					t.Fatal(err)
				}
				p := processMeanwhile(t, middle, func() error { return c.change(middle) },
					"make", filepath.Join(dir, "tree"), "-l", "1M", "--read", read, "-o", filepath.Join(out, "x.torrent"))
				p.exits(exitRead).printsNothing().errors(middle + ": changed while it was hashed")
				for _, name := range []string{"a", "c"} {
					if path := filepath.Join(dir, "tree", name); strings.Contains(p.stderr, path) {
						t.Errorf("%s did not change:\n%s", path, p.stderr)
					}
				}
				processNames(t, out)
			}
		})
	}
}

func TestProcessVerifyOfChangingFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	processThree(t, dir)
	tree, torrent := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent")
	processRun(t, "", "make", tree, "-l", "1M", "-q").exits(exitOK)
	processRun(t, "", "verify", torrent).exits(exitOK) // the files are good before the change
	for _, c := range processChanges {
		t.Run(c.name, func(t *testing.T) {
			for _, read := range []string{"parallel", "sequential"} {
				middle := processThree(t, dir)
				p := processMeanwhile(t, middle, func() error { return c.change(middle) },
					"verify", torrent, tree, "--json", "--read", read)
				if p.code != exitNo && p.code != exitRead {
					t.Errorf("exit code %d, want 1 or 4: %s", p.code, p.stderr)
				}
				checkProcessChanged(t, p.verdict())
			}
		})
	}
}

// A file that is replaced by a FIFO does not block the process.
func TestProcessFileBecomesFIFO(t *testing.T) {
	dir := t.TempDir()
	middle := processThree(t, dir)
	tree, torrent, last := filepath.Join(dir, "tree"), filepath.Join(dir, "tree.torrent"), filepath.Join(dir, "tree", "c")
	become := func() error {
		if err := os.Remove(last); err != nil {
			return err
		}
		return syscall.Mkfifo(last, 0o644)
	}
	args := []string{"make", tree, "-l", "1M", "-q", "--read", "parallel", "-o", torrent}
	processRun(t, "", args...).exits(exitOK)
	p := processMeanwhile(t, middle, become, "verify", torrent, "--json", "--read", "sequential")
	if p.code != exitNo && p.code != exitRead {
		t.Errorf("%s, want exit code 1 or 4: %s", p.state, p.stderr)
	}
	if v := p.verdict(); v.OK || len(v.Files) != 3 || v.Files[0].Status != "ok" || v.Files[2].Status == "ok" {
		t.Errorf("ok is %v, files are %.400v", v.OK, v.Files)
	}
	processThree(t, dir)
	if err := os.Remove(torrent); err != nil {
		t.Fatal(err)
	}
	processMeanwhile(t, middle, become, args...).exits(exitRead).printsNothing().errors(last + ": ")
	processNames(t, dir, "tree")
}

// checkProcessChanged checks that the middle file is reported as changed.
func checkProcessChanged(t *testing.T, v *processVerdict) {
	t.Helper()
	// a is piece 0 and 100 bytes of piece 1; b ends after 100 bytes of piece
	// 1025; c is the rest.
	const first, last, total = 1, 1025, 1027
	if v.OK || v.Pieces.Total != total || v.Pieces.Good != total-(last-first+1) || v.Pieces.Bad != last-first+1 {
		t.Errorf("ok is %v, pieces are %+v", v.OK, v.Pieces)
	}
	for i, p := range v.BadPieces {
		if p.Index != first+i || p.Cause != "changed" || !slices.Contains(p.Files, "b") {
			t.Fatalf("bad piece %d is %+v", i, p)
		}
	}
	if len(v.Files) != 3 {
		t.Fatalf("%d files", len(v.Files))
	}
	checkProcessNeighbour(t, v.Files[0], first)
	checkProcessMiddle(t, v.Files[1])
	checkProcessNeighbour(t, v.Files[2], last)
}

// checkProcessMiddle checks that all of the middle file is bad.
func checkProcessMiddle(t *testing.T, b processFile) {
	t.Helper()
	if b.Path != "b" || b.Status == "ok" {
		t.Errorf("%s is %s", b.Path, b.Status)
	}
	if len(b.Bad) != 1 || b.Bad[0].Offset != 0 || b.Bad[0].Length != processLarge || b.Bad[0].Cause != "changed" {
		t.Errorf("bad in b: %.200v", b.Bad)
	}
}

// checkProcessNeighbour checks that only the piece that a file shares with the
// middle one is in doubt.
func checkProcessNeighbour(t *testing.T, f processFile, piece int) {
	t.Helper()
	if f.Status != "unverifiable" || len(f.Bad) != 1 || f.Bad[0].Cause != "unverifiable" || !slices.Equal(f.Bad[0].Pieces, []int{piece}) {
		t.Errorf("%s is %s, bad: %v", f.Path, f.Status, f.Bad)
	}
}
