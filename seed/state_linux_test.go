package seed

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"bt/internal/atomicfile"
)

// A FIFO in the place of one of our files is an error, and opening it does not block.
func TestStateIsNoFIFO(t *testing.T) {
	for _, name := range []string{"ledger.json", "ledger.json.lock"} {
		dir := t.TempDir()
		if err := syscall.Mkfifo(filepath.Join(dir, name), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 2 { // nor is the lock kept
			if _, _, err := OpenLedger(filepath.Join(dir, "ledger.json")); !errors.Is(err, atomicfile.ErrNotRegular) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	path := filepath.Join(t.TempDir(), "x.torrent")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := readTorrent(path, 0); !errors.Is(err, atomicfile.ErrNotRegular) {
		t.Errorf("a torrent: %v", err)
	}
	large := filepath.Join(t.TempDir(), "large.torrent")
	if err := errors.Join(os.WriteFile(large, []byte("d4:info"), 0o600), os.Truncate(large, 1<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := readTorrent(large, 1<<20-1); err == nil || err.Error() != "it is larger than 1048575 bytes" {
		t.Errorf("a large torrent: %v", err)
	}
}
