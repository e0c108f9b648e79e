package piece

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"bt/internal/testenv"
)

// Reading a hole on tmpfs allocates nothing, and returns zeros.
func TestHoles(t *testing.T) {
	const size = 9<<20 + 5
	type run struct{ from, to int }
	several := func(every, length int) (runs []run) {
		for at := 0; at+length <= size; at += every {
			runs = append(runs, run{at, at + length})
		}
		return runs
	}
	for _, tt := range []struct {
		name string
		data []run
	}{
		{"a hole", nil},
		{"data", []run{{0, size}}},
		{"data, then a hole", []run{{0, 3<<20 + 1}}},
		{"a hole, then data", []run{{5<<20 - 1, size}}},
		{"data amid a hole", []run{{2<<20 + 7, 6 << 20}}},
		{"a hole amid data", []run{{0, 2<<20 + 7}, {6 << 20, size}}},
		{"a byte at the end", []run{{size - 1, size}}},
		{"every other page", several(8<<10, 4<<10)},
		{"much in little", several(1<<20, 600<<10)},
		{"little in much", several(1<<20, 1)},
	} {
		for _, f := range formats {
			t.Run(tt.name+"/"+f.name, func(t *testing.T) {
				if f != hybrid || tt.name != "much in little" {
					testenv.Large(t)
				}
				dir := testenv.Tmpfs(t)
				for _, pieceLength := range []int64{16 << 10, 8 << 20} {
					tr := newTree(t, f, pieceLength, size)
					data := make([]byte, size)
					tr.paths[0] = filepath.Join(dir, "sparse")
					sparse, err := os.Create(tr.paths[0])
					if err != nil {
						t.Fatal(err)
					}
					if err := sparse.Truncate(size); err != nil {
						t.Fatal(err)
					}
					for _, r := range tt.data {
						copy(data[r.from:r.to], tr.data[0][r.from:])
						if _, err := sparse.WriteAt(data[r.from:r.to], int64(r.from)); err != nil {
							t.Fatal(err)
						}
					}
					if err := sparse.Close(); err != nil {
						t.Fatal(err)
					}
					tr.data[0] = data
					was := testenv.Allocated(t, tr.paths[0])
					tr.stat(t)
					tr.check(t, tr.sums())
					if now := testenv.Allocated(t, tr.paths[0]); now != was {
						t.Errorf("%s, pieces of %d: %d bytes were allocated, now %d", f.name, pieceLength, was, now)
					}
				}
			})
		}
	}
}

// A sparse file that is truncated while it is read is a fault, and none of it is read
// as zeros.
func TestHolesBehindTheEnd(t *testing.T) {
	const size, left = 4 << 20, 1 << 20
	tr := newTree(t, v1, 1<<20, size)
	tr.paths[0] = filepath.Join(testenv.Tmpfs(t), "cut")
	if err := os.WriteFile(tr.paths[0], nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(tr.paths[0], size); err != nil {
		t.Fatal(err)
	}
	tr.stat(t)
	if err := os.Truncate(tr.paths[0], left); err != nil {
		t.Fatal(err)
	}
	results, changed := tr.run(t, Job{Read: ReadParallel})
	for _, r := range results {
		if r.Index > 0 && (len(r.Faults) != 1 || r.Faults[0].Cause != CauseChanged) {
			t.Errorf("piece %d has faults %v", r.Index, r.Faults)
		}
	}
	if len(changed) != 1 {
		t.Errorf("changed: %v", changed)
	}
}

func TestMapFills(t *testing.T) {
	onDisk := filepath.Join(t.TempDir(), "sparse")
	onTmpfs := filepath.Join(testenv.Tmpfs(t), "sparse")
	for _, path := range []string{onDisk, onTmpfs} {
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if err := f.Truncate(3 << 20); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(make([]byte, 1<<20)); err != nil {
			t.Fatal(err)
		}
		var st unix.Statfs_t
		if err := unix.Fstatfs(int(f.Fd()), &st); err != nil {
			t.Fatal(err)
		}
		fills := st.Type == unix.TMPFS_MAGIC || st.Type == unix.OVERLAYFS_SUPER_MAGIC
		for _, tt := range []struct {
			offset, length int64
			hole           bool
		}{
			{0, 1 << 20, false}, {0, 3 << 20, true}, {4096, 4096, false}, {1<<20 - 4096, 8192, true},
			{1 << 20, 4096, true}, {1 << 20, 2 << 20, true},
		} {
			if got, want := MapFills(int(f.Fd()), tt.offset, tt.length), tt.hole && fills; got != want {
				t.Errorf("%s: to map %d bytes at %d fills holes: %v, want %v", path, tt.length, tt.offset, got, want)
			}
		}
		if _, err := f.WriteAt(make([]byte, 2<<20), 1<<20); err != nil {
			t.Fatal(err)
		}
		if MapFills(int(f.Fd()), 0, 3<<20) {
			t.Errorf("%s: to map a file without holes fills some", path)
		}
	}
}
