package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// A file that is not regular is an error at once, even a FIFO without a writer.
func TestReadWaitsForNothing(t *testing.T) {
	dir := t.TempDir()
	fifo, file, empty := filepath.Join(dir, "fifo"), filepath.Join(dir, "file"), filepath.Join(dir, "empty")
	if err := errors.Join(syscall.Mkfifo(fifo, 0o600), os.WriteFile(file, []byte("12345"), 0o600), os.WriteFile(empty, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		path string
		most int64
		want string
		ok   bool
	}{
		{file, 5, "12345", true}, {file, 4, "", false}, {empty, 0, "", true}, {fifo, 5, "", false}, {dir, 5, "", false},
		{"/dev/zero", 5, "", false}, {filepath.Join(dir, "none"), 5, "", false},
	} {
		b, err := Read(tt.path, tt.most)
		if (err == nil) != tt.ok || tt.ok && string(b) != tt.want {
			t.Errorf("%s, up to %d: %q, %v", tt.path, tt.most, b, err)
		}
	}
	if _, err := Read(fifo, 5); !errors.Is(err, ErrNotRegular) {
		t.Errorf("a FIFO: %v", err)
	}
	if _, err := Read(filepath.Join(dir, "none"), 5); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
	for path, ok := range map[string]bool{file: true, filepath.Join(dir, "none"): true, fifo: false, dir: false} {
		if err := CheckLock(path); (err == nil) != ok {
			t.Errorf("a lock at %s: %v", path, err)
		}
	}
}
