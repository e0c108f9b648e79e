//go:build unix

package piece

import (
	"bytes"
	"context"
	"crypto/sha1"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// A file that is truncated while it is mapped is a fault: nothing crashes, nothing
// shifts, and the pieces before it are correct.
func TestTruncatedUnderTheMap(t *testing.T) {
	const size, pieceLength, wanted = 24 << 20, 256 << 10, 20
	dir := t.TempDir()
	data := make([]byte, size)
	rand.NewChaCha8([32]byte{7}).Read(data)
	paths := []string{filepath.Join(dir, "before"), filepath.Join(dir, "cut"), filepath.Join(dir, "after")}
	for _, p := range []string{paths[0], paths[2]} {
		if err := os.WriteFile(p, data[:3<<20], 0o644); err != nil {
			t.Fatal(err)
		}
	}
	layout, err := metainfo.NewLayout(pieceLength, []int64{3 << 20, size, 3 << 20}, metainfo.AlignmentPacked)
	if err != nil {
		t.Fatal(err)
	}
	sums := sumsOf(bytes.Join([][]byte{data[:3<<20], data, data[:3<<20]}, nil), pieceLength)
	rnd := rand.New(rand.NewPCG(1, 2))
	start, runs := mapFaults.Load(), 0
	deadline := time.Now().Add(2 * time.Minute)
	took := 6 * time.Millisecond // the last run
	for ; mapFaults.Load() < start+wanted; runs++ {
		if time.Now().After(deadline) {
			t.Fatalf("only %d faults in %d runs", mapFaults.Load()-start, runs)
		}
		if err := os.WriteFile(paths[1], data, 0o644); err != nil {
			t.Fatal(err)
		}
		job := Job{Layout: layout, Tree: treeOf(t, paths), V1: true, Read: ReadParallel}
		var wg sync.WaitGroup
		delay, left := time.Duration(rnd.Int64N(int64(took))), rnd.Int64N(size)
		wg.Go(func() {
			time.Sleep(delay)
			if err := os.Truncate(paths[1], left); err != nil {
				t.Error(err)
			}
		})
		caught, began := mapFaults.Load(), time.Now()
		blamed := false
		changed, err := job.Run(context.Background(), func(r Result) error {
			for _, f := range r.Faults {
				blamed = true
				if f.File != 1 || f.Cause != CauseChanged {
					t.Errorf("piece %d: %v", r.Index, f)
				}
			}
			// In the file itself the rest of the last page is zeros by then, which only the
			// check at the end finds.
			first, last, _ := layout.FilePieces(1)
			if inFile := first <= r.Index && r.Index <= last; !r.Failed && r.SHA1 != sums[r.Index] && !inFile {
				t.Errorf("piece %d is wrong, and no file is blamed", r.Index)
			}
			return nil
		})
		took = time.Since(began)
		wg.Wait()
		if err != nil {
			t.Fatal(err)
		}
		if mapFaults.Load() > caught && (len(changed) != 1 || changed[0].File != 1 || !blamed) {
			t.Errorf("a fault was caught, but blamed %v, changed %v", blamed, changed)
		}
	}
	t.Logf("%d faults caught in %d runs", mapFaults.Load()-start, runs)
}

// treeOf returns the tree of the files at paths.
func treeOf(t *testing.T, paths []string) *Tree {
	t.Helper()
	tree := &Tree{Files: make([]Source, len(paths)), Path: func(i int) string { return paths[i] }}
	if err := tree.Stat(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
	return tree
}

// sumsOf returns the SHA-1 sums of the pieces of data.
func sumsOf(data []byte, pieceLength int) (sums [][sha1.Size]byte) {
	for piece := range slices.Chunk(data, pieceLength) {
		sums = append(sums, sha1.Sum(piece))
	}
	return sums
}

func newTestWorker(tr *tree) *worker {
	job := tr.job(Job{Jobs: 1})
	r := newRun(&job, context.Background(), nil)
	r.divide()
	return r.newWorker()
}

var sink byte

// Only faults in the worker's windows are recovered; other panics are not.
func TestOtherPanicsPass(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut")
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	elsewhere, err := unix.Mmap(int(f.Fd()), 0, 1<<20, unix.PROT_READ, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(elsewhere)
	if err := os.Truncate(path, 0); err != nil {
		t.Fatal(err)
	}
	for name, mistake := range map[string]func(){
		"a panic":            func() { panic("a mistake") },
		"a fault, elsewhere": func() { sink = elsewhere[1<<19] },
		"no memory":          func() { var p *[1 << 20]byte; sink = p[1<<19] },
	} {
		tr := newTree(t, v1, 16384, 2<<20)
		tr.stat(t)
		place, calls := tr.Path, 0
		tr.Path = func(i int) string {
			if calls++; calls > 0 {
				mistake()
			}
			return place(i)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: swallowed", name)
				}
			}()
			w := newTestWorker(tr)
			w.hash(&batch{plan: w.plans[0], first: 0, last: 127})
		}()
	}
}

// No lane uses a window after a batch, the windows of a worker are within its share, and
// none remains after the worker is closed.
func TestMapsAreLetGo(t *testing.T) {
	for _, f := range formats {
		for _, pieceLength := range []int64{16 << 10, 1 << 20, 16 << 20} {
			tr := newTree(t, f, pieceLength, 20<<20, 3<<20, 100, 5<<20)
			tr.stat(t)
			w := newTestWorker(tr)
			most := int64(0)
			for first := 0; first < tr.layout.Pieces(); first += 100 {
				w.hash(&batch{plan: w.plans[0], first: first, last: min(first+99, tr.layout.Pieces()-1)})
				most = max(most, w.mappedBytes(t))
			}
			if most == 0 {
				t.Errorf("pieces of %d: nothing was mapped", pieceLength)
			}
			w.close()
			if len(w.windows) != 0 {
				t.Errorf("pieces of %d: %d maps are left", pieceLength, len(w.windows))
			}
		}
	}
}

// mappedBytes returns the bytes that the worker has mapped, which no lane uses.
func (w *worker) mappedBytes(t *testing.T) (mapped int64) {
	t.Helper()
	for _, win := range w.windows {
		mapped += int64(len(win.data))
		if win.users != 0 {
			t.Errorf("a map of %d bytes has %d users", len(win.data), win.users)
		}
	}
	if mapped > w.share {
		t.Errorf("%d bytes are mapped, more than the %d of a worker", mapped, w.share)
	}
	return mapped
}

// The batches of further layouts are hashed from the mappings of the first layout, so
// that each byte is mapped about once.
func TestLayoutsShareMaps(t *testing.T) {
	testenv.Large(t)
	sizes := []int64{70 << 20, 5, 90<<20 + 7}
	for _, f := range formats {
		tr := newTree(t, f, 256<<10, sizes...)
		tr.stat(t)
		for _, more := range []*tree{tr.as(t, v1, 16<<10), tr.as(t, v1, 2<<20), tr.as(t, v2, 1<<20), tr.as(t, hybrid, 1<<20)} {
			job := tr.job(Job{Jobs: 1, More: []Target{{more.layout, more.format.v1, more.format.v2}}})
			ctx, cancel := context.WithCancelCause(context.Background())
			r := newRun(&job, ctx, cancel)
			r.divide()
			work, order := make(chan *batch), make(chan *batch, 1000)
			go func() {
				r.dispatch(work, order)
				close(work)
			}()
			w, mapped := r.newWorker(), int64(0)
			for b := range work {
				w.keeps = len(b.then) > 0
				for _, b := range append([]*batch{b}, b.then...) {
					w.hash(b)
					w.mappedBytes(t)
				}
				mapped += w.mappedBytes(t)
				w.unmapIdle()
			}
			w.close()
			cancel(nil)
			if size := tr.layout.Bytes(); mapped < size*9/10 || mapped > size*5/4 {
				t.Errorf("%s, then %s of %d: %d bytes were mapped for %d", f.name, more.format.name, more.layout.PieceLength(), mapped, size)
			}
		}
	}
}

// Extreme sizes and piece lengths, compared with the standard library.
func TestExtremes(t *testing.T) {
	testenv.Large(t)
	for _, tt := range []struct {
		name        string
		size        int64
		pieceLength int64
	}{
		{"a file over 4 GiB", 4<<30 + 5, 16 << 20},
		{"pieces of 128 MiB", 1<<30 + 1, 128 << 20},
		{"pieces of 16 KiB", 64<<20 + 1, 16 << 10},
	} {
		path := filepath.Join(t.TempDir(), "sparse")
		if err := os.WriteFile(path, nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, tt.size); err != nil {
			testenv.Missing(t, fmt.Sprint("sparse files: ", err))
		}
		layout, err := metainfo.NewLayout(tt.pieceLength, []int64{tt.size}, metainfo.AlignmentPacked)
		if err != nil {
			t.Fatal(err)
		}
		whole := sha1.Sum(make([]byte, tt.pieceLength))
		last := sha1.Sum(make([]byte, tt.size%tt.pieceLength))
		ways := []ReadMode{ReadParallel, ReadSequential}
		if tt.size > 4<<30 {
			ways = ways[:1] // offsets are the same in both
		}
		for _, read := range ways {
			tree := &Tree{Files: make([]Source, 1), Path: func(int) string { return path }}
			if err := tree.Stat(context.Background(), 0); err != nil {
				t.Fatal(err)
			}
			n := 0
			job := Job{Layout: layout, Tree: tree, V1: true, Read: read}
			changed, err := job.Run(context.Background(), func(r Result) error {
				want := whole
				if r.Index == layout.Pieces()-1 {
					want = last
				}
				if r.SHA1 != want || r.Failed || r.Index != n {
					t.Errorf("%s: piece %d is %x, faults %v", tt.name, r.Index, r.SHA1, r.Faults)
				}
				n++
				return nil
			})
			if err != nil || len(changed) > 0 || n != layout.Pieces() {
				t.Errorf("%s: %d pieces, changed %v, %v", tt.name, n, changed, err)
			}
		}
	}
}
