package verifyreport

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
)

// A long table is the same, however much of it is in a file.
func TestSpool(t *testing.T) {
	testenv.Large(t)
	dir := t.TempDir()
	for name, early := range map[string]bool{"removed": true, "kept": false} {
		create := func() (*os.File, error) {
			f, err := os.Create(filepath.Join(dir, name))
			if err == nil && early && os.Remove(f.Name()) != nil {
				t.Log("a file that is open can't be removed here")
			}
			return f, err
		}
		for _, format := range []Format{CSV, Text} {
			checkSpool(t, format, create)
			if list, err := os.ReadDir(dir); err != nil || len(list) > 0 {
				t.Errorf("%s: left are %v (%v)", name, list, err)
			}
		}
	}
}

func checkSpool(t *testing.T, format Format, create func() (*os.File, error)) {
	t.Helper()
	x := torrentOf(manyFiles(70_000, inspect.StatusMissing))
	all, spooled := New(Options{Format: format}), New(Options{Format: format, Spool: create})
	for range 3 {
		all.Add(x)
		spooled.Add(x)
		if n := spooled.body.last.Len(); n >= maxMemory {
			t.Fatalf("%d bytes in memory", n)
		}
	}
	if all.body.file != nil || spooled.body.size < 2*maxMemory {
		t.Fatalf("%d bytes in the file", spooled.body.size)
	}
	var want, got, again bytes.Buffer
	if _, err := all.WriteTo(&want); err != nil {
		t.Fatal(err)
	}
	for _, b := range []*bytes.Buffer{&got, &again} {
		if n, err := spooled.WriteTo(b); err != nil || n != int64(want.Len()) || !bytes.Equal(b.Bytes(), want.Bytes()) {
			t.Errorf("%d bytes, want %d (%v)", n, want.Len(), err)
		}
	}
	if err := errors.Join(all.Close(), spooled.Close(), spooled.Close()); err != nil {
		t.Error(err)
	}
}

// A file that can't be made or written is an error of writing the report.
func TestSpoolFails(t *testing.T) {
	for name, create := range map[string]func() (*os.File, error){
		"not made": func() (*os.File, error) { return nil, fs.ErrPermission },
		"not written": func() (*os.File, error) {
			f, err := os.Create(filepath.Join(t.TempDir(), "x"))
			if err == nil {
				err = f.Close()
			}
			return f, err
		},
	} {
		r := New(Options{Format: CSV, Spool: create})
		for range 2 {
			r.Add(torrentOf(manyFiles(100_000, inspect.StatusOK)))
		}
		var b bytes.Buffer
		if _, err := r.WriteTo(&b); err == nil {
			t.Errorf("%s: no error", name)
		}
		if r.body.last.Len() > maxMemory {
			t.Errorf("%s: %d bytes in memory", name, r.body.last.Len())
		}
	}
}
