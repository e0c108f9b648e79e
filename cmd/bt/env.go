package main

import (
	"cmp"
	"io"
	"os"
	"strconv"
	"time"

	xterm "golang.org/x/term"

	"bt/internal/term"
)

// env holds all that a command uses of its environment, so that tests can run
// commands in process.
type env struct {
	args   []string  // without the program name
	stdin  io.Reader // see takeStdin
	stdout io.Writer
	stderr io.Writer

	stdinTaken     bool
	stdoutTerminal bool
	stderrTerminal bool
	width          int // columns of stdout; 0 if unknown

	// size, if non-nil, returns the current size of the terminal that stdout is,
	// or zeros if it is unknown.
	size func() (columns, rows int)

	// stderrWidth, if non-nil, returns the current columns of the terminal that
	// stderr is.
	stderrWidth func() int

	dirs userDirs

	given []givenFlag // the flags of the command line

	options      commonOptions
	boundsMemory bool // limit memory in proportion to the size of the input
	held         int  // bytes of inputs that stay in memory while the next one is read

	getenv func(string) string
	now    func() time.Time
}

// osEnv returns the environment of the process.
func osEnv() *env {
	return &env{
		args:           os.Args[1:],
		stdin:          os.Stdin,
		stdout:         os.Stdout,
		stderr:         os.Stderr,
		stdoutTerminal: isTerminal(os.Stdout),
		stderrTerminal: isTerminal(os.Stderr),
		width:          columns(os.Stdout, os.Getenv),
		size: func() (int, int) {
			width, height, err := xterm.GetSize(int(os.Stdout.Fd()))
			if err != nil {
				return 0, 0
			}
			return width, height
		},
		stderrWidth: func() int { return columns(os.Stderr, os.Getenv) },
		dirs:        findUserDirs(),
		getenv:      os.Getenv,
		now:         time.Now,
	}
}

// takeStdin returns standard input, which can be read once: a second reader would get
// the rest of it, or a part if both read at the same time.
func (e *env) takeStdin() (io.Reader, error) {
	if e.stdinTaken {
		return nil, failf(exitUsage, "standard input can be read once, and is read for something else already")
	}
	e.stdinTaken = true
	return e.stdin, nil
}

func isTerminal(f *os.File) bool {
	return xterm.IsTerminal(int(f.Fd()))
}

// columns returns the width of a terminal, or 0. COLUMNS is only the fallback: it
// may be older than the current size of the window, and many shells do not export
// it.
func columns(f *os.File, getenv func(string) string) int {
	if width, _, err := xterm.GetSize(int(f.Fd())); err == nil && width > 0 {
		return width
	}
	width, err := strconv.Atoi(getenv("COLUMNS"))
	if err != nil || width < 0 {
		return 0
	}
	return width
}

// window returns the current size of the terminal that stdout is, or a default.
func (e *env) window() (columns, rows int) {
	if e.size != nil {
		columns, rows = e.size()
	}
	return cmp.Or(columns, e.width), cmp.Or(rows, 24)
}

// palettes returns the colours for stdout and stderr. They depend on --color and
// on whether the stream is a terminal. Both use ASCII if the locale requires it.
func (e *env) palettes() (out, errs term.Palette) {
	mode := e.options.color.value
	out = term.NewPalette(term.UseColor(mode, e.stdoutTerminal, e.getenv))
	errs = term.NewPalette(term.UseColor(mode, e.stderrTerminal, e.getenv))
	if term.UseASCII(e.getenv) {
		out, errs = out.ASCII(), errs.ASCII()
	}
	return out, errs
}
