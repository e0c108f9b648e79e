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

// Symlinks says what to do with symbolic links below Options.Path. Path itself may
// always be a link.
type Symlinks uint8

// The choices. The zero Symlinks is SymlinksFollow.
const (
	SymlinksFollow Symlinks = iota // add their targets
	SymlinksSkip                   // leave them out
	SymlinksRefuse                 // fail with a LinkError
)

// String returns "follow", "skip" or "refuse".
func (s Symlinks) String() string { return [...]string{"follow", "skip", "refuse"}[s] }

// A walker collects the files of a tree in the order of the torrent, which compares
// paths component by component, as raw bytes. It reads several directories at once, but
// keeps their sections in order, so that nothing is sorted afterwards.
type walker struct {
	ctx context.Context
	*Options
	root   string
	single bool

	include, exclude []*glob

	files    []metainfo.BuildFile
	sources  []piece.Source
	skipped  []Skipped
	unseen   [][]string // excluded directories, which were not read
	problems Problems

	limit   chan struct{} // semaphore: one element per running goroutine
	started sync.WaitGroup
}

// A section is a list of consecutive files, and the sections that follow them.
type section struct {
	files    []metainfo.BuildFile
	sources  []piece.Source
	skipped  []Skipped
	unseen   [][]string
	problems Problems
	next     []*section
}

// chunk is the number of directory entries that one goroutine handles.
const chunk = 512

// walk collects the files of the content at root.
func (w *walker) walk(root string) error {
	w.include, w.exclude = readGlobs(w.Include, root, w.Path), readGlobs(w.Exclude, root, w.Path)
	w.root = root
	info, err := os.Stat(root)
	if err != nil {
		return err
	}
	first := new(section)
	if info.IsDir() {
		w.limit = make(chan struct{}, 2*runtime.GOMAXPROCS(0))
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

// join appends a section, and those that follow it, to the walker's lists.
func (w *walker) join(s *section) {
	w.files = append(w.files, s.files...)
	w.sources = append(w.sources, s.sources...)
	w.skipped = append(w.skipped, s.skipped...)
	w.unseen = append(w.unseen, s.unseen...)
	w.problems = append(w.problems, s.problems...)
	for _, next := range s.next {
		w.join(next)
	}
	*s = section{} // free its memory
}

// run calls f, in a new goroutine unless the limit is reached.
func (w *walker) run(f func()) {
	select {
	case w.limit <- struct{}{}:
		w.started.Go(func() {
			f()
			<-w.limit
		})
	default:
		f()
	}
}

// dir adds the files in a directory. above lists the directory and its ancestors, to
// detect links that form a loop.
func (w *walker) dir(s *section, path string, rel []string, above []fs.FileInfo) {
	entries, err := os.ReadDir(path)
	if err != nil {
		s.problem(path, err)
		return
	}
	if len(entries) == 0 && len(rel) > 0 && (len(w.include) == 0 || matchAny(w.include, rel)) {
		s.skip(rel, SkipEmptyDirectory)
	}
	for some := range slices.Chunk(entries, chunk) {
		next := new(section)
		s.next = append(s.next, next)
		w.run(func() { w.entries(next, path, rel, some, above) })
	}
}

func (w *walker) entries(s *section, path string, rel []string, entries []fs.DirEntry, above []fs.FileInfo) {
	at := s // entries after a directory are added to a section after that of the directory
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return
		}
		below := w.entry(at, piece.Join(path, []string{e.Name()}), append(slices.Clip(rel), e.Name()), e, above)
		if below != nil {
			at = new(section)
			s.next = append(s.next, below, at)
		}
	}
}

// entry adds one entry of a directory. If the entry is a directory, its files are added
// to the section that entry returns.
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
			s.skip(rel, SkipSymlink)
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
		s.skip(rel, SkipReason(w.own(path, info)))
	case metainfo.IsPadName(e.Name()):
		s.skip(rel, SkipPadding)
	case !w.unwanted(s, rel):
		w.file(s, path, rel, info)
	}
	return below
}

// excluded reports whether an Exclude glob matches a path, and records it as skipped.
func (w *walker) excluded(s *section, rel []string) bool {
	if !matchAny(w.exclude, rel) {
		return false
	}
	matchAny(w.include, rel) // to record that the glob matches something
	s.skip(rel, SkipExcluded)
	return true
}

// unwanted reports whether no Include glob matches a path, and records it as skipped.
func (w *walker) unwanted(s *section, rel []string) bool {
	if len(w.include) == 0 || matchAny(w.include, rel) {
		return false
	}
	s.skip(rel, SkipNotIncluded)
	return true
}

// isDir reports whether an entry is a directory, or a link to a directory that the
// walker follows.
func (w *walker) isDir(path string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 || w.Symlinks != SymlinksFollow {
		return e.IsDir()
	}
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// file adds a regular file. Anything else is a problem.
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

// path returns the path on disk of a file of the torrent.
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

func (s *section) skip(rel []string, reason SkipReason) {
	s.skipped = append(s.skipped, Skipped{display(rel), reason})
}

func (s *section) problem(path string, err error) {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = pathErr.Err
	}
	s.problems = append(s.problems, fmt.Errorf("%s: %w", path, err))
}

// A LinkError reports a symbolic link that can't be followed, or that is refused by
// [SymlinksRefuse]. With [SymlinksSkip] links are left out instead.
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
