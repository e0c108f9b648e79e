package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"bt/internal/testenv"
)

// The tests named TestTmux check bt in a terminal whose window changes its size
// while bt runs. They wait for the expected screen, not for a time, and would see
// remains of earlier drawings.

// tmuxWidths lists the columns of the window in the order in which they are set.
var tmuxWidths = []int{200, 80, 60, 40, 200, 40, 80, 60, 80}

const (
	tmuxRows = 24

	// tmuxAbove is the number of lines above the output of bt. When lines wrap,
	// tmux scrolls as many lines out of the window, where bt can't overwrite
	// them, even if rows are free below. These are enough for a progress bar and
	// for the screen of one torrent.
	tmuxAbove = 12
)

// A tmuxPane is a terminal.
type tmuxPane struct {
	t       *testing.T
	columns int
	above   bool // include lines that have scrolled out
	tmux    func(args ...string) string
}

// startTmux runs bt in a shell, which prints a line before and after it.
func startTmux(t *testing.T, env []string, args ...string) *tmuxPane {
	t.Helper()
	// Without a trap, the signal would end the shell.
	script := `trap : INT; for i in $(seq ` + strconv.Itoa(tmuxAbove) + `); do echo before; done; bt "$@"; echo "exit code $?"; exec sleep 1000`
	return startPane(t, "", env, append([]string{"sh", "-c", script, "sh"}, args...)...)
}

// startPane runs a program in a terminal, in dir, or in the current directory if dir is
// "".
func startPane(t *testing.T, dir string, env []string, command ...string) *tmuxPane {
	t.Helper()
	program := testenv.Program(t, "tmux")
	own, err := os.MkdirTemp("", "bt") // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(own) })
	config, home := filepath.Join(own, "tmux.conf"), t.TempDir()
	processTree(t, own, map[string]string{"tmux.conf": "set -g status off\nset -g history-limit 10000\n"})
	p := &tmuxPane{t: t, columns: tmuxWidths[0]}
	p.tmux = func(args ...string) string {
		t.Helper()
		cmd := processCommand(t, program, append([]string{"-u", "-S", filepath.Join(own, "socket"), "-f", config}, args...)...)
		cmd.Dir = dir
		cmd.Env = slices.Concat(cmd.Env, []string{"TMUX=", "LC_ALL=C.UTF-8", "HOME=" + home, "XDG_CACHE_HOME=", "XDG_STATE_HOME=", "no_proxy=127.0.0.1"}, env)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("tmux %q: %v\n%s", args, err, out)
		}
		return string(out)
	}
	p.tmux(append([]string{"new-session", "-d", "-x", strconv.Itoa(p.columns), "-y", strconv.Itoa(tmuxRows)}, command...)...)
	t.Cleanup(func() { _ = exec.Command(program, "-S", filepath.Join(own, "socket"), "kill-server").Run() })
	return p
}

// resize sets the width of the window.
func (p *tmuxPane) resize(columns int) {
	p.t.Helper()
	p.columns = columns
	p.tmux("resize-window", "-x", strconv.Itoa(columns), "-y", strconv.Itoa(tmuxRows))
}

// lines returns the lines of the window, without the lines above the output of bt
// and without blank lines at the end.
func (p *tmuxPane) lines() []string {
	p.t.Helper()
	args := []string{"capture-pane", "-p"}
	if p.above {
		args = append(args, "-S", "-")
	}
	text := strings.TrimRight(p.tmux(args...), "\n ")
	lines := strings.Split(text, "\n")
	for len(lines) > 0 && lines[0] == "before" {
		lines = lines[1:]
	}
	return lines
}

// until waits until wrong returns "" for the lines of the window. Otherwise wrong
// returns the error message.
func (p *tmuxPane) until(what string, wrong func(lines []string) string) []string {
	p.t.Helper()
	for end := time.Now().Add(swarmTimeout); ; time.Sleep(20 * time.Millisecond) {
		lines := p.lines()
		problem := wrong(lines)
		if problem == "" {
			return lines
		}
		if time.Now().After(end) {
			p.t.Fatalf("never in %d columns: %s: %s\n%s", p.columns, what, problem, strings.Join(lines, "\n"))
		}
	}
}

