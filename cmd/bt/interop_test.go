package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"bt/internal/testenv"
)

// The interop tests compare bt with other programs: mktorrent, transmission,
// aria2 and libtorrent make, read and check the same torrents. Their file orders
// and deviations were found by experiment; a case names the programs that
// deviate.

// interopFile is a file of a tree; path is separated by slashes.
type interopFile struct {
	path string
	size int
}

// interopWrite writes files below dir. Their bytes depend only on seed and path.
func interopWrite(t *testing.T, dir, seed string, files []interopFile) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(dir, filepath.FromSlash(f.path))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		// Not executable: libtorrent stores this attribute in the info dict.
		if err := os.WriteFile(path, interopBytes(seed+"/"+f.path, f.size), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func interopBytes(seed string, size int) []byte {
	b := make([]byte, size)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(seed))).Read(b) // never fails
	return b
}

// interopBt runs bt, checks the exit code, and decodes the JSON document that it
// prints.
func interopBt(t *testing.T, code int, doc any, args ...string) {
	t.Helper()
	if err := interopTryBt(code, doc, args...); err != nil {
		t.Fatal(err)
	}
}

func interopTryBt(code int, doc any, args ...string) error {
	e, stdout, stderr := testEnv(args...)
	if got := run(e); got != code {
		return fmt.Errorf("bt %q: exit code %d, want %d\n%s%s", args, got, code, stdout, stderr)
	}
	if err := json.Unmarshal(stdout.Bytes(), doc); err != nil {
		return fmt.Errorf("bt %q: %w\n%s", args, err, stdout)
	}
	return nil
}

// interopRun runs another program in a new home directory without settings, and
// returns its output.
func interopRun(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), processTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "HOME="+cmd.Dir, "LC_ALL=C.UTF-8", "TZ=UTC")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s %.500s: %v\n%s%s", program, strings.Join(args, " "), err, out, &stderr)
	}
	return string(out)
}

// interopAtOnce runs jobs, sixteen at a time, because bt waits for the disk and
// transmission-create sleeps half a second each time.
func interopAtOnce(jobs []func()) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for _, job := range jobs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			job()
		})
	}
	wg.Wait()
}

// ltRequest and ltAnswer are the input and output of
// testdata/interop/ltorrent.py.
type ltRequest struct {
	Op          string            `json:"op"`
	Path        string            `json:"path,omitempty"`
	Torrent     string            `json:"torrent,omitempty"`
	Data        string            `json:"data,omitempty"`
	Renamed     map[string]string `json:"renamed,omitempty"`
	Output      string            `json:"output,omitempty"`
	Format      string            `json:"format,omitempty"`
	PieceLength int64             `json:"piece_length,omitempty"`
	Private     bool              `json:"private,omitempty"`
	Source      string            `json:"source,omitempty"`
	Comment     string            `json:"comment,omitempty"`
	Creator     string            `json:"creator,omitempty"`
	Trackers    [][]string        `json:"trackers,omitempty"`
	WebSeeds    []string          `json:"web_seeds,omitempty"`
	HTTPSeeds   []string          `json:"http_seeds,omitempty"`
	Nodes       []string          `json:"nodes,omitempty"` // "host port"
}

type ltAnswer struct {
	Error       string     `json:"error"`
	V1          string     `json:"v1"`
	V2          string     `json:"v2"`
	Name        string     `json:"name"`
	Comment     string     `json:"comment"`
	Creator     string     `json:"creator"`
	Date        int64      `json:"date"`
	Private     bool       `json:"private"`
	PieceLength int64      `json:"piece_length"`
	Pieces      int        `json:"pieces"`
	Trackers    [][]string `json:"trackers"`
	WebSeeds    []string   `json:"web_seeds"`
	HTTPSeeds   []string   `json:"http_seeds"`
	Nodes       []string   `json:"nodes"` // "host port"
	Files       []ltFile   `json:"files"`
	Progress    float64    `json:"progress"`
	Have        []int      `json:"have"`
}

type ltFile struct {
	Path       string `json:"path"` // begins with the name of the torrent
	Size       int64  `json:"size"`
	Symlink    string `json:"symlink"` // the target, likewise
	Executable bool   `json:"executable"`
}

// interopLibtorrent sends requests to libtorrent. One process answers them all,
// because starting it takes longer than most requests.
func interopLibtorrent(t *testing.T, requests []ltRequest) []ltAnswer {
	t.Helper()
	in, err := json.Marshal(requests)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), processTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, testenv.Python(t, "libtorrent"), filepath.Join("testdata", "interop", "ltorrent.py"))
	cmd.Stdin = bytes.NewReader(in)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ltorrent.py: %v\n%s", err, &stderr)
	}
	var answers []ltAnswer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatalf("ltorrent.py: %v\n%s", err, out)
	}
	if len(answers) != len(requests) {
		t.Fatalf("ltorrent.py: %d answers to %d requests", len(answers), len(requests))
	}
	for i, a := range answers {
		if a.Error != "" {
			t.Fatalf("ltorrent.py: %+v: %s", requests[i], a.Error)
		}
	}
	return answers
}
