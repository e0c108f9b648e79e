package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/cmd/bt/internal/verifyreport"
	"bt/inspect"
	"bt/internal/atomicfile"
	"bt/internal/term"
)

// searchFlags are the flags of bt verify that search for files elsewhere, and that write
// and read where they are.
type searchFlags struct {
	dirs      []string
	writePlan option[string]
	plan      planOption
}

func (f *searchFlags) flags() []cli.Flag {
	return []cli.Flag{
		listFlag(&f.dirs, nonEmpties("the directory"), "search", "search for the files that are not in order in and below `DIR`, by size, and prove them by hash; again for more; links to directories are not followed"),
		onceFlag(&f.writePlan, nonEmpty("the path"), "write-plan", "write to `FILE`, as JSON, which file on disk is which file of the torrent"),
		f.plan.flag("use the files that the plan `FILE` names, wherever they are; other files are searched for at PATH"),
	}
}

// check checks the directories of --search and the output of --write-plan before any work.
func (f *searchFlags) check(force bool) error {
	for _, dir := range f.dirs {
		if err := canList(dir); err != nil {
			return readError(dir, err)
		}
	}
	if !f.writePlan.given {
		return nil
	}
	if f.writePlan.value == stdinName {
		return failf(exitUsage, "--write-plan: %q: stdout is for the result", stdinName)
	}
	if err := atomicfile.Check(f.writePlan.value, force); err != nil {
		return planError(f.writePlan.value, err)
	}
	return nil
}

// checkOutputs returns an error if the report or the plan would replace a torrent of the
// run or each other, or if the report would replace the plan that is read.
func (f *verifyFlags) checkOutputs(inputs []input) error {
	report, writePlan, plan := f.report.path, f.search.writePlan, f.search.plan
	for _, in := range inputs {
		switch {
		case writePlan.given && isSamePath(writePlan.value, in.name):
			return failf(exitUsage, "--write-plan %s: it is a torrent to verify", shown(in.name))
		case report.given && isSamePath(report.value, in.name):
			return failf(exitUsage, "--report %s: it is a torrent to verify", shown(in.name))
		}
	}
	switch {
	case report.given && writePlan.given && isSamePath(report.value, writePlan.value):
		return failf(exitUsage, "--report, --write-plan: both are %s", shown(report.value))
	case report.given && plan.given && isSamePath(report.value, plan.value):
		return failf(exitUsage, "--report, --plan: both are %s", shown(report.value))
	}
	return nil
}

// canList returns an error if dir is no directory that can be read.
func canList(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Readdirnames(1); err != io.EOF {
		return err
	}
	return nil
}

// openSearch lists the files in the directories of --search, once for all torrents. Without
// --search, the content of several torrents is searched for what pieces in doubt lack. x is
// the torrent, or the first one.
func (r *verifyRun) openSearch(ctx context.Context, x *verified) error {
	if r.search != nil || !r.several && r.flags.search.dirs == nil {
		return nil
	}
	dirs, bar := r.flags.search.dirs, r.progress("listing the files in the directories of --search")
	s, errs, err := inspect.NewSearch(ctx, dirs, r.flags.hashing.jobs.value, func(files int) { bar.UpdateText(count(files, "file")) })
	bar.Finish()
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		return unreadable(err)
	}
	for _, err := range errs {
		r.warn("not searched: %v", unreadable(err))
	}
	if dirs != nil {
		r.explain("%s in the directories of --search", count(s.Len(), "file"))
	}
	s.DoubtOnly = dirs == nil
	s.Prepare = func(ctx context.Context) error {
		if !r.several {
			return r.addFiles(ctx, x.torrent, x.paths, s.Add)
		}
		return r.addContents(ctx)
	}
	s.Progress = r.searching()
	r.search = s
	return nil
}

// searching returns a function that shows the progress of hashing candidates.
func (r *verifyRun) searching() func(done, total int64) {
	var bar *term.Progress
	return func(done, total int64) {
		if bar == nil {
			bar = r.progress("searching")
		}
		if bar.Update(done, total); done >= total {
			bar.Finish()
			bar = nil
		}
	}
}

// addContents adds the content of all torrents to the search. What can't be read is
// reported when the torrent is verified.
func (r *verifyRun) addContents(ctx context.Context) error {
	bar := r.progress("listing the content of " + count(len(r.inputs), "torrent"))
	defer bar.Finish()
	for i, in := range r.inputs {
		_ = r.addContent(ctx, in, r.search.Add)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		bar.UpdateText(count(i+1, "torrent"))
	}
	return nil
}