// shows waits until each line matches its expression.
func (p *tmuxPane) shows(what string, expressions ...string) []string {
	p.t.Helper()
	return p.showsBelow("", what, expressions...)
}

// showsBelow waits until lines that match the expressions are below a text, which may be
// wrapped and begins with above, and nothing else.
func (p *tmuxPane) showsBelow(above, what string, expressions ...string) []string {
	p.t.Helper()
	var want []*regexp.Regexp
	for _, e := range expressions {
		want = append(want, regexp.MustCompile("^(?:"+e+")$"))
	}
	return p.until(what, func(lines []string) string {
		if n := len(lines) - len(want); above != "" && n > 0 {
			if text := strings.Join(lines[:n], ""); !strings.HasPrefix(text, above) {
				return fmt.Sprintf("%q is above, want %q", text, above)
			}
			lines = lines[n:]
		} else if n != 0 || above != "" {
			return fmt.Sprintf("%d lines, want %d", len(lines), len(want))
		}
		for i, line := range lines {
			if !want[i].MatchString(line) {
				return fmt.Sprintf("%q is not %v", line, want[i])
			}
			if utf8.RuneCountInString(line) > p.columns {
				return fmt.Sprintf("%q is too long", line)
			}
		}
		return ""
	})
}

const (
	tmuxSize = `\d+(\.\d)? ([KMGT]i)?B`
	tmuxTime = `\d[0-9dhms.]*`
)

func TestTmuxProgress(t *testing.T) {
	t.Parallel()
	const left = `(, ` + tmuxTime + ` left)?`
	for _, test := range []struct {
		name string
		env  []string
		bar  string
	}{
		{"UTF-8", nil, `\|█* *\|`},
		{"ASCII", []string{"LC_ALL=C"}, `\[=*>?\.*\]`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			processSparse(t, filepath.Join(dir, "zeros"), 1<<40)
			p := startTmux(t, test.env, "make", filepath.Join(dir, "zeros"), "--jobs", "1", "--read", "sequential", "-l", "16M")
			p.above = true
			for _, columns := range tmuxWidths {
				p.resize(columns)
				line := map[int]string{
					200: `\d+% ` + test.bar + `  hashing zeros: ` + tmuxSize + ` of 1\.0 TiB, ` + tmuxSize + `/s` + left,
					80:  `\d+% ` + test.bar + `  hashing zeros: ` + tmuxSize + ` of 1\.0 TiB, ` + tmuxSize + `/s` + left,
					60:  `hashing zeros: ` + tmuxSize + ` of 1\.0 TiB \(\d+ %\)(, ` + tmuxSize + `/s)?` + left,
					40:  `has.*os: (` + tmuxSize + ` of 1\.0 TiB \()?\d+ %\)?` + left,
				}[columns]
				p.shows("the bar, and nothing else", line)
			}
			p.tmux("send-keys", "C-c")
			p.shows("the end", "bt: error: interrupted", "exit code 130")
		})
	}
}

// quietTracker answers announces, and scrapes of anyHash.
func quietTracker(t *testing.T) (addr string) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("d8:completei1e10:incompletei0e8:intervali1800e5:peers0:e"))
	}))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

