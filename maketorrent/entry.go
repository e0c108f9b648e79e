package maketorrent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"bt/internal/glob"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A location is a file or directory that the walker visits.
type location struct {
	path  string        // on disk
	rel   []string      // below the torrent's name
	list  *listed       // what is listed below it
	above []fs.FileInfo // the directories that lead to it; of a directory with itself
}

// below returns the location of an entry of a directory.
func (l location) below(name string) location {
	return location{piece.Join(l.path, []string{name}), append(slices.Clip(l.rel), name), l.list.at(name), l.above}
}

// entry adds one entry of a directory. If the entry is a directory, its files are added
// to the section that entry returns.
func (w *walker) entry(s *section, at location, e fs.DirEntry) (below *section) {
	if w.excluded(s, at.rel) || w.leftOut(s, at.rel) {
		if w.isDir(at.path, e) {
			s.unseen = append(s.unseen, at.rel)
		}
		return nil
	}
	info, err := e.Info()
	switch {
	case err != nil:
		s.problem(at.path, err)
		return nil
	case info.Mode()&fs.ModeSymlink != 0:
		return w.link(s, at)
	}
	return w.add(s, at, info)
}

// add adds what an entry is or, for a link that is followed, leads to.
func (w *walker) add(s *section, at location, info fs.FileInfo) (below *section) {
	switch {
	case info.IsDir():
		return w.subdir(s, at, info)
	case at.list != nil:
		s.problem(at.list.first(at.path), syscall.ENOTDIR)
	case w.wanted(s, at, info):
		w.file(s, at, info)
	}
	return nil
}

// subdir adds the files in a directory, unless a link leads back to it.
func (w *walker) subdir(s *section, at location, info fs.FileInfo) (below *section) {
	if slices.ContainsFunc(at.above, func(a fs.FileInfo) bool { return os.SameFile(a, info) }) {
		s.problem(at.path, &LinkError{" that leads back to a directory above it"})
		return nil
	}
	at.above = append(slices.Clip(at.above), info)
	below = new(section)
	w.run(func() { w.dir(below, at) })
	return below
}

// excluded reports whether an Exclude glob matches a path, and records it as skipped.
func (w *walker) excluded(s *section, rel []string) bool {
	if !glob.MatchAny(w.exclude, rel) {
		return false
	}
	glob.MatchAny(w.include, rel) // to record that the glob matches something
	s.skip(rel, SkipExcluded)
	return true
}

// leftOut reports whether an entry of a directory is left out because of its name, and
// records it as skipped.
func (w *walker) leftOut(s *section, rel []string) bool {
	name := rel[len(rel)-1]
	switch {
	case !w.KeepJunk && isJunk(name):
		s.skip(rel, SkipJunk)
	case w.NoHidden && strings.HasPrefix(name, "."):
		s.skip(rel, SkipHidden)
	default:
		return false
	}
	glob.MatchAny(w.include, rel) // to record that the glob matches something
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

// wanted reports whether a file or a link that is stored is content. If not, it records
// it as skipped.
func (w *walker) wanted(s *section, at location, info fs.FileInfo) bool {
	if reason := w.own(at.path, info); reason != "" {
		s.skip(at.rel, SkipReason(reason))
		return false
	}
	if metainfo.IsPadName(at.rel[len(at.rel)-1]) {
		s.skip(at.rel, SkipPadding)
		return false
	}
	return w.included(s, at.rel)
}

// own returns the reason of Options.Own to leave out a file.
func (w *walker) own(path string, info fs.FileInfo) string {
	if w.Own == nil {
		return ""
	}
	return w.Own(path, info)
}

// included reports whether an Include glob matches a path, or there is none. If not, it
// records the path as skipped.
func (w *walker) included(s *section, rel []string) bool {
	if len(w.include) == 0 || glob.MatchAny(w.include, rel) {
		return true
	}
	s.skip(rel, SkipNotIncluded)
	return false
}

// file adds a regular file. Anything else is a problem.
func (w *walker) file(s *section, at location, info fs.FileInfo) {
	if !info.Mode().IsRegular() {
		s.problem(at.path, errors.New("is "+kind(info.Mode())))
		return
	}
	if !w.checkNames(s, at) {
		return
	}
	const owner, everyone = 0o100, 0o444
	s.files = append(s.files, metainfo.BuildFile{Path: at.rel, Length: info.Size(), Executable: w.Attributes && info.Mode()&owner != 0})
	s.sources = append(s.sources, piece.Source{Public: info.Mode()&everyone == everyone})
	s.ids = append(s.ids, piece.Identify(info))
}

// checkNames reports whether a torrent can have the path. If not, it adds a problem.
func (w *walker) checkNames(s *section, at location) bool {
	for _, name := range at.rel {
		if err := metainfo.CheckComponent(name); err != nil && !w.single {
			s.problem(at.path, fmt.Errorf("the name %q %w", name, err))
			return false
		}
	}
	return true
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
