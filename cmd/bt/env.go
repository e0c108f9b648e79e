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

// env is the outside world as one value, so that a test runs a command in
// process, with a world of its own.
type env struct {
	args   []string // without the name of the program
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer

	stdoutTerminal bool
	stderrTerminal bool
	width          int // columns of stdout; 0 is unknown

	// size asks the terminal behind stdout for its columns and rows, which change
	// while a command runs; 0 is unknown. nil: always.
	size func() (columns, rows int)

	// stderrWidth asks the terminal behind stderr for its columns in the same way.
	stderrWidth func() int

	stateDir, cacheDir string // "": nowhere

	options commonOptions
	lean    bool // memory is bounded by the size of the input

	getenv func(string) string
	now    func() time.Time
}

// osEnv is the world the process was started in.
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
		stateDir:    stateDir(),
		cacheDir:    cacheDir(),
		getenv:      os.Getenv,
		now:         time.Now,
	}
}

func isTerminal(f *os.File) bool {
	return xterm.IsTerminal(int(f.Fd()))
}

// columns asks the terminal first: COLUMNS is what the shell knew when the
// window had another size, and often it is not exported at all.
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

// window is the size of the terminal behind stdout, as it is now.
func (e *env) window() (columns, rows int) {
	if e.size != nil {
		columns, rows = e.size()
	}
	return cmp.Or(columns, e.width), cmp.Or(rows, 24)
}

// palettes are the colours of stdout and stderr, by --color and each by its own being
// a terminal. Both draw in ASCII where the locale wants it.
func (e *env) palettes() (out, errs term.Palette) {
	mode := e.options.color.value
	out = term.NewPalette(term.UseColor(mode, e.stdoutTerminal, e.getenv))
	errs = term.NewPalette(term.UseColor(mode, e.stderrTerminal, e.getenv))
	if term.UseASCII(e.getenv) {
		out, errs = out.ASCII(), errs.ASCII()
	}
	return out, errs
}
