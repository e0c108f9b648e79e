package placefile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"bt/internal/atomicfile"
	"bt/internal/testenv"
)

func open(t *testing.T, dir string) *Root {
	t.Helper()
	r, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func put(t *testing.T, path, text string) string {
	t.Helper()
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
		t.Fatal(err)
	}
	return path
}

// tree lists what is below a directory: files with their text, links with their targets.
// It leaves out the directory of a run.
func tree(t *testing.T, dir string) (list []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		name = filepath.ToSlash(name)
		switch {
		case d.IsDir() && isRun(d.Name()):
			return fs.SkipDir
		case d.IsDir():
			name += "/"
		case d.Type()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			name += " -> " + target
		default:
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if name += "=" + string(b); atomicfile.IsTemp(d.Name()) {
				name = "temporary"
			}
		}
		list = append(list, name)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func wantTree(t *testing.T, dir string, want ...string) {
	t.Helper()
	if got := tree(t, dir); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func path(s string) []string { return strings.Split(s, "/") }

// write makes a file of a text, as callers do.
func write(f *File, err error, text string, old fs.FileInfo) error {
	if err != nil {
		return err
	}
	if _, err := f.WriteString(text); err != nil {
		return errors.Join(err, f.Abort())
	}
	f.Finish()
	if err := f.Wait(); err != nil {
		return errors.Join(err, f.Abort())
	}
	if err := f.Commit(old); err != nil {
		return errors.Join(err, f.Abort())
	}
	return nil
}

func TestPlace(t *testing.T) {
	dir := t.TempDir()
	source := put(t, filepath.Join(dir, "source"), "text")
	into := filepath.Join(dir, "into")
	put(t, filepath.Join(into, "there"), "old")
	r := open(t, into)
	if err := r.Link(source, path("a/b/hard")); err != nil {
		t.Fatal(err)
	}
	if err := r.Symlink("../x", path("a/soft")); err != nil {
		t.Fatal(err)
	}
	f, err := r.Create(path("a/new"), Regular)
	if err := write(f, err, "new", nil); err != nil {
		t.Fatal(err)
	}
	wantTree(t, into, "a/", "a/b/", "a/b/hard=text", "a/new=new", "a/soft -> ../x", "there=old")
	if a, b := stat(t, source), stat(t, filepath.Join(into, "a/b/hard")); !os.SameFile(a, b) {
		t.Error("the hard link is another file")
	}
	if target, err := r.Readlink(path("a/soft")); target != "../x" {
		t.Errorf("the link leads to %q (%v)", target, err)
	}
	// Nothing is replaced by accident.
	for name, place := range map[string]func() error{
		"hard link": func() error { return r.Link(source, path("there")) },
		"soft link": func() error { return r.Symlink("x", path("there")) },
		"file": func() error {
			f, err := r.Create(path("there"), Regular)
			return write(f, err, "new", nil)
		},
	} {
		if err := place(); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), filepath.Join(into, "there")) {
			t.Errorf("%s: %v", name, err)
		}
	}
	wantTree(t, into, "a/", "a/b/", "a/b/hard=text", "a/new=new", "a/soft -> ../x", "there=old")
	r.RemoveMade()
	wantTree(t, into, "a/", "a/b/", "a/b/hard=text", "a/new=new", "a/soft -> ../x", "there=old")
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	info, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func TestRemoveMade(t *testing.T) {
	dir := t.TempDir()
	put(t, filepath.Join(dir, "kept/file"), "x")
	r := open(t, dir)
	for _, p := range []string{"kept/a/b/f", "new/f"} {
		if err := r.Link(filepath.Join(dir, "none"), path(p)); err == nil {
			t.Fatal("a link to nothing")
		}
		f, err := r.Create(path(p), Regular)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Abort(); err != nil {
			t.Fatal(err)
		}
	}
	wantTree(t, dir, "kept/", "kept/a/", "kept/a/b/", "kept/file=x", "new/")
	r.RemoveMade()
	wantTree(t, dir, "kept/", "kept/file=x")
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	name := put(t, filepath.Join(dir, "d/file"), "old")
	if err := os.Chmod(name, 0o640); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	old, err := r.Lstat(path("d/file"))
	if err != nil {
		t.Fatal(err)
	}
	f, err := r.Replace(path("d/file"), old)
	if err := write(f, err, "new", old); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, "d/", "d/file=new")
	if mode := stat(t, name).Mode(); runtime.GOOS != "windows" && mode != 0o640 {
		t.Errorf("the mode is %v", mode)
	}
	// It is another file now, so it is kept.
	f, err = r.Replace(path("d/file"), old)
	err = write(f, err, "newer", old)
	if _, ok := errors.AsType[*ChangedError](err); !ok {
		t.Errorf("the error is %v", err)
	}
	if f, err := r.OpenInPlace(path("d/file"), old); err == nil {
		f.Close()
		t.Error("a changed file was opened")
	}
	wantTree(t, dir, "d/", "d/file=new")
	now := stat(t, name)
	in, err := r.OpenInPlace(path("d/file"), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.WriteAt([]byte("E"), 1); err != nil {
		t.Fatal(err)
	}
	in.Close()
	wantTree(t, dir, "d/", "d/file=nEw")
}

func TestFollowsNoLink(t *testing.T) {
	dir := t.TempDir()
	source := put(t, filepath.Join(dir, "source"), "text")
	into := filepath.Join(dir, "into")
	put(t, filepath.Join(into, "real/file"), "x")
	put(t, filepath.Join(dir, "outside/file"), "y")
	for name, target := range map[string]string{"inside": "real", "out": "../outside", "dead": "none"} {
		if err := os.Symlink(target, filepath.Join(into, name)); err != nil {
			testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
		}
	}
	r := open(t, into)
	for _, p := range []string{"inside/new", "out/new", "dead/new", "inside/sub/new"} {
		for name, place := range map[string]func() error{
			"lstat": func() error { _, err := r.Lstat(path(p)); return err },
			"link":  func() error { return r.Link(source, path(p)) },
			"soft":  func() error { return r.Symlink("x", path(p)) },
			"file":  func() error { _, err := r.Create(path(p), Regular); return err },
			"open":  func() error { _, err := r.OpenInPlace(path(p), stat(t, source)); return err },
		} {
			err := place()
			if link, ok := errors.AsType[*LinkError](err); !ok || link.Path != filepath.Join(into, path(p)[0]) {
				t.Errorf("%s %s: %v", name, p, err)
			}
		}
	}
	if err := r.Link(source, path("real/file/new")); !errors.Is(err, errNotDirectory) {
		t.Errorf("below a file: %v", err)
	}
	wantTree(t, dir, "into/", "into/dead -> none", "into/inside -> real", "into/out -> ../outside", "into/real/", "into/real/file=x",
		"outside/", "outside/file=y", "source=text")
}

func TestCopy(t *testing.T) {
	dir := t.TempDir()
	source, err := os.Open(put(t, filepath.Join(dir, "source"), "0123456789"))
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	r := open(t, dir)
	f, err := r.Create(path("copy"), Executable)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Copy(t.Context(), source, 10); err != nil {
		t.Fatal(err)
	}
	if err := f.CopyRange(t.Context(), source, 8, 3); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("beyond the end: %v", err)
	}
	if err := f.Truncate(7); err != nil {
		t.Fatal(err)
	}
	f.Finish()
	if err := f.Wait(); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f.TempPath()); !bytes.Equal(b, []byte("0123456")) {
		t.Errorf("the temporary file has %q (%v)", b, err)
	}
	if err := f.Commit(nil); err != nil {
		t.Fatal(err)
	}
	if mode := stat(t, filepath.Join(dir, "copy")).Mode(); runtime.GOOS != "windows" && mode&0o100 == 0 {
		t.Errorf("the mode is %v", mode)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if f, err = r.Create(path("other"), Regular); err != nil {
		t.Fatal(err)
	}
	if err := f.CopyRange(ended, source, 0, 10); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
	if err := f.Abort(); err != nil {
		t.Fatal(err)
	}
	wantTree(t, dir, "copy=0123456", "source=0123456789")
}
