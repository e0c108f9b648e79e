package main

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestTmuxGet(t *testing.T) {
	t.Parallel()
	addr := quietTracker(t)
	dir := t.TempDir()
	processSparse(t, filepath.Join(dir, "content"), 1<<20)
	processRun(t, dir, "make", "content", "-q", "-l", "16K", "--announce", "http://"+addr+"/0123456789abcdef0123/announce").exits(exitOK)
	p := startTmux(t, nil, "get", filepath.Join(dir, "content.torrent"), "-o", filepath.Join(dir, "downloads"), "--allow-local", "--port", "42000-42999", "--bind", "127.0.0.1")
	p.above = true
	for _, columns := range tmuxWidths {
		p.resize(columns)
		url := regexp.QuoteMeta(addr)
		if columns >= 80 {
			url = `http://` + url + `/\*\*\*\*/announce`
		}
		want := []string{
			"content",
			"state          downloading",
			`done           0 %, 0 B of 1\.0 MiB`,
			"rate           0 B/s down, 0 B/s up",
			"peers          0",
			`uploaded       0 B \(ratio -\)`,
			`next announce  in (?:[0-9]+m)?[0-9]+s`,
		}
		if columns == 40 {
			want = append(want, `last message   `+url+`: ok, 1`, ` +seeder, 0 leechers`)
		} else {
			want = append(want, `last message   `+url+`: ok, 1 seeder, 0 leechers`)
		}
		want = append(want, "")
		for left := 64; left > 0; left -= columns {
			want = append(want, strings.Repeat("░", min(left, columns)))
		}
		p.shows("the screen, and nothing else", append(want, "░ 64 missing")...)
	}
	p.tmux("send-keys", "C-c")
	p.until("the end", func(lines []string) string {
		text := strings.Join(lines, "\n")
		for _, want := range []string{"stopped: 0 B downloaded, 0 B uploaded; 0 B of 1.0 MiB are there", "bt: error: interrupted\nexit code 130"} {
			if !strings.Contains(text, want) {
				return "there is no " + want
			}
		}
		return ""
	})
}
