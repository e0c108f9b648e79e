package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// A wrong option is reported before an error that depends on the disk, here an
// existing output.
func TestWrongOptionBeforeOutput(t *testing.T) {
	dir := t.TempDir()
	content, exists, torrent := filepath.Join(dir, "content"), filepath.Join(dir, "exists"), filepath.Join(dir, "x.torrent")
	for _, path := range []string{content, exists} {
		if err := os.WriteFile(path, []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	const data = "d8:announce17:http://t.example/4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	if err := os.WriteFile(torrent, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, options := range [][]string{
		{"--announce", "x"}, {"--web-seed", "x"}, {"--http-seed", "x"}, {"--node", "x"}, {"--node", "a:0"}, {"--name", "a/b"}, {"--name", "."},
		{"--piece-length", "x"}, {"--piece-length", "1"}, {"--piece-length", "3M", "--format", "v2"}, {"--piece-length", "1G"}, {"--max-piece-length", "x"},
		{"--max-piece-length", "1"}, {"--format", "x"}, {"--symlinks", "x"}, {"--include", "["}, {"--include", ""}, {"--exclude", "["}, {"--exclude", ""},
		{"--jobs", "x"}, {"--jobs", "0"}, {"--read", "x"}, {"--allow", "x"}, {"--date", "x"}, {"--date", "1", "--no-date"}, {"--created-by", "a", "--no-created-by"},
		{"--seed", "--dry-run"}, {"--port", "1"}, {"--seed", "-4", "-6"}, {"--output", "{x}"}, {"--output", "{"}, {"--color", "x"}, {"--file", "x"}, {"--quiet=x"}, {"another"},
	} {
		e, _, stderr := testEnv(append([]string{"make", content, "--output", exists}, options...)...)
		if code := run(e); code != exitUsage {
			t.Errorf("make %q: exit code %d\n%s", options, code, stderr)
		}
	}
	for _, options := range [][]string{
		{"--announce", "x"}, {"--announce", "http://a/", "--no-trackers"}, {"--add", "x"}, {"--add", "http://a/", "--tier", "0"}, {"--tier", "1"}, {"--remove", ""},
		{"--replace", "a"}, {"--replace", "", "--with", "b"}, {"--with", "b"}, {"--replace-regex", "[", "--with", "b"}, {"--host", "a/b", "--with", "c"}, {"--host", "a", "--with", "b:99999"},
		{"--passkey", ""}, {"--passkey", "a\nb"}, {"--passkey", "a\tb"}, {"--web-seed", "x"}, {"--http-seed", "x"}, {"--node", "x"},
		{"--comment", "a", "--no-comment"}, {"--date", "x"}, {"--set", "x"}, {"--set", "=x"}, {"--set", "info=x"}, {"--set", "announce=x"}, {"--set", "a=int:x"}, {"--set", "a=hex:x"}, {"--unset", "info"},
		{"--name", "a/b", "--new-infohash"}, {"--private", "--public", "--new-infohash"}, {"--max-size", "x", "--comment", "a"}, {"--backup=a/b", "--comment", "a"}, {"--backup=", "--comment", "a"}, {"--backup", "--comment", "a"}, {"--force=x", "--comment", "a"}, {"--color", "x", "--comment", "a"}, {},
	} {
		e, _, stderr := testEnv(append([]string{"retracker", torrent, "--output", exists}, options...)...)
		if code := run(e); code != exitUsage {
			t.Errorf("retracker %q: exit code %d\n%s", options, code, stderr)
		}
	}
}

// With --json anywhere among the arguments, a usage error is also printed as a
// document; that of scrape has a time.
func TestUsageErrorJSON(t *testing.T) {
	for _, args := range [][]string{
		{"make", "--json"}, {"make", "--json", "--nope"}, {"make", "--nope", "--json"}, {"make", "x", "--jobs", "x", "--json"}, {"make", "--jsonl", "--nope"},
		{"info", "--json"}, {"info", "--nope", "x", "--json"}, {"info", "--json", "--color", "x"}, {"info", "--json", "--max-size", "x", "y"}, {"info", "--json", "--field"},
		{"verify", "--json"}, {"verify", "-z", "--json"}, {"retracker", "--json"}, {"retracker", "--tracker", "x", "--jsonl"}, {"retracker", "x", "--json", "--backup=a/b"},
		{"seed", "--json"}, {"seed", "--json", "--nope"}, {"nope", "--json"}, {"--nope", "info", "--json"},
		{"scrape", "--json"}, {"scrape", "--json", "--nope"}, {"scrape", "--nope", "--json"}, {"scrape", "--json", "--timeout", "0", "x"}, {"scrape", "--json", "--max-size", "x", "y"}, {"scrape", "--json", "--csv", "x"}, {"scrape", "--json", "--retries", "x"},
	} {
		e, stdout, stderr := testEnv(args...)
		code := run(e)
		var doc struct {
			Time  string
			Error struct{ Code, Message string }
		}
		if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
			t.Errorf("bt %q: %v: %q", args, err, stdout)
		}
		if code != exitUsage || doc.Error.Code != "usage" || doc.Error.Message == "" || stderr.Len() == 0 || (doc.Time != "") != (args[0] == "scrape") {
			t.Errorf("bt %q: exit code %d, %q", args, code, stdout)
		}
	}
	for _, args := range [][]string{{"info", "--nope"}, {"info", "--nope", "--", "--json"}, {"scrape", "--json=false", "--nope"}} {
		e, stdout, _ := testEnv(args...)
		if code := run(e); code != exitUsage || stdout.Len() > 0 {
			t.Errorf("bt %q: exit code %d, %q", args, code, stdout)
		}
	}
}
