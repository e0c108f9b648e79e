//go:build !unix

package piece

import "os"

// On other systems files are read and not mapped.

const canMap = false

type window struct{}

func (w *worker) fromMap(*feed) []byte { return nil }
func (w *worker) release(*feed)        {}
func (w *worker) unmapIdle()           {}

func (w *worker) runMapped() bool {
	w.runLanes()
	return true
}

// RunAt returns the end of the run of data, or of the hole, that an offset of a file is in.
// If that is unknown, it reports data that ends at the offset.
func RunAt(_ *os.File, offset int64) (end int64, hole bool) { return offset, false }
