package maketorrent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Symlinks says what to do with symbolic links below Options.Path. If that is a link
// itself, it is followed.
type Symlinks uint8

// The choices. The zero Symlinks is SymlinksFollow.
const (
	SymlinksFollow Symlinks = iota // take what they lead to
	SymlinksSkip                   // leave them out
	SymlinksRefuse                 // fail
)

// walker collects the files of a tree in the order of the torrent: path
// component by component, as raw bytes. Directories are read in that order, so
// nothing is sorted afterwards; several are read at once.
type walker struct {
	ctx context.Context
	*Options
	root   string
	single bool

	include, exclude []*glob

	files    []metainfo.BuildFile
	sources  []piece.Source
	skipped  []Skipped
	unseen   [][]string // directories that were left out, and not looked into
	problems Problems

	spare   chan struct{} // a place for each goroutine that may still be started
	started sync.WaitGroup
}

// A section is some consecutive files, and the sections that come after them.
type section struct {
	files    []metainfo.BuildFile
	sources  []piece.Source
	skipped  []Skipped
	unseen   [][]string
	problems Problems
	then     []*section
}

// chunk is how many entries of a directory are looked at by one goroutine.
const chunk = 512

// walk fills the walker from the content at root.
func (w *walker) walk(root string) error {
	w.include, w.exclude = readGlobs(w.Include, root, w.Path), readGlobs(w.Exclude, root, w.Path)
	w.root = root
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	first := new(section)
	if info.IsDir() {
		w.spare = make(chan struct{}, 2*runtime.GOMAXPROCS(0))
		w.dir(first, root, nil, []fs.FileInfo{info})
		w.started.Wait()
	} else {
		w.single = true
		if reason := w.own(root, info); reason != "" {
			return badOption("path", "%s is the program's own file: %s", root, reason)
		}
		if rel := []string{filepath.Base(root)}; !w.excluded(first, rel) && !w.unwanted(first, rel) {
			w.file(first, root, rel, info)
		}
	}
	w.join(first)
	return context.Cause(w.ctx)
}

// join puts sections one after another.
func (w *walker) join(s *section) {
	w.files = append(w.files, s.files...)
	w.sources = append(w.sources, s.sources...)
	w.skipped = append(w.skipped, s.skipped...)
	w.unseen = append(w.unseen, s.unseen...)
	w.problems = append(w.problems, s.problems...)
	for _, next := range s.then {
		w.join(next)
	}
	*s = section{} // a tree may be large
}

// run calls f, in a goroutine of its own if there is one to spare.
func (w *walker) run(f func()) {
	select {
	case w.spare <- struct{}{}:
		w.started.Go(func() {
			f()
			<-w.spare
		})
	default:
		f()
	}
}

// dir takes what is in a directory. above are the directories that lead there,
// itself included, to find links that loop.
func (w *walker) dir(s *section, path string, rel []string, above []fs.FileInfo) {
	entries, err := os.ReadDir(path)
	if err != nil {
		s.problem(path, err)
		return
	}
	if len(entries) == 0 && len(rel) > 0 && (len(w.include) == 0 || matchAny(w.include, rel)) {
		s.skip(rel, emptyDirectory)
	}
	for some := range slices.Chunk(entries, chunk) {
		next := new(section)
		s.then = append(s.then, next)
		w.run(func() { w.entries(next, path, rel, some, above) })
	}
}

func (w *walker) entries(s *section, path string, rel []string, entries []fs.DirEntry, above []fs.FileInfo) {
	at := s // what comes after a directory has a section after its
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return
		}
		below := w.entry(at, piece.Join(path, []string{e.Name()}), append(slices.Clip(rel), e.Name()), e, above)
		if below != nil {
			at = new(section)
			s.then = append(s.then, below, at)
		}
	}
}

// entry takes one entry of a directory. If it is a directory its files come in
// the section that is returned.
func (w *walker) entry(s *section, path string, rel []string, e fs.DirEntry, above []fs.FileInfo) (below *section) {
	if w.excluded(s, rel) {
		if w.isDir(path, e) {
			s.unseen = append(s.unseen, rel)
		}
		return nil
	}
	info, err := e.Info()
	if err == nil && info.Mode()&fs.ModeSymlink != 0 {
		switch w.Symlinks {
		case SymlinksSkip:
			s.skip(rel, "symlink")
			return nil
		case SymlinksRefuse:
			s.problem(path, &LinkError{})
			return nil
		}
		if info, err = os.Stat(path); err != nil {
			err = brokenLink(err)
		}
	}
	switch {
	case err != nil:
		s.problem(path, err)
	case info.IsDir():
		if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
			s.problem(path, &LinkError{" that leads back to a directory above it"})
			return nil
		}
		below = new(section)
		w.run(func() { w.dir(below, path, rel, append(slices.Clip(above), info)) })
	case w.own(path, info) != "":
		s.skip(rel, w.own(path, info))
	case metainfo.IsPadName(e.Name()):
		s.skip(rel, "padding of another client")
	case !w.unwanted(s, rel):
		w.file(s, path, rel, info)
	}
	return below
}

// excluded and unwanted tell what the globs leave out, and note it.
func (w *walker) excluded(s *section, rel []string) bool {
	if !matchAny(w.exclude, rel) {
		return false
	}
	matchAny(w.include, rel) // it has matched all the same
	s.skip(rel, "excluded")
	return true
}

func (w *walker) unwanted(s *section, rel []string) bool {
	if len(w.include) == 0 || matchAny(w.include, rel) {
		return false
	}
	s.skip(rel, "not included")
	return true
}

// isDir reports whether an entry is a directory, or a link to one that would be
// followed.
func (w *walker) isDir(path string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 || w.Symlinks != SymlinksFollow {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// file takes a file, if it is one.
func (w *walker) file(s *section, path string, rel []string, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		s.problem(path, errors.New("is "+kind(info.Mode())))
		return
	}
	for _, name := range rel {
		if err := metainfo.CheckComponent(name); err != nil && !w.single {
			s.problem(path, fmt.Errorf("the name %q %w", name, err))
			return
		}
	}
	s.files = append(s.files, metainfo.BuildFile{Path: rel, Length: info.Size()})
	const everyone = 0o444
	s.sources = append(s.sources, piece.Source{ID: piece.Identify(info), Public: info.Mode()&everyone == everyone})
}

// path is where a file of the torrent is.
func (w *walker) path(i int) string {
	if w.single {
		return w.root
	}
	return piece.Join(w.root, w.files[i].Path)
}

func (w *walker) own(path string, info fs.FileInfo) string {
	if w.Own == nil {
		return ""
	}
	return w.Own(path, info)
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

// emptyDirectory is why a directory is skipped in which there is nothing. One
// whose files were left out is no such: they are named themselves.
const emptyDirectory = "empty directory"

func (s *section) skip(rel []string, reason string) {
	s.skipped = append(s.skipped, Skipped{display(rel), reason})
}

func (s *section) problem(path string, err error) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	s.problems = append(s.problems, fmt.Errorf("%s: %w", path, err))
}

// A LinkError is the error of a symbolic link that can't be followed, or is not to be.
// With [SymlinksSkip] it is left out.
type LinkError struct{ reason string }

func (e *LinkError) Error() string { return "is a symbolic link" + e.reason }

// brokenLink is the problem with a link that can't be followed.
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
