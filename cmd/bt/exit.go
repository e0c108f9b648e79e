package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"

	"bt/internal/term"
)

// The exit codes. Scripts depend on them. With several inputs, the highest code
// is used.
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

// exits lists the exit codes. name is the "code" of an error in JSON, meaning is
// the text in the help.
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

// errNo is returned by a command that did its work and whose answer is no. The
// result already shows why, so the error only sets the exit code.
var errNo = errors.New("the answer is no")

// Every error of writing to stdout wraps errStdout.
var errStdout = errors.New("writing to standard output")

// exitStatus is an error whose message was already printed: it only carries the
// exit code.
type exitStatus int

func (s exitStatus) Error() string { return fmt.Sprintf("exit status %d", int(s)) }

// failure is an error with an exit code and, optionally, a hint for the user.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }

// fail returns err with an exit code, or nil if err is nil.
func fail(code int, err error) error {
	if err == nil {
		return nil
	}
	return &failure{code: code, err: err}
}

// failf is like fail with a formatted error; %w wraps.
func failf(code int, format string, args ...any) error {
	return fail(code, fmt.Errorf(format, args...))
}

// withHint returns err with a hint and its exit code, or nil if err is nil.
func withHint(err error, hint string) error {
	if err == nil {
		return nil
	}
	return &failure{code: codeOf(err), err: err, hint: hint}
}

// stdoutError returns the error of a write to stdout, or nil. It omits the path
// of the device, such as /dev/stdout, which the user did not choose.
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

// codeOf returns the exit code of err. A signal takes precedence over the code of
// the error that it caused. An error without a code is most likely an error of
// the file system, so it counts as a read error.
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

// hintOf returns the outermost hint in err, or "".
func hintOf(err error) string {
	var f *failure
	if !errors.As(err, &f) {
		return ""
	}
	return cmp.Or(f.hint, hintOf(f.err))
}

// printError prints an error to the terminal. The text may quote a torrent, a
// tracker or an argument, so it is escaped, and its secrets are masked unless
// reveal is set. No other function prints errors.
func printError(e *env, pal term.Palette, reveal bool, err error) {
	e.say(pal.Bold(pal.Red("error:")), shownText(err.Error(), reveal))
	if hint := hintOf(err); hint != "" {
		e.say(pal.Bold("hint:"), shownText(hint, reveal))
	}
}

// say prints an escaped message to stderr, wrapped if stderr is a terminal.
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
