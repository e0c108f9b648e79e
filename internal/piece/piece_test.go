package piece

import (
	"bytes"
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// A tree is content on disk and in memory.
type tree struct {
	Tree
	format format
	layout *metainfo.Layout
	paths  []string
	data   [][]byte
}

// A format is the hashes that a torrent has.
type format struct {
	name      string
	v1, v2    bool
	alignment metainfo.Alignment
}

var (
	v1      = format{"v1", true, false, metainfo.AlignmentPacked}
	v2      = format{"v2", false, true, metainfo.AlignmentAligned}
	hybrid  = format{"hybrid", true, true, metainfo.AlignmentPadded}
	formats = []format{v1, v2, hybrid}
)

func newTree(t testing.TB, f format, pieceLength int64, sizes ...int64) *tree {
	t.Helper()
	dir := t.TempDir()
	tr := &tree{format: f, Tree: Tree{Files: make([]Source, len(sizes))}}
	tr.Path = func(i int) string { return tr.paths[i] }
	rnd := rand.NewChaCha8([32]byte{1})
	for i, n := range sizes {
		b := make([]byte, n)
		rnd.Read(b)
		path := filepath.Join(dir, fmt.Sprint("f", i))
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		tr.data = append(tr.data, b)
		tr.paths = append(tr.paths, path)
	}
	l, err := metainfo.NewLayout(pieceLength, sizes, f.alignment)
	if err != nil {
		t.Fatal(err)
	}
	tr.layout = l
	return tr
}

func (tr *tree) stat(t testing.TB) {
	t.Helper()
	if err := tr.Stat(context.Background(), 0); err != nil {
		t.Fatal(err)
	}
}

// sums returns the expected results for the tree, computed in a simple way.
func (tr *tree) sums() []Result {
	want := make([]Result, tr.layout.Pieces())
	pieceLength := int(tr.layout.PieceLength())
	for i := range want {
		var piece []byte // with its padding
		for _, s := range tr.layout.Spans(i, i) {
			if s.File == metainfo.Gap {
				piece = append(piece, make([]byte, s.Length)...)
				continue
			}
			own := tr.data[s.File][s.Offset:][:s.Length]
			piece = append(piece, own...)
			if tr.format.v2 && !tr.Files[s.File].Pad {
				blocks := pieceLength / metainfo.BlockLength
				if len(tr.data[s.File]) <= pieceLength {
					for blocks = 1; blocks*metainfo.BlockLength < len(own); blocks *= 2 {
					}
				}
				want[i].Root = naiveRoot(own, blocks)
			}
		}
		if want[i].Index = i; tr.format.v1 {
			want[i].SHA1 = sha1.Sum(piece)
		}
	}
	return want
}

// naiveRoot returns the root of the hash tree over a number of blocks, with zeros
// beyond the data.
func naiveRoot(data []byte, blocks int) [32]byte {
	switch {
	case len(data) == 0:
		if blocks == 1 {
			return [32]byte{}
		}
	case blocks == 1:
		return sha256.Sum256(data)
	}
	half := min(blocks/2*metainfo.BlockLength, len(data))
	left, right := naiveRoot(data[:half], blocks/2), naiveRoot(data[half:], blocks/2)
	return sha256.Sum256(append(left[:], right[:]...))
}

// job returns a Job for the tree.
func (tr *tree) job(j Job) Job {
	j.Layout, j.Tree, j.V1, j.V2 = tr.layout, &tr.Tree, tr.format.v1, tr.format.v2
	return j
}

func (tr *tree) run(t testing.TB, j Job) ([]Result, []*Fault) {
	t.Helper()
	j = tr.job(j)
	var results []Result
	changed, err := j.Run(context.Background(), func(r Result) error {
		if r.Index != len(results) {
			t.Fatalf("piece %d came as number %d", r.Index, len(results))
		}
		results = append(results, r)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != tr.layout.Pieces() {
		t.Fatalf("%d results for %d pieces", len(results), tr.layout.Pieces())
	}
	return results, changed
}

// jobs are Jobs that must have the same results.
var jobs = map[string]Job{
	"one worker":      {Jobs: 1, Read: ReadParallel},
	"two workers":     {Jobs: 2, Read: ReadParallel},
	"many workers":    {Jobs: 9},
	"sequential":      {Jobs: 2, Read: ReadSequential},
	"sequential, one": {Jobs: 1, Read: ReadSequential},
	"sequential, 9":   {Jobs: 9, Read: ReadSequential},
}

func TestSums(t *testing.T) {
	for _, tt := range []struct {
		name        string
		pieceLength int64
		sizes       []int64
	}{
		{"one byte", 16384, []int64{1}},
		{"exactly a piece", 16384, []int64{16384}},
		{"a piece and a byte", 16384, []int64{16385}},
		{"empty ones around", 16384, []int64{0, 5, 0, 0, 40000, 0}},
		{"five in a piece", 16384, []int64{1, 2, 3, 4, 5, 16384}},
		{"tiny pieces", 3, []int64{10000, 1, 0, 2, 7777}},
		{"two blocks in a piece", 32768, []int64{1, 16384, 16385, 32768, 32769, 65536, 65537, 100000}},
		{"less and more than a piece", 1 << 20, []int64{5, 600_000, 1<<20 - 1, 1 << 20, 1<<20 + 1, 2<<20 - 16384, 3<<20 + 500}},
		{"large", 1 << 20, []int64{5<<20 + 3, 9 << 20, 1, 20 << 20}},
		{"large, in small pieces", 16384, []int64{3<<20 + 3, 5, 7 << 20}},
		{"a piece beyond all buffers", 64 << 20, []int64{65<<20 + 1}},
	} {
		for _, f := range formats {
			if f.v2 && tt.pieceLength < metainfo.BlockLength {
				continue
			}
			t.Run(tt.name+"/"+f.name, func(t *testing.T) {
				if f != hybrid && slices.Max(tt.sizes) > 4<<20 {
					testenv.Large(t)
				}
				tr := newTree(t, f, tt.pieceLength, tt.sizes...)
				tr.stat(t)
				tr.check(t, tr.sums())
			})
		}
	}
}

// check runs all jobs, which must have no faults.
func (tr *tree) check(t *testing.T, want []Result) {
	t.Helper()
	for name, j := range jobs {
		results, changed := tr.run(t, j)
		if len(changed) > 0 {
			t.Errorf("%s: changed %v", name, changed)
		}
		for i, r := range results {
			if !reflect.DeepEqual(r, want[i]) {
				t.Errorf("%s: piece %d is %x %x, faults %v, want %x %x", name, i, r.SHA1, r.Root, r.Faults, want[i].SHA1, want[i].Root)
			}
		}
	}
}

func TestPads(t *testing.T) {
	for _, f := range []format{v1, {"hybrid", true, true, metainfo.AlignmentPacked}} {
		tr := newTree(t, f, 16384, 5, 16379, 200000, 12992, 20000, 12768)
		for _, i := range []int{1, 3, 5} {
			os.Remove(tr.paths[i])
			tr.Files[i].Pad = true
			clear(tr.data[i])
		}
		tr.stat(t)
		tr.check(t, tr.sums())
	}
}

// A fault fails only pieces of that file; all others have their sums.
func TestFaults(t *testing.T) {
	for _, f := range formats {
		t.Run(f.name, func(t *testing.T) { testFaults(t, f) })
	}
}

func testFaults(t *testing.T, f format) {
	pieceLength, unit := int64(10), int64(1)
	if f.v2 {
		pieceLength, unit = 32768, 5000
	}
	sizes := []int64{30 * unit, 5 * unit, 0, 100 * unit, 7 * unit, 3 * unit, 64 * unit}
	for file := range sizes {
		for _, tt := range []struct {
			cause  Cause
			damage func(path string) error
			from   int64 // the byte of the file from which on its pieces are marked
		}{
			{CauseMissing, os.Remove, 0},
			{CauseFine, func(p string) error { return os.Truncate(p, 3*unit) }, 3 * unit}, // short
			{CauseNotAFile, func(p string) error { return errors.Join(os.Remove(p), os.Mkdir(p, 0o755)) }, 0},
		} {
			tr := newTree(t, f, pieceLength, sizes...)
			if tt.cause == CauseFine && sizes[file] <= 3*unit {
				continue
			}
			want := tr.sums()
			if err := tt.damage(tr.paths[file]); err != nil {
				t.Fatal(err)
			}
			tr.stat(t)
			if cause := tr.Files[file].Cause; cause != tt.cause {
				t.Errorf("file %d is %v, want %v", file, cause, tt.cause)
			}
			for name, j := range jobs {
				results, changed := tr.run(t, j)
				if len(changed) > 0 {
					t.Errorf("%s: changed %v", name, changed)
				}
				for i, r := range results {
					first := (tr.layout.Offset(file) + tt.from) / pieceLength
					_, last, inside := tr.layout.FilePieces(file)
					if hit := inside && int64(i) >= first && i <= last; !hit {
						if !reflect.DeepEqual(r, want[i]) {
							t.Errorf("%s, file %d %v: piece %d is %x %x, faults %v", name, file, tt.cause, i, r.SHA1, r.Root, r.Faults)
						}
					} else if !r.Failed || r.Faults != nil || r.SHA1 != [20]byte{} || r.Root != [32]byte{} {
						t.Errorf("%s, file %d %v: piece %d has failed %v, faults %v, sums %x %x", name, file, tt.cause, i, r.Failed, r.Faults, r.SHA1, r.Root)
					}
				}
			}
		}
	}
}

func TestChangedMeanwhile(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"grows":   func(p string) error { return appendTo(p, "more") },
		"shrinks": func(p string) error { return os.Truncate(p, 1000) },
		"vanishes": func(p string) error {
			return os.Remove(p)
		},
		"rewritten": func(p string) error {
			b, err := os.ReadFile(p)
			b[len(b)/2]++
			return errors.Join(err, os.WriteFile(p, b, 0o644), os.Chtimes(p, time.Time{}, time.Now().Add(time.Second)))
		},
		"replaced": func(p string) error {
			info, err := os.Stat(p)
			b := bytes.Repeat([]byte{7}, int(info.Size()))
			return errors.Join(err, os.WriteFile(p+".new", b, 0o644), os.Chtimes(p+".new", time.Time{}, info.ModTime()), os.Rename(p+".new", p))
		},
	} {
		for _, f := range formats {
			testChangedMeanwhile(t, f, name, change)
		}
	}
}

func testChangedMeanwhile(t *testing.T, f format, name string, change func(path string) error) {
	for way, j := range jobs {
		t.Run(f.name+"/"+name+"/"+way, func(t *testing.T) {
			tr := newTree(t, f, 16384, 100000, 3<<20, 5)
			tr.stat(t)
			j = tr.job(j)
			faults := make(map[int]Cause)
			changed, err := j.Run(context.Background(), func(r Result) error {
				if r.Index == 0 {
					return change(tr.paths[1])
				}
				for _, f := range r.Faults {
					faults[f.File] = f.Cause
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if len(changed) != 1 || changed[0].File != 1 || changed[0].Cause != CauseChanged || !strings.Contains(changed[0].Error(), "f1") {
				t.Errorf("changed %v, want file 1", changed)
			}
			for file, cause := range faults {
				if file != 1 || cause != CauseChanged {
					t.Errorf("file %d is %v", file, cause)
				}
			}
		})
	}
}

func appendTo(path, s string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(s)
	return errors.Join(err, f.Close())
}

func TestStopping(t *testing.T) {
	stop := errors.New("stop")
	for _, f := range formats {
		tr := newTree(t, f, 16384, 20<<20)
		tr.stat(t)
		for name, j := range jobs {
			j = tr.job(j)
			n := 0
			_, err := j.Run(context.Background(), func(r Result) error {
				if n++; n == 7 {
					return stop
				}
				return nil
			})
			if err != stop || n != 7 {
				t.Errorf("%s: %v after %d pieces, want 7", name, err, n)
			}
			ctx, cancel := context.WithCancelCause(context.Background())
			_, err = j.Run(ctx, func(r Result) error {
				cancel(stop)
				return nil
			})
			if err != stop {
				t.Errorf("%s: %v after the context ended", name, err)
			}
			_, err = j.Run(ctx, func(r Result) error { t.Errorf("%s: yields after the end", name); return nil })
			if err != stop {
				t.Errorf("%s: %v when begun too late", name, err)
			}
		}
	}
}

func TestProgress(t *testing.T) {
	for _, f := range formats {
		for name, j := range jobs {
			tr := newTree(t, f, 16384, 3<<20, 100, 1<<20)
			os.Remove(tr.paths[1])
			tr.stat(t)
			var last atomic.Int64
			j.Progress = func(done, total int64) {
				if done < last.Load() || done > total || total != tr.layout.Bytes() {
					t.Errorf("%s: %d of %d after %d", name, done, total, last.Load())
				}
				last.Store(done)
			}
			tr.run(t, j)
			if last.Load() != tr.layout.Bytes() {
				t.Errorf("%s: progress ended at %d of %d", name, last.Load(), tr.layout.Bytes())
			}
		}
	}
}

func BenchmarkFile(b *testing.B) {
	for _, f := range formats {
		for _, name := range []string{"one worker", "two workers", "sequential"} {
			b.Run(f.name+"/"+name, func(b *testing.B) {
				tr := newTree(b, f, 1<<20, 256<<20)
				tr.stat(b)
				b.SetBytes(tr.layout.Bytes())
				for b.Loop() {
					tr.run(b, jobs[name])
				}
			})
		}
	}
}

func BenchmarkManyFiles(b *testing.B) {
	for _, f := range formats {
		b.Run(f.name, func(b *testing.B) {
			tr := newTree(b, f, 256<<10, slices.Repeat([]int64{4096}, 10000)...)
			tr.stat(b)
			b.SetBytes(tr.layout.Bytes())
			for b.Loop() {
				tr.run(b, Job{})
			}
		})
	}
}

func TestReadModeString(t *testing.T) {
	if got := fmt.Sprint(ReadAuto, ReadParallel, ReadSequential); got != "auto parallel sequential" {
		t.Error(got)
	}
}
