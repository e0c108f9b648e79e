package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/repair"
)

// The flags of bt verify that write: --repair mends the data, and --link builds a
// tree of the good files elsewhere.

type mendFlags struct {
	repair, inPlace, dryRun bool
	from                    []string
	link                    option[repair.Link]
	into                    option[string]
}

func (f *mendFlags) flags() []cli.Flag {
	return []cli.Flag{
		switchFlag(&f.repair, "repair", "mend the data with pieces from --from; they are proven before they are written and after, and good files and pieces are not touched"),
		listFlag(&f.from, sourceNames, "from", "take pieces from `SOURCE`: a copy of the data, the URL of a web seed or mirror (@FILE has one per line), another torrent whose data is beside it, or TORRENT=PATH; again for more, which are asked for what those before did not have"),
		switchFlag(&f.inPlace, "in-place", "also mend files with several hard links, by writing into them; if that is interrupted, the file is partly mended"),
		valueFlag(&f.link, oneOf(
			choice[repair.Link]{"hard", repair.LinkHard},
			choice[repair.Link]{"sym", repair.LinkSym},
			choice[repair.Link]{"reflink", repair.LinkReflink},
			choice[repair.Link]{"copy", repair.LinkCopy},
		), "link", "build the tree that the torrent wants, of the files that are ok, below --into: `KIND` is hard, sym, reflink or copy"),
		valueFlag(&f.into, nonEmpty("the directory"), "into", "build the tree of --link in `DIR`"),
		switchFlag(&f.dryRun, "dry-run", "with --repair or --link: say what would be done, and how many bytes would be fetched and written"),
	}
}

// check returns an error if a flag lacks another, or they exclude each other.
func (f *mendFlags) check(s *searchFlags) error {
	for _, need := range []struct {
		flag  string
		given bool
		needs string
		has   bool
	}{
		{"repair", f.repair, "--from SOURCE or --search DIR", len(f.from) > 0 || len(s.dirs) > 0},
		{"from", len(f.from) > 0, "--repair", f.repair},
		{"in-place", f.inPlace, "--repair", f.repair},
		{"link", f.link.given, "--into DIR", f.into.given},
		{"into", f.into.given, "--link KIND", f.link.given},
		{"dry-run", f.dryRun, "--repair or --link", f.repair || f.link.given},
	} {
		if need.given && !need.has {
			return failf(exitUsage, "--%s needs %s", need.flag, need.needs)
		}
	}
	if f.repair && s.plan.given {
		return withHint(failf(exitUsage, "--repair, --plan: only one of them"), "--link copy --into DIR builds the tree of the files in a plan")
	}
	return oneFlag(givenSwitch{"repair", f.repair}, givenSwitch{"link", f.link.given})
}

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

// A mending is the state of --repair or --link for one torrent.
type mending struct {
	ctx     context.Context
	u       *ui
	flags   *mendFlags
	hashing *hashingOptions
	several bool // the torrent is one of several
	torrent *metainfo.Torrent
	verdict *inspect.Verdict

	repaired *repair.Report
	built    *repair.Built
	err      error // of building; the verdict stands
}

// run repairs or builds what the flags ask for, from a verdict. If data was changed, it
// returns a new one, which verify computes.
func (m *mending) run(t *metainfo.Torrent, v *inspect.Verdict, verify func() (*inspect.Verdict, error)) (*inspect.Verdict, error) {
	m.torrent, m.verdict = t, v
	if !m.flags.repair && !m.flags.link.given {
		return v, nil
	}
	freeMemory() // the limit is for reading and verifying
	if m.flags.link.given {
		if m.err = m.build(); m.ctx.Err() != nil {
			return v, m.err
		}
		m.u.report(m.err)
		return v, nil
	}
	if v.OK && m.several {
		m.repaired = &repair.Report{} // it needs no source, which may be its data
		return v, nil
	}
	if err := m.repair(); err != nil || m.flags.dryRun || len(m.repaired.Files) == 0 {
		return v, err
	}
	return verify()
}

func (m *mending) repair() error {
	sources, err := m.sources()
	if err != nil {
		return err
	}
	var bad []int
	for p := range m.verdict.BadPieces {
		bad = append(bad, p.Index)
	}
	var bar *term.Progress
	step := repair.Step(255)
	o := repair.Options{
		Jobs: m.hashing.jobs.value, Read: m.hashing.read.value, InPlace: m.flags.inPlace, DryRun: m.flags.dryRun,
		UserAgent: "bt/" + version, Proxy: proxies(m.u.env, nil),
		Progress: func(now repair.Step, done, total int64) {
			if now != step {
				bar.Finish()
				bar, step = m.u.progress(map[repair.Step]string{repair.StepProve: "comparing copies", repair.StepFetch: "fetching", repair.StepWrite: "mending"}[now]), now
			}
			bar.Update(done, total)
		},
	}
	m.repaired, err = repair.Repair(m.ctx, m.torrent, m.root(), bad, sources, o)
	bar.Finish()
	if err != nil {
		return m.repairError(err)
	}
	m.reportSources()
	m.reportRefused()
	return nil
}

