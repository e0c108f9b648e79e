package testenv

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
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
