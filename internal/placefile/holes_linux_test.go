package placefile

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
)

// A copy has the holes of the file, and the bytes between them.
func TestCopyOfHoles(t *testing.T) {
	const size = 64 << 20
	for name, data := range map[string][]int64{ // offsets of some bytes
		"a hole":          {},
		"at the start":    {0},
		"at the end":      {size - 5},
		"in the middle":   {size / 2},
		"at several":      {0, 1 << 20, 1<<20 + 5, 40 << 20, size - 5},
		"across the edge": {10<<20 - 3, 20<<20 - 3},
	} {
		dir := testenv.Tmpfs(t) // where no clone can be made
		src, err := os.Create(filepath.Join(dir, "source"))
		if err != nil {
			t.Fatal(err)
		}
		defer src.Close()
		if err := src.Truncate(size); err != nil {
			t.Fatal(err)
		}
		for _, at := range data {
			if _, err := src.WriteAt([]byte("bytes"), at); err != nil {
				t.Fatal(err)
			}
		}
		r := open(t, dir)
		for to, copies := range map[string]func(f *File) error{
			"copy": func(f *File) error { return f.Copy(t.Context(), src, size) },
			"ranges": func(f *File) error {
				return errors.Join(f.CopyRange(t.Context(), src, 0, 10<<20), f.CopyRange(t.Context(), src, 10<<20, size-10<<20))
			},
		} {
			f, err := r.Create(path(to), Regular)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(copies(f), f.Truncate(size)); err != nil {
				t.Fatal(err)
			}
			f.Finish()
			if err := errors.Join(f.Wait(), f.Commit(nil)); err != nil {
				t.Fatal(err)
			}
			if !isSame(t, src.Name(), filepath.Join(dir, to)) {
				t.Errorf("%s, %s: the bytes differ", name, to)
			}
			if had, has := testenv.Allocated(t, src.Name()), testenv.Allocated(t, filepath.Join(dir, to)); has > had+64<<10 {
				t.Errorf("%s, %s: %d bytes are allocated, in the source %d", name, to, has, had)
			}
		}
		f, err := r.Create(path("long"), Regular)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.CopyRange(t.Context(), src, size-10, 11); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%s: the error for more bytes is %v", name, err)
		}
		if err := f.Abort(); err != nil {
			t.Error(err)
		}
	}
}

func isSame(t *testing.T, a, b string) bool {
	t.Helper()
	x, err := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	if err = errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}
