package get

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"bt/maketorrent"
	"bt/seed"
)

// A download from a seed in the same process.
func BenchmarkGet(b *testing.B) {
	const size = 512 << 20
	dir := b.TempDir()
	path := filepath.Join(dir, "content")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	if err := f.Truncate(size); err != nil {
		b.Fatal(err)
	}
	f.Close()
	made, err := maketorrent.Make(b.Context(), maketorrent.Options{Path: path, Format: maketorrent.FormatV1, PieceLength: 1 << 20})
	if err != nil {
		b.Fatal(err)
	}
	addr := startSeed(b, made.Torrent, path, seed.Options{})
	b.SetBytes(size)
	for b.Loop() {
		out, err := os.MkdirTemp(dir, "out")
		if err != nil {
			b.Fatal(err)
		}
		if r := run(b, Options{Torrent: made.Torrent, Dir: out, Peers: []netip.AddrPort{addr}}); r.err != nil {
			b.Fatal(r.err)
		}
		os.RemoveAll(out)
	}
}