func TestTmuxSeed(t *testing.T) {
	t.Parallel()
	addr := quietTracker(t)
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"content/a": "data of the torrent"})
	made := processMade(t, dir, "make", "content", "--no-date", "--announce", "http://"+addr+"/0123456789abcdef0123/announce")
	link := "magnet:?xt=urn:btih:" + made.InfoHash + "&dn=content&xl=19"
	p := startTmux(t, nil, "seed", filepath.Join(dir, "content.torrent"), "--port", "42000-42999", "--bind", "127.0.0.1")
	p.above = true
	for _, columns := range tmuxWidths {
		p.resize(columns)
		url := regexp.QuoteMeta(addr)
		if columns >= 80 {
			url = `http://` + url + `/\*\*\*\*/announce`
		}
		message := []string{`last message   ` + url + `: ok, 1 seeder, 0 leechers`}
		if columns == 40 {
			message = []string{`last message   ` + url + `: ok, 1`, ` +seeder, 0 leechers`}
		}
		p.showsBelow(link, "the screen, and nothing else", append([]string{
			"content",
			"state          seeding",
			"rate           0 B/s",
			"peers          0",
			`uploaded       0 B \(ratio 0\.00\)`,
			"next announce  in 2[0-9]m[0-9]+s|next announce  in 3[0-3]m[0-9]+s",
		}, message...)...)
	}
	// The time until the next announce decreases every second.
	next := func(lines []string) time.Duration {
		for _, line := range lines {
			if text, ok := strings.CutPrefix(line, "next announce  in "); ok {
				d, err := time.ParseDuration(text)
				if err != nil {
					t.Error(err)
				}
				return d
			}
		}
		return 0
	}
	first := next(p.lines())
	p.until("the time until the next announce", func(lines []string) string {
		if d := next(lines); d == 0 || d > first-2*time.Second {
			return fmt.Sprint("stands at ", d)
		}
		return ""
	})
	p.tmux("send-keys", "C-c")
	p.until("the end", func(lines []string) string {
		text := strings.Join(lines, "\n")
		switch n := len(lines); {
		case lines[n-1] != "exit code 130" || !regexp.MustCompile(`^stopped: 0 B uploaded \(ratio 0\.00\) in `+tmuxTime+`$`).MatchString(lines[n-2]):
			return "it is not said"
		case strings.Contains(text, "error") || strings.Count(text, "state  ") != 1:
			return "something else is"
		}
		return ""
	})
}

// A second SIGINT, while bt announces its stop, ends bt at once with the cursor
// visible.
func TestTmuxSeedSecondSignal(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("event") == "stopped" {
			<-r.Context().Done()
		}
		w.Write([]byte("d8:intervali1800e5:peers0:e"))
	}))
	t.Cleanup(server.Close)
	dir := t.TempDir()
	processTree(t, dir, map[string]string{"content/a": "data of the torrent"})
	processRun(t, dir, "make", "content", "-q", "--announce", server.URL+"/announce").exits(exitOK)
	p := startTmux(t, nil, "seed", filepath.Join(dir, "content.torrent"), "--port", "42000-42999", "--bind", "127.0.0.1")
	shown := func(text string) {
		t.Helper()
		p.until(text, func(lines []string) string {
			if !strings.Contains(strings.Join(lines, "\n"), text) {
				return "it is not shown"
			}
			return ""
		})
	}
	shown("/announce: ok")
	p.tmux("send-keys", "C-c")
	shown("announcing the stop to trackers")
	time.Sleep(2 * oneSignal) // earlier, both signals would count as one
	p.tmux("send-keys", "C-c")
	shown("exit code 130")
	if flag := strings.TrimSpace(p.tmux("display-message", "-p", "#{cursor_flag}")); flag != "1" {
		t.Errorf("the cursor is hidden: %s", strings.Join(p.lines(), "\n"))
	}
}

