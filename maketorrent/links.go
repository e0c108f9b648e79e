package maketorrent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Symlinks says what to do with symbolic links in the content. Options.Path and
// Options.Inputs themselves may always be links.
type Symlinks uint8

// The choices. The zero Symlinks is SymlinksFollow.
const (
	SymlinksFollow Symlinks = iota // add their targets
	SymlinksSkip                   // leave them out
	SymlinksStore                  // store them as links (BEP 47); their targets must be in the torrent
	SymlinksRefuse                 // fail with a LinkError
)

// String returns "follow", "skip", "store" or "refuse".
func (s Symlinks) String() string { return [...]string{"follow", "skip", "store", "refuse"}[s] }

// link adds a symbolic link in the way of Options.Symlinks. If it leads to a directory,
// the files are added to the section that link returns.
func (w *walker) link(s *section, at location) (below *section) {
	switch w.Symlinks {
	case SymlinksSkip:
		s.skip(at.rel, SkipSymlink)
		return nil
	case SymlinksRefuse:
		s.problem(at.path, &LinkError{})
		return nil
	}
	info, err := os.Stat(at.path)
	switch {
	case err != nil:
		s.problem(at.path, brokenLink(err))
	case w.Symlinks == SymlinksFollow:
		return w.add(s, at, info)
	case at.list != nil:
		s.problem(at.path, &LinkError{" that is stored, so that what is listed below it can't be"})
	case w.wanted(s, at, info):
		w.store(s, at)
	}
	return nil
}

// store adds a symbolic link as such (BEP 47). Its target is a path below the torrent's
// name, so it must be in the torrent too.
func (w *walker) store(s *section, at location) {
	target, err := w.linkTarget(at.path)
	if err != nil {
		s.problem(at.path, err)
		return
	}
	if w.checkNames(s, at) {
		s.files = append(s.files, metainfo.BuildFile{Path: at.rel, Symlink: target})
		s.sources, s.ids = append(s.sources, piece.Source{Link: true}), append(s.ids, piece.Identity{})
	}
}

// linkTarget returns the path below the torrent's name that a link leads to. If that is a
// link again, it is not followed.
func (w *walker) linkTarget(path string) ([]string, error) {
	text, err := os.Readlink(path)
	switch {
	case err != nil:
		return nil, err
	case filepath.IsAbs(text):
		return nil, &LinkError{" to an absolute path, which other computers do not have: " + text}
	}
	if _, err := os.Stat(path); err != nil {
		return nil, brokenLink(err)
	}
	// Not Join, which cleans the path: ".." may follow a link.
	dir, name := filepath.Split(filepath.Dir(path) + string(filepath.Separator) + text)
	if name == "" || name == "." || name == ".." {
		dir, name = dir+name, ""
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return nil, brokenLink(err)
	}
	real := filepath.Join(dir, name)
	for i := range w.inputs {
		in := &w.inputs[i]
		rel, ok := in.below(in.real, real)
		switch {
		case ok && len(rel) == 0:
			return nil, &LinkError{" to the whole content, which a torrent can't hold: " + text}
		case ok:
			return rel, nil
		}
	}
	return nil, &LinkError{" that leads out of the content: " + text}
}

// checkLinks adds a problem for each link to a file or directory that is not in the
// torrent.
func (w *walker) checkLinks() {
	for i := range w.files {
		f := &w.files[i]
		if f.Symlink == nil {
			continue
		}
		// The files of a directory follow its place in the order.
		at, _ := slices.BinarySearchFunc(w.files, f.Symlink, func(f metainfo.BuildFile, path []string) int { return slices.Compare(f.Path, path) })
		if n := len(f.Symlink); at == len(w.files) || len(w.files[at].Path) < n || !slices.Equal(w.files[at].Path[:n], f.Symlink) {
			w.problems = append(w.problems, fmt.Errorf("%s: %w", w.path(i), &LinkError{" to what is not in the torrent: " + display(f.Symlink)}))
		}
	}
}

// A LinkError reports a symbolic link that can't be followed or, with [SymlinksStore],
// stored, or that is refused by [SymlinksRefuse]. With [SymlinksSkip] links are left out
// instead.
type LinkError struct{ reason string }

func (e *LinkError) Error() string { return "is a symbolic link" + e.reason }

// brokenLink returns the error of a link whose target can't be read because of err.
func brokenLink(err error) *LinkError {
	switch {
	case errors.Is(err, syscall.ELOOP):
		return &LinkError{" that leads back to itself"}
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return &LinkError{" that leads nowhere"}
	}
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	return &LinkError{fmt.Sprintf(" that can't be followed: %v", err)}
}
