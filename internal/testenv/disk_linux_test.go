package testenv

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// Exactly the blocks that are named fail.
func TestDisk(t *testing.T) {
	d := NewDisk(t, t.TempDir(), 8<<20)
	path := func(name string) string { return filepath.Join(d.Dir, name) }
	data := []byte(strings.Repeat("0123456789abcdef", 1<<16))
	if err := errors.Join(os.MkdirAll(path("a dir"), 0o755), os.Mkdir(path("b"), 0o755), os.WriteFile(path("a dir/é"), data, 0o644),
		os.WriteFile(path("b/in"), nil, 0o644), os.WriteFile(path("inode"), nil, 0o644), os.WriteFile(path("good"), data, 0o644)); err != nil {
		t.Fatal(err)
	}
	d.Fail(BadBlock{"a dir/é", 3 * diskBlock}, BadBlock{"a dir/é", 200 * diskBlock}, BadBlock{"inode", -1}, BadBlock{"b", 0})
	// Not through the page cache, in which all pages of a large folio may fail.
	for block := range len(data) / diskBlock {
		out, err := exec.Command("dd", "if="+path("a dir/é"), "bs=4096", "count=1", "iflag=direct", "status=none", "skip="+strconv.Itoa(block)).Output()
		if bad := block == 3 || block == 200; bad != (err != nil) || !bad && string(out) != string(data[block*diskBlock:][:diskBlock]) {
			t.Errorf("block %d: %d bytes, %v", block, len(out), err)
		}
	}
	for name, bad := range map[string]bool{"good": false, "inode": true, "b/in": true, "b": false} {
		if out, err := exec.Command("stat", path(name)).CombinedOutput(); bad != (err != nil) || bad && !strings.Contains(string(out), "Input/output error") {
			t.Errorf("%s: %v: %s", name, err, out)
		}
	}
	if err := os.WriteFile(path("new"), data, 0o644); err != nil {
		t.Error(err)
	}
}

// What could not be written is lost, and what was written before is not.
func TestDiskWrites(t *testing.T) {
	d := NewDisk(t, t.TempDir(), 8<<20)
	write := func(name string) error {
		out, err := exec.Command("dd", "if=/dev/zero", "of="+filepath.Join(d.Dir, name), "bs=4096", "count=100", "conv=fsync", "status=none").CombinedOutput()
		if err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	if err := write("before"); err != nil {
		t.Fatal(err)
	}
	exec.Command("sync", "-f", d.Dir).Run()
	d.FailWrites()
	if err := write("while"); err == nil || !strings.Contains(err.Error(), "Input/output error") {
		t.Errorf("while writes fail: %v", err)
	}
	d.MendWrites()
	if err := write("after"); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"before", "after"} {
		if data, err := os.ReadFile(filepath.Join(d.Dir, name)); err != nil || len(data) != 100*4096 {
			t.Errorf("%s: %d bytes, %v", name, len(data), err)
		}
	}
	if _, err := os.Stat(filepath.Join(d.Dir, "while")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("while: %v", err)
	}
}

// A small tmpfs is full until it is larger.
func TestSmallTmpfs(t *testing.T) {
	f := NewSmallTmpfs(t, 1<<20)
	name, data := filepath.Join(f.Dir, "x"), make([]byte, 2<<20)
	if err := os.WriteFile(name, data, 0o644); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("written to a full disk: %v", err)
	}
	f.Resize(4 << 20)
	if err := os.WriteFile(name, data, 0o644); err != nil {
		t.Error(err)
	}
}
