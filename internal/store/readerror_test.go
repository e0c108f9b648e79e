package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
)

// Disk errors may be temporary; errors that the user has to fix are not retried.
func TestIsDiskError(t *testing.T) {
	for _, test := range []struct {
		err  error
		disk bool
	}{
		{syscall.EIO, true}, {syscall.EFAULT, true}, {syscall.ENXIO, true}, {syscall.ENODEV, true},
		{syscall.ESTALE, true}, {syscall.ETIMEDOUT, true}, {syscall.ENOTCONN, true}, {syscall.EHOSTDOWN, true},
		{syscall.EACCES, false}, {syscall.EPERM, false}, {syscall.ENOENT, false}, {syscall.ENOTDIR, false},
		{syscall.EISDIR, false}, {syscall.ELOOP, false}, {syscall.ENAMETOOLONG, false},
		{syscall.EMFILE, false}, {syscall.ENFILE, false}, {syscall.ENOMEM, false},
		{io.EOF, false}, {io.ErrUnexpectedEOF, false}, {errors.New("x"), false}, {nil, false},
	} {
		err := test.err
		for range 2 {
			if got := IsDiskError(err); got != test.disk {
				t.Errorf("%v: %v", err, got)
			}
			if err != nil {
				err = fmt.Errorf("x: %w", &os.PathError{Op: "read", Path: "y", Err: err})
			}
		}
	}
}
