package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// On a file system with clones, --link reflink and --repair share the blocks of the old
// file, and write only what is bad.
func TestProcessReflink(t *testing.T) {
	const size, pieceLength = 16 << 20, 64 << 10
	data := interopBytes("reflink", size)
	clear(data[4<<20 : 8<<20]) // which the copy has as a hole
	for _, kind := range []string{"btrfs", "xfs"} {
		t.Run(kind, func(t *testing.T) {
			disk, other := t.TempDir(), t.TempDir()
			testenv.Reflinks(t, disk, kind)
			processTree(t, other, map[string]string{"content/small": "hello", "content/sub/big": string(data)})
			processTree(t, disk, map[string]string{"found/x": "hello", "found/y": string(data)})
			torrent := filepath.Join(other, "x.torrent")
			processRun(t, other, "make", "content", "-q", "-l", "64K", "--format", "hybrid", "-o", torrent).exits(exitOK)
			found, into := filepath.Join(disk, "found"), filepath.Join(disk, "new")
			reflinkUnshared(t, filepath.Join(found, "y"), size, size)

			processRun(t, disk, "verify", torrent, "--data", disk, "--search", found, "--link", "reflink", "--into", into).exits(exitNo)
			big := filepath.Join(into, "content", "sub", "big")
			processRun(t, disk, "verify", torrent, into, "-q").exits(exitOK)
			reflinkUnshared(t, big, 0, 0)

			// Damage in two pieces, of which the second is zeros in the torrent.
			f, err := os.OpenFile(big, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, at := range []int64{1<<20 + 5, 6<<20 + 5} {
				_, err2 := f.WriteAt([]byte("damage"), at)
				err = errors.Join(err, err2)
			}
			hole := filepath.Join(other, "content", "sub", "big")
			if err = errors.Join(err, f.Close(), os.Remove(hole), reflinkSparse(hole, data)); err != nil {
				t.Fatal(err)
			}
			p := processRun(t, disk, "verify", torrent, into, "--repair", "--from", other).exits(exitOK)
			if want := "repaired: 1 file, 2 bad pieces; 128.0 KiB "; !strings.Contains(p.stdout, want) {
				t.Errorf("%q is not in %s", want, p.stdout)
			}
			reflinkUnshared(t, big, 2*pieceLength, 2*pieceLength)
			for _, path := range []string{big, filepath.Join(found, "y")} {
				if b, err := os.ReadFile(path); err != nil || string(b) != string(data) {
					t.Errorf("%s is not that of the torrent (%v)", path, err)
				}
			}
		})
	}
}

// reflinkSparse writes a file whose zeros from 4 to 8 MiB are a hole.
func reflinkSparse(path string, data []byte) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = f.Write(data[:4<<20])
	_, err2 := f.WriteAt(data[8<<20:], 8<<20)
	return errors.Join(err, err2, f.Close())
}

// reflinkUnshared checks how many bytes of a file are in blocks of its own.
func reflinkUnshared(t *testing.T, path string, least, most int64) {
	t.Helper()
	if n := testenv.Unshared(t, path); n < least || n > most {
		t.Errorf("%s has %d bytes of its own, want %d to %d", path, n, least, most)
	}
}
