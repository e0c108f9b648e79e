package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// only fails unless the directory holds these names and nothing else.
func only(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(want) {
		t.Errorf("%d entries in %s, want %v: %v", len(entries), dir, want, entries)
		return
	}
	for i, e := range entries {
		if e.Name() != want[i] {
			t.Errorf("%s is there, want %v", e.Name(), want)
		}
	}
}

func content(t *testing.T, path, want string) {
	t.Helper()
	if b, err := os.ReadFile(path); err != nil || string(b) != want {
		t.Errorf("%s holds %q, %v, want %q", path, b, err, want)
	}
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := Check(path, false); err != nil {
		t.Error(err)
	}
	only(t, dir)
	if err := Write(path, []byte("one"), false); err != nil {
		t.Fatal(err)
	}
	content(t, path, "one")
	// The mode is that of any new file.
	if err := os.WriteFile(path+".plain", nil, 0o666); err != nil {
		t.Fatal(err)
	}
	plain, err := os.Stat(path + ".plain")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != plain.Mode() {
		t.Errorf("mode %v, %v, want %v", info.Mode(), err, plain.Mode())
	}
	if err := os.Remove(path + ".plain"); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{"Check": Check(path, false), "Write": Write(path, []byte("two"), false)} {
		if !errors.Is(err, fs.ErrExist) {
			t.Errorf("%s of an existing file: %v", name, err)
		}
	}
	content(t, path, "one")
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(Check(path, true), Write(path, []byte("two"), true)); err != nil {
		t.Error(err)
	}
	content(t, path, "two")
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v, want it kept", info.Mode(), err)
	}
	only(t, dir, "x")
}

