package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/tracker"
)

// screen is the stdout of a command that is running.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// waitFor waits until text has been written.
func (s *screen) waitFor(t *testing.T, text string) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !strings.Contains(s.String(), text); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%q does not appear:\n%q", text, s.String())
		}
	}
}

const anyHash = "0123456789abcdef0123456789abcdef01234567"

// countingTracker is a tracker that returns one seeder more for each request. It
// answers when it can receive from gate.
func countingTracker(t *testing.T, gate <-chan struct{}) string {
	var n atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gate != nil {
			<-gate
		}
		hashes, _ := tracker.ParseScrapeQuery(r.URL.RawQuery)
		answer := new(tracker.ScrapeResponse)
		for _, h := range hashes {
			answer.Files = append(answer.Files, tracker.File{InfoHash: h, Counts: tracker.Counts{Seeders: n.Add(1)}})
		}
		w.Write(answer.AppendHTTP(nil))
	}))
	t.Cleanup(server.Close)
	return server.URL + "/announce"
}

// The table is updated as answers arrive, and in the end printed once completely.
func TestScrapeTableFills(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	quick, slow := countingTracker(t, nil), countingTracker(t, gate)
	e, _, _ := testEnv("scrape", anyHash, "--tracker", slow, "--tracker", quick)
	out := new(screen)
	e.stdout, e.stdoutTerminal, e.width = out, true, 100
	code := make(chan int)
	go func() { code <- run(e) }()
	out.waitFor(t, "1 of 2 answers")
	if s := out.String(); !strings.Contains(s, "ok") || !strings.Contains(s, "…") || strings.Contains(s, "best") {
		t.Errorf("while one is waited for:\n%q", s)
	}
	close(gate)
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	_, final, _ := strings.Cut(out.String(), "\x1b[?25h") // after the cursor is shown again
	if strings.Count(final, quick) != 1 || strings.Count(final, slow) != 1 || strings.Contains(final, "answers") || strings.Contains(final, "…") {
		t.Errorf("at the end:\n%q", final)
	}
}

// A table of ten thousand rows is not redrawn repeatedly, but printed at the end.
func TestScrapeManyOnTerminal(t *testing.T) {
	t.Parallel()
	gate := make(chan struct{})
	slow := countingTracker(t, gate)
	var list strings.Builder
	for i := range 100 {
		fmt.Fprintf(&list, "%040x\n", i)
	}
	e, _, _ := testEnv("scrape", "-", "--tracker", slow)
	out := new(screen)
	e.stdin, e.stdout, e.stdoutTerminal, e.width = strings.NewReader(list.String()), out, true, 100
	e.size = func() (int, int) { return 100, 12 }
	code := make(chan int)
	go func() { code <- run(e) }()
	out.waitFor(t, "0 of 100 answers")
	if s := out.String(); !strings.Contains(s, "…") || strings.Contains(s, fmt.Sprintf("%040x", 50)) {
		t.Errorf("in a window of 12 rows:\n%q", s)
	}
	close(gate)
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	_, final, _ := strings.Cut(out.String(), "\x1b[?25h")
	for i := range 100 {
		if !strings.Contains(final, fmt.Sprintf("%040x", i)) {
			t.Errorf("%d is missing at the end", i)
		}
	}
}

