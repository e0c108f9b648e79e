package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"bt/internal/term"
)

// The exit codes. Scripts decide by them; with several inputs the highest wins.
const (
	exitOK          = 0
	exitNo          = 1
	exitUsage       = 2
	exitTorrent     = 3
	exitRead        = 4
	exitWrite       = 5
	exitNetwork     = 6
	exitHangup      = 129
	exitInterrupted = 130
	exitTerminated  = 143
)

// exits is the one table of exit codes: the name is what JSON says as the
// "code" of an error, the meaning is what the help says.
var exits = []struct {
	code          int
	name, meaning string
}{
	{exitOK, "", "done"},
	{exitNo, "refused", "the answer is no: damage found, findings under --strict, no tracker answered"},
	{exitUsage, "usage", "wrong usage"},
	{exitTorrent, "torrent", "not a torrent that can be used"},
	{exitRead, "read", "reading failed, or there is nothing to read"},
	{exitWrite, "write", "writing failed or was refused"},
	{exitNetwork, "network", "the network failed"},
	{exitHangup, "hangup", "the terminal was closed (SIGHUP)"},
	{exitInterrupted, "interrupted", "interrupted (SIGINT, Ctrl-C)"},
	{exitTerminated, "terminated", "terminated (SIGTERM)"},
}

func codeName(code int) string {
	for _, e := range exits {
		if e.code == code {
			return e.name
		}
	}
	return ""
}

// errNo says that the command did its work and the answer is no. The result
// has told the user already, so it sets the exit code and prints nothing.
var errNo = errors.New("the answer is no")

// errStdout is inside every error that says stdout could not be written.
var errStdout = errors.New("writing to standard output")

// exitStatus is the error of a command whose errors were all printed already:
// what is left to tell is the exit code.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// failure is an error that knows the exit code it stands for and, where one
// helps, what to do next.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail gives err an exit code; no error stays none.
func fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: code, err: err}
}

// failf is fail with a text of its own; %w works.
func failf(code int, format string, args ...any) error {
	return fail(code, fmt.Errorf(format, args...))
}

// withHint adds what to do next and keeps the exit code. No error stays none.
func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &failure{code: codeOf(err), err: err, hint: hint}
}

// stdoutError is the error of a write to stdout. It drops the name of the
// device, which the user did not choose and which is "/dev/stdout" anyway.
func stdoutError(err error) error {
	if err == nil {
		return nil
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return failf(exitWrite, "%w: %w", errStdout, err)
}

// codeOf is the exit code that err stands for. A signal wins over whatever
// code the command gave to the error that the signal caused. An error nobody
// gave a code is most likely the file system's, so it counts as reading.
func codeOf(err error) int {
	var (
		bySignal *signalError
		f        *failure
	)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errNo):
		return exitNo
	case errors.As(err, &bySignal):
		return bySignal.code()
	case errors.As(err, &f):
		return f.code
	}
	return exitRead
}

// hintOf is the outermost hint in err, "" when there is none.
func hintOf(err error) string {
	var f *failure
	if !errors.As(err, &f) {
		return ""
	}
	return cmp.Or(f.hint, hintOf(f.err))
}

// printError is the only place that words an error for the terminal. The text
// may quote a torrent, a tracker or an argument, so none of it is printed raw,
// nor with its secrets unless reveal is set.
func printError(e *env, pal term.Palette, reveal bool, err error) {
	e.say(pal.Bold(pal.Red("error:")), shownText(err.Error(), reveal))
	if hint := hintOf(err); hint != "" {
		e.say(pal.Bold("hint:"), shownText(hint, reveal))
	}
}

// say prints a message to stderr, made safe, and on a terminal broken at blanks.
func (e *env) say(label, text string) {
	columns := 0
	if e.stderrTerminal && e.stderrWidth != nil {
		columns = e.stderrWidth()
	}
	beginning := "bt: "
	if label != "" {
		beginning += label + " "
	}
	fmt.Fprintln(e.stderr, term.WrapAfter(beginning, term.Safe(text), columns))
}
