package placefile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// all lists the names of all that is below a directory.
func all(t *testing.T, dir string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if name, _ := filepath.Rel(dir, path); name != "." {
			names = append(names, filepath.ToSlash(name))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// kill does what the end of the process does: the lock is free, and all files stay.
func kill(r *Root) {
	r.run.lock.Close()
	r.run.list.Close()
	r.run = nil
	r.leave(0)
}

func TestKilled(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a/file"), "text")
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{"a/b/new", "top", "a/other"} {
		if _, err := r.Create(path(p), Regular); err != nil {
			t.Fatal(err)
		}
	}
	scratch, err := r.Scratch()
	if err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(scratch, "0/7"), "fetched")
	prefix := r.run.prefix
	kill(r)
	if n := len(all(t, dir)); n != 3+3+4 {
		t.Fatalf("there are %q", all(t, dir))
	}
	// These are not its files.
	mine := []string{".bt-1.tmp", "a/.bt-12345678901234567890.tmp", "a/b/.bt-123.tmp", "a/b/x" + prefix + "1.tmp", "elsewhere/" + prefix + "1.tmp"}
	for _, name := range mine {
		put(t, filepath.Join(dir, name), "mine")
	}
	next := open(t, dir)
	f, err := next.Create(path("c"), Regular)
	if err := errors.Join(err, write(f, err, "c", nil)); err != nil {
		t.Fatal(err)
	}
	if err := next.Close(); err != nil {
		t.Fatal(err)
	}
	if got := all(t, dir); len(got) != len(mine)+len([]string{"a", "a/b", "a/file", "c", "elsewhere"}) {
		t.Errorf("there are %q", got)
	}
}

// The temporary files of a process that lives stay, and so does what is not surely ours.
func TestNotKilled(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir)
	f, err := first.Create(path("a/new"), Regular)
	if err != nil {
		t.Fatal(err)
	}
	outside := t.TempDir()
	put(t, filepath.Join(outside, ".bt-000000000000000000031.tmp"), "mine")
	for name, make := range map[string]func(dir string) error{
		".bt-00000000000000000001.tmp": func(dir string) error { return os.MkdirAll(filepath.Join(dir, "x"), 0o700) },
		".bt-00000000000000000006.tmp": func(dir string) error { return os.Mkdir(dir, 0o700) },
		".bt-00000000000000000002.tmp": func(dir string) error { return os.Symlink(outside, dir) },
		".bt-00000000000000000003.tmp": func(dir string) error { // it names directories elsewhere, also by a link
			return errors.Join(os.Mkdir(dir, 0o700), os.Symlink(outside, filepath.Join(filepath.Dir(dir), "link")),
				os.WriteFile(filepath.Join(dir, lockName), []byte("../"+filepath.Base(outside)+"\x00link\x00"+outside+"\x00\x00//\x00a/../..\x00"), 0o600))
		},
		".bt-00000000000000000004.tmp": func(dir string) error { return os.MkdirAll(filepath.Join(dir, lockName), 0o700) },
		".bt-5.tmp":                    func(dir string) error { return os.Mkdir(dir, 0o700) },
	} {
		if err := make(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	second := open(t, dir)
	if _, err := second.Scratch(); err != nil {
		t.Fatal(err)
	}
	if err := second.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.TempPath()); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"1", "2", "4"} {
		if _, err := os.Lstat(filepath.Join(dir, ".bt-0000000000000000000"+name+".tmp")); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, ".bt-5.tmp")); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"3", "6"} {
		if _, err := os.Lstat(filepath.Join(dir, ".bt-0000000000000000000"+name+".tmp")); err == nil {
			t.Errorf("the directory %s of a killed process stays", name)
		}
	}
	if _, err := os.Stat(filepath.Join(outside, ".bt-000000000000000000031.tmp")); err != nil {
		t.Error("a file elsewhere was removed", err)
	}
	// The lock is of the process that made it.
	lock := flock.New(filepath.Join(dir, first.run.prefix+suffix, lockName), flock.SetFlag(os.O_RDWR))
	if ok, err := lock.TryLock(); ok || err != nil {
		t.Error("the lock of a living process is free", err)
	}
	lock.Close()
	if err := errors.Join(f.Abort(), first.Close()); err != nil {
		t.Fatal(err)
	}
	for _, name := range all(t, dir) {
		if strings.Contains(name, first.run.prefix) {
			t.Errorf("%s stays", name)
		}
	}
}
