package maketorrent

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"bt/internal/piece"
)

// A listed is a tree of the paths of Options.Only. A nil *listed has everything.
type listed struct {
	whole bool // the path itself is in the list
	below map[string]*listed
}

func (l *listed) add(rel []string) {
	for _, name := range rel {
		next := l.below[name]
		if next == nil {
			next = new(listed)
			if l.below == nil {
				l.below = make(map[string]*listed)
			}
			l.below[name] = next
		}
		l = next
	}
	l.whole = true
}

// at returns the tree below a name, which is in the list.
func (l *listed) at(name string) *listed {
	if l == nil || l.below[name].whole {
		return nil
	}
	return l.below[name]
}

// readList reads Options.Only.
func (w *walker) readList() (*listed, error) {
	if w.Only == nil {
		return nil, nil
	}
	if w.whole() && !w.inputs[0].info.IsDir() {
		return nil, badOption("only", "the content is one file, %s; a list of paths needs a directory", w.inputs[0].given)
	}
	list := new(listed)
	for _, path := range w.Only {
		rel, ok := w.relative(path)
		if !ok {
			return nil, badOption("only", "%q is not in %s", path, w.describe())
		}
		list.add(rel)
	}
	switch {
	case list.whole:
		return nil, nil
	case len(list.below) == 0:
		return nil, badOption("only", "the list of paths is empty")
	}
	return list, nil
}

// relative returns a listed path as the path below the torrent's name, or false if it is
// not in the content.
func (w *walker) relative(path string) ([]string, bool) {
	clean := filepath.Clean(path)
	switch {
	case path == "":
		return nil, false
	case filepath.IsAbs(path):
	case w.whole() && slices.Contains(components(path), ".."):
		// Where ".." leads depends on the links before it.
		real, err := absolute(w.inputs[0].path + string(filepath.Separator) + path)
		if err != nil {
			return components(clean), filepath.IsLocal(clean)
		}
		clean = real
	default:
		rel := components(clean)
		return rel, filepath.IsLocal(clean) && (w.whole() || len(rel) > 0 && w.onDisk(rel) != "")
	}
	real := clean
	if dir, err := filepath.EvalSymlinks(filepath.Dir(clean)); err == nil {
		real = filepath.Join(dir, filepath.Base(clean))
	}
	for i := range w.inputs {
		in := &w.inputs[i]
		if rel, ok := in.below(in.path, clean); ok {
			return rel, true
		}
		if rel, ok := in.below(in.real, real); ok {
			return rel, true
		}
	}
	return nil, false
}

// read returns the entries of a directory that are in the list, sorted by name.
func (l *listed) read(s *section, path string) []fs.DirEntry {
	if l == nil {
		entries, err := os.ReadDir(path)
		if err != nil {
			s.problem(path, err)
		}
		return entries
	}
	var entries []fs.DirEntry
	for _, name := range slices.Sorted(maps.Keys(l.below)) {
		at := piece.Join(path, []string{name})
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			s.problem(l.below[name].first(at), ErrListed)
		case err != nil:
			s.problem(at, err)
		default:
			entries = append(entries, fs.FileInfoToDirEntry(info))
		}
	}
	return entries
}

// ErrListed is wrapped by the problem of a path in Options.Only that does not exist.
var ErrListed = errors.New("is in the list of paths, but does not exist")

// first returns the first listed path at or below path, which is that of l.
func (l *listed) first(path string) string {
	for !l.whole {
		name := slices.Min(slices.Collect(maps.Keys(l.below)))
		path = piece.Join(path, []string{name})
		l = l.below[name]
	}
	return path
}
