package piece

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// as returns the same content in another layout.
func (tr *tree) as(t testing.TB, f format, pieceLength int64) *tree {
	t.Helper()
	sizes := make([]int64, len(tr.data))
	for i, b := range tr.data {
		sizes[i] = int64(len(b))
	}
	l, err := metainfo.NewLayout(pieceLength, sizes, f.alignment)
	if err != nil {
		t.Fatal(err)
	}
	return &tree{Tree: Tree{Files: tr.Files, Path: tr.Path}, format: f, layout: l, data: tr.data}
}

// several returns the content in all formats and several piece lengths, tr first.
func (tr *tree) several(t testing.TB) []*tree {
	all := []*tree{tr}
	for _, f := range formats {
		for _, pieceLength := range []int64{16 << 10, 256 << 10} {
			all = append(all, tr.as(t, f, pieceLength))
		}
	}
	for _, pieceLength := range []int64{1 << 20, 99999} { // no power of two
		all = append(all, tr.as(t, v1, pieceLength))
	}
	return all
}

// allSums returns the expected results of each tree.
func allSums(all []*tree) (want [][]Result) {
	for _, tr := range all {
		want = append(want, tr.sums())
	}
	return want
}

// runAll runs one job for all trees, and returns the results of each.
func runAll(t testing.TB, all []*tree, j Job) [][]Result {
	t.Helper()
	j = all[0].job(j)
	for _, tr := range all[1:] {
		j.More = append(j.More, Target{tr.layout, tr.format.v1, tr.format.v2})
	}
	results := make([][]Result, len(all))
	changed, err := j.Run(context.Background(), func(r Result) error {
		if r.Index != len(results[r.Layout]) {
			t.Fatalf("piece %d of layout %d came as number %d", r.Index, r.Layout, len(results[r.Layout]))
		}
		results[r.Layout] = append(results[r.Layout], r)
		return nil
	})
	if err != nil || len(changed) > 0 {
		t.Fatalf("%v, changed %v", err, changed)
	}
	for i, tr := range all {
		if len(results[i]) != tr.layout.Pieces() {
			t.Fatalf("%d results for %d pieces of layout %d", len(results[i]), tr.layout.Pieces(), i)
		}
	}
	return results
}

var severalSizes = map[string][]int64{
	"one byte":           {1},
	"one file":           {4<<20 + 7},
	"a large file first": {3 << 20, 5, 0, 100000, 1 << 20, 16384},
	"a large file last":  {5, 0, 100000, 16385, 4 << 20},
	"many small files":   smallFiles(300),
}

func smallFiles(n int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = 4321 + int64(i%7)
	}
	return list
}

// Several layouts are hashed in one run, with the same sums as each alone.
func TestSeveralLayouts(t *testing.T) {
	for name, sizes := range severalSizes {
		for _, f := range formats {
			t.Run(name+"/"+f.name, func(t *testing.T) {
				if f != hybrid {
					testenv.Large(t)
				}
				tr := newTree(t, f, 32<<10, sizes...)
				tr.stat(t)
				all := tr.several(t)
				want := allSums(all)
				for way, j := range jobs {
					for i, results := range runAll(t, all, j) {
						checkSums(t, fmt.Sprintf("%s, layout %d", way, i), results, want[i], nil)
					}
				}
			})
		}
	}
}

// checkSums compares results with what is expected; skip, if not nil, says which
// pieces have none.
func checkSums(t *testing.T, name string, results, want []Result, skip func(int) bool) {
	t.Helper()
	for i, r := range results {
		w := want[i]
		if w.Layout = r.Layout; skip != nil && skip(i) {
			w = Result{Layout: r.Layout, Index: i, Skipped: true}
		}
		if !reflect.DeepEqual(r, w) {
			t.Fatalf("%s: piece %d is %+v, want %+v", name, i, r, w)
		}
	}
}

