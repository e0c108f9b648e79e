package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/urfave/cli/v2"
)

// printAllKinds prints one message of each kind.
func printAllKinds(_ context.Context, u *ui, _ *fakeFlags) error {
	_, _ = io.WriteString(u.out, "result\n")
	u.warn("careful with %s", "a\x1b\nb")
	u.explain("chose %d", 7)
	u.progress("working").Finish()
	return nil
}

func TestQuietAndVerbose(t *testing.T) {
	const warning = "bt: warning: careful with a\\x1b\\nb\n"
	for line, want := range map[string]string{
		"fake":                warning,
		"-q fake":             "",
		"fake -q":             "",
		"-v fake":             warning + "bt: chose 7\n",
		"fake -v":             warning + "bt: chose 7\n",
		"fake -qv":            "",
		"fake --json":         warning,
		"fake -v=false":       warning,
		"fake --color=always": "bt: \x1b[33mwarning:\x1b[0m careful with a\\x1b\\nb\n",
	} {
		got := runFake(t, printAllKinds, strings.Fields(line)...)
		if d := diff(result{0, "result\n", want}, got); d != "" {
			t.Errorf("bt %s (-want +got):\n%s", line, d)
		}
	}
}

func TestProgressIsSilentWhenQuiet(t *testing.T) {
	for _, test := range []struct {
		args []string
		want bool
	}{{[]string{"fake"}, true}, {[]string{"fake", "--json"}, true}, {[]string{"fake", "-q"}, false}} {
		runFake(t, func(_ context.Context, u *ui, _ *fakeFlags) error {
			if got := u.progress("working") != nil; got != test.want {
				t.Errorf("%v: progress %t, want %t", test.args, got, test.want)
			}
			return nil
		}, test.args...)
	}
}

// On a shared terminal, the result is printed before later output to stderr.
func TestResultBeforeStderr(t *testing.T) {
	for line, say := range map[string]func(u *ui) error{
		"bt: warning: x\n": func(u *ui) error { u.warn("x"); return nil },
		"bt: x\n":          func(u *ui) error { u.explain("x"); return nil },
		"bt: error: x\n":   func(*ui) error { return errors.New("x") },
	} {
		e, stdout, _ := testEnv("fake", "-v")
		e.stderr = stdout
		runWith(e, []*cli.Command{fakeCommand(e, func(_ context.Context, u *ui, _ *fakeFlags) error {
			_, _ = io.WriteString(u.out, "result\n")
			return say(u)
		})})
		if got := stdout.String(); got != "result\n"+line {
			t.Errorf("got %q", got)
		}
	}
}

func TestPrintJSON(t *testing.T) {
	doc := map[string]any{"url": "http://x/?a&b", "n": 1}
	for line, want := range map[string]string{
		"fake --json":         "{\n  \"n\": 1,\n  \"url\": \"http://x/?a&b\"\n}\n",
		"fake --jsonl":        "{\"n\":1,\"url\":\"http://x/?a&b\"}\n",
		"fake --json --jsonl": "{\"n\":1,\"url\":\"http://x/?a&b\"}\n",
	} {
		got := runFake(t, func(_ context.Context, u *ui, _ *fakeFlags) error {
			if !u.json {
				t.Errorf("%s: json is not set", line)
			}
			return u.printJSON(doc)
		}, strings.Fields(line)...)
		if d := diff(result{0, want, ""}, got); d != "" {
			t.Errorf("bt %s (-want +got):\n%s", line, d)
		}
	}
}

// With --jsonl an item is flushed before the next one is processed.
func TestJSONLinesFlushed(t *testing.T) {
	e, stdout, _ := testEnv("fake", "--jsonl")
	runWith(e, []*cli.Command{fakeCommand(e, func(_ context.Context, u *ui, _ *fakeFlags) error {
		err := u.printJSON(1)
		if stdout.String() != "1\n" {
			t.Errorf("stdout %q before the command ends", stdout)
		}
		return err
	})})
}

