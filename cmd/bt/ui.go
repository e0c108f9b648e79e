package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"bt/internal/term"
)

// What is printed where:
//
//   - stdout carries the result and nothing else; it is buffered, and a full
//     disk behind it is an error
//   - stderr carries progress, warnings, explanations and errors
//   - -q leaves the result and the errors; -v adds explanations
//   - with --json stdout is one document, also when the command fails

// ui is what a command prints with. It belongs to one goroutine.
type ui struct {
	env     *env
	command string

	quiet, verbose bool
	json           bool // one document on stdout; also set by --jsonl
	jsonl          bool // one item per line
	reveal         bool // show secrets; see secrets.go

	out    *bufio.Writer // stdout
	pal    term.Palette  // for out
	errPal term.Palette  // for stderr

	// subject is the "path" of the JSON error document; commands set it as
	// soon as they know what they work on.
	subject string

	bar     *term.Progress // the one shown now, if any
	printed bool           // a JSON document is out, or on its way
	passed  int            // files of macOS that were passed over
	ended   bool           // a signal ends what was to go on until one came; how it went is said
	worst   error          // the error with the highest exit code so far
}

// action makes the cli.ActionFunc of a command from the function that does the
// work. The function returns nil, errNo, or an error, which is printed here;
// what it has reported itself it need not return.
func action(e *env, f func(ctx context.Context, u *ui, args []string) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		u := newUI(c.Context, e, c.Command.Name)
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

// finish says how the command ended and leaves only the exit code to tell.
func (u *ui) finish(ctx context.Context, err error) exitStatus {
	if cause := interruption(ctx); err != nil && cause != nil {
		// That the context was cancelled is no news beside the signal; what
		// else went wrong meanwhile (a file that could not be removed) is.
		if !errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
			u.report(err)
		}
		err = cause
	}
	u.report(err)
	if u.passed > 0 {
		u.warn("passed over %s with macOS's metadata of others (AppleDouble)", count(u.passed, "file"))
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

// report prints an error and remembers it: the highest exit code of all that
// was reported or returned is the command's. It is for commands with several
// inputs, which go on after a failure; errNo is remembered only, and so is a
// signal that was the end asked for.
func (u *ui) report(err error) {
	if err == nil {
		return
	}
	if u.worst == nil || codeOf(err) > codeOf(u.worst) {
		u.worst = err
	}
	if _, bySignal := errors.AsType[*signalError](err); !errors.Is(err, errNo) && !(bySignal && u.ended) {
		u.settle()
		printError(u.env, u.errPal, u.reveal, err)
	}
}

// warn tells what the user should know although the command goes on.
func (u *ui) warn(format string, args ...any) {
	if u.quiet {
		return
	}
	u.settle()
	u.env.say(u.errPal.Yellow("warning:"), u.shownText(fmt.Sprintf(format, args...)))
}

// hint tells what to do next where there is no error to say it with.
func (u *ui) hint(text string) {
	if u.quiet {
		return
	}
	u.settle()
	u.env.say(u.errPal.Bold("hint:"), text)
}

// explain tells with -v why something was chosen.
func (u *ui) explain(format string, args ...any) {
	if u.quiet || !u.verbose {
		return
	}
	u.settle()
	u.env.say("", u.shownText(fmt.Sprintf(format, args...)))
}

// settle clears the way for a line on stderr, where it may meet the bar and the
// result on one terminal. The bar comes back with its next update; the writer
// keeps its error for finish.
func (u *ui) settle() {
	u.bar.Finish()
	_ = u.out.Flush()
}

// progress starts to show how far a job has come, with -q nothing (a nil
// *term.Progress is silent). It goes to stderr and does not disturb --json.
func (u *ui) progress(label string) *term.Progress {
	if u.quiet {
		return nil
	}
	var columns func() int // nil: no terminal
	if u.env.stderrTerminal && u.env.getenv("TERM") != "dumb" {
		if columns = u.env.stderrWidth; columns == nil {
			columns = func() int { return 0 }
		}
	}
	u.bar = term.NewProgress(u.env.stderr, u.errPal, columns, label)
	return u.bar
}

// printJSON prints a document, or with --jsonl one line, which is out when
// printJSON returns.
func (u *ui) printJSON(v any) error {
	enc := json.NewEncoder(safeWriter{u.out})
	enc.SetEscapeHTML(false) // URLs are full of &
	if !u.jsonl {
		enc.SetIndent("", "  ")
	}
	if err := enc.Encode(v); err != nil {
		if unsupported, ok := errors.AsType[*json.UnsupportedValueError](err); ok {
			return fmt.Errorf("encoding JSON: %w", unsupported)
		}
		u.printed = true // as far as it went
		return stdoutError(err)
	}
	u.printed = true
	if u.jsonl {
		return stdoutError(u.out.Flush())
	}
	return nil
}

// stoppableWriter gives up on a reader that does not read (a pipe to a stopped
// program) soon after ctx has ended. What it was writing then waits on for the
// end of the process.
type stoppableWriter struct {
	ctx context.Context
	w   io.Writer
}

// lastWords is how long a write may take after ctx has ended.
const lastWords = 500 * time.Millisecond

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
	case <-time.After(lastWords):
		return 0, context.Cause(s.ctx)
	}
}

// safeWriter passes JSON on as it may be shown.
type safeWriter struct{ w io.Writer }

func (s safeWriter) Write(b []byte) (int, error) {
	if _, err := s.w.Write(term.SafeJSON(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// jsonFailure stands for an input that failed: as the whole document, or among
// the items of a list.
type jsonFailure struct {
	Time  *time.Time `json:"time,omitempty"` // of bt scrape, whose JSON always has it
	Path  string     `json:"path,omitempty"`
	Error jsonError  `json:"error"`
}

type jsonError struct {
	Code    string `json:"code"` // the name of an exit code
	Message string `json:"message"`
}

// failureDocument is the document of a command that failed as a whole.
func (u *ui) failureDocument(err error) jsonFailure {
	doc := u.failedInput(u.subject, err)
	if u.command == "scrape" {
		now := u.env.now().UTC().Truncate(time.Second)
		doc.Time = &now
	}
	return doc
}

// failedInput makes the item of an input that failed. The path is as its caller gives
// it: in a list it tells which input failed.
func (u *ui) failedInput(path string, err error) jsonFailure {
	return jsonFailure{Path: path, Error: jsonError{Code: codeName(codeOf(err)), Message: u.shownText(err.Error())}}
}
