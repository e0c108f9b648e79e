package seed

import (
	"bytes"
	"testing"

	"bt/internal/peer"
	"bt/maketorrent"
)

// libtorrent treats every file of a v2 torrent as a whole number of pieces, and requests
// the bytes after its end, which are zeros.
func TestPadding(t *testing.T) {
	t.Parallel()
	r, tt, root := one(t, Options{}, maketorrent.FormatV2, 100_000, 20_000) // pieces of 64 KiB: two and one
	for _, test := range []struct {
		piece int
		begin uint32
	}{{1, 32 << 10}, {1, 48 << 10}, {2, 16 << 10}, {2, 48 << 10}} {
		l := r.join(t, tt)
		l.send(request(uint32(test.piece), test.begin, 16<<10))
		got := l.await(peer.IDPiece).Payload
		want := append(expected(t, loadedOf(t, tt).meta, root, test.piece), make([]byte, 64<<10)...)[test.begin:][:16<<10]
		if !bytes.Equal(got, want) {
			t.Errorf("piece %d at %d is not the file and zeros", test.piece, test.begin)
		}
	}
	// A request beyond the piece is invalid, and so is padding in v1.
	l := r.join(t, tt)
	l.send(request(1, 56<<10, 16<<10))
	if m, err := l.read(); err == nil {
		t.Errorf("beyond the piece: %v", m.ID)
	}
	r, tt, _ = one(t, Options{}, maketorrent.FormatV1, 100_000)
	l = r.join(t, tt)
	l.send(request(1, 32<<10, 16<<10))
	if m, err := l.read(); err == nil {
		t.Errorf("beyond the end of v1: %v", m.ID)
	}
}
