package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"bt/internal/testenv"
)

// A swarmProcess is a program that runs on a host until the test ends.
type swarmProcess struct {
	*processSwarm
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan struct{}

	mu    sync.Mutex
	lines []string // lines of stdout
}

func (s *processSwarm) run(h *testenv.Host, name string, args ...string) *swarmProcess {
	s.t.Helper()
	line := h.Command(name, args...)
	p := &swarmProcess{processSwarm: s, cmd: exec.Command(line[0], line[1:]...), ended: make(chan struct{})}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = s.env, s.t.TempDir(), &p.stderr
	r, w := io.Pipe()
	p.cmd.Stdout = w
	if err := p.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // the exit status is checked elsewhere
		w.Close()
	}()
	go func() {
		defer close(p.ended)
		for b := []byte(nil); ; {
			more := make([]byte, 4096)
			n, err := r.Read(more)
			b = append(b, more[:n]...)
			for {
				line, rest, ok := bytes.Cut(b, []byte("\n"))
				if !ok {
					break // an unfinished line of a killed process
				}
				p.mu.Lock()
				p.lines = append(p.lines, string(line))
				p.mu.Unlock()
				b = rest
			}
			if err != nil {
				return
			}
		}
	}()
	s.t.Cleanup(func() {
		p.kill()
		if s.t.Failed() {
			s.t.Logf("%s: %v\n%s\n%s", name, p.cmd.ProcessState, strings.Join(p.lines, "\n"), p.stderr.Bytes()[max(0, p.stderr.Len()-8<<10):])
		}
	})
	return p
}

// kill kills the process if it has not ended.
func (p *swarmProcess) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func (p *swarmProcess) signal(s syscall.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Error(err)
	}
}

// exits waits for the end.
func (p *swarmProcess) exits(code int) {
	p.t.Helper()
	select {
	case <-p.ended:
	case <-time.After(swarmTimeout):
		p.t.Fatalf("%q goes on", p.cmd.Args)
	}
	if p.cmd.ProcessState.ExitCode() != code {
		p.t.Fatalf("%q: %v, want exit code %d", p.cmd.Args, p.cmd.ProcessState, code)
	}
}

// output returns the lines printed so far.
func (p *swarmProcess) output() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.lines)
}

// until waits until the process has printed the expected lines.
func (p *swarmProcess) until(what string, ready func() bool) {
	p.t.Helper()
	p.eventually(what, func() bool {
		if ready() {
			return true
		}
		select {
		case <-p.ended:
			if ready() {
				return true
			}
			p.t.Fatalf("%q ended: %v, before: %s", p.cmd.Args, p.cmd.ProcessState, what)
		default:
		}
		return false
	})
}

// A swarmBt is a bt process that prints events.
type swarmBt struct{ *swarmProcess }

// A swarmSeed is a bt seed process.
type swarmSeed struct{ swarmBt }

func (s *processSwarm) seed(args ...string) swarmSeed {
	s.t.Helper()
	args = append([]string{"seed", s.torrent, s.root, "--json", "--port", fmt.Sprint(swarmSeedPort)}, args...)
	return swarmSeed{swarmBt{s.run(s.a, "bt", args...)}}
}

// A swarmEvent holds the fields of a line of bt seed --json and bt get --json that the
// tests use.
type swarmEvent struct {
	Event      string `json:"event"`
	Error      string `json:"error"`
	Pieces     int    `json:"pieces"`
	Known      bool   `json:"known"`
	Seeders    int    `json:"seeders"`
	Uploaded   int64  `json:"uploaded"`
	Downloaded int64  `json:"downloaded"`
	Done       int64  `json:"done"`
	Size       int64  `json:"size"`
	Path       string `json:"path"`

	FromWebSeeds int64 `json:"from_web_seeds"`
}

// events returns the events of a kind so far, or all events if kind is "".
func (p swarmBt) events(kind string) []swarmEvent {
	p.t.Helper()
	var list []swarmEvent
	for _, line := range p.output() {
		if !strings.Contains(line, `"event":`) {
			continue // the error for which bt get ended
		}
		var e swarmEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			p.t.Fatalf("%q: %v", line, err)
		}
		if kind == "" || e.Event == kind {
			list = append(list, e)
		}
	}
	return list
}

// await waits for the nth event of a kind, counted from 1.
func (p swarmBt) await(kind string, n int) swarmEvent {
	p.t.Helper()
	p.until(fmt.Sprintf("event %q, %d times", kind, n), func() bool { return len(p.events(kind)) >= n })
	return p.events(kind)[n-1]
}

// starts waits until peers can find the seed.
func (p swarmSeed) starts() swarmSeed {
	p.t.Helper()
	if e := p.await("seeding", 1); e.Pieces != p.pieces {
		p.t.Fatalf("%d pieces, want %d", e.Pieces, p.pieces)
	}
	p.until("the tracker answers", func() bool {
		return slices.ContainsFunc(p.events("announce"), func(e swarmEvent) bool { return e.Error == "" })
	})
	return p
}

// hasNoErrors checks that there were no errors so far.
func (p swarmBt) hasNoErrors() {
	p.t.Helper()
	for _, e := range p.events("") {
		if e.Error != "" {
			p.t.Errorf("event %q: %s", e.Event, e.Error)
		}
	}
}
