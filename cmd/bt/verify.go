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
	onlyBad bool
	many    verifyManyFlags
	scope   verifyScope
	extra   extraFlags
	search  searchFlags
	report  verifyReportFlags
	mend    mendFlags
	hashing hashingOptions
}

func verifyCommand(e *env) *cli.Command {
	var f verifyFlags
	return &cli.Command{
		Name:      "verify",
		Usage:     "check data on disk against torrents, and show what is damaged",
		UsageText: "bt verify TORRENT [PATH] [FLAGS]\n   bt verify TORRENT... --data DIR [FLAGS]\n   bt verify DIR [--data DIR] [FLAGS]",
		ArgsUsage: pathHelp + " TORRENT may be - for stdin. DIR stands for all torrents in and under it. " +
			"Files that are certainly damaged are listed first. A piece is in doubt if it is bad and several files share it: its hash does not show which of them are damaged.",
		Description: `bt verify movie.torrent
bt verify movie.torrent /srv/archive
bt verify movie.torrent --json | jq '.files[] | select(.status != "ok")'
bt verify movie.torrent --extra -0 | xargs -0 ls -l
bt verify movie.torrent --map
bt verify movie.torrent --report damage.html
bt verify movie.torrent --search /mnt/a --search /mnt/b --write-plan movie.plan
bt verify movie.torrent --plan movie.plan
bt verify movie.torrent --files '*.mkv' --cached
bt verify movie.torrent /mnt/disk --read sequential
bt verify movie.torrent --repair --from /mnt/backup/movie
bt verify movie.torrent --repair --from https://mirror.example/movie --dry-run
bt verify movie.torrent --repair --plan movie.plan
bt verify movie.torrent /mnt/found --link hard --into /srv/seed
bt verify ~/torrents --data /srv/a --data /srv/b --jsonl`,
		Flags: slices.Concat(f.many.flags(), f.scope.flags(), f.extra.flags(), []cli.Flag{
			switchFlag(&f.onlyBad, "only-bad", "list only files that are not ok in JSON"),
			e.options.maxSizeFlag("torrent"),
		}, f.search.flags(), f.report.flags(&e.options), f.mend.flags(), f.hashing.flags(), e.options.jsonFlags()),
		Action: action(e, func(ctx context.Context, u *ui, args []string) error { return runVerify(ctx, u, args, &f) }),
	}
}

func runVerify(ctx context.Context, u *ui, args []string, f *verifyFlags) error {
	r := &verifyRun{ui: u, flags: f}
	if err := f.check(u); err != nil {
		return err
	}
	if err := r.open(ctx, args); err != nil {
		return err
	}
	if err := f.report.check(u); err != nil {
		return err
	}
	if err := f.search.check(f.report.force); err != nil {
		return err
	}
	if err := f.checkOutputs(r.inputs); err != nil {
		return err
	}
	if err := f.mend.checkPlaces(); err != nil {
		return err
	}
	if err := f.search.plan.read(ctx, u.env); err != nil {
		return err
	}
	r.page = f.report.writer(u)
	defer r.page.close()
	r.openCache()
	defer r.closeCache()
	u.env.boundsMemory = true
	if u.json {
		r.doc = u.newJSON(r.several)
	}
	if r.several {
		return r.verifyAll(ctx)
	}
	in := r.inputs[0]
	u.subject = u.shownArg(in.name)
	x, err := r.verify(ctx, in)
	if err != nil {
		if interruption(ctx) == nil {
			r.page.fail(in.name, err)
			u.report(r.page.write())
		}
		return err
	}
	f.scope.warnUnmatched(u.warn)
	if x.isEmpty() {
		return noFile(in.name)
	}
	r.page.add(x)
	u.report(r.page.write())
	err = r.show(x)
	if err := r.savePlan(); err != nil {
		return err
	}
	return err
}

// check returns an error if flags exclude each other.
func (f *verifyFlags) check(u *ui) error {
	if err := f.scope.check(); err != nil {
		return err
	}
	if err := f.extra.check(u); err != nil {
		return err
	}
	for _, part := range f.scope.parts() {
		wholes := []givenSwitch{{"map", f.report.picture}, {"report", f.report.path.given}, {"search", f.search.dirs != nil}, {"write-plan", f.search.writePlan.given}, {"repair", f.mend.repair}, {"link", f.mend.link.given}}
		for _, whole := range wholes {
			if whole.name == "search" && part.name == "files" {
				continue // the pieces of these files are read
			}
			if err := oneFlag(whole, part); err != nil {
				return withHint(err, "--"+whole.name+" needs all pieces")
			}
		}
	}
	if err := f.mend.check(&f.search); err != nil {
		return err
	}
	for _, other := range []givenSwitch{{"map", f.report.picture}, {"repair", f.mend.repair}, {"link", f.mend.link.given}} {
		if err := oneFlag(givenSwitch{"null", f.extra.null}, other); err != nil {
			return err
		}
	}
	return nil
}

