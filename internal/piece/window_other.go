//go:build !unix

package piece

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
