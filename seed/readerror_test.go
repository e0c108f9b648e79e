package seed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"bt/maketorrent"
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
			if got := isDiskError(err); got != test.disk {
				t.Errorf("%v: %v", err, got)
			}
			if err != nil {
				err = fmt.Errorf("x: %w", &os.PathError{Op: "read", Path: "y", Err: err})
			}
		}
	}
}

// A check that failed for lack of descriptors or memory is repeated, although the
// data has not changed.
func TestScarcityPasses(t *testing.T) {
	for _, lack := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		meta, root := makeContent(t, maketorrent.FormatV1, 100_000)
		r := start(t, Options{recheckEvery: 20 * time.Millisecond}, Input{Torrent: meta, Path: root})
		tt := r.all()[0]
		m := loadedOf(t, tt)
		m.found = time.Now().Add(time.Hour) // so that no file is recent
		_, seen := tt.now()
		tt.fail(&os.PathError{Op: "open", Path: "x", Err: lack}, m, &seen)
		awaitEvent(t, r, func(e EventFailed) bool { return errors.Is(e.Err, lack) })
		awaitEvent(t, r, func(EventSeeding) bool { return true })
		r.stop()
	}
}
