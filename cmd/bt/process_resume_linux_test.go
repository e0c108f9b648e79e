package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"bt/internal/testenv"
)

// A bt make that is killed goes on where it was: at most the larger of a tenth and two
// seconds of reading is done again.
func TestProcessResume(t *testing.T) {
	for name, test := range map[string]struct {
		rate  int64 // bytes per second
		flags []string
	}{
		"v1":          {1 << 20, nil},
		"all formats": {4 << 20, []string{"--format", "v1,v2,hybrid", "-o", "{format}.torrent"}},
		"long pieces": {4 << 20, []string{"-l", "4M"}},
		"parallel":    {1 << 20, []string{"--read", "parallel", "-l", "16K", "--jobs", "2"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resume(t, test.rate, test.flags)
		})
	}
}

// resume makes a torrent of a file that takes 20 seconds to read.
func resume(t *testing.T, rate int64, flags []string) {
	size := 20 * rate
	dir := t.TempDir()
	content := filepath.Join(dir, "content")
	if err := os.Mkdir(content, 0o755); err != nil {
		t.Fatal(err)
	}
	slow := testenv.NewSlowFile(t, content, "file", size, float64(rate))
	env := append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	args := append([]string{"make", content, "--json"}, flags...)

	first := processCommand(t, "bt", args...)
	first.Dir, first.Env = dir, env
	wait := processStart(t, first)
	for read := int64(0); read < size/2; read, _ = slow.Counts() {
		time.Sleep(10 * time.Millisecond)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wait()
	read, before := slow.Counts()

	second := processCommand(t, "bt", args...)
	second.Dir, second.Env = dir, env
	p := processStart(t, second)().exits(exitOK)
	all, again := slow.Counts()
	t.Logf("killed after %.1f s of reading (%.1f s of them twice); then %.1f s; again %.1f s",
		float64(read)/float64(rate), float64(before)/float64(rate), float64(all-read)/float64(rate), float64(again)/float64(rate))
	if limit := int64(max(size/10, 2*rate)); again > limit {
		t.Errorf("%d bytes of %d were read again, want %d at most", again, size, limit)
	}
	if all < size {
		t.Errorf("%d bytes were read of a file of %d", all, size)
	}
	checkResumed(t, p.stdout, size)
}

// checkResumed checks that the output says that something was not read again.
func checkResumed(t *testing.T, stdout string, size int64) {
	t.Helper()
	var list []made
	if err := json.Unmarshal([]byte(stdout), &list); err != nil {
		var one made
		if err := json.Unmarshal([]byte(stdout), &one); err != nil {
			t.Fatal(err)
		}
		list = append(list, one)
	}
	for _, doc := range list {
		if doc.Cached < size/4 || doc.Cached >= size { // a busy machine kills it late
			t.Errorf("%s: cached %d of %d", doc.Output, doc.Cached, size)
		}
	}
}
