package seed

import (
	"errors"
	"path/filepath"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// A watcher collects the file system events of directories. A goroutine of its own
// receives them, because an fsnotify.Watcher whose events are not received may block
// calls of its Add.
type watcher struct {
	fs    *fsnotify.Watcher
	news  chan struct{} // signals new events; has a buffer of one
	ended chan struct{} // closed when collect returns

	mu    sync.Mutex
	names map[string]fsnotify.Op
	err   error // non-nil: events were lost
}

func newWatcher() (*watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, err
	}
	w := &watcher{fs: fs, news: make(chan struct{}, 1), ended: make(chan struct{}), names: make(map[string]fsnotify.Op)}
	go w.collect()
	return w, nil
}

// close ends the watcher and waits for its goroutine.
func (w *watcher) close() {
	w.fs.Close()
	<-w.ended
}

func (w *watcher) add(dir string) error { return w.fs.Add(dir) }

// list returns the watched directories.
func (w *watcher) list() []string { return w.fs.WatchList() }

// prune removes watches of directories that no longer exist. watched has the others,
// and whether they could be watched. prune returns false if a removed watch has
// prevented another one: the directory was renamed.
func (w *watcher) prune(watched map[string]bool) bool {
	has := make(map[string]bool)
	for _, dir := range w.list() {
		if has[dir] = true; !watched[dir] {
			_ = w.fs.Remove(dir) // an error means that the watch is already removed
		}
	}
	for dir, ok := range watched {
		if ok && !has[dir] {
			return false
		}
	}
	return true
}

// maxNames is the maximum number of names in fileEvents.
const maxNames = 10_000

// collect receives events until the watcher is closed.
func (w *watcher) collect() {
	defer close(w.ended)
	events, errs := w.fs.Events, w.fs.Errors
	for events != nil || errs != nil {
		var e fsnotify.Event
		var err error
		var ok bool
		select {
		case e, ok = <-events:
			if !ok {
				events = nil
				continue
			}
		case err, ok = <-errs:
			if !ok {
				errs = nil
				continue
			}
			if errors.Is(err, syscall.EINVAL) {
				continue // fsnotify: a watched directory was moved and then removed
			}
		}
		w.mu.Lock()
		switch {
		case err != nil:
			w.err = err
		case len(w.names) < maxNames:
			w.names[filepath.Clean(e.Name)] |= e.Op
		default:
			w.err = fsnotify.ErrEventOverflow
		}
		w.mu.Unlock()
		select {
		case w.news <- struct{}{}:
		default:
		}
	}
}

// take returns the events since the last call, and an error if some were lost.
func (w *watcher) take() (names map[string]fsnotify.Op, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	names, err = w.names, w.err
	w.names, w.err = make(map[string]fsnotify.Op), nil
	return names, err
}
