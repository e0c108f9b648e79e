package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"bt/internal/testenv"
)

// An interruption leaves the torrents that are made, and nothing of the others.
func TestProcessManyInterrupted(t *testing.T) {
	dir := t.TempDir()
	slow := filepath.Join(dir, "slow")
	processTree(t, dir, map[string]string{"first": "hello", "last": "hello", "out/keep": ""})
	if err := os.Mkdir(slow, 0o755); err != nil {
		t.Fatal(err)
	}
	file := testenv.NewSlowFile(t, slow, "file", 64<<20, 1<<20)
	cmd := processCommand(t, "bt", "make", "none", "first", "slow", "last", "--each", "-o", "out", "--json")
	cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
	wait := processStart(t, cmd)
	for read := int64(0); read < 1<<20; read, _ = file.Counts() {
		time.Sleep(10 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p := wait().exits(exitInterrupted)
	if want := "bt: 1 torrent made, 1 failed, 2 not tried\n"; !strings.Contains(p.stderr, want) {
		t.Errorf("stderr %q, want %q", p.stderr, want)
	}
	type result struct {
		Path, Output string
		Error        struct{ Code string }
	}
	code := func(s string) struct{ Code string } { return struct{ Code string }{s} }
	want := []result{{"none", "", code("read")}, {"", "out/first.torrent", code("")}, {"slow", "", code("interrupted")}, {"last", "", code("interrupted")}}
	var list []result
	if err := json.Unmarshal([]byte(p.stdout), &list); err != nil || !slices.Equal(list, want) {
		t.Errorf("%v: %s", err, p.stdout)
	}
	entries, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "first.torrent keep" {
		t.Errorf("out has %s", got)
	}
}

// The job whose web seeds are compared when a signal comes has not failed.
func TestProcessManyInterruptedAtWebSeed(t *testing.T) {
	asked := make(chan struct{}, 8)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-r.Context().Done()
	}))
	defer server.Close()
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"first": "hello", "last": "hello"})
	cmd := processCommand(t, "bt", "make", "first", "last", "--each", "-w", server.URL+"/", "--check-web-seeds")
	cmd.Dir = dir
	wait := processStart(t, cmd)
	<-asked
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	p := wait().exits(exitInterrupted)
	if want := "bt: 0 torrents made, 2 not tried\nbt: error: interrupted\n"; p.stderr != want {
		t.Errorf("stderr %q, want %q", p.stderr, want)
	}
	processNames(t, dir, "first", "last")
}

// Torrents that are written don't stay in memory.
func TestProcessManyMemory(t *testing.T) {
	const torrents, size = 100, 1 << 30 // 65,536 pieces and 1.3 MB each
	dir := t.TempDir()
	processSparse(t, filepath.Join(dir, "content"), size)
	batch := "jobs:\n"
	for i := range torrents {
		batch += fmt.Sprintf("- {path: %[1]s/content, name: n%[2]d, output: %[1]s/%[2]d.torrent}\n", dir, i)
	}
	processTree(t, dir, map[string]string{"batch.yaml": batch})
	peak, _ := processPeak(t, processPlain(t), "make", "--batch", filepath.Join(dir, "batch.yaml"), "-l", "16K", "--no-cache")
	if limit := int64(64 << 20); peak > limit {
		t.Errorf("%d torrents: %d bytes of memory, more than %d", torrents, peak, limit)
	}
}

// A repeated bt make opens no file of the content.
func TestProcessRepeatReadsNothing(t *testing.T) {
	t.Parallel()
	strace := testenv.Program(t, "strace")
	dir := t.TempDir()
	processTree(t, dir, map[string]string{
		"data/a": strings.Repeat("a", 3<<20), "data/d/b": strings.Repeat("b", 100_000), "data/d/c": "", "data/one": "1",
	})
	time.Sleep(2100 * time.Millisecond) // files that have just changed are not believed
	trace := filepath.Join(dir, "trace")
	run := func(args ...string) string {
		t.Helper()
		traces, _ := filepath.Glob(trace + ".*")
		for _, old := range traces {
			os.Remove(old)
		}
		// With -ff each thread has a file of its own, in which no call is split.
		args = append([]string{"-ff", "-y", "-e", "trace=openat,open,read,pread64,preadv,preadv2,mmap", "-o", trace, "bt", "make", filepath.Join(dir, "data"), "--force"}, args...)
		cmd := processCommand(t, strace, args...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
		processStart(t, cmd)().exits(exitOK)
		traces, _ = filepath.Glob(trace + ".*")
		var touched []string
		for _, one := range traces {
			b, err := os.ReadFile(one)
			if err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(string(b)) {
				if strings.Contains(line, filepath.Join(dir, "data")) && !strings.Contains(line, "O_DIRECTORY") && !strings.Contains(line, "data.") {
					touched = append(touched, line)
				}
			}
		}
		return strings.Join(touched, "")
	}
	for _, args := range [][]string{{"--format", "v1,v2,hybrid"}, {"-l", "32K"}} {
		if touched := run(args...); !strings.Contains(touched, "data/a") {
			t.Errorf("%v, first: the trace has no reads of content: %s", args, touched)
		}
		if touched := run(args...); touched != "" {
			t.Errorf("%v, again: content was read:\n%s", args, touched)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "data/one"), []byte("2"), 0o644); err != nil {
		t.Fatal(err)
	}
	if touched := run("--format", "v2"); !strings.Contains(touched, "data/one") || strings.Contains(touched, "data/a") || strings.Contains(touched, "data/d/b") {
		t.Errorf("one changed file: %s", touched)
	}
}
