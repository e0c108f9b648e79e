package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"
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
		switchFlag(&f.repair, "repair", "mend the data with pieces from --from, and with the files of --plan and --search, which are copied to their places; all is proven before it is written and after, and good files and pieces are not touched"),
		listFlag(&f.from, sourceNames, "from", "take pieces from `SOURCE`: a copy of the data, the URL of a web seed or mirror (@FILE has one per line), another torrent whose data is beside it, or TORRENT=PATH; again for more, which are asked for what those before did not have"),
		switchFlag(&f.inPlace, "in-place", "also mend files with several hard links, by writing into them; if that is interrupted, the file is partly mended"),
		onceFlag(&f.link, oneOf(
			choice[repair.Link]{"hard", repair.LinkHard},
			choice[repair.Link]{"sym", repair.LinkSym},
			choice[repair.Link]{"reflink", repair.LinkReflink},
			choice[repair.Link]{"copy", repair.LinkCopy},
		), "link", "build the tree that the torrent wants, of the files that are ok, below --into: `KIND` is hard, sym, reflink or copy"),
		onceFlag(&f.into, nonEmpty("the directory"), "into", "build the tree of --link in `DIR`"),
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
		{"repair", f.repair, "--from SOURCE, --search DIR or --plan FILE", len(f.from) > 0 || len(s.dirs) > 0 || s.plan.given},
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
	return oneFlag(givenSwitch{"repair", f.repair}, givenSwitch{"link", f.link.given})
}

// A mending is the state of --repair or --link for one torrent.
type mending struct {
	ctx     context.Context
	u       *ui
	flags   *mendFlags
	hashing *hashingOptions
	several bool // the torrent is one of several
	torrent *metainfo.Torrent
	verdict *inspect.Verdict
	planned map[int]string // with --plan, where it says that the files are
	names   []string       // of the sources
	claims  *claims        // nil unless several torrents are repaired

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
	if m.claims != nil {
		o.Allow = func(file int, path string, changes iter.Seq[repair.Range]) error {
			return m.claims.allow(m.ctx, file, path, changes)
		}
	}
	m.repaired, err = repair.Repair(m.ctx, m.torrent, m.root(), bad, sources, o)
	bar.Finish()
	if err != nil {
		return m.repairError(err)
	}
	m.claims.wrote(m.repaired.Files)
	m.reportSources()
	m.reportRefused()
	return nil
}

// root returns where the content is or will be.
func (m *mending) root() string {
	return contentRoot(m.torrent, m.verdict.Content, m.verdict.As, m.verdict.Nothing)
}

// contentRoot returns where the content of a torrent is or will be. It was searched for at
// at, by the name as if that is not "".
func contentRoot(t *metainfo.Torrent, at, as string, nothing bool) string {
	if nothing && !t.Single && as == "" && t.CheckName() == nil && filepath.Base(at) != t.Name {
		return filepath.Join(at, t.Name)
	}
	return at
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
	_, isConflict := errors.AsType[*otherContentError](err)
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
	case isConflict:
		return withHint(err, "repair them in directories of their own")
	case errors.Is(r.Err, repair.ErrShared):
		return withHint(err, "make it a file of its own: cp FILE FILE.new && mv FILE.new FILE")
	case errors.Is(r.Err, syscall.EIO):
		return withHint(err, "nothing of the file was mended: it is replaced as a whole, which needs another --from for the pieces that can't be read")
	}
	return err
}
