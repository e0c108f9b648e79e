package main

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
)

type verifyFlags struct {
	extra, onlyBad bool
	hashing        hashingOptions
	search         searchFlags
	report         verifyReportFlags
	mend           mendFlags
}

func verifyCommand(e *env) *cli.Command {
	var f verifyFlags
	return &cli.Command{
		Name:      "verify",
		Usage:     "check data on disk against a torrent, and show what is damaged",
		UsageText: "bt verify TORRENT [PATH] [FLAGS]",
		ArgsUsage: pathHelp + " TORRENT may be - for stdin. " +
			"Files that are certainly damaged are listed first. A piece is in doubt if it is bad and several files share it: its hash does not show which of them are damaged.",
		Description: `bt verify movie.torrent
bt verify movie.torrent /srv/archive
bt verify movie.torrent --json | jq '.files[] | select(.status != "ok")'
bt verify movie.torrent --extra
bt verify movie.torrent --map
bt verify movie.torrent --report damage.html
bt verify movie.torrent --search /mnt/a --search /mnt/b --write-plan movie.plan
bt verify movie.torrent --plan movie.plan
bt verify movie.torrent /mnt/disk --read sequential
bt verify movie.torrent --repair --from /mnt/backup/movie
bt verify movie.torrent --repair --from https://mirror.example/movie --dry-run
bt verify movie.torrent /mnt/found --link hard --into /srv/seed`,
		Flags: slices.Concat([]cli.Flag{
			switchFlag(&f.extra, "extra", "also list files in the content's directory that are not content, including pad files of other clients; links are not followed, and nothing is deleted (not for a single file)"),
			switchFlag(&f.onlyBad, "only-bad", "list only files that are not ok in JSON"),
			e.options.maxSizeFlag("torrent"),
		}, f.search.flags(), f.report.flags(&e.options), f.mend.flags(), f.hashing.flags(), e.options.jsonFlags()),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runVerify(ctx, u, args, &f) }),
	}
}

func runVerify(ctx context.Context, u *ui, args []string, f *verifyFlags) error {
	name, at, err := torrentAndPath("verify", args)
	if err == nil {
		err = f.mend.check()
	}
	if err != nil {
		return err
	}
	u.subject = u.shownArg(name)
	u.env.boundsMemory = true
	if err := f.report.check(u); err != nil {
		return err
	}
	if err := f.search.check(f.report.force); err != nil {
		return err
	}
	start := time.Now()
	report := f.report.writer(u)
	m := mending{ctx: ctx, u: u, flags: &f.mend, hashing: &f.hashing}
	t, v, err := compare(ctx, u, name, at, f)
	if err == nil {
		v, err = m.run(t, v, func() (*inspect.Verdict, error) { return verifyData(ctx, u, t, name, at, f) })
	}
	if err != nil {
		if interruption(ctx) == nil {
			report.fail(name, err)
			u.report(report.write())
		}
		return err
	}
	took := time.Since(start)
	report.add(name, t, v, took)
	u.report(report.write())
	warnRenamed(u, v, t.Single)
	if !u.json {
		if err := m.print(); err != nil {
			return stdoutError(err)
		}
	}
	switch {
	case u.json:
		doc := newVerifyDocument(name, t, v, f.onlyBad, took.Seconds())
		m.addTo(doc)
		err = u.newJSON(false).item(doc)
	case v.Nothing && len(v.Found)+len(v.Maybe) == 0:
		err = printNothing(u, t.Name, at.path)
	default:
		err = stdoutError(printVerdict(u, t, v, f.report.picture))
	}
	if err != nil {
		return err
	}
	if err := f.search.end(u, t, v, f.report.force); err != nil {
		return err
	}
	for _, err := range v.ExtraErrs {
		u.report(unreadable(err))
	}
	switch {
	case v.Statuses[inspect.StatusUnreadable] > 0:
		return failf(exitRead, "%s: some of its data could not be read", name)
	case !v.OK:
		return errNo
	}
	return nil
}

// compare compares the data at a path with a torrent.
func compare(ctx context.Context, u *ui, name string, at dataPath, f *verifyFlags) (*inspect.Torrent, *inspect.Verdict, error) {
	t, err := readTorrent(ctx, u.env, name)
	if err != nil {
		return nil, nil, err
	}
	if err := at.check("verify", name, t); err != nil {
		return nil, nil, err
	}
	v, err := verifyData(ctx, u, t, name, at, f)
	return t, v, err
}

func verifyData(ctx context.Context, u *ui, t *inspect.Torrent, name string, at dataPath, f *verifyFlags) (*inspect.Verdict, error) {
	o := inspect.VerifyOptions{Jobs: f.hashing.jobs.value, Read: f.hashing.read.value, Extra: f.extra}
	var err error
	if o.Places, err = f.search.plan.read(ctx, u.env, t); err != nil {
		return nil, err
	}
	if o.Search, err = f.search.search(ctx, u, o.Jobs); err != nil {
		return nil, err
	}
	bar := u.progress("verifying " + u.pal.Shorten(t.Name, ""))
	o.Progress = bar.Update
	v, err := inspect.Verify(ctx, t, at.path, o)
	if err != nil {
		return nil, verifyError(t, name, at.path, err)
	}
	bar.Finish()
	return v, nil
}

// warnRenamed warns of files that were found by another name. With -v it lists
// them.
func warnRenamed(u *ui, v *inspect.Verdict, single bool) {
	if v.As != "" {
		u.warn("the content is called %s on disk", v.As)
	}
	if single {
		return // the file of a single-file torrent is the content
	}
	for _, r := range v.Renamed {
		u.explain("%s is called %s on disk", r.Path, r.At)
	}
	if n := len(v.Renamed); n > 0 && !u.verbose {
		u.warn("%s found by another name; -v lists them", count(n, "file"))
	}
}

// unreadable returns the read error for the path in err.
func unreadable(err error) error {
	if pathErr, ok := errors.AsType[*fs.PathError](err); ok {
		return readError(pathErr.Path, err)
	}
	return fail(exitRead, err)
}

func verifyError(t *metainfo.Torrent, name, path string, err error) error {
	if _, ok := errors.AsType[*metainfo.UnusableError](err); ok {
		err = usable(name, err)
		if _, bad := t.Content(); bad != nil { // otherwise only the data revealed it
			err = withHint(err, "bt info lists what is wrong with it")
		}
		return err
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return readError(path, err)
}
