package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"bt/internal/testenv"
)

// The tests named TestProcess run bt as a separate process, and check its files,
// exit codes, memory, and behaviour on external events.

// processTimeout is the time after which a process counts as hung. No test needs
// a tenth of it.
const processTimeout = 5 * time.Minute

// processCommand returns a command that is killed when it hangs or when the test
// ends.
func processCommand(t testing.TB, name string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), processTimeout)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.WaitDelay = time.Minute // in case a child process keeps its output open
	// The race detector would sleep for a second at exit.
	cmd.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	return cmd
}

// A processEnd is the result of a process.
type processEnd struct {
	t              testing.TB
	args           []string
	code           int
	state          string
	stdout, stderr string
	cpu            time.Duration
}

// processStart starts a command. The returned function waits for its end.
func processStart(t testing.TB, cmd *exec.Cmd) (wait func() *processEnd) {
	t.Helper()
	var stdout, stderr strings.Builder
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() *processEnd {
		t.Helper()
		if err := cmd.Wait(); err != nil {
			if _, ok := errors.AsType[*exec.ExitError](err); !ok {
				t.Fatal(err)
			}
		}
		s := cmd.ProcessState
		return &processEnd{t, cmd.Args, s.ExitCode(), s.String(), stdout.String(), stderr.String(), s.UserTime() + s.SystemTime()}
	}
}

// processRun runs bt in dir, or in the current directory if dir is "".
func processRun(t testing.TB, dir string, args ...string) *processEnd {
	t.Helper()
	cmd := processCommand(t, "bt", args...)
	if cmd.Dir = dir; dir != "" {
		cmd.Env = append(cmd.Env, "PWD="+dir) // as a shell does
	}
	return processStart(t, cmd)()
}

func (p *processEnd) exits(code int) *processEnd {
	p.t.Helper()
	if p.code != code {
		p.t.Fatalf("%q: %s, want exit code %d\nstdout: %s\nstderr: %s", p.args, p.state, code, p.stdout, p.stderr)
	}
	return p
}

func (p *processEnd) printsNothing() *processEnd {
	p.t.Helper()
	if p.stdout != "" {
		p.t.Errorf("%q: stdout %q, want none", p.args, p.stdout)
	}
	return p
}

// errors checks that the error lines match the texts: one line that contains
// each, in any order, and no others.
func (p *processEnd) errors(texts ...string) *processEnd {
	p.t.Helper()
	var lines []string
	for line := range strings.Lines(p.stderr) {
		if strings.HasPrefix(line, "bt: error: ") {
			lines = append(lines, line)
		}
	}
	if len(lines) != len(texts) {
		p.t.Errorf("%q: %d error lines, want %d:\n%s", p.args, len(lines), len(texts), p.stderr)
	}
	for _, text := range texts {
		n := 0
		for _, line := range lines {
			if strings.Contains(line, text) {
				n++
			}
		}
		if n != 1 {
			p.t.Errorf("%q: %d error lines contain %q, want 1:\n%s", p.args, n, text, p.stderr)
		}
	}
	return p
}

// document decodes stdout as the JSON document v.
func (p *processEnd) document(v any) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.stdout), v); err != nil {
		p.t.Fatalf("%q: %v\nstdout: %s\nstderr: %s", p.args, err, p.stdout, p.stderr)
	}
}

// processTree writes files to dir, by their relative paths.
func processTree(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// processNames checks that a directory contains exactly these names.
func processNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), strings.Join(want, " "); got != want {
		t.Errorf("%s holds %q, want %q", dir, got, want)
	}
}

// A processTorrent holds the fields of "bt make --json" that the tests use.
type processTorrent struct {
	Output      string `json:"output"`
	Name        string `json:"name"`
	InfoHash    string `json:"info_hash_v1"`
	InfoHashV2  string `json:"info_hash_v2"`
	Magnet      string `json:"magnet"`
	PieceCount  int    `json:"piece_count"`
	FileCount   int    `json:"file_count"`
	TorrentSize int    `json:"torrent_size"`
}

func processMade(t testing.TB, dir string, args ...string) (m processTorrent) {
	t.Helper()
	processRun(t, dir, append(args, "--json")...).exits(exitOK).document(&m)
	return m
}

// A processVerdict is the output of "bt verify --json".
type processVerdict struct {
	OK     bool `json:"ok"`
	Pieces struct {
		Total, Good, Bad, Missing, Unverifiable, Unreadable int
	} `json:"pieces"`
	Files     []processFile `json:"files"`
	BadPieces []struct {
		Index int      `json:"index"`
		Cause string   `json:"cause"`
		Files []string `json:"files"`
	} `json:"bad_pieces"`
}

type processFile struct {
	Path   string `json:"path"`
	Status string `json:"status"`
	Bad    []struct {
		Offset int64  `json:"offset"`
		Length int64  `json:"length"`
		Pieces []int  `json:"pieces"`
		Cause  string `json:"cause"`
	} `json:"bad"`
}

func (p *processEnd) verdict() *processVerdict {
	p.t.Helper()
	v := new(processVerdict)
	p.document(v)
	return v
}

