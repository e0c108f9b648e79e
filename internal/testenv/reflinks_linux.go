package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// Reflinks mounts a new file system that can make clones at dir until the test ends. The
// kind is "btrfs" or "xfs".
func Reflinks(t testing.TB, dir, kind string) {
	t.Helper()
	Root(t)
	image := filepath.Join(t.TempDir(), "image")
	f, err := os.Create(image)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Truncate(512 << 20); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if out, err := exec.Command(Program(t, "mkfs."+kind), "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.%s: %v: %s", kind, err, out)
	}
	if out, err := exec.Command("mount", "-t", kind, Loop(t, image), dir).CombinedOutput(); err != nil {
		Missing(t, "the right to mount "+kind+": "+string(out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
}

// extentLine is a line of filefrag -v: the number of an extent, its first and last block
// in the file and on the disk, its length in blocks, and its flags.
var extentLine = regexp.MustCompile(`(?m)^ *\d+: +\d+\.\. +\d+: +\d+\.\. +\d+: +(\d+):(.*)$`)

var sharedFlag = regexp.MustCompile(`\bshared\b`)

// Unshared returns the number of bytes of a file in blocks that no other file has.
func Unshared(t testing.TB, path string) (n int64) {
	t.Helper()
	out, err := exec.Command(Program(t, "filefrag"), "-v", "-s", "-b4096", path).CombinedOutput()
	extents := extentLine.FindAllSubmatch(out, -1)
	if err != nil || len(extents) == 0 {
		t.Fatalf("filefrag: %v: %s", err, out)
	}
	for _, e := range extents {
		if !sharedFlag.Match(e[2]) {
			blocks, err := strconv.ParseInt(string(e[1]), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			n += blocks * 4096
		}
	}
	return n
}
