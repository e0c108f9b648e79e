package seed

import (
	"errors"
	"os"
	"syscall"
	"testing"
	"time"

	"bt/maketorrent"
)

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