// With --json a failed command prints exactly one document.
func TestJSONFailure(t *testing.T) {
	const message = "bt: error: x: bad <bencode>\nbt: hint: fetch it again\n"
	bad := withHint(failf(exitTorrent, "x: bad <bencode>"), "fetch it again")
	errorDocument := "{\n  \"path\": \"x\",\n  \"error\": {\n    \"code\": \"torrent\",\n    \"message\": \"x: bad <bencode>\"\n  }\n}\n"
	for _, test := range []struct {
		name string
		args string
		work work
		want result
	}{
		{"plain", "fake", func(_ context.Context, u *ui, _ *fakeFlags) error {
			return bad
		}, result{3, "", message}},
		{"before the document", "fake --json", func(_ context.Context, u *ui, _ *fakeFlags) error {
			u.subject = "x"
			return bad
		}, result{3, errorDocument, message}},
		{"reported only", "fake --json", func(_ context.Context, u *ui, _ *fakeFlags) error {
			u.subject = "x"
			u.report(bad)
			return nil
		}, result{3, errorDocument, message}},
		{"without a subject, as a line", "fake --jsonl", func(_ context.Context, u *ui, _ *fakeFlags) error {
			return fail(exitRead, os.ErrNotExist)
		}, result{4, "{\"error\":{\"code\":\"read\",\"message\":\"file does not exist\"}}\n", "bt: error: file does not exist\n"}},
		{"after the document", "fake --json", func(_ context.Context, u *ui, _ *fakeFlags) error {
			if err := u.printJSON([]any{u.failedInput("x", bad), 1}); err != nil {
				return err
			}
			return bad
		}, result{3, "[\n  {\n    \"path\": \"x\",\n    \"error\": {\n      \"code\": \"torrent\",\n      \"message\": \"x: bad <bencode>\"\n    }\n  },\n  1\n]\n", message}},
		{"the answer no", "fake --json", func(_ context.Context, u *ui, _ *fakeFlags) error {
			if err := u.printJSON(false); err != nil {
				return err
			}
			return errNo
		}, result{1, "false\n", ""}},
		{"the answer no, told by the exit code", "fake --json", func(context.Context, *ui, *fakeFlags) error {
			return errNo
		}, result{1, "", ""}},
		{"a document that is none", "fake --json", func(_ context.Context, u *ui, _ *fakeFlags) error {
			return u.printJSON(math.NaN())
		}, result{4, "{\n  \"error\": {\n    \"code\": \"read\",\n    \"message\": \"encoding JSON: json: unsupported value: NaN\"\n  }\n}\n", "bt: error: encoding JSON: json: unsupported value: NaN\n"}},
	} {
		got := runFake(t, test.work, strings.Fields(test.args)...)
		if d := diff(test.want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, d)
		}
	}
}

func TestHighestCodeWins(t *testing.T) {
	for _, test := range []struct {
		reported []int
		returned error
		want     int
	}{
		{[]int{exitRead, exitTorrent}, nil, exitRead},
		{[]int{exitTorrent, exitRead}, errNo, exitRead},
		{[]int{exitUsage}, failf(exitWrite, "x"), exitWrite},
		{nil, errNo, exitNo},
	} {
		got := runFake(t, func(_ context.Context, u *ui, _ *fakeFlags) error {
			for _, code := range test.reported {
				u.report(failf(code, "an input"))
			}
			return test.returned
		}, "fake")
		if got.code != test.want {
			t.Errorf("%v, then %v: exit code %d, want %d", test.reported, test.returned, got.code, test.want)
		}
		lines := len(test.reported)
		if test.returned != nil && !errors.Is(test.returned, errNo) {
			lines++
		}
		if n := strings.Count(got.stderr, "bt: error: "); n != lines {
			t.Errorf("%v, then %v: %d errors printed, want %d", test.reported, test.returned, n, lines)
		}
	}
}

// fullDisk is a stdout whose writes fail.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) {
	return 0, &fs.PathError{Op: "write", Path: "/dev/stdout", Err: syscall.ENOSPC}
}

func TestFullDisk(t *testing.T) {
	const message = "bt: error: writing to standard output: no space left on device\n"
	big := strings.Repeat("x", 100000) // larger than the buffer
	for name, w := range map[string]struct {
		work work
		args string
		want string // expected on stderr
	}{
		"text":           {printAllKinds, "fake -q", message},
		"JSON":           {func(_ context.Context, u *ui, _ *fakeFlags) error { return u.printJSON(1) }, "fake --json", message},
		"much JSON":      {func(_ context.Context, u *ui, _ *fakeFlags) error { return u.printJSON(big) }, "fake --json", message},
		"JSON lines":     {func(_ context.Context, u *ui, _ *fakeFlags) error { return u.printJSON(1) }, "fake --jsonl", message},
		"error document": {func(context.Context, *ui, *fakeFlags) error { return failf(exitTorrent, "bad") }, "fake --json", "bt: error: bad\n" + message},
		"the answer no": {func(_ context.Context, u *ui, _ *fakeFlags) error {
			_, _ = io.WriteString(u.out, "no")
			return errNo
		}, "fake", message},
		"version":        {nil, "--version", message},
		"help":           {nil, "help", message},
		"command's help": {nil, "fake -h", message},
	} {
		e, _, stderr := testEnv(strings.Fields(w.args)...)
		e.stdout = fullDisk{}
		code := runWith(e, []*cli.Command{fakeCommand(e, w.work)})
		if code != exitWrite || stderr.String() != w.want {
			t.Errorf("%s: exit code %d, stderr %q\nwant %d, %q", name, code, stderr, exitWrite, w.want)
		}
	}
}
