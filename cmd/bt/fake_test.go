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

type work func(ctx context.Context, u *ui, c *cli.Context) error

// fakeCommand has a flag of every kind and does what the test says.
func fakeCommand(e *env, f work) *cli.Command {
	return &cli.Command{
		Name:        "fake",
		Usage:       "do what the test says",
		UsageText:   "bt fake PATH\nbt fake --output FILE",
		Description: "bt fake -o x y\nbt fake --json y",
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "announce", Aliases: []string{"a"}, Usage: "`URL` of a tracker; again for each further tier, commas inside one tier"},
			&cli.StringFlag{Name: "output", Aliases: []string{"o"}, Usage: "write to `PATH`"},
			&cli.StringFlag{Name: "a-name-that-is-really-very-long", Usage: "any text"},
			&cli.IntFlag{Name: "jobs", Aliases: []string{"j"}, Usage: "use `N` cores"},
			&cli.Float64Flag{Name: "ratio", Hidden: true},
			&cli.BoolFlag{Name: "force", Aliases: []string{"f"}, Usage: "overwrite"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
			&cli.BoolFlag{Name: "jsonl", Usage: "print JSON lines"},
		},
		Action: action(e, f),
	}
}

// echo prints what a command sees of its command line.
func echo(_ context.Context, u *ui, c *cli.Context) error {
	_, err := fmt.Fprintf(u.out, "a=%q o=%q j=%d f=%t q=%t v=%t args=%q", c.StringSlice("announce"),
		c.String("output"), c.Int("jobs"), c.Bool("force"), u.quiet, u.verbose, c.Args().Slice())
	return err
}

type result struct {
	code           int
	stdout, stderr string
}

func diff(want, got result) string {
	return cmp.Diff(want, got, cmp.AllowUnexported(result{}))
}

// testEnv is a world without a terminal and without an environment.
func testEnv(args ...string) (e *env, stdout, stderr *bytes.Buffer) {
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &env{
		args:   args,
		stdin:  new(bytes.Buffer),
		stdout: stdout,
		stderr: stderr,
		getenv: func(string) string { return "" },
		now:    func() time.Time { return time.Unix(1700000000, 0) },
	}, stdout, stderr
}

// runFake runs a command line with the fake command doing f.
func runFake(t *testing.T, f work, args ...string) result {
	t.Helper()
	e, stdout, stderr := testEnv(args...)
	code := runWith(e, []*cli.Command{fakeCommand(e, f)})
	return result{code, stdout.String(), stderr.String()}
}

// waitMain is a bt whose fake command says that it is ready and then waits to
// be cancelled; with --force it does not stop then.
func waitMain() {
	e := osEnv()
	os.Exit(runWith(e, []*cli.Command{fakeCommand(e, func(ctx context.Context, u *ui, c *cli.Context) error {
		fmt.Fprintln(e.stdout, "ready")
		<-ctx.Done()
		fmt.Fprintln(e.stdout, "cancelled")
		if c.Bool("force") {
			time.Sleep(time.Minute) // the second signal ends it
		}
		return fmt.Errorf("waiting: %w", ctx.Err())
	})}))
}
