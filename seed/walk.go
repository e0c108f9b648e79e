package seed

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// A walk is the result of walking the directory once.
type walk struct {
	torrents   []string
	watched    map[string]bool // directories, and whether they could be watched
	warnings   map[string]bool
	unreadable []string // paths that could not be read
	changed    bool     // a directory was removed during the walk
}

func (d *Directory) walk(ctx context.Context) *walk {
	w := &walk{watched: make(map[string]bool), warnings: make(map[string]bool)}
	if d.Data != "" {
		data := filepath.Clean(d.Data)
		if d.watcher != nil && len(d.found) > 0 && !slices.Contains(d.watcher.list(), data) {
			d.noData = true // it may have been replaced, and rechecks are needed
		}
		d.watch(w, data)
	}
	root := filepath.Clean(d.Path)
	// The separator makes WalkDir follow Path if that is a link.
	_ = filepath.WalkDir(d.Path+string(filepath.Separator), func(path string, e fs.DirEntry, err error) error {
		path = filepath.Clean(path)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil && path != root && errors.Is(err, fs.ErrNotExist):
			// It was removed during the walk, or a directory above it was renamed. The
			// next walk decides.
			w.unreadable, w.changed = append(w.unreadable, path), true
		case err != nil:
			// An unreadable directory does not mean that its torrents are gone.
			w.unreadable = append(w.unreadable, path)
			d.warnOnce(w, err)
		case e.IsDir():
			if path != root && !d.Recursive {
				return fs.SkipDir
			}
			d.watch(w, path) // before it is read, so that no event is missed
		case d.isTorrent(path):
			w.torrents = append(w.torrents, path)
		}
		return nil
	})
	return w
}

// warnOnce emits a warning unless the last walk had the same.
func (d *Directory) warnOnce(w *walk, err error) {
	text := err.Error()
	if !w.warnings[text] && !d.warnings[text] {
		d.warn(err)
	}
	w.warnings[text] = true
}

// mayContain reports whether a path that was not found may still exist, because a
// directory could not be read.
func (w *walk) mayContain(path, root string) bool {
	return slices.ContainsFunc(w.unreadable, func(dir string) bool {
		return dir == root || path == dir || strings.HasPrefix(path, dir+string(filepath.Separator))
	})
}

// walkWatched walks the directory until all watches are of directories that the walk
// has found. It reports whether to scan again soon.
func (d *Directory) walkWatched(ctx context.Context) (w *walk, again bool) {
	w = d.walk(ctx)
	for range 3 {
		if d.watcher == nil || d.watcher.prune(w.watched) {
			break
		}
		again = true
		d.warnings = w.warnings
		w = d.walk(ctx)
	}
	if ctx.Err() == nil {
		d.warnings = w.warnings
	}
	return w, again
}

// watch adds a directory to the watcher. Each walk calls it again, because the
// directory may have been replaced.
func (d *Directory) watch(w *walk, dir string) {
	if d.watcher == nil {
		return
	}
	err := d.watcher.add(dir)
	w.watched[dir] = err == nil
	if err != nil {
		d.warnOnce(w, fmt.Errorf("changes in %s are noticed only once a minute: %w", dir, err))
	}
}
