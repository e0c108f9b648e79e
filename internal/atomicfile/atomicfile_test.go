package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
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
		t.Skip("needs symbolic links: ", err)
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
	f, err := create(filepath.Join(t.TempDir(), "x"))
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
