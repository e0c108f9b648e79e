package maketorrent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime"
	"slices"
	"syscall"

	"golang.org/x/sync/errgroup"

	"bt/internal/glob"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A walker collects the files of a tree in the order of the torrent, which compares
// paths component by component, as raw bytes. It reads several directories at once, but
// keeps their sections in order, so that nothing is sorted afterwards.
type walker struct {
	ctx context.Context
	*Options
	inputs []input // sorted by name
	single bool    // the content is one file

	include, exclude []*glob.Glob

	files    []metainfo.BuildFile
	sources  []piece.Source
	ids      []piece.Identity // of the sources
	skipped  []Skipped
	unseen   [][]string // excluded directories, which were not read
	problems Problems
	findings []Finding // about the choice of files, by findInFiles

	readers errgroup.Group // read directories; its limit is that of goroutines
}

// A section is a list of consecutive files, and the sections that follow them.
type section struct {
	files    []metainfo.BuildFile
	sources  []piece.Source
	ids      []piece.Identity // of the sources
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
	w.readers.SetLimit(2 * runtime.GOMAXPROCS(0))
	first := new(section)
	for i := range w.inputs {
		next := new(section)
		first.next = append(first.next, next)
		if err = w.input(next, &w.inputs[i], list); err != nil {
			break
		}
	}
	_ = w.readers.Wait() // no reader returns an error
	if err != nil {
		return err
	}
	w.join(first)
	if w.Symlinks == SymlinksStore {
		w.checkLinks()
	}
	return context.Cause(w.ctx)
}

// input adds the files of one input. The caller chose it, so its name may be hidden or
// junk.
func (w *walker) input(s *section, in *input, list *listed) error {
	at := location{path: in.path, list: list}
	switch {
	case in.name != "" && list != nil && list.below[in.name] == nil:
		return nil
	case in.name != "":
		at.rel, at.list = []string{in.name}, list.at(in.name)
	case !in.info.IsDir():
		at.rel, w.single = []string{filepath.Base(in.path)}, true
	}
	switch {
	case w.excluded(s, at.rel):
		if in.info.IsDir() {
			s.unseen = append(s.unseen, at.rel)
		}
	case in.info.IsDir():
		at.above = []fs.FileInfo{in.info}
		w.dir(s, at)
	case w.own(in.path, in.info) != "":
		return badOption("path", "%s is the program's own file: %s", in.path, w.own(in.path, in.info))
	case at.list != nil:
		s.problem(at.list.first(in.path), syscall.ENOTDIR)
	case w.included(s, at.rel):
		w.file(s, at, in.info)
	}
	return nil
}

// join appends a section, and those that follow it, to the walker's lists.
func (w *walker) join(first *section) {
	n := 0
	first.each(func(s *section) { n += len(s.files) })
	w.files, w.sources, w.ids = make([]metainfo.BuildFile, 0, n), make([]piece.Source, 0, n), make([]piece.Identity, 0, n)
	first.each(func(s *section) {
		w.files = append(w.files, s.files...)
		w.sources, w.ids = append(w.sources, s.sources...), append(w.ids, s.ids...)
		w.skipped = append(w.skipped, s.skipped...)
		w.unseen = append(w.unseen, s.unseen...)
		w.problems = append(w.problems, s.problems...)
		s.files, s.sources, s.ids = nil, nil, nil // free their memory
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
	started := w.readers.TryGo(func() error {
		f()
		return nil
	})
	if !started {
		f()
	}
}

// dir adds the files in a directory that are in the list.
func (w *walker) dir(s *section, at location) {
	entries := at.list.read(s, at.path)
	if len(entries) == 0 && len(s.problems) == 0 && len(at.rel) > 0 && (len(w.include) == 0 || glob.MatchAny(w.include, at.rel)) {
		s.skip(at.rel, SkipEmptyDirectory)
	}
	for some := range slices.Chunk(entries, chunk) {
		next := new(section)
		s.next = append(s.next, next)
		w.run(func() { w.entries(next, at, some) })
	}
}

// entries adds the files of some entries of a directory.
func (w *walker) entries(s *section, at location, entries []fs.DirEntry) {
	last := s // entries after a directory are added to a section after that of the directory
	for _, e := range entries {
		if w.ctx.Err() != nil {
			return
		}
		if below := w.entry(last, at.below(e.Name()), e); below != nil {
			last = new(section)
			s.next = append(s.next, below, last)
		}
	}
}

// path returns the path on disk of a file of the torrent.
func (w *walker) path(i int) string {
	if w.single {
		return w.inputs[0].path
	}
	return w.onDisk(w.files[i].Path)
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