// usePlan sets the options that the plan of a torrent stands for. That a plan has nothing
// for one of several torrents is no wrong usage: it is a file that is not there.
func (r *verifyRun) usePlan(t *inspect.Torrent, o *inspect.VerifyOptions) (err error) {
	plan := &r.flags.search.plan
	o.Places, err = plan.places(t)
	if err == nil {
		o.Neighbors, err = plan.neighbors(t)
	}
	if r.several && errors.Is(err, errNotInPlan) {
		return failf(exitRead, "%s: the plan %s has nothing for it", r.subject, shown(plan.value))
	}
	return err
}

// noteFound warns of what could not be searched, and adds the torrent to the plan.
func (r *verifyRun) noteFound(x *verified) error {
	v := x.verdict
	for _, err := range v.SearchErrs {
		r.warn("not used: %v", err)
	}
	if !r.flags.search.writePlan.given {
		if len(v.Found) > 0 && !r.json && !r.several {
			r.hint("--write-plan FILE saves where these files are, for --plan of bt verify and bt seed")
		}
		return nil
	}
	if isContentFile(r.flags.search.writePlan.value, v) {
		r.planErr = failf(exitWrite, "%s: it is a file of %s, so no plan is written there", r.flags.search.writePlan.value, x.torrent.Name)
	}
	plan, err := newPlan(x.torrent, v)
	r.plans = append(r.plans, plan)
	return err
}

// savePlan writes the plan of --write-plan.
func (r *verifyRun) savePlan() error {
	if len(r.plans) == 0 || r.planErr != nil {
		return r.planErr
	}
	return writePlan(r.flags.search.writePlan.value, r.flags.report.force, r.plans)
}

// addFound adds the files that were found elsewhere, and those that may have been.
func (l *listPrinter) addFound(v *inspect.Verdict) {
	for _, f := range v.Found {
		l.add(l.u.pal.Green("found"), safePath(f.Path), "at "+term.Safe(f.At), verifyreport.ProofText(f))
	}
	l.end()
	for _, m := range v.Maybe {
		what := "none of the candidates that were tried"
		if len(m.At) > 0 {
			what = count(m.Count, "candidate") + ": " + term.Safe(m.At[0])
		}
		if m.Count > 1 {
			what += " ..."
		}
		l.add(l.u.pal.Yellow("ambiguous"), safePath(m.Path), what, verifyreport.ReasonText(m.Reason))
	}
	l.end()
}

func safePath(path string) string { return term.SafeJoin(strings.Split(path, "/")) }

// foundSums returns what the summary says of the search.
func foundSums(v *inspect.Verdict) string {
	if v.Found == nil || v.OK {
		return ""
	}
	s := fmt.Sprintf("; %s found elsewhere", count(len(v.Found), "file"))
	if n := len(v.Maybe); n > 0 {
		s += ", " + term.Count(int64(n)) + " ambiguous"
	}
	return s
}

type foundDocument struct {
	Path      string        `json:"path"`
	PathBytes hexText       `json:"path_bytes,omitempty"` // if Path is not UTF-8
	At        string        `json:"at"`
	AtBytes   hexText       `json:"at_bytes,omitempty"`
	Proof     inspect.Proof `json:"proof"`
	Unproven  int64         `json:"unproven,omitempty"` // bytes at its ends
}

type maybeDocument struct {
	Path      string         `json:"path"`
	PathBytes hexText        `json:"path_bytes,omitempty"`
	At        []string       `json:"at"`
	Count     int            `json:"count"`
	Reason    inspect.Reason `json:"reason"`
}

// foundDocuments returns the documents of a search, nil if there was none.
func foundDocuments(v *inspect.Verdict) (found []foundDocument, maybe []maybeDocument) {
	if v.Found == nil {
		return nil, nil
	}
	found, maybe = []foundDocument{}, []maybeDocument{}
	for _, f := range v.Found {
		found = append(found, foundDocument{f.Path, notUTF8(f.Path), f.At, notUTF8(f.At), f.Proof, f.Unproven})
	}
	for _, m := range v.Maybe {
		maybe = append(maybe, maybeDocument{m.Path, notUTF8(m.Path), m.At, m.Count, m.Reason})
	}
	return found, maybe
}