func TestPlaceRefusesWhatAppeared(t *testing.T) {
	dir := t.TempDir()
	temp, path := filepath.Join(dir, "temp"), filepath.Join(dir, "x")
	if err := errors.Join(os.WriteFile(temp, []byte("new"), 0o644), os.WriteFile(path, []byte("old"), 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := place(temp, path, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("placed over an existing file: %v", err)
	}
	content(t, path, "old")
}

func TestLinks(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := errors.Join(os.WriteFile(real, []byte("one"), 0o644), os.Symlink("real", link)); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	if err := Write(link, []byte("two"), false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a link was replaced: %v", err)
	}
	if err := Write(link, []byte("two"), true); err != nil {
		t.Fatal(err)
	}
	content(t, real, "two")
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link became %v, %v", info.Mode(), err)
	}
	if err := os.Remove(real); err != nil {
		t.Fatal(err)
	}
	if Check(link, true) == nil || Write(link, nil, true) == nil {
		t.Error("a link to nowhere was written")
	}
	only(t, dir, "link")
}

func TestRefused(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{dir, filepath.Join(dir, "none", "x")} {
		for _, replace := range []bool{false, true} {
			if Check(path, replace) == nil || Write(path, nil, replace) == nil {
				t.Errorf("%s was written, replace %v", path, replace)
			}
		}
	}
	only(t, dir)
}

func TestIsTemp(t *testing.T) {
	f, err := create(filepath.Join(t.TempDir(), "x"), newFile)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if name := filepath.Base(f.Name()); !IsTemp(name) {
		t.Errorf("%s is not known as ours", name)
	}
	for _, name := range []string{"", ".bt-.tmp", ".bt-1x.tmp", "bt-1.tmp", ".bt-1.tmp2", ".bt-1"} {
		if IsTemp(name) {
			t.Errorf("%q passes for ours", name)
		}
	}
}

func TestRewrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := Rewrite(path, []byte("one")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
	only(t, dir)
	if err := errors.Join(os.WriteFile(path, []byte("one"), 0o640), os.Chmod(path, 0o640)); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := Rewrite(path, []byte("two")); err != nil {
		t.Fatal(err)
	}
	content(t, path, "two")
	after, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if after.Mode() != before.Mode() || os.SameFile(before, after) {
		t.Errorf("mode %v, want %v; the same file: %t", after.Mode(), before.Mode(), os.SameFile(before, after))
	}
	if err := Rewrite(dir, nil); err == nil {
		t.Error("a directory was rewritten")
	}
	only(t, dir, "x")
}

func TestRewriteFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "real", "x")
	if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o755), os.WriteFile(path, []byte("one"), 0o644)); err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(dir, "first"), filepath.Join(dir, "second")
	if err := errors.Join(os.Symlink(filepath.Join("real", "x"), first), os.Symlink("first", second)); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	if err := Rewrite(second, []byte("two")); err != nil {
		t.Fatal(err)
	}
	content(t, path, "two")
	for link, want := range map[string]string{first: filepath.Join("real", "x"), second: "first"} {
		if got, err := os.Readlink(link); err != nil || got != want {
			t.Errorf("%s leads to %s, %v", link, got, err)
		}
	}
	if err := os.Symlink("nowhere", filepath.Join(dir, "third")); err != nil {
		t.Fatal(err)
	}
	if err := Rewrite(filepath.Join(dir, "third"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a link to nowhere: %v", err)
	}
	only(t, dir, "first", "real", "second", "third")
	only(t, filepath.Dir(path), "x")
}

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	path, backup := filepath.Join(dir, "x"), filepath.Join(dir, "x.bak")
	if err := Backup(path, backup, false); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of nothing: %v", err)
	}
	if err := errors.Join(os.WriteFile(path, []byte("one"), 0o600), Backup(path, backup, false), Rewrite(path, []byte("two"))); err != nil {
		t.Fatal(err)
	}
	content(t, path, "two")
	content(t, backup, "one")
	if err := Backup(path, backup, false); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a backup: %v", err)
	}
	content(t, backup, "one")
	if err := errors.Join(Backup(path, backup, true), Rewrite(path, []byte("three"))); err != nil {
		t.Fatal(err)
	}
	content(t, path, "three")
	content(t, backup, "two")
	only(t, dir, "x", "x.bak")

	// Users that can't read the file can't read its backup.
	for _, replace := range []bool{false, true} {
		other := filepath.Join(dir, "x.other")
		if err := Backup(path, other, replace); err != nil {
			t.Fatal(err)
		}
		was, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if is, err := os.Stat(other); err != nil || is.Mode() != was.Mode() {
			t.Errorf("replace %t: the backup has the mode %v, %v, the file has %v", replace, is.Mode(), err, was.Mode())
		}
		if err := os.Remove(other); err != nil {
			t.Fatal(err)
		}
	}
}

// The backup of a link is one of the file.
func TestBackupFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	path, link, backup := filepath.Join(dir, "x"), filepath.Join(dir, "link"), filepath.Join(dir, "link.bak")
	if err := os.WriteFile(path, []byte("one"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("x", link); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	if err := errors.Join(Backup(link, backup, false), Rewrite(link, []byte("two"))); err != nil {
		t.Fatal(err)
	}
	content(t, path, "two")
	content(t, backup, "one")
	if info, err := os.Lstat(backup); err != nil || !info.Mode().IsRegular() {
		t.Errorf("the backup is %v, %v", info.Mode(), err)
	}
}

// half is data whose second half can't be had.
type half struct{}

func (half) WriteTo(w io.Writer) (int64, error) {
	n, err := io.WriteString(w, "half of ")
	return int64(n), errors.Join(err, errors.ErrUnsupported)
}

func TestWriteTo(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x")
	if err := WriteTo(path, half{}, false); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("half of the data: %v", err)
	}
	only(t, dir)
	if err := WriteTo(path, strings.NewReader("whole"), false); err != nil {
		t.Error(err)
	}
	if err := WriteTo(path, half{}, true); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("half of the data over a file: %v", err)
	}
	content(t, path, "whole")
	only(t, dir, "x")
}
