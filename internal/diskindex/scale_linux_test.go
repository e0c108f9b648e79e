package diskindex

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"bt/internal/testenv"
)

// BT_SCALE=1 makes a million files in 5,000 directories, in memory.
func TestMillionFiles(t *testing.T) {
	if os.Getenv("BT_SCALE") == "" {
		t.Skip("needs BT_SCALE=1, and memory for a million files")
	}
	dir := testenv.Tmpfs(t)
	const dirs, each = 5000, 200
	for i := range dirs {
		sub := filepath.Join(dir, fmt.Sprintf("%02d", i%50), fmt.Sprintf("a release of some name %d", i))
		must(t, os.MkdirAll(sub, 0o755))
		for j := range each {
			path := filepath.Join(sub, fmt.Sprintf("%03d - a track with a name.flac", j))
			f, err := os.Create(path)
			must(t, err, f.Truncate(int64(i*each+j)/3), f.Close())
		}
	}
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	x, errs, err := Scan(t.Context(), []string{dir}, 0, nil)
	took := time.Since(start)
	must(t, append(errs, err)...)
	runtime.ReadMemStats(&after)
	live, taken := int64(after.HeapAlloc)-int64(before.HeapAlloc), int64(after.Sys)-int64(before.Sys)
	t.Logf("%d files in %v; heap %d MB, taken from the system %d MB", x.Len(), took, live>>20, taken>>20)
	if x.Len() != dirs*each || len(x.Paths(5)) != 3 || took > 10*time.Second || live > 300<<20 || taken > 300<<20 {
		t.Errorf("%d files in %v, %d MB", x.Len(), took, taken>>20)
	}
}
