package seed

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/maketorrent"
)

// A status of ten thousand torrents, as the status page asks for each second.
func BenchmarkStatus(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	s := New(Options{Listener: l})
	for i := range 10_000 {
		t := &Torrent{seeder: s, name: fmt.Sprint("torrent ", i), v1: true, swarms: []*swarmStats{{hash: [20]byte{byte(i), byte(i >> 8)}}}}
		t.announceAt([][]string{{"http://tracker.example/announce"}})
		s.list = append(s.list, t)
	}
	for b.Loop() {
		if status := s.Status(); len(status.Torrents) != 10_000 {
			b.Fatal(len(status.Torrents))
		}
	}
}

// A recheck of a torrent of ten thousand unchanged files, with and without a peer.
func BenchmarkRecheck(b *testing.B) {
	root := filepath.Join(b.TempDir(), "content")
	for i := range 100 {
		dir := filepath.Join(root, fmt.Sprint("directory ", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
		for j := range 100 {
			if err := os.WriteFile(filepath.Join(dir, fmt.Sprint("file ", j)), make([]byte, 100), 0o644); err != nil {
				b.Fatal(err)
			}
		}
	}
	made, err := maketorrent.Make(b.Context(), maketorrent.Options{Path: root, Format: maketorrent.FormatHybrid})
	if err != nil {
		b.Fatal(err)
	}
	path := root + ".torrent"
	if err := os.WriteFile(path, made.Torrent.Bytes(), 0o644); err != nil {
		b.Fatal(err)
	}
	read := func() (*Metainfo, error) { return readTorrent(path, 0) }
	r := start(b, Options{recheckEvery: time.Hour}, Input{Torrent: made.Torrent, Path: root, Read: read})
	t := r.find(made.Torrent.InfoHashV1)
	recheck := func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			t.recheck(b.Context())
		}
		if state, _ := t.now(); state != StateSeeding {
			b.Fatal(state)
		}
	}
	b.Run("idle", recheck)
	m, err := t.enter(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	defer t.leave(m)
	b.Run("peers", recheck)
}
