package known

import (
	"encoding/hex"
	"path/filepath"
	"syscall"
	"testing"
)

// A FIFO in the place of a file is an error, and opening it does not block.
func TestFIFO(t *testing.T) {
	s, k := New(t.TempDir()), key(1)
	for _, path := range []string{s.path(), filepath.Join(s.dir, hex.EncodeToString(k[:])+".json")} {
		if err := syscall.Mkfifo(path, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if knows(s, k, state("a", 1)) {
		t.Error("it is known")
	}
	if err := s.Add(k, state("a", 1)); err == nil {
		t.Error("no error")
	}
}
