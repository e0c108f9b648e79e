package main

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"bt/repair"
)

// A file with a piece that can't be read, and that no source has, is not mended in part.
// The error says so.
func TestRefusedUnreadable(t *testing.T) {
	for err, want := range map[error]bool{
		&fs.PathError{Op: "read", Path: "d/a", Err: syscall.EIO}:    true,
		&fs.PathError{Op: "open", Path: "d/a", Err: syscall.EACCES}: false,
		repair.ErrHardLinks: false,
	} {
		hint := hintOf(refusedError(repair.Refusal{Path: "d/a", Err: err}))
		if strings.Contains(hint, "nothing of the file was mended") != want {
			t.Errorf("%v: the hint is %q", err, hint)
		}
	}
}
