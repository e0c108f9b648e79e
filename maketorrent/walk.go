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

// A walker collects the files of a tree in the order of the torrent, which compares
// paths component by component, as raw bytes. It reads several directories at once, but
// keeps their sections in order, so that nothing is sorted afterwards.
type walker struct {
	ctx context.Context
	*Options
	inputs []input // sorted by name
	single bool    // the content is one file

	include, exclude []*glob

	files    []metainfo.BuildFile
	sources  []piece.Source
	skipped  []Skipped
	unseen   [][]string // excluded directories, which were not read
	problems Problems
	findings []Finding // about the choice of files, by findManners

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

// walk collects the files of the inputs.
func (w *walker) walk() error {
	for i := range w.inputs {
		if err := w.inputs[i].stat(); err != nil {
			return err
		}
	}
	w.include, w.exclude = w.readGlobs(w.Include), w.readGlobs(w.Exclude)
	list, err := w.readList()
	if err != nil {
		return err
	}
	w.limit = make(chan struct{}, 2*runtime.GOMAXPROCS(0))
	defer w.started.Wait()
	first := new(section)
	for i := range w.inputs {
		next := new(section)
		first.next = append(first.next, next)
		if err := w.input(next, &w.inputs[i], list); err != nil {
			return err
		}
	}
	w.started.Wait()
	w.join(first)
	if w.Symlinks == SymlinksStore {
		w.checkLinks()
	}
	return context.Cause(w.ctx)
}

// input adds the files of one input, whose name is not looked at: the caller chose it.
func (w *walker) input(s *section, in *input, list *listed) error {
	var rel []string
	switch {
	case in.name != "" && list != nil && list.below[in.name] == nil:
		return nil
	case in.name != "":
		rel, list = []string{in.name}, list.at(in.name)
	case !in.info.IsDir():
		rel, w.single = []string{filepath.Base(in.path)}, true
	}
	switch {
	case w.excluded(s, rel):
		if in.info.IsDir() {
			s.unseen = append(s.unseen, rel)
		}
	case in.info.IsDir():
		w.dir(s, in.path, rel, list, []fs.FileInfo{in.info})
	case w.own(in.path, in.info) != "":
		return badOption("path", "%s is the program's own file: %s", in.path, w.own(in.path, in.info))
	case list != nil:
		s.problem(list.first(in.path), syscall.ENOTDIR)
	case !w.unwanted(s, rel):
		w.file(s, in.path, rel, in.info)
	}
	return nil
}

// join appends a section, and those that follow it, to the walker's lists.
func (w *walker) join(first *section) {
	n := 0
	first.each(func(s *section) { n += len(s.files) })
	w.files, w.sources = make([]metainfo.BuildFile, 0, n), make([]piece.Source, 0, n)
	first.each(func(s *section) {
		w.files = append(w.files, s.files...)
		w.sources = append(w.sources, s.sources...)
		w.skipped = append(w.skipped, s.skipped...)
		w.unseen = append(w.unseen, s.unseen...)
		w.problems = append(w.problems, s.problems...)
		s.files, s.sources = nil, nil // free their memory
	})
}

// each calls f for a section and those that follow it, in order.
func (s *section) each(f func(s *section)) {
	f(s)
	for _, next := range s.next {
		next.each(f)
	}
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

// dir adds the files in a directory that are in the list. above lists the directory and
// its ancestors, to detect links that form a loop.
func (w *walker) dir(s *section, path string, rel []string, list *listed, above []fs.FileInfo) {
	entries := list.read(s, path)
	if len(entries) == 0 && len(s.problems) == 0 && len(rel) > 0 && (len(w.include) == 0 || matchAny(w.include, rel)) {
		s.skip(rel, SkipEmptyDirectory)
	}
	for some := range slices.Chunk(entries, chunk) {
		next := new(section)
		s.next = append(s.next, next)
		w.run(func() { w.entries(next, path, rel, some, list, above) })
	}
}

func (w *walker) entries(s *section, path string, rel []string, entries []fs.DirEntry, list *listed, above []fs.FileInfo) {
	at := s // entries after a directory are added to a section after that of the directory
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return
		}
		below := w.entry(at, piece.Join(path, []string{e.Name()}), append(slices.Clip(rel), e.Name()), e, list.at(e.Name()), above)
		if below != nil {
			at = new(section)
			s.next = append(s.next, below, at)
		}
	}
}

// entry adds one entry of a directory. If the entry is a directory, its files are added
// to the section that entry returns.
func (w *walker) entry(s *section, path string, rel []string, e fs.DirEntry, list *listed, above []fs.FileInfo) (below *section) {
	if w.excluded(s, rel) || w.leftOut(s, rel) {
		if w.isDir(path, e) {
			s.unseen = append(s.unseen, rel)
		}
		return nil
	}
	info, err := e.Info()
	link := err == nil && info.Mode()&fs.ModeSymlink != 0
	if link {
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
	stored := link && w.Symlinks == SymlinksStore
	switch {
	case err != nil:
		s.problem(path, err)
	case info.IsDir() && !stored:
		if slices.ContainsFunc(above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
			s.problem(path, &LinkError{" that leads back to a directory above it"})
			return nil
		}
		below = new(section)
		w.run(func() { w.dir(below, path, rel, list, append(slices.Clip(above), info)) })
	case list != nil && stored:
		s.problem(path, &LinkError{" that is stored, so that what is listed below it can't be"})
	case list != nil:
		s.problem(list.first(path), syscall.ENOTDIR)
	case w.own(path, info) != "":
		s.skip(rel, SkipReason(w.own(path, info)))
	case metainfo.IsPadName(e.Name()):
		s.skip(rel, SkipPadding)
	case w.unwanted(s, rel):
	case stored:
		w.link(s, path, rel)
	default:
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
	if !w.checkNames(s, path, rel) {
		return
	}
	const owner, everyone = 0o100, 0o444
	s.files = append(s.files, metainfo.BuildFile{Path: rel, Length: info.Size(), Executable: w.Attributes && info.Mode()&owner != 0})
	s.sources = append(s.sources, piece.Source{ID: piece.Identify(info), Public: info.Mode()&everyone == everyone})
}

// checkNames reports whether a torrent can have the path. If not, it adds a problem.
func (w *walker) checkNames(s *section, path string, rel []string) bool {
	for _, name := range rel {
		if err := metainfo.CheckComponent(name); err != nil && !w.single {
			s.problem(path, fmt.Errorf("the name %q %w", name, err))
			return false
		}
	}
	return true
}

// path returns the path on disk of a file of the torrent.
func (w *walker) path(i int) string {
	if w.single {
		return w.inputs[0].path
	}
	return w.onDisk(w.files[i].Path)
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
