package maketorrent

import (
	"errors"
	"fmt"

	"bt/internal/piece"
)

// ErrEmpty is returned if the content has no bytes.
var ErrEmpty = errors.New("there is no content: no file, or only empty ones")

// Problems are the errors of all files that can't be in the torrent. Most wrap a
// *[FileError] or a *[LinkError].
type Problems []error

func (p Problems) Error() string {
	if len(p) == 1 {
		return p[0].Error()
	}
	return fmt.Sprintf("%v (and %d more)", p[0], len(p)-1)
}

func (p Problems) Unwrap() []error { return p }

func problemsOf(faults []*piece.Fault) Problems {
	var problems Problems
	for _, f := range faults {
		problems = append(problems, f)
	}
	return problems
}

// A FileError reports a file that can't be in the torrent: its Path, the Cause, and
// Err, the operating system's error, if any. It wraps Err.
type FileError = piece.Fault

// A FileCause is the cause of a [FileError].
type FileCause = piece.Cause

// The causes.
const (
	FileMissing    = piece.CauseMissing    // the file does not exist
	FileNotAFile   = piece.CauseNotAFile   // a directory, socket or device
	FileUnreadable = piece.CauseUnreadable // the file can't be opened or read
	FileChanged    = piece.CauseChanged    // the file changed while it was hashed
)

// An OptionError reports an invalid option.
type OptionError struct {
	Option string // "path", "name", "inputs", "stream", "glob", "only", "piece length", "torrent size" or "date"
	Err    error
}

func (e *OptionError) Error() string { return e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

func badOption(option, format string, args ...any) error {
	return &OptionError{option, fmt.Errorf(format, args...)}
}
