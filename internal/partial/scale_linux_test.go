package partial

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// hugeTorrent returns a torrent of a file with pieces of 1 MiB whose hashes are wrong, except
// those of the first n, which have the bytes of block.
func hugeTorrent(t *testing.T, pieces, n int, block []byte) *metainfo.Torrent {
	sums := make([]byte, 20*pieces)
	sum := sha1.Sum(bytes.Repeat(block, 1<<20/len(block)))
	for i := range n {
		copy(sums[20*i:], sum[:])
	}
	b := fmt.Appendf(nil, "d4:infod6:lengthi%de4:name4:huge12:piece lengthi%de6:pieces%d:", int64(pieces)<<20, 1<<20, len(sums))
	b = append(append(b, sums...), "ee"...)
	tor, err := metainfo.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	return tor
}

// A file of 1 TiB with 1,000,000 pieces, of which few are there, is opened in seconds and
// with little memory, with and without a state. BT_SCALE=1 makes it that large.
func TestHuge(t *testing.T) {
	pieces := 50_000
	if os.Getenv("BT_SCALE") != "" {
		pieces = 1_000_000
	}
	block := []byte(strings.Repeat("x", metainfo.BlockLength))
	const n = 8
	tor := hugeTorrent(t, pieces, n, block)
	dir := t.TempDir()
	for run, o := range []Options{{}, {}, {Recheck: true}} {
		before := heap()
		began := time.Now()
		o.Torrent, o.Dir = tor, dir
		c, err := Open(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		took, used := time.Since(began), heap()-before
		t.Logf("run %d: Open took %v, and uses %d KiB", run, took, used>>10)
		if limit := 60 * time.Second * testenv.Slowness(t); took > limit {
			t.Errorf("Open took %v", took)
		}
		if used > 16<<20 {
			t.Errorf("it uses %d bytes", used)
		}
		for p := range n {
			for begin := int64(0); run == 0 && begin < 1<<20; begin += metainfo.BlockLength {
				if err := c.Write(p, begin, block); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if got := c.Have().Count(); got != n {
			t.Errorf("%d pieces are there", got)
		}
	}
	if got := testenv.Allocated(t, filepath.Join(dir, "huge.part")); got > 2*n<<20 {
		t.Errorf("%d bytes are allocated", got)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Of many files, only some are open at a time.
func TestManyFiles(t *testing.T) {
	n := 2000
	if os.Getenv("BT_SCALE") != "" {
		n = 100_000
	}
	sizes := make(map[string]int)
	for i := range n {
		sizes[fmt.Sprintf("%d/%d", i/1000, i)] = 100
	}
	s := newSample(t, maketorrent.Options{}, sizes)
	dir := t.TempDir()
	began := time.Now()
	c, err := Open(context.Background(), Options{Torrent: s.tor, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	opened := time.Since(began)
	for p := range s.content.Layout.Pieces() {
		s.feed(t, c, p)
		c.files.mu.Lock()
		open := len(c.files.open)
		c.files.mu.Unlock()
		if open > maxHandles+workers+maxSyncs {
			t.Fatalf("%d files are open", open)
		}
	}
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d files: Open took %v, all %v", n, opened, time.Since(began))
	s.checkTree(t, dir)
}

// With Allocate the space is reserved when the download begins.
func TestAllocate(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 1 << 20, "b": 1 << 20})
	for _, reserve := range []bool{false, true} {
		dir := t.TempDir()
		c := s.open(t, Options{Dir: dir, Allocate: reserve, Wanted: func(i int) bool { return i == 0 }})
		s.feed(t, c, 0)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		got := testenv.Allocated(t, filepath.Join(dir, "data/a.part"))
		if (got >= 1<<20) != reserve {
			t.Errorf("%d bytes are allocated", got)
		}
		c = s.open(t, Options{Dir: dir})
		s.feedAll(t, c)
		await(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		s.checkTree(t, dir)
	}
}