// Pieces that are skipped have no sums, and the others are not affected.
func TestSkip(t *testing.T) {
	for name, sizes := range severalSizes {
		for _, f := range formats {
			for _, portion := range []float64{0.1, 0.9} {
				t.Run(fmt.Sprint(name, "/", f.name, "/", portion), func(t *testing.T) {
					if f != hybrid || portion != 0.9 {
						testenv.Large(t)
					}
					tr := newTree(t, f, 32<<10, sizes...)
					tr.stat(t)
					all := tr.several(t)
					want := allSums(all)
					skips := make([][]bool, len(all))
					for i := range skips {
						skips[i] = make([]bool, all[i].layout.Pieces())
						for k := range skips[i] {
							skips[i][k] = rand.Float64() < portion
						}
					}
					for way, j := range jobs {
						j.Skip = func(layout, piece int) bool { return skips[layout][piece] }
						for i, results := range runAll(t, all, j) {
							checkSums(t, fmt.Sprintf("%s, layout %d", way, i), results, want[i], func(k int) bool { return skips[i][k] })
						}
					}
				})
			}
		}
	}
}

// If all pieces are skipped, no file is read or identified again.
func TestAllSkipped(t *testing.T) {
	for _, f := range formats {
		tr := newTree(t, f, 32<<10, 1<<20, 64<<10)
		tr.stat(t)
		for _, path := range tr.paths {
			if err := os.Remove(path); err != nil {
				t.Fatal(err)
			}
		}
		for way, j := range jobs {
			j.Skip = func(int, int) bool { return true }
			j = tr.job(j)
			n := 0
			changed, err := j.Run(context.Background(), func(r Result) error {
				if n++; !r.Skipped || r.Failed {
					t.Errorf("%s, %s: piece %d: %+v", f.name, way, r.Index, r)
				}
				return nil
			})
			if err != nil || len(changed) > 0 || n != tr.layout.Pieces() {
				t.Errorf("%s, %s: %v, changed %v, %d results", f.name, way, err, changed, n)
			}
		}
	}
}

// Files whose pieces are all skipped are not read.
func TestSkippedFilesAreNotRead(t *testing.T) {
	for _, f := range formats {
		tr := newTree(t, f, 32<<10, 1<<20, 64<<10, 1<<20)
		tr.stat(t)
		first, last, _ := tr.layout.FilePieces(1)
		for way, j := range jobs {
			j.Skip = func(_, piece int) bool { return first <= piece && piece <= last }
			j = tr.job(j)
			gone := tr.paths[1] + ".gone"
			if err := os.Rename(tr.paths[1], gone); err != nil {
				t.Fatal(err)
			}
			var done, total int64
			j.Progress = func(d, n int64) { done, total = d, n }
			changed, err := j.Run(context.Background(), func(r Result) error {
				if r.Failed {
					t.Errorf("%s, %s: piece %d has faults %v", f.name, way, r.Index, r.Faults)
				}
				return nil
			})
			if err != nil || len(changed) != 1 || changed[0].File != 1 {
				t.Errorf("%s, %s: %v, changed %v, want file 1", f.name, way, err, changed)
			}
			if done != total || total != 2<<20 {
				t.Errorf("%s, %s: progress %d of %d", f.name, way, done, total)
			}
			if err := os.Rename(gone, tr.paths[1]); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A batch takes a fraction of a second if reading is slow, and grows step by step if it is
// not.
func TestPace(t *testing.T) {
	const mb = 1 << 20
	var p pace
	p.start(batchBytes, false)
	for _, tt := range []struct {
		read int64
		time time.Duration
		want int64
	}{
		{4 * mb, 4 * paceTime, 1 * mb},
		{1 * mb, paceTime / 2, 2 * mb},
		{2 * mb, paceTime / 10, 4 * mb}, // perhaps from the page cache
		{4 * mb, 2 * paceTime, 2 * mb},
		{20 * mb, paceTime / 10, 4 * mb},
		{0, time.Second, 4 * mb},
		{mb, time.Minute, leastPace},
	} {
		if p.took(tt.read, tt.time); max(p.limit()-tt.want, tt.want-p.limit()) > 1 {
			t.Errorf("after %d bytes in %v: %d, want %d", tt.read, tt.time, p.limit(), tt.want)
		}
	}
	for range 20 {
		p.took(batchBytes, paceTime/10)
	}
	if p.limit() != batchBytes {
		t.Errorf("fast reading for a while: %d, want %d", p.limit(), batchBytes)
	}
}