func TestProcessOwnOutput(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "content")
	processTree(t, dir, map[string]string{"a": "one", "sub/b": "two"})
	first := processMade(t, dir, "make", ".", "-o", "x.torrent")
	if first.FileCount != 2 || first.Name != "content" {
		t.Fatalf("%d files, name %q", first.FileCount, first.Name)
	}
	same := func(what string, args ...string) {
		t.Helper()
		if m := processMade(t, dir, args...); m.InfoHash != first.InfoHash {
			t.Errorf("%s: info-hash %s of %d files, want %s", what, m.InfoHash, m.FileCount, first.InfoHash)
		}
	}
	same("again", "make", ".", "-o", "x.torrent", "--force")
	processTree(t, dir, map[string]string{".bt-123.tmp": "left over", "sub/.bt-4.tmp": "left over"})
	same("with left-over temporary files", "make", ".", "-o", "x.torrent", "--force")
	same("by another way", "make", "../content", "-o", filepath.Join(dir, "sub", "..", "x.torrent"), "--force")
	processNames(t, dir, ".bt-123.tmp", "a", "sub", "x.torrent")

	// Files that only resemble the output or a temporary file are content.
	for _, name := range []string{".bt-x.tmp", "sub/x.torrent"} {
		processTree(t, dir, map[string]string{name: "content"})
		if m := processMade(t, dir, "make", ".", "-o", "x.torrent", "--force"); m.InfoHash == first.InfoHash {
			t.Errorf("%s is not in the torrent", name)
		}
		if err := os.Remove(filepath.Join(dir, filepath.FromSlash(name))); err != nil {
			t.Fatal(err)
		}
	}
	same("without them again", "make", ".", "-o", "x.torrent", "--force")
}

func TestProcessName(t *testing.T) {
	root := t.TempDir()
	real := filepath.Join(root, "real name")
	processTree(t, real, map[string]string{"sub/deep/b": "data"})
	if err := os.Symlink("real name", filepath.Join(root, "link")); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	for _, test := range []struct{ dir, path, name string }{
		{real, ".", "real name"},
		{filepath.Join(real, "sub"), "..", "real name"},
		{filepath.Join(real, "sub", "deep"), "../..", "real name"},
		{filepath.Join(real, "sub"), "../", "real name"},
		{root, "real name", "real name"},
		{root, "real name/", "real name"},
		{root, "./real name//", "real name"},
		{root, "real name/sub/..", "real name"},
		{root, real, "real name"},
		{root, "link", "link"},
		{root, "link/", "link"},
		{root, "link/sub/..", "real name"}, // where the system goes
		{filepath.Join(root, "link", "sub"), "..", "real name"},
	} {
		m := processMade(t, test.dir, "make", test.path)
		out := filepath.Join(root, test.name+".torrent") // beside the content
		if m.Name != test.name || m.Output != out || m.FileCount != 1 {
			t.Errorf("make %q in %s: name %q, %d files, output %s; want %q, 1, %s", test.path, test.dir, m.Name, m.FileCount, m.Output, test.name, out)
		}
		if err := os.Remove(m.Output); err != nil {
			t.Fatal(err)
		}
		processNames(t, root, "link", "real name")
	}
}

// ".." is what the system says it is, also below a symbolic link.
func TestProcessDotDotBelowLink(t *testing.T) {
	root := t.TempDir()
	processTree(t, root, map[string]string{"e/real/right": "data", "e/real/sub/x": "data", "r/wrong": "data"})
	if err := os.Symlink(filepath.Join(root, "e", "real", "sub"), filepath.Join(root, "r", "link")); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(root, "x.torrent")
	for _, test := range [][2]string{{"r/link", ".."}, {"r", "link/.."}} {
		m := processMade(t, filepath.Join(root, test[0]), "make", test[1], "-o", out, "--force")
		if m.Name != "real" {
			t.Errorf("make %s in %s: name %q", test[1], test[0], m.Name)
		}
	}
	real := filepath.Join(root, "real.torrent")
	processRun(t, "", "make", filepath.Join(root, "e", "real"), "-q", "-o", real).exits(exitOK)
	processRun(t, filepath.Join(root, "r"), "verify", real, "link/../..").exits(exitOK)
}

// The output is no content, also where a link leads to it.
func TestProcessOutputByLink(t *testing.T) {
	for _, links := range [][2]string{{"out.torrent", "tree/x.torrent"}, {"tree/l", "../out.torrent"}} {
		dir := t.TempDir()
		processTree(t, dir, map[string]string{"tree/a": "data"})
		if links[0] == "out.torrent" {
			processTree(t, dir, map[string]string{links[1]: "old"})
		} else {
			processTree(t, dir, map[string]string{"out.torrent": "old"})
		}
		if err := os.Symlink(links[1], filepath.Join(dir, links[0])); err != nil {
			t.Fatal(err)
		}
		processRun(t, dir, "make", "tree", "-o", "out.torrent", "--force").exits(exitOK)
		processRun(t, dir, "verify", "out.torrent").exits(exitOK)
	}
}
