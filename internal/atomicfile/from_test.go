//go:build unix

package atomicfile

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"bt/internal/testenv"
)

// WriteFrom gives no permissions to read that the source does not have. The umask and
// the mode of a replaced file restrict them further.
func TestWriteFrom(t *testing.T) {
	defer syscall.Umask(syscall.Umask(0))
	for _, umask := range []int{0o022, 0o077, 0, 0o027} {
		syscall.Umask(umask)
		for _, tt := range []struct{ source, old, want fs.FileMode }{
			{0o600, 0, 0o600},
			{0o644, 0, 0o644},
			{0o640, 0, 0o640},
			{0o660, 0, 0o660},
			{0o604, 0, 0o604},
			{0o666, 0, 0o666},
			{0o777, 0, 0o666},
			{0o400, 0, 0o600},
			{0o444, 0, 0o644},
			{0o600, 0o644, 0o600},
			{0o644, 0o600, 0o600},
			{0o640, 0o664, 0o640},
			{0o666, 0o664, 0o664},
			{0o600, 0o444, 0o400},
		} {
			name := fmt.Sprintf("umask %o, source %o, old %o", umask, tt.source, tt.old)
			dir := t.TempDir()
			source, path := filepath.Join(dir, "source"), filepath.Join(dir, "x")
			put(t, source, tt.source)
			want := tt.want &^ fs.FileMode(umask)
			if tt.old != 0 {
				put(t, path, tt.old)
				want = tt.want // an old file keeps its mode
			}
			info, err := os.Stat(source)
			if err != nil {
				t.Fatal(err)
			}
			if err := WriteFrom(path, []byte("new"), tt.old != 0, info); err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			content(t, path, "new")
			if info, err := os.Stat(path); err != nil || info.Mode() != want {
				t.Errorf("%s: mode %v, %v, want %v", name, info.Mode(), err, want)
			}
			only(t, dir, "source", "x")
		}
	}
}

// The group of a new file may be another: it gets what all others get.
func TestWriteFromAnotherGroup(t *testing.T) {
	testenv.Root(t)
	defer syscall.Umask(syscall.Umask(0))
	for source, want := range map[fs.FileMode]fs.FileMode{0o640: 0o600, 0o644: 0o644, 0o604: 0o600, 0o660: 0o600, 0o666: 0o666} {
		dir := t.TempDir()
		file := filepath.Join(dir, "source")
		put(t, file, source)
		if err := os.Chown(file, 1234, 2345); err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, old := range []bool{false, true} {
			path := filepath.Join(dir, fmt.Sprint(old))
			if old {
				put(t, path, 0o666)
			}
			if err := WriteFrom(path, nil, old, info); err != nil {
				t.Fatal(err)
			}
			if got, err := os.Stat(path); err != nil || got.Mode() != want {
				t.Errorf("source %o, old %t: mode %v, %v, want %v", source, old, got.Mode(), err, want)
			}
		}
	}
}

func put(t *testing.T, path string, mode fs.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}
