package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"bt/internal/testenv"
)

// An interruption leaves a valid list, with an error for each torrent that was not verified.
func TestProcessVerifyManyInterrupted(t *testing.T) {
	dir := t.TempDir()
	slow := filepath.Join(dir, "slow")
	processTree(t, dir, map[string]string{
		"first": "hello",
		"slow.torrent": "d4:infod5:filesld6:lengthi67108864e4:pathl4:fileeee4:name4:slow12:piece lengthi1048576e6:pieces" +
			processBencode(strings.Repeat("aaaaaaaaaaaaaaaaaaaa", 64)) + "ee",
	})
	if err := os.Mkdir(slow, 0o755); err != nil {
		t.Fatal(err)
	}
	file := testenv.NewSlowFile(t, slow, "file", 64<<20, 1<<20)
	command := func(args ...string) *exec.Cmd {
		cmd := processCommand(t, "bt", args...)
		cmd.Dir = dir
		return cmd
	}
	processStart(t, command("make", "first"))().exits(exitOK)
	for _, flag := range []string{"--json", "--jsonl"} {
		read, again := file.Counts()
		cmd := command("verify", "first.torrent", "slow.torrent", "last.torrent", "--data", ".", flag)
		wait := processStart(t, cmd)
		for {
			if r, a := file.Counts(); r > read || a > again {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		p := wait().exits(exitInterrupted)
		out := p.stdout
		if flag == "--jsonl" {
			out = "[" + strings.ReplaceAll(strings.TrimSuffix(out, "\n"), "\n", ",") + "]"
		}
		var list []struct {
			OK    bool
			Path  string
			Error struct{ Code string }
		}
		if err := json.Unmarshal([]byte(out), &list); err != nil || len(list) != 3 || !list[0].OK ||
			list[1].Path != "slow.torrent" || list[1].Error.Code != "interrupted" || list[2].Path != "last.torrent" || list[2].Error.Code != "interrupted" {
			t.Errorf("%s: %v: %s", flag, err, p.stdout)
		}
	}
}

// With --cached, a run that was killed goes on where it was.
func TestProcessVerifyResume(t *testing.T) {
	const seconds, rate = 8, 2 << 20
	dir := t.TempDir()
	content := filepath.Join(dir, "content")
	processTree(t, dir, map[string]string{
		"x.torrent": "d4:infod6:lengthi" + strconv.Itoa(seconds*rate) + "e4:name4:file12:piece lengthi65536e6:pieces" +
			processBencode(strings.Repeat("aaaaaaaaaaaaaaaaaaaa", seconds*rate/65536)) + "ee",
	})
	if err := os.Mkdir(content, 0o755); err != nil {
		t.Fatal(err)
	}
	file := testenv.NewSlowFile(t, content, "file", seconds*rate, rate)
	run := func(flags ...string) (*exec.Cmd, func() *processEnd) {
		cmd := processCommand(t, "bt", append([]string{"verify", "x.torrent", "content", "--json"}, flags...)...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"))
		return cmd, processStart(t, cmd)
	}
	first, wait := run("--cached")
	for read := int64(0); read < seconds*rate/2; read, _ = file.Counts() {
		time.Sleep(10 * time.Millisecond)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	wait()
	_, before := file.Counts()
	_, wait = run("--cached")
	p := wait().exits(exitNo)
	var doc struct {
		Proof  string
		Cached int64
		Pieces struct{ Total, Bad int }
	}
	if err := json.Unmarshal([]byte(p.stdout), &doc); err != nil {
		t.Fatal(err)
	}
	all, again := file.Counts()
	if doc.Proof != "cached" || doc.Cached < rate || doc.Pieces.Bad != doc.Pieces.Total {
		t.Errorf("%+v", doc)
	}
	if all < seconds*rate || again-before > 2*rate {
		t.Errorf("%d bytes read, and %d again", all, again-before)
	}
}
