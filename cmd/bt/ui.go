package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
)

// Output:
//
//   - stdout carries only the result; it is buffered, and a failed write is
//     an error
//   - stderr carries progress, warnings, explanations and errors
//   - -q leaves the result and the errors; -v adds explanations
//   - with --json stdout is one document, also if the command fails

// ui prints the output of one command. It must be used by one goroutine only.
type ui struct {
	env     *env
	command string

	quiet, verbose bool
	json           bool // print one document; also set by --jsonl
	jsonl          bool // print one item per line
	reveal         bool // do not mask secrets; see secrets.go

	out    *bufio.Writer // stdout
	pal    term.Palette  // for out
	errPal term.Palette  // for stderr

	// subject is the "path" of the JSON error document. Commands set it as soon
	// as it is known.
	subject string

	bar *term.Progress // the current one, or nil

	// set sets a flag of the command, as if the command line had it.
	set func(flag, value string) error

	outcome
}

// outcome is what a command has done so far. From it finish makes the end of the
// output and the exit code.
type outcome struct {
	printed bool  // a JSON document was printed, possibly in part
	skipped int   // number of macOS files that were skipped
	ended   bool  // a signal is the normal end of the command, which has printed its result
	worst   error // the error with the highest exit code so far
}

// action returns a cli.ActionFunc that runs f and prints the error that f
// returns, except errNo. f need not return errors that it has passed to report.
func action(e *env, f func(ctx context.Context, u *ui, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		u := newUI(c.Context, e, c.Command.Name)
		u.set = c.Set
		return u.finish(c.Context, f(c.Context, u, c.Args().Slice()))
	}
}

func newUI(ctx context.Context, e *env, command string) *ui {
	o := &e.options
	u := &ui{
		env:     e,
		command: command,
		quiet:   o.quiet,
		verbose: o.verbose,
		json:    o.json || o.jsonl,
		jsonl:   o.jsonl,
		reveal:  o.reveal,
		out:     bufio.NewWriterSize(stoppableWriter{ctx, e.stdout}, 64<<10),
	}
	u.pal, u.errPal = e.palettes()
	return u
}

// finish prints the error of a command and returns the exit code.
func (u *ui) finish(ctx context.Context, err error) exitStatus {
	if cause := interruption(ctx); err != nil && cause != nil {
		// The cancellation is a result of the signal and not reported. Other
		// errors, such as a file that could not be removed, are.
		if !errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
			u.report(err)
		}
		err = cause
	}
	u.report(err)
	if u.skipped > 0 {
		u.warn("skipped %s with macOS's metadata of other files (AppleDouble)", count(u.skipped, "file"))
	}
	if u.json && !u.printed && u.worst != nil && !errors.Is(u.worst, errNo) {
		u.report(u.printJSON(u.failureDocument(u.worst)))
	}
	u.bar.Finish()
	if err := u.out.Flush(); err != nil && !errors.Is(u.worst, errStdout) {
		u.report(stdoutError(err))
	}
	return exitStatus(codeOf(u.worst))
}

// report prints an error, and keeps it if its exit code is the highest so far.
// Commands with several inputs call it and continue. It does not print errNo, or
// a signal that is the normal end of the command.
func (u *ui) report(err error) {
	if err == nil {
		return
	}
	u.keep(err)
	if u.isPrinted(err) {
		u.settle()
		printError(u.env, u.errPal, u.reveal, err)
	}
}

// keep keeps an error if its exit code is the highest so far.
func (o *outcome) keep(err error) {
	if o.worst == nil || codeOf(err) > codeOf(o.worst) {
		o.worst = err
	}
}

// isPrinted reports whether an error is printed: not errNo, which says that the
// result is printed already, nor a signal that is the normal end.
func (o *outcome) isPrinted(err error) bool {
	_, bySignal := errors.AsType[*signalError](err)
	return !errors.Is(err, errNo) && !(bySignal && o.ended)
}

// warn prints a warning, which does not affect the exit code.
func (u *ui) warn(format string, args ...any) {
	if u.quiet {
		return
	}
	u.settle()
	u.env.say(u.errPal.Yellow("warning:"), u.shownText(fmt.Sprintf(format, args...)))
}

// hint prints a hint that belongs to no error.
func (u *ui) hint(text string) {
	if u.quiet {
		return
	}
	u.settle()
	u.env.say(u.errPal.Bold("hint:"), text)
}

