//go:build unix

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/urfave/cli/v2"
)

// startWaiting runs waitMain in a separate process, and returns when its command
// is running.
func startWaiting(t *testing.T, args ...string) (*exec.Cmd, *bufio.Reader, *strings.Builder) {
	t.Helper()
	cmd := exec.Command("btwait", append([]string{"fake"}, args...)...)
	stderr := new(strings.Builder)
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // no effect if it has ended
	r := bufio.NewReader(stdout)
	expectLine(t, r, "ready")
	return cmd, r, stderr
}

func expectLine(t *testing.T, r *bufio.Reader, want string) {
	t.Helper()
	if line, err := r.ReadString('\n'); err != nil || line != want+"\n" {
		t.Fatalf("read %q, %v; want %q", line, err, want)
	}
}

func TestSignals(t *testing.T) {
	for _, test := range []struct {
		signal syscall.Signal
		code   int
		name   string
	}{
		{syscall.SIGINT, exitInterrupted, "interrupted"},
		{syscall.SIGTERM, exitTerminated, "terminated"},
		{syscall.SIGHUP, exitHangup, "hangup"},
	} {
		cmd, r, stderr := startWaiting(t, "--jsonl")
		if err := cmd.Process.Signal(test.signal); err != nil {
			t.Fatal(err)
		}
		expectLine(t, r, "cancelled")
		expectLine(t, r, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, test.name, test.name))
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != test.code {
			t.Errorf("%v: %v, want exit code %d", test.signal, err, test.code)
		}
		if want := "bt: error: " + test.name + "\n"; stderr.String() != want {
			t.Errorf("%v: stderr %q, want %q", test.signal, stderr, want)
		}
	}
}

// startInterrupted starts a process that ignores its cancellation, and sends it two SIGINT
// that come together. Where the test had no CPU between them, it takes another process.
func startInterrupted(t *testing.T) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	for {
		cmd, r, _ := startWaiting(t, "--force")
		began := time.Now()
		first, again := cmd.Process.Signal(syscall.SIGINT), cmd.Process.Signal(syscall.SIGINT)
		if time.Since(began) > oneSignal/2 {
			_ = cmd.Process.Kill()
			continue
		}
		if err := errors.Join(first, again); err != nil {
			t.Fatal(err)
		}
		return cmd, r
	}
}

// A second signal has the default behaviour and kills the process at once, unless
// it comes together with the first.
func TestSecondSignal(t *testing.T) {
	for _, second := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd, r := startInterrupted(t)
		expectLine(t, r, "cancelled")
		time.Sleep(2 * oneSignal)
		ended := make(chan error, 1)
		go func() { ended <- cmd.Wait() }()
		var err error
		for running, sent := true, 0; running; {
			if sent++; sent > 2 {
				t.Fatalf("%v does not end it", second)
			}
			_ = cmd.Process.Signal(second) // again, if the process had no CPU since the first
			select {
			case err = <-ended:
				running = false
			case <-time.After(10 * time.Second):
			}
		}
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || !status.Signaled() || status.Signal() != second {
			t.Errorf("%v: ended by %v", second, err)
		}
	}
}

// If SIGINT is ignored at the start (nohup, & in a script), it stays ignored.
func TestIgnoredSignalStaysIgnored(t *testing.T) {
	cmd := exec.Command("sh", "-c", "trap '' INT; exec btwait fake")
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	r := bufio.NewReader(stdout)
	expectLine(t, r, "ready")
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
	}
	expectLine(t, r, "cancelled")
	_, _ = io.Copy(io.Discard, r)
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != exitTerminated {
		t.Errorf("%v, want exit code %d of the SIGTERM", err, exitTerminated)
	}
}

func TestInterruptionCode(t *testing.T) {
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(&signalError{syscall.SIGINT})
	for _, test := range []struct {
		err    error
		code   int
		stderr string
	}{
		{nil, 0, ""}, // the work was done, or the signal was the normal end
		{ctx.Err(), 130, "bt: error: interrupted\n"},
		{fail(exitWrite, context.Cause(ctx)), 130, "bt: error: interrupted\n"},
		{errNo, 130, "bt: error: interrupted\n"},
		{fail(exitWrite, errors.New("a.tmp is left behind")), 130, "bt: error: a.tmp is left behind\nbt: error: interrupted\n"},
	} {
		e, _, stderr := testEnv()
		app := newApp(e, []*cli.Command{fakeCommand(e, func(context.Context, *ui, *fakeFlags) error { return test.err })})
		inv, err := parseArgs([]string{"fake"}, app.Flags, app.Commands)
		if err != nil {
			t.Fatal(err)
		}
		c, err := newContext(ctx, app, inv)
		if err != nil {
			t.Fatal(err)
		}
		var status exitStatus
		err = dispatch(e, app, inv, c)
		if !errors.As(err, &status) || int(status) != test.code || stderr.String() != test.stderr {
			t.Errorf("%v: %v, stderr %q; want %d, %q", test.err, err, stderr, test.code, test.stderr)
		}
	}
}

// codeOf needs no context for an error that wraps the cause.
func TestCodeOfASignal(t *testing.T) {
	for signal, want := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		if got := codeOf(failf(exitWrite, "x: %w", &signalError{signal})); got != want {
			t.Errorf("%v: %d, want %d", signal, got, want)
		}
	}
}

func TestStopSignals(t *testing.T) {
	ctx, stop := withSignals(context.Background())
	stop()
	if ctx.Err() == nil || interruption(ctx) != nil {
		t.Errorf("after stop: %v, interruption %v", ctx.Err(), interruption(ctx))
	}
}
