package main

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"bt/internal/metainfo"
	"bt/repair"
)

// The sources of bt verify --repair.

// sourceNames accepts a value of --from.
func sourceNames(s string) ([]string, error) {
	var list []string
	return list, eachLine(s, func(s string) error {
		if s == "" {
			return errors.New("the source is empty")
		}
		if isURL(s) {
			if err := metainfo.CheckURL(s, httpSeedSchemes...); err != nil {
				return fmt.Errorf("the URL %q %w", metainfo.MaskURL(s), err)
			}
		}
		list = append(list, s)
		return nil
	})
}

func isURL(s string) bool { return strings.Contains(s, "://") }

// sources returns the sources of the run. First are files on disk that need no proof but
// hashing: those of the plan, and those that were found.
func (m *mending) sources() (list []repair.Source, err error) {
	add := func(name string, s repair.Source) {
		m.names, list = append(m.names, name), append(list, s)
	}
	m.names = nil
	if len(m.planned) > 0 {
		add("the files of --plan", repair.Source{Files: m.planned})
	}
	if found := m.found(); len(found) > 0 {
		add("the files found by --search", repair.Source{Files: found})
	}
	for _, name := range m.flags.from {
		s := repair.Source{Path: name}
		switch {
		case isURL(name):
			s = repair.Source{URL: name}
		default:
			if torrent, path, ok := m.otherTorrent(name); ok {
				s.Path = path
				if s.Torrent, err = readTorrent(m.ctx, m.u.env, torrent); err != nil {
					return nil, err
				}
				if _, err := s.Torrent.Content(); err != nil {
					return nil, usable(torrent, err)
				}
			}
			if _, err := os.Stat(s.Path); err != nil {
				return nil, readError(s.Path, err)
			}
		}
		add(name, s)
	}
	return list, nil
}

// otherTorrent returns the torrent that a source names, and where its data is: beside
// it, or after =. The content itself may be a .torrent file.
func (m *mending) otherTorrent(name string) (torrent, path string, ok bool) {
	info, err := os.Stat(name)
	if err != nil {
		torrent, path, ok = torrentAndData(name)
		return torrent, path, ok && isTorrent(torrent)
	}
	dir, _ := filepath.Split(name)
	return name, cmp.Or(dir, "."), info.Mode().IsRegular() && !isContent(m.torrent, info) && isTorrent(name)
}

// isFiles reports whether a source is not one of --from.
func (m *mending) isFiles(source int) bool { return source < len(m.names)-len(m.flags.from) }

// reportChanged reports the files of a plan that are not what it says.
func (m *mending) reportChanged(files []int) {
	for i, file := range files {
		if i == maxRefused {
			m.u.warn("--plan: %s more changed since it was written", count(len(files)-maxRefused, "file"))
			return
		}
		at := m.planned[file]
		f, err := os.Open(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			m.u.warn("--plan: %s: it is gone", shown(at))
		case err != nil:
			m.u.warn("--plan: %v", unreadable(err))
		default:
			f.Close()
			m.u.warn("--plan: %s: it has changed since the plan was written", shown(at))
		}
	}
}

// torrentAndData splits a source of the form TORRENT=PATH.
func torrentAndData(name string) (torrent, path string, ok bool) {
	torrent, path, ok = strings.Cut(name, ".torrent=")
	return torrent + ".torrent", path, ok
}

// reportSources reports what was wrong with the sources.
func (m *mending) reportSources() {
	left := m.verdict.Pieces.Total - m.verdict.Pieces.Good - m.repaired.Pieces
	for i, s := range m.repaired.Sources {
		name := m.names[i]
		if m.isFiles(i) {
			if i == 0 && m.planned != nil {
				m.reportChanged(s.Changed)
			}
			continue
		}
		m.u.explain("%s: %s, %s found there", m.u.shownArg(name), count(s.Files, "file"), count(s.Pieces, "bad piece"))
		switch {
		case s.Err != nil && left > 0:
			m.u.report(failf(exitNetwork, "%s: %w", m.u.shownArg(name), s.Err))
		case s.Err != nil:
			m.u.warn("%s: %v", m.u.shownArg(name), s.Err)
		case s.Files == 0 && !isURL(name):
			m.u.warn("%s: %s", name, nothingThere)
		}
		if s.Wrong > 0 {
			m.u.warn("%s: %s", m.u.shownArg(name), wrongBytes(s.Wrong))
		}
	}
}

// found returns the paths of the files that --search has found.
func (m *mending) found() map[int]string {
	files := make(map[int]string)
	for _, f := range m.verdict.Found {
		files[f.Index] = f.At
	}
	return files
}

// checkPlaces checks the directory of --link and the sources of --repair before any work.
func (f *mendFlags) checkPlaces() error {
	if f.link.given {
		path := f.into.value
		err := isDirectory(path)
		if errors.Is(err, fs.ErrNotExist) { // it will be made
			path = filepath.Dir(path)
			err = isDirectory(path)
		}
		if err != nil {
			return outputError(path, err)
		}
	}
	for _, name := range f.from {
		_, err := os.Stat(name)
		if torrent, path, ok := torrentAndData(name); err != nil && ok && isTorrent(torrent) {
			name = path
			_, err = os.Stat(path)
		}
		if err != nil && !isURL(name) {
			return readError(name, err)
		}
	}
	return nil
}

func isDirectory(path string) error {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		err = &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	return err
}