// With --watch trackers alone are checked again and again too, until the end.
func TestScrapeWatchTrackers(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"--json", "--csv", "-q", "terminal"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			url := countingTracker(t, nil)
			e, _, stderr := testEnv("scrape")
			out := new(screen)
			e.stdout, e.width = out, 100
			f := scrapeFlags{trackers: [][]string{{url}}, csv: format == "--csv", watch: option[time.Duration]{time.Second, true}}
			round := "," + url + ",ok,,yes," // what each round prints
			switch format {
			case "terminal":
				e.stdoutTerminal = true
				round = "asked at " // drawn at most twice a round
			case "--json":
				e.args = append(e.args, "--json")
				round = `{"time":"`
			case "-q":
				e.args = append(e.args, "-q")
				round = "TRACKER "
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			code := make(chan int)
			go func() {
				command := &cli.Command{Name: "scrape", Flags: []cli.Flag{e.options.jsonFlag("")}, Action: action(e, func(_ context.Context, u *ui, args []string) error {
					return runScrape(ctx, u, args, &f)
				})}
				code <- runWith(e, []*cli.Command{command})
			}()
			for strings.Count(out.String(), round) < 3 {
				time.Sleep(5 * time.Millisecond)
			}
			stop()
			if got := <-code; got != 0 {
				t.Errorf("exit code %d", got)
			}
			if said := strings.HasPrefix(stderr.String(), "bt: stopped: asked "); said == (format == "-q") {
				t.Errorf("stderr %q", stderr)
			}
			text := out.String()
			switch format {
			case "--json":
				for line := range strings.Lines(text) {
					var doc struct {
						Time     time.Time
						Trackers []struct{ URL, Status string }
					}
					if err := json.Unmarshal([]byte(line), &doc); err != nil || len(doc.Trackers) != 1 || doc.Trackers[0].URL != url || doc.Trackers[0].Status != "ok" {
						t.Errorf("%v: %q", err, line)
					}
				}
			case "--csv":
				if strings.Count(text, "time,url,") != 1 || !strings.HasPrefix(text, "time,url,") {
					t.Errorf("not one header:\n%s", text)
				}
			case "-q":
				if n := strings.Count(text, round); strings.Count(text, url) != n || strings.Count(text, "2023-11-14T") != n {
					t.Errorf("not a time and a table a round:\n%s", text)
				}
			default:
				if strings.LastIndex(text, "\x1b[?25h") < strings.LastIndex(text, "\x1b[?25l") || !strings.HasSuffix(text, "ok\x1b[0m\n") {
					t.Errorf("at the end:\n%q", text)
				}
			}
		})
	}
}

// watched returns the output of bt scrape --watch 1s, and how long it ran. Where the machine
// is too slow for two rounds in the --max-time, it is run again with twice the time.
func watched(t *testing.T, terminal bool, twice func(out string) bool, args ...string) (string, time.Duration) {
	t.Helper()
	for most := 1500 * time.Millisecond; ; most *= 2 {
		e, out, _ := testEnv(append([]string{"scrape", anyHash, "--watch", "1s", "--max-time", most.String()}, args...)...)
		if terminal {
			e.stdoutTerminal, e.width = true, 100
		}
		began := time.Now()
		code := run(e)
		took := time.Since(began)
		if !twice(out.String()) && most < 30*time.Second {
			continue
		}
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
		return out.String(), took
	}
}

func TestScrapeWatch(t *testing.T) {
	t.Parallel()
	t.Run("terminal", func(t *testing.T) {
		t.Parallel()
		url := countingTracker(t, nil)
		shown := []string{"again in 1s", "▁█"}
		s, _ := watched(t, true, func(out string) bool {
			return strings.Contains(out, shown[0]) && strings.Contains(out, shown[1])
		}, "--tracker", url)
		for _, want := range shown {
			if !strings.Contains(s, want) {
				t.Errorf("%q is not on the screen:\n%q", want, s)
			}
		}
		if strings.LastIndex(s, "\x1b[?25h") < strings.LastIndex(s, "\x1b[?25l") {
			t.Errorf("the cursor stays hidden:\n%q", s)
		}
	})
	for _, format := range []string{"--json", "--csv", "-q"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			url := countingTracker(t, nil)
			rounds := func(out string) int { return strings.Count(out, url) }
			out, took := watched(t, false, func(out string) bool { return rounds(out) >= 2 }, "--tracker", url, format)
			n := rounds(out)
			if n > int(took/time.Second)+1 {
				t.Errorf("%d rounds in %v", n, took)
			}
			lines := strings.Split(strings.TrimSpace(out), "\n")
			switch format {
			case "--json":
				if len(lines) != n || n < 2 || !strings.HasPrefix(lines[0], `{"time":"`) || !strings.Contains(lines[1], `"seeders":`) {
					t.Errorf("not a document a line:\n%s", out)
				}
			case "--csv":
				if len(lines) != 1+n || n < 2 || !strings.HasPrefix(lines[0], "time,name,") || !strings.Contains(lines[2], ","+anyHash+",v1,"+url+",1,") {
					t.Errorf("not a header and a line a round:\n%s", out)
				}
			default:
				if strings.Count(out, "TRACKER ") != n || n < 2 || !strings.Contains(out, "▁█ +") {
					t.Errorf("not a table a round:\n%s", out)
				}
			}
		})
	}
}
