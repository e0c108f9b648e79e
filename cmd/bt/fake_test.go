package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

type work func(ctx context.Context, u *ui, f *fakeFlags) error

// fakeFlags holds the flags and arguments of the fake command.
type fakeFlags struct {
	announce []string
	output   option[string]
	long     option[string]
	jobs     option[int]
	force    bool
	args     []string
}

// fakeCommand returns a command with a flag of each kind, which calls do.
func fakeCommand(e *env, do work) *cli.Command {
	var f fakeFlags
	return &cli.Command{
		Name:        "fake",
		Usage:       "do what the test says",
		UsageText:   "bt fake PATH\nbt fake --output FILE",
		Description: "bt fake -o x y\nbt fake --json y",
		Flags: append([]cli.Flag{
			listFlag(&f.announce, texts, "announce", "`URL` of a tracker; again for each further tier, commas inside one tier", "a"),
			valueFlag(&f.output, text, "output", "write to `PATH`", "o"),
			valueFlag(&f.long, text, "a-name-that-is-really-very-long", "any text"),
			valueFlag(&f.jobs, numberFrom(-1), "jobs", "use `N` cores", "j"),
			switchFlag(&f.force, "force", "overwrite", "f"),
			e.options.jsonFlag("print JSON"),
		}, e.options.jsonFlags()[1]),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error {
			f.args = args
			return do(ctx, u, &f)
		}),
	}
}

// echo prints the flags and arguments that a command gets.
func echo(_ context.Context, u *ui, f *fakeFlags) error {
	_, err := fmt.Fprintf(u.out, "a=%q o=%q j=%d f=%t q=%t v=%t args=%q",
		f.announce, f.output.value, f.jobs.value, f.force, u.quiet, u.verbose, f.args)
	return err
}

type result struct {
	code           int
	stdout, stderr string
}

func diff(want, got result) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(result{}))
}

// testEnv returns an env without a terminal and without environment variables but TERM,
// which tests that set a terminal need.
func testEnv(args ...string) (e *env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &env{
		args:   args,
		stdin:  new(bytes.Buffer),
		stdout: stdout,
		stderr: stderr,
		getenv: func(key string) string { return map[string]string{"TERM": "xterm"}[key] },
		now:    func() time.Time { return time.Unix(1700000000, 0) },
	}, stdout, stderr
}

// runFake runs a command line with the fake command, which calls f.
func runFake(t *testing.T, f work, args ...string) result {
	t.Helper()
	e, stdout, stderr := testEnv(args...)
	code := runWith(e, []*cli.Command{fakeCommand(e, f)})
	return result{code, stdout.String(), stderr.String()}
}

// waitMain runs a bt whose fake command prints a line and waits until it is
// cancelled. With --force it ignores the cancellation.
func waitMain() {
	e := osEnv()
	os.Exit(runWith(e, []*cli.Command{fakeCommand(e, func(ctx context.Context, u *ui, f *fakeFlags) error {
		fmt.Fprintln(e.stdout, "ready")
		<-ctx.Done()
		fmt.Fprintln(e.stdout, "cancelled")
		if f.force {
			time.Sleep(time.Minute) // until the second signal kills the process
		}
		return fmt.Errorf("waiting: %w", ctx.Err())
	})}))
}