// root returns where the content is or will be.
func (m *mending) root() string {
	root := m.verdict.Content
	if m.verdict.Nothing && !m.torrent.Single && m.verdict.As == "" && m.torrent.CheckName() == nil && filepath.Base(root) != m.torrent.Name {
		return filepath.Join(root, m.torrent.Name)
	}
	return root
}

func (m *mending) repairError(err error) error {
	if m.ctx.Err() != nil {
		return err
	}
	if same, ok := errors.AsType[*repair.SameError](err); ok {
		return failf(exitUsage, "--from %s: it is the data that is to be repaired", same.Path)
	}
	if temp, ok := errors.AsType[*repair.TempError](err); ok {
		return fail(exitWrite, temp)
	}
	return unreadable(err)
}

// sources returns the sources of --from.
func (m *mending) sources() (list []repair.Source, err error) {
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
		list = append(list, s)
	}
	if found := m.found(); len(found) > 0 {
		list = append(list, repair.Source{Files: found})
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

// torrentAndData splits a source of the form TORRENT=PATH.
func torrentAndData(name string) (torrent, path string, ok bool) {
	torrent, path, ok = strings.Cut(name, ".torrent=")
	return torrent + ".torrent", path, ok
}

// reportSources reports what was wrong with the sources.
func (m *mending) reportSources() {
	left := m.verdict.Pieces.Total - m.verdict.Pieces.Good - m.repaired.Pieces
	for i, s := range m.repaired.Sources[:len(m.flags.from)] {
		name := m.flags.from[i]
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

// maxRefused is the maximum number of files that are reported one by one.
const maxRefused = 20

// reportRefused reports the files that could not be written.
func (m *mending) reportRefused() {
	for i, r := range m.repaired.Refused {
		if i == maxRefused {
			m.u.report(failf(exitWrite, "%s more could not be repaired", count(len(m.repaired.Refused)-maxRefused, "file")))
			return
		}
		m.u.report(refusedError(r))
	}
}

func refusedError(r repair.Refusal) error {
	err := r.Err
	_, isLink := errors.AsType[*repair.LinkError](err)
	_, isChanged := errors.AsType[*repair.ChangedError](err)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	} else if !isLink && !isChanged { // these name the path
		err = fmt.Errorf("%s: %w", r.Path, err)
	}
	err = fail(exitWrite, err)
	switch {
	case errors.Is(r.Err, repair.ErrHardLinks):
		return withHint(err, "--in-place writes into the file itself, for all its names")
	case errors.Is(r.Err, repair.ErrShared):
		return withHint(err, "make it a file of its own: cp FILE FILE.new && mv FILE.new FILE")
	}
	return err
}

func (m *mending) build() error {
	bar := m.u.progress("building " + m.u.pal.Shorten(m.torrent.Name, ""))
	o := repair.BuildOptions{Link: m.flags.link.value, DryRun: m.flags.dryRun, Progress: bar.Update}
	var err error
	m.built, err = repair.Build(m.ctx, m.torrent, m.goodFiles(), m.flags.into.value, o)
	bar.Finish()
	return m.buildError(err)
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

// goodFiles returns the paths of the files that are ok, or that were found elsewhere.
func (m *mending) goodFiles() map[int]string {
	files := make(map[int]string)
	for f := range m.verdict.Files {
		if f.Status == inspect.StatusOK {
			files[f.Index] = m.verdict.Where(f.Index)
		}
	}
	maps.Copy(files, m.found())
	return files
}

// found returns the paths of the files that --search has found.
func (m *mending) found() map[int]string {
	files := make(map[int]string)
	for _, f := range m.verdict.Found {
		files[f.Index] = f.At
	}
	return files
}

func (m *mending) buildError(err error) error {
	if err == nil || m.ctx.Err() != nil {
		return err
	}
	if _, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		return usable(m.u.subject, err)
	}
	_, exists := errors.AsType[*repair.ExistsError](err)
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		err = fmt.Errorf("%s: %w", pathErr.Path, pathErr.Err)
	}
	err = fail(exitWrite, err)
	switch {
	case exists:
		return withHint(err, "nothing was made: name another directory, or move away what is there")
	case errors.Is(err, repair.ErrNoClone):
		return withHint(err, "--link copy works everywhere; --link hard and --link sym take no space")
	case errors.Is(err, repair.ErrOtherDevice), errors.Is(err, syscall.EXDEV):
		return withHint(err, "--link copy and --link sym work there")
	}
	return err
}