// explain prints, with -v, why something was chosen.
func (u *ui) explain(format string, args ...any) {
	if u.quiet || !u.verbose {
		return
	}
	u.settle()
	u.env.say("", u.shownText(fmt.Sprintf(format, args...)))
}

// printText prints a line of the result, wrapped to the width of the terminal. The lines
// below are indented.
func (u *ui) printText(text string) error {
	_, err := fmt.Fprintln(u.out, term.WrapHanging(text, "  ", u.env.width))
	return stdoutError(err)
}

// printColored is printText for a text that has one color.
func (u *ui) printColored(color func(string) string, text string) error {
	for line := range strings.SplitSeq(term.WrapHanging(text, "  ", u.env.width), "\n") {
		if _, err := fmt.Fprintln(u.out, color(line)); err != nil {
			return stdoutError(err)
		}
	}
	return nil
}

// settle removes the progress bar and flushes stdout before a line is printed to
// stderr, because all may be on one terminal. The next update draws the bar
// again. finish reports the error of the flush.
func (u *ui) settle() {
	u.bar.Finish()
	_ = u.out.Flush()
}

// progress starts a progress bar on stderr. With -q it returns nil, which is
// valid and prints nothing.
func (u *ui) progress(label string) *term.Progress {
	if u.quiet {
		return nil
	}
	var columns func() int // nil without a terminal
	if u.env.stderrTerminal && !term.IsDumb(u.env.getenv) {
		if columns = u.env.stderrWidth; columns == nil {
			columns = func() int { return 0 }
		}
	}
	u.bar = term.NewProgress(u.env.stderr, u.errPal, columns, label)
	return u.bar
}

// printJSON prints a JSON document, indented or, with --jsonl, on one line, which
// it flushes.
func (u *ui) printJSON(v any) error {
	enc := json.NewEncoder(safeWriter{u.out})
	enc.SetEscapeHTML(false) // URLs contain &
	if !u.jsonl {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		if unsupported, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
			return fmt.Errorf("encoding JSON: %w", unsupported)
		}
		u.printed = true // possibly incomplete
		return stdoutError(err)
	}
	u.printed = true
	if u.jsonl {
		return stdoutError(u.out.Flush())
	}
	return nil
}

// stoppableWriter is a Writer that, after ctx has ended, gives up on a reader
// that does not read, such as a pipe to a stopped program. The blocked write may
// remain until the process exits.
type stoppableWriter struct {
	ctx context.Context
	w   io.Writer
}

// writeGrace is how long a write may take after ctx has ended.
const writeGrace = 500 * time.Millisecond

func (s stoppableWriter) Write(b []byte) (int, error) {
	type result struct {
		n   int
		err error
	}
	done := make(chan result, 1)
	go func() {
		n, err := s.w.Write(b)
		done <- result{n, err}
	}()
	select {
	case r := <-done:
		return r.n, r.err
	case <-s.ctx.Done():
	}
	select {
	case r := <-done:
		return r.n, r.err
	case <-time.After(writeGrace):
		return 0, context.Cause(s.ctx)
	}
}

// safeWriter escapes JSON for the terminal.
type safeWriter struct{ w io.Writer }

func (s safeWriter) Write(b []byte) (int, error) {
	if _, err := s.w.Write(term.SafeJSON(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// jsonFailure is the JSON for an input that failed, as the whole document or as
// an item of a list.
type jsonFailure struct {
	Time  *time.Time `json:"time,omitempty"` // only bt scrape has it
	Path  string     `json:"path,omitempty"`
	Error jsonError  `json:"error"`
}

type jsonError struct {
	Code    string `json:"code"` // a name of exits
	Message string `json:"message"`
}

// failureDocument returns the document of a command that failed.
func (u *ui) failureDocument(err error) jsonFailure {
	doc := u.failedInput(u.subject, err)
	if u.command == "scrape" {
		now := u.env.now().UTC().Truncate(time.Second)
		doc.Time = &now
	}
	return doc
}

// failedInput returns the item for an input that failed. path identifies the
// input in a list.
func (u *ui) failedInput(path string, err error) jsonFailure {
	return jsonFailure{Path: path, Error: jsonError{Code: codeName(codeOf(err)), Message: u.shownText(err.Error())}}
}
