package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A long field is cut on a terminal, except the magnet link, which users copy. It
// is complete in a pipe.
func TestFieldOnTerminal(t *testing.T) {
	comment := strings.Repeat("c", 100_000)
	trackers := ""
	for i := range 1000 {
		trackers += fmt.Sprintf("l22:http://t%03d.example/ane", i)
	}
	path := filepath.Join(t.TempDir(), "x.torrent")
	data := "d13:announce-listl" + trackers + "e7:comment100000:" + comment + "4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		field     string
		least     int // minimum length in bytes in a pipe
		cut, says string
	}{
		{"comment", 100_000, "ccc… (100,000 bytes; --json has all of it)\n", ""},
		{"trackers", 22_000, " bytes; --json has all of it)\n", "http://t000.example/an http://t001.example/an "},
		{"name,comment,size", 100_000, "ccc… (100,000 bytes; --json has all of it)\t1\n", "x\tccc"},
	} {
		code, stdout, _ := runOnTerminal("info", "--field", tt.field, path)
		if code != exitOK || len(stdout) > 1000 || !strings.HasSuffix(stdout, tt.cut) || !strings.HasPrefix(stdout, tt.says) {
			t.Errorf("%s on a terminal: exit code %d, %d bytes: %.1000q", tt.field, code, len(stdout), stdout)
		}
		e, out, _ := testEnv("info", "--field", tt.field, path)
		if code := run(e); code != exitOK || out.Len() < tt.least || strings.Contains(out.String(), "--json") {
			t.Errorf("%s in a pipe: exit code %d, %d bytes", tt.field, code, out.Len())
		}
	}
	if _, stdout, _ := runOnTerminal("info", "--field", "magnet", path); len(stdout) < 20_000 {
		t.Errorf("a magnet link of %d bytes", len(stdout))
	}
}

// bt info --files uses natural order on a terminal, else the order of the
// torrent.
func TestFilesOnTerminal(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.torrent")
	files := ""
	for _, name := range []string{"e10", "e2", "e1", "e02"} {
		files += fmt.Sprintf("d6:lengthi1e4:pathl1:d%d:%see", len(name), name)
	}
	data := "d4:infod5:filesl" + files + "e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaaee"
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
	order := func(text string) string {
		var names []string
		for line := range strings.Lines(text) {
			if _, name, ok := strings.Cut(line, "d/"); ok {
				names = append(names, strings.TrimSpace(name))
			}
		}
		return strings.Join(names, " ")
	}
	if _, stdout, _ := runOnTerminal("info", "--files", path); order(stdout) != "e1 e02 e2 e10" {
		t.Errorf("on a terminal: %s", order(stdout))
	}
	e, out, _ := testEnv("info", "--files", path)
	if run(e); order(out.String()) != "e10 e2 e1 e02" {
		t.Errorf("in a pipe: %s", order(out.String()))
	}
}

// Lists are cut, with a count of the rest, unless the user asks for all.
func TestLongLists(t *testing.T) {
	item := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(fmt.Sprintf(format, i))
		}
		return b.String()
	}
	const info = "4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaae"
	for _, tt := range []struct{ name, torrent, says, unset string }{
		{"trackers", "d13:announce-listl" + item(5000, "l23:http://t%04d.example/ane") + "e" + info + "e", "… and 4,800 more trackers (--json has all of them)", "--no-trackers"},
		{"one tier", "d13:announce-listll" + item(5000, "23:http://t%04d.example/an") + "ee" + info + "e", "… and 4,800 more trackers (--json has all of them)", "--no-trackers"},
		{"web seeds", "d" + info + "8:url-listl" + item(5000, "23:http://w%04d.example/an") + "ee", "… and 4,800 more web seeds (--json has all of them)", "--no-web-seeds"},
		{"http seeds", "d9:httpseedsl" + item(5000, "23:http://w%04d.example/an") + "e" + info + "e", "… and 4,800 more http seeds (--json has all of them)", "--no-http-seeds"},
		{"nodes", "d" + info + "5:nodesl" + item(5000, "l13:n%04d.examplei1ee") + "ee", "… and 4,800 more dht nodes (--json has all of them)", "--no-nodes"},
	} {
		path := filepath.Join(t.TempDir(), "x.torrent")
		if err := os.WriteFile(path, []byte(tt.torrent), 0o644); err != nil {
			t.Fatal(err)
		}
		for _, args := range [][]string{{"info", path}, {"retracker", path, tt.unset, "--dry-run"}} {
			e, out, _ := testEnv(args...)
			says := tt.says
			if args[0] == "retracker" {
				says = "- … and 4,800 more lines (--json has all of them)"
			}
			if code := run(e); code != exitOK || strings.Count(out.String(), "\n") > 400 || !strings.Contains(out.String(), says) {
				t.Errorf("%s: bt %s: exit code %d, %d lines: %.1000s", tt.name, args[0], code, strings.Count(out.String(), "\n"), out)
			}
		}
	}
}