func TestTmuxSeedDirectory(t *testing.T) {
	t.Parallel()
	addr := quietTracker(t)
	dir := t.TempDir()
	for _, name := range []string{"Release.10", "Release.2", "Gone.with.a.name.that.is.rather.long"} {
		processTree(t, dir, map[string]string{name: "data of " + name})
		processRun(t, dir, "make", name, "-q", "--announce", "http://"+addr+"/announce").exits(exitOK)
	}
	if err := os.Remove(filepath.Join(dir, "Gone.with.a.name.that.is.rather.long")); err != nil {
		t.Fatal(err)
	}
	processTree(t, dir, map[string]string{"broken.torrent": "no bencode"})
	p := startTmux(t, nil, "seed", dir, "--port", "42000-42999", "--bind", "127.0.0.1")
	for _, columns := range tmuxWidths {
		p.resize(columns)
		header, row := `Torrent +State +Rate +Peers +Uploaded +Ratio`, ` +0 B/s +0 +0 B +0\.00`
		switch columns {
		case 60:
			header, row = `Torrent +State +Uploaded +Ratio`, ` +0 B +0\.00`
		case 40:
			header, row = `Torrent +State +Uploaded`, ` +0 B`
		}
		p.until("the screen, and nothing else", func(lines []string) string {
			at := slices.IndexFunc(lines, regexp.MustCompile("^"+header+"$").MatchString)
			if at < 0 || !strings.HasPrefix(lines[0], "torrents") {
				return "not the head"
			}
			table := lines[at+1:]
			for i, want := range []string{
				`broken\S+ +error` + strings.Replace(row, `0\.00`, "-", 1), `  \S.*`,
				`Gone\S+\S* +waiting` + row, `  none of the data is there`,
				`Release\.2 +seeding` + row, `Release\.10 +seeding` + row,
			} {
				if i >= len(table) || !regexp.MustCompile("^"+want+"$").MatchString(table[i]) {
					return fmt.Sprintf("line %d of the table is not %s", i, want)
				}
			}
			if n := len(table); n != 6 {
				return fmt.Sprintf("%d lines, want 6", n)
			}
			return ""
		})
	}
	p.tmux("send-keys", "C-c")
	p.until("the end", func(lines []string) string {
		n := len(lines)
		if lines[n-1] != "exit code 130" || !regexp.MustCompile(`^stopped: 0 B uploaded \(ratio 0\.00\) in `+tmuxTime+`$`).MatchString(lines[n-2]) {
			return "it is not said"
		}
		return ""
	})
}

func TestTmuxScrapeWatch(t *testing.T) {
	t.Parallel()
	good := countingTracker(t, nil)
	addr := strings.TrimSuffix(strings.TrimPrefix(good, "http://"), "/announce")
	secret := "http://" + addr + "/0123456789abcdef0123/announce"
	p := startTmux(t, nil, "scrape", anyHash, "--tracker", secret, "--watch", "1h")
	host := regexp.QuoteMeta(addr)
	for _, columns := range tmuxWidths {
		p.resize(columns)
		header, row, url := `TRACKER +SEEDERS +LEECHERS +COMPLETED +TIME +STATUS`, ` +1 +\S+ +\S+ +[\d,]+ ms +ok`, `http://`+host+`/\*\*\*\*/announce`
		best := `best +1 +\S+ +\S+ +▁`
		switch columns {
		case 80:
			header = `TRACKER +SEEDERS +LEECHERS +COMPLETED +TIME +STATUS`
			url = `(http://)?` + host + `/(\*\*\*\*/)?announce`
		case 60:
			url = host
			header, row, best = `TRACKER +SEEDERS +LEECHERS +COMPLETED( +TIME)? +STATUS`, ` +1 +\S+ +\S+( +[\d,]+ ms)? +ok`, `best +1 +\S+ +\S+ +▁`
		case 40:
			url = host
			header, row, best = `TRACKER +SEEDERS +STATUS`, ` +1 +ok`, `best +1 +▁`
		}
		p.shows("the table, and nothing else", header, url+row, best, `asked at \d\d:\d\d:\d\d, again in (1h0m0s|5\dm\d+s)`)
	}
	p.tmux("send-keys", "C-c")
	p.until("the end", func(lines []string) string {
		text := strings.Join(lines, "\n")
		switch n := len(lines); {
		case lines[n-1] != "exit code 130" || !regexp.MustCompile(`^bt: stopped: asked 1 time in `+tmuxTime+`$`).MatchString(lines[n-2]):
			return "it is not said"
		case strings.Contains(text, "error") || strings.Count(text, "TRACKER") != 1:
			return "something else is"
		}
		return ""
	})
}
