package seed

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"bt/internal/testenv"
	"bt/maketorrent"
)

// Checking and sending a hole of a file on tmpfs allocates no memory for it.
func TestHoles(t *testing.T) {
	t.Parallel()
	const size, from, to = 73 << 20, 2 << 20, 5<<20 + 100 // more than one mapping
	path := filepath.Join(testenv.Tmpfs(t), "sparse")
	if err := os.WriteFile(path, append(make([]byte, from), bytes.Repeat([]byte("data"), (to-from)/4)...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: path, PieceLength: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	was := testenv.Allocated(t, path)
	r := start(t, Options{}, Input{Torrent: made.Torrent, Path: path})
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	tt := r.find(swarmsOf(made.Torrent)[0].hash)
	l := r.join(t, tt)
	all := make([]int, tt.pieces)
	for i := range all {
		all[i] = i
	}
	got := l.download(loadedOf(t, tt).lengthOf, all...)
	for i := range all {
		if !bytes.Equal(got[i], want[i<<20:][:len(got[i])]) {
			t.Errorf("piece %d is not the file", i)
		}
	}
	if now := testenv.Allocated(t, path); now != was {
		t.Errorf("%d bytes of the file were allocated, now %d", was, now)
	}
}
