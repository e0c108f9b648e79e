package diskindex

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tree writes files of the given sizes below a new directory.
func tree(t *testing.T, files map[string]int64) string {
	t.Helper()
	dir := t.TempDir()
	for path, size := range files {
		path = filepath.Join(dir, path)
		for _, err := range []error{os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, make([]byte, size), 0o644)} {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return dir
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// paths returns the paths with a size, below dir.
func paths(x *Index, dir string, size int64) string {
	var list []string
	for _, path := range x.Paths(size) {
		list = append(list, strings.TrimPrefix(path, dir+"/"))
	}
	return strings.Join(list, " ")
}

func TestScan(t *testing.T) {
	dir := tree(t, map[string]int64{"a": 1, "b": 2, "sub/c": 1, "sub/deep/d": 2, "sub/deep/empty": 0, "other/e": 1, "large": 1 << 20})
	must(t,
		os.Symlink("a", filepath.Join(dir, "toFile")),
		os.Symlink("sub", filepath.Join(dir, "toDirectory")),
		os.Symlink(".", filepath.Join(dir, "sub/loop")),
		os.Symlink("nothing", filepath.Join(dir, "toNothing")),
		os.Symlink("self", filepath.Join(dir, "self")),
		os.Link(filepath.Join(dir, "b"), filepath.Join(dir, "other/hard")),
	)
	sub := func(list ...string) (dirs []string) {
		for _, d := range list {
			dirs = append(dirs, filepath.Join(dir, d))
		}
		return dirs
	}
	for _, test := range []struct {
		name  string
		dirs  []string
		files int
		sizes map[int64]string
	}{
		{"everything", sub(""), 9, map[int64]string{0: "sub/deep/empty", 1: "a other/e sub/c toFile", 2: "b other/hard sub/deep/d", 3: "", 1 << 20: "large", -1: ""}},
		{"one directory", sub("sub"), 3, map[int64]string{1: "sub/c", 2: "sub/deep/d"}},
		{"two directories", sub("sub", "other"), 5, map[int64]string{1: "other/e sub/c", 2: "other/hard sub/deep/d"}},
		{"the same twice", sub("sub", "sub"), 3, map[int64]string{1: "sub/c"}},
		{"one in the other", sub("other", "sub/deep", "sub"), 5, map[int64]string{1: "other/e sub/c", 2: "other/hard sub/deep/d"}},
		{"a link to a directory", sub("toDirectory"), 3, map[int64]string{1: "toDirectory/c", 2: "toDirectory/deep/d"}},
		{"none", nil, 0, map[int64]string{1: ""}},
	} {
		t.Run(test.name, func(t *testing.T) {
			for _, jobs := range []int{0, 1, 3} {
				x, errs, err := Scan(t.Context(), test.dirs, jobs, nil)
				must(t, append(errs, err)...)
				if x.Len() != test.files {
					t.Errorf("%d files, want %d", x.Len(), test.files)
				}
				for size, want := range test.sizes {
					// Which of two overlapping directories is read first decides no path below it.
					if got := paths(x, dir, size); got != want {
						t.Errorf("%d bytes: %q, want %q", size, got, want)
					}
				}
			}
		})
	}
}

// A directory with more entries than are read at once, and names of every kind.
func TestScanLongDirectory(t *testing.T) {
	dir := t.TempDir()
	var want []string
	for i := range chunk + 100 {
		name := fmt.Sprintf("%d\n\xff %s", i, strings.Repeat("x", i%100))
		must(t, os.WriteFile(filepath.Join(dir, name), []byte("x"), 0o644))
		want = append(want, filepath.Join(dir, name))
	}
	slices.Sort(want)
	x, errs, err := Scan(t.Context(), []string{dir}, 0, nil)
	must(t, append(errs, err)...)
	if got := x.Paths(1); !slices.Equal(got, want) {
		t.Errorf("%d paths, want %d", len(got), len(want))
	}
}

// The root of the file system ends with the separator, other directories don't.
func TestPathBelowRoot(t *testing.T) {
	x := &Index{}
	root := x.addName("/")
	first := int64(len(x.names))
	x.dirs = []directory{{-1, root, first}}
	x.files = []file{{5, 0, uint32(x.addName("vmlinuz") - first)}}
	if got := x.Paths(5); !slices.Equal(got, []string{"/vmlinuz"}) {
		t.Errorf("%q", got)
	}
}

// Files of further directories are added to an index.
func TestAdd(t *testing.T) {
	dir := tree(t, map[string]int64{"a": 1, "b": 2})
	x, errs, err := Scan(t.Context(), []string{dir}, 0, nil)
	must(t, append(errs, err)...)
	if got := paths(x, dir, 1); got != "a" {
		t.Errorf("before: %q", got)
	}
	for _, path := range []string{"/top", "/x/1", "/x/2", "/x/y/1", "/x/3", "/x/y/2", "/other"} {
		x.Add(path, 1)
		x.Add(path+" large", 1<<40)
	}
	if got, want := paths(x, dir, 1), "/other /top /x/1 /x/2 /x/3 /x/y/1 /x/y/2 a"; sorted(got) != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got := x.Paths(1 << 40); len(got) != 7 || x.Len() != 16 {
		t.Errorf("%q of %d files", got, x.Len())
	}
	empty := new(Index)
	if got := empty.Paths(1); len(got) > 0 {
		t.Errorf("an empty one has %q", got)
	}
	if empty.Add("/a/b", 1); !slices.Equal(empty.Paths(1), []string{"/a/b"}) {
		t.Errorf("%q", empty.Paths(1))
	}
}

// sorted sorts words.
func sorted(s string) string {
	list := strings.Fields(s)
	slices.Sort(list)
	return strings.Join(list, " ")
}

func TestScanErrors(t *testing.T) {
	dir := tree(t, map[string]int64{"a": 1})
	for _, path := range []string{"nothing", "a"} {
		if _, _, err := Scan(t.Context(), []string{dir, filepath.Join(dir, path)}, 0, nil); err == nil {
			t.Errorf("no error for %s", path)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := Scan(ctx, []string{dir}, 0, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}

func BenchmarkScan(b *testing.B) {
	dir := b.TempDir()
	for i := range 20_000 {
		sub := filepath.Join(dir, fmt.Sprint(i/100))
		if err := errors.Join(os.MkdirAll(sub, 0o755), os.WriteFile(filepath.Join(sub, fmt.Sprint(i)), nil, 0o644)); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if _, _, err := Scan(b.Context(), []string{dir}, 0, nil); err != nil {
			b.Fatal(err)
		}
	}
}