// A verified is a torrent whose data was verified.
type verified struct {
	name    string // of the input
	torrent *metainfo.Torrent
	paths   []string // where the data was searched for
	verdict *inspect.Verdict
	took    time.Duration
	mending mending
	only    bool // --files chose the files
}

// verify verifies the data of one torrent.
func (r *verifyRun) verify(ctx context.Context, in input) (*verified, error) {
	if in.err != nil {
		return nil, in.err
	}
	t, err := in.torrent(ctx, r.env)
	if err != nil {
		return nil, err
	}
	paths, err := r.paths(in.name, t)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	x := &verified{name: in.name, torrent: t, paths: paths, only: r.flags.scope.globs != nil}
	x.mending = mending{ctx: ctx, u: r.ui, flags: &r.flags.mend, hashing: &r.flags.hashing, several: r.several, claims: r.claims}
	v, err := r.compare(ctx, x)
	if err == nil {
		x.verdict, err = x.mending.run(t, v, func() (*inspect.Verdict, error) { return r.compare(ctx, x) })
	}
	x.took = time.Since(start)
	return x, err
}

// compare compares the data of a torrent with it.
func (r *verifyRun) compare(ctx context.Context, x *verified) (*inspect.Verdict, error) {
	o := inspect.VerifyOptions{
		Jobs: r.flags.hashing.jobs.value, Read: r.flags.hashing.read.value,
		Elsewhere: x.paths[1:], Cache: r.cache, Directories: &r.directories,
		Extra: r.flags.extra.extra, Others: r.contents,
	}
	r.flags.scope.apply(&o, x.torrent)
	if err := r.usePlan(x.torrent, &o); err != nil {
		return nil, err
	}
	if r.flags.mend.repair { // the data is verified at its own places
		x.mending.planned = o.Places
		o.Places, o.Neighbors = nil, nil
	}
	if err := r.openSearch(ctx, x); err != nil {
		return nil, err
	}
	o.Search, o.Progress = r.search, r.hashing(x.torrent)
	v, err := inspect.Verify(ctx, x.torrent, x.paths[0], o)
	if err != nil {
		return nil, verifyError(x.torrent, x.name, x.paths[0], err)
	}
	r.bar.Finish()
	return v, nil
}

// isEmpty reports whether --files chose no file.
func (x *verified) isEmpty() bool { return x.only && x.verdict.FileCount == 0 }

// isNothing reports whether no file is there, and none was found elsewhere.
func (x *verified) isNothing() bool {
	v := x.verdict
	return v.Nothing && len(v.Found)+len(v.Maybe) == 0
}

// show prints the verdict on one torrent. It returns errNo for damage.
func (r *verifyRun) show(x *verified) error {
	v := x.verdict
	r.warnRenamed(x)
	if !r.json {
		if err := x.mending.print(); err != nil {
			return stdoutError(err)
		}
	}
	var err error
	switch {
	case r.doc != nil:
		doc := newVerifyDocument(x, r.flags.onlyBad)
		x.mending.addTo(doc)
		err = r.doc.item(doc)
	case r.flags.extra.null:
		err = r.printExtra(x)
	case r.several:
		err = r.printOne(x)
	case x.isNothing():
		err = r.printNothing(x)
	default:
		err = printVerdict(r.ui, x.torrent, v, r.flags.report.picture)
	}
	if err != nil {
		return err
	}
	if err := r.noteFound(x); err != nil {
		return err
	}
	for _, err := range v.ExtraErrs {
		r.report(unreadable(err))
	}
	switch {
	case v.Statuses[inspect.StatusUnreadable] > 0:
		return failf(exitRead, "%s: some of its data could not be read", x.name)
	case !v.OK:
		return errNo
	}
	return nil
}

// warnRenamed warns of files that were found by another name. With -v it lists
// them. Of several torrents it names the one.
func (r *verifyRun) warnRenamed(x *verified) {
	v, of := x.verdict, ""
	if r.several {
		of = x.name + ": "
	}
	if v.As != "" {
		r.warn("%sthe content is called %s on disk", of, v.As)
	}
	if x.torrent.Single {
		return // the file of a single-file torrent is the content
	}
	for _, f := range v.Renamed {
		r.explain("%s%s is called %s on disk", of, f.Path, f.At)
	}
	if n := len(v.Renamed); n > 0 && !r.verbose {
		r.warn("%s%s found by another name; -v lists them", of, count(n, "file"))
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
