package layerfetch_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/testenv"
	"bt/maketorrent"
	"bt/seed"
)

// libtorrent gives the info dict and all piece layers.
func TestLibtorrent(t *testing.T) {
	python := testenv.Python(t, "libtorrent")
	testFetch(t, func(_ *metainfo.Torrent, file, dir string) netip.AddrPort {
		return startLibtorrent(t, python, file, dir)
	})
}

// Package seed does.
func TestSeed(t *testing.T) {
	testFetch(t, func(whole *metainfo.Torrent, _, dir string) netip.AddrPort { return startSeed(t, whole, dir) })
}

// testFetch fetches from a seed that start starts: torrents of files with less and with
// more than one span of hashes, in all forms in which a magnet link may name them.
func testFetch(t *testing.T, start func(whole *metainfo.Torrent, file, dir string) netip.AddrPort) {
	for _, test := range []struct {
		pieceLength int64
		pieces      []int64
		spans       int
	}{
		{16 << 10, []int64{1, 2, 3, 512, 1537}, 1 + 1 + 1 + 4},
		{32 << 10, []int64{3, 513}, 1 + 2},
	} {
		for _, format := range []maketorrent.Format{maketorrent.FormatV2, maketorrent.FormatHybrid} {
			whole, file, dir := makeContent(t, format, test.pieceLength, test.pieces...)
			addr := start(whole, file, dir)
			for name, magnet := range map[string]metainfo.Magnet{
				"v1":   {HasV1: true, V1: whole.InfoHashV1},
				"v2":   {HasV2: true, V2: whole.InfoHashV2},
				"both": {HasV1: true, V1: whole.InfoHashV1, HasV2: true, V2: whole.InfoHashV2},
			} {
				if magnet.HasV1 && !whole.V1 {
					continue
				}
				t.Run(fmt.Sprintf("%s by %s, %d KiB", whole.Format(), name, test.pieceLength>>10), func(t *testing.T) {
					fetchAll(t, addr, magnet, whole, test.spans)
				})
			}
		}
	}
}

// makeContent writes a directory with files of so many pieces each, and returns a torrent
// of it, its path and that of the directory above the content.
func makeContent(t *testing.T, format maketorrent.Format, pieceLength int64, pieces ...int64) (whole *metainfo.Torrent, file, dir string) {
	t.Helper()
	dir = t.TempDir()
	root := filepath.Join(dir, "content")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	random := rand.NewChaCha8([32]byte{1})
	for i, n := range pieces {
		b := make([]byte, n*pieceLength-int64(i)*1000)
		random.Read(b)
		if err := os.WriteFile(filepath.Join(root, string(rune('a'+i))), b, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, Format: format, PieceLength: pieceLength})
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(dir, "content.torrent")
	if err := os.WriteFile(file, r.Torrent.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return r.Torrent, file, dir
}

// startSeed seeds with package seed until the test ends.
func startSeed(t *testing.T, whole *metainfo.Torrent, dir string) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ready := make(chan bool, 1)
	s := seed.New(seed.Options{Listener: listener, Event: func(_ time.Time, event seed.Event) {
		if _, ok := event.(seed.EventSeeding); ok {
			ready <- true
		}
	}})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Serve(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	if _, err := s.Add(seed.Input{Torrent: whole, Path: filepath.Join(dir, "content")}); err != nil {
		t.Fatal(err)
	}
	<-ready
	return netip.MustParseAddrPort(listener.Addr().String())
}

// startLibtorrent seeds with libtorrent until the test ends.
func startLibtorrent(t *testing.T, python, torrent, dir string) netip.AddrPort {
	t.Helper()
	cmd := exec.Command(python, "testdata/seed.py", torrent, dir)
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe() // closes also if this test is killed
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	t.Cleanup(func() {
		in.Close()
		said, _ := io.ReadAll(lines)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("libtorrent:\n%s", said)
		}
	})
	var port uint16
	if _, err := fmt.Fscanf(lines, "port %d\n", &port); err != nil {
		t.Fatal(err)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), port)
}
