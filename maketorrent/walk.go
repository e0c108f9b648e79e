package maketorrent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Symlinks says what to do with symbolic links below the content; the path
// that the user names is always followed.
type Symlinks uint8

const (
	Follow Symlinks = iota // take what they lead to
	Skip                   // leave them out
	Refuse                 // make no torrent
)

// walker collects the files of a tree in the order of the torrent: path
// component by component, as raw bytes. Directories are read in that order, so
// nothing is sorted afterwards.
type walker struct {
	ctx context.Context
	*Options

	root     string
	single   bool
	files    []metainfo.BuildFile
	sources  []piece.Source
	skipped  []Skipped
	problems Problems
}

// walk fills the walker from the content at root.
func (w *walker) walk(root string) error {
	for _, glob := range slices.Concat(w.Include, w.Exclude) {
		if !doublestar.ValidatePattern(glob) {
			return badOption("glob", "the glob %q can't be read", glob)
		}
	}
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	w.root = root
	if info.IsDir() {
		w.dir(root, nil, []fs.FileInfo{info})
		return context.Cause(w.ctx)
	}
	w.single = true
	if reason := w.own(filepath.Base(root), info); reason != "" {
		return badOption("path", "%s is the program's own file: %s", root, reason)
	}
	if rel := []string{filepath.Base(root)}; w.selected(rel) {
		w.file(root, rel, info)
	}
	return nil
}

// dir takes what is in a directory. above are the directories that lead there,
// itself included, to find links that loop.
func (w *walker) dir(path string, rel []string, above []fs.FileInfo) {
	entries, err := os.ReadDir(path)
	if err != nil {
		w.problem(path, err)
		return
	}
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return
		}
		w.entry(filepath.Join(path, e.Name()), append(slices.Clip(rel), e.Name()), e, above)
	}
}

func (w *walker) entry(path string, rel []string, e fs.DirEntry, above []fs.FileInfo) {
	if matches(w.Exclude, rel) {
		w.skip(rel, "excluded")
		return
	}
	info, err := e.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		switch w.Symlinks {
		case Skip:
			w.skip(rel, "symlink")
			return
		case Refuse:
			w.problem(path, errors.New("is a symbolic link"))
			return
		}
		info, err = os.Stat(path)
	}
	switch {
	case err != nil:
		w.problem(path, err)
	case info.IsDir():
		if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
			w.problem(path, errors.New("is a link that leads back to a directory above it"))
			return
		}
		w.dir(path, rel, append(slices.Clip(above), info))
	case w.own(e.Name(), info) != "":
		w.skip(rel, w.own(e.Name(), info))
	case metainfo.IsPadName(e.Name()):
		w.skip(rel, "padding of another client")
	case w.selected(rel):
		w.file(path, rel, info)
	}
}

// selected tells whether a file is wanted, by the globs.
func (w *walker) selected(rel []string) bool {
	switch {
	case matches(w.Exclude, rel):
		w.skip(rel, "excluded")
		return false
	case len(w.Include) > 0 && !matches(w.Include, rel):
		w.skip(rel, "not included")
		return false
	}
	return true
}

// file takes a file, if it is one.
func (w *walker) file(path string, rel []string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		w.problem(path, errors.New("is "+kind(info.Mode())))
		return
	}
	for _, name := range rel {
		if err := metainfo.CheckComponent(name); err != nil && !w.single {
			w.problem(path, fmt.Errorf("the name %q %w", name, err))
			return
		}
	}
	w.files = append(w.files, metainfo.BuildFile{Path: rel, Length: info.Size()})
	w.sources = append(w.sources, piece.Source{ID: piece.Identify(info)})
}

// path is where a file of the torrent is.
func (w *walker) path(i int) string {
	if w.single {
		return w.root
	}
	return filepath.Join(w.root, filepath.Join(w.files[i].Path...))
}

func (w *walker) own(name string, info fs.FileInfo) string {
	if w.Own == nil {
		return ""
	}
	return w.Own(name, info)
}

func kind(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	}
	return "not a regular file"
}

func (w *walker) skip(rel []string, reason string) {
	w.skipped = append(w.skipped, Skipped{display(rel), reason})
}

func (w *walker) problem(path string, err error) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	w.problems = append(w.problems, fmt.Errorf("%s: %w", path, err))
}

// matches tells whether a glob matches the path or a directory in it.
func matches(globs []string, rel []string) bool {
	for _, glob := range globs {
		glob = strings.TrimSuffix(glob, "/")
		for i := range rel {
			path := display(rel[:i+1])
			if doublestar.MatchUnvalidated(glob, path) ||
				!strings.Contains(glob, "/") && doublestar.MatchUnvalidated(glob, rel[i]) {
				return true
			}
		}
	}
	return false
}
