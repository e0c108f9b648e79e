package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/term"
	"bt/maketorrent"
)

// A makeRun makes the torrents of several jobs. A job that fails does not affect the
// others.
type makeRun struct {
	*ui
	flags *makeFlags // of the command line
	jobs  []*makeJob

	doc      *jsonStream
	items    map[*makeJob]any // for a list, which is in the order of the jobs
	listed   int              // jobs whose items are in the list
	made     int
	seeds    []madeTorrent // for --seed
	failed   int
	failures map[string]error    // those of MakeAll, by the path and text: torrents of the same content fail alike
	reported map[string]bool     // the texts of errors
	written  map[string]*makeJob // by outputKey
}

// A madeTorrent is a torrent that was made, and written.
type madeTorrent struct {
	*makeJob
	*maketorrent.Result
}

// makeAll makes the torrents of the jobs, and prints the results. With --seed it then
// seeds them. f has the flags of the command line, which jobs need not share.
func makeAll(ctx context.Context, u *ui, f *makeFlags, jobs []*makeJob) error {
	if len(jobs) > 1 {
		u.subject = ""
	}
	if err := f.checkRun(u, jobs); err != nil {
		return err
	}
	lines := u.jsonl
	var seeding *laterSeeding
	if f.seed {
		var err error
		if seeding, err = newLaterSeeding(u, &f.seeding); err != nil {
			return err
		}
		u.jsonl = u.json // one event per line
	}
	if err := prepareAll(ctx, u, f, jobs); err != nil {
		return err
	}
	r := &makeRun{ui: u, flags: f, jobs: jobs, items: make(map[*makeJob]any), failures: make(map[string]error), reported: make(map[string]bool), written: make(map[string]*makeJob)}
	if u.json {
		r.doc = u.newJSON(len(jobs) > 1)
		r.doc.list = len(jobs) > 1 && !lines // with --seed on the first line
	}
	err := r.run(ctx)
	if len(jobs) > 1 {
		err = errors.Join(err, r.end(context.Cause(ctx)))
		r.summarize()
	}
	if err != nil || seeding == nil || r.made == 0 {
		return err
	}
	if err := stdoutError(u.out.Flush()); err != nil {
		return err
	}
	return seeding.seedMade(ctx, r.seeds)
}

// prepareAll prepares the jobs, each of which may fail, and checks their outputs against
// each other.
func prepareAll(ctx context.Context, u *ui, f *makeFlags, jobs []*makeJob) error {
	for _, j := range jobs {
		if j.err == nil {
			j.err = j.prepare(ctx, u, f)
		}
	}
	return checkCollisions(jobs)
}

// checkRun checks the flags of the command line against each other, without looking at
// the disk.
func (f *makeFlags) checkRun(u *ui, jobs []*makeJob) error {
	toStdout := slices.ContainsFunc(jobs, func(j *makeJob) bool { return j.flags.output.value.text == stdinName })
	switch {
	case toStdout && len(jobs) > 1:
		return failf(exitUsage, "--output - is for one torrent, and there are %d", len(jobs))
	case f.seed && toStdout:
		return failf(exitUsage, "--seed seeds a torrent that was written, and excludes --output -")
	case f.seed && f.dryRun:
		return failf(exitUsage, "--seed and --dry-run contradict each other")
	case toStdout && u.json:
		return failf(exitUsage, "--output - and --json both want stdout")
	case toStdout && u.env.stdoutTerminal && !f.dryRun:
		return withHint(failf(exitUsage, "--output -: a torrent can't be printed to a terminal"), "redirect it, or name a file")
	}
	for _, g := range u.env.given {
		if !f.seed && findFlag(f.seeding.flags(), g.name) != nil {
			return failf(exitUsage, "--%s is for --seed", g.name)
		}
	}
	return nil
}

// run makes the torrents, until all are made or ctx ends. It returns the error of the
// only job, or of ctx.
func (r *makeRun) run(ctx context.Context) error {
	own := ownOutputs(r.ui, r.jobs)
	var cache *maketorrent.Cache
	if dir := knownDir(r.env); dir != "" {
		cache = maketorrent.NewCache(dir)
	}
	defer func() {
		for _, j := range r.jobs {
			if j.close != nil {
				j.close()
			}
		}
	}()
	var ready []*makeJob
	var all []maketorrent.Options
	for _, j := range r.jobs {
		if j.err != nil {
			if err := r.fail(j, j.err); err != nil {
				return err
			}
			continue
		}
		j.options.Own, j.options.DryRun = own.reason, r.flags.dryRun
		if !j.flags.noCache {
			j.options.Cache = cache
		}
		j.options.Progress = r.hashing(j)
		ready, all = append(ready, j), append(all, j.options)
	}
	err := r.makeReady(ctx, ready, all)
	if cacheErr := cache.Close(); cacheErr != nil {
		r.warn("the hashes are not remembered: %v", cacheErr)
	}
	return err
}

func (r *makeRun) makeReady(ctx context.Context, ready []*makeJob, all []maketorrent.Options) error {
	for i, made := range maketorrent.MakeAll(ctx, all) {
		r.bar.Finish()
		if ctx.Err() != nil { // perhaps after the last piece was hashed
			return context.Cause(ctx)
		}
		j := ready[i]
		err := made.Err
		if err == nil {
			err = r.deliver(ctx, j, made.Result)
		} else {
			err = r.failure(j, err)
		}
		switch {
		case err == nil:
			continue
		case ctx.Err() != nil && errors.Is(err, context.Cause(ctx)): // the job did not fail
			return err
		}
		if err := r.fail(j, err); err != nil {
			return err
		}
	}
	return nil
}

// failure gives an error of MakeAll its exit code and hint. Of several errors in it, it
// reports all but the last, once for all torrents of the same content.
func (r *makeRun) failure(j *makeJob, err error) error {
	key := j.path() + "\x00" + err.Error()
	if r.failures[key] == nil {
		_, bare := errors.AsType[*maketorrent.OptionError](err) // its text does not name the content
		err = makeError(r.ui, j.flags, j.options, err)
		if bare && len(r.jobs) > 1 {
			err = failf(codeOf(err), "%s: %w", j.path(), err)
		}
		r.failures[key] = err
	}
	return r.failures[key]
}

// hashing returns a function that shows the progress of hashing the content of a job.
func (r *makeRun) hashing(j *makeJob) func(done, total int64) {
	var bar *term.Progress
	return func(done, total int64) {
		if bar == nil {
			bar = r.progress("hashing " + filepath.Base(j.path()))
		}
		bar.Update(done, total)
	}
}

// fail reports that a job has failed. It returns the error of the only job.
func (r *makeRun) fail(j *makeJob, err error) error {
	if len(r.jobs) == 1 {
		return err
	}
	r.failed++
	if text := err.Error(); r.reported[text] {
		r.keep(err)
	} else {
		r.reported[text] = true
		r.report(err)
	}
	return r.item(j, r.failedInput(j.path(), err))
}

// item prints the JSON of a job: as it comes or, in a list, after those of the jobs before
// it.
func (r *makeRun) item(j *makeJob, doc any) error {
	if r.doc == nil {
		return nil
	}
	j.shown = true
	if !r.doc.list {
		return r.doc.item(doc)
	}
	r.items[j] = doc
	for r.listed < len(r.jobs) && r.items[r.jobs[r.listed]] != nil {
		j := r.jobs[r.listed]
		r.listed++
		doc := r.items[j]
		delete(r.items, j)
		if err := r.doc.item(doc); err != nil {
			return err
		}
	}
	return nil
}

// end completes the JSON of several jobs. cause is why those that were not tried were not.
func (r *makeRun) end(cause error) error {
	if r.doc == nil {
		return nil
	}
	for _, j := range r.jobs {
		if j.shown || cause == nil {
			continue
		}
		if err := r.item(j, r.failedInput(j.path(), cause)); err != nil {
			return err
		}
	}
	return r.doc.stop()
}

// deliver writes a torrent and prints the result.
func (r *makeRun) deliver(ctx context.Context, j *makeJob, made *maketorrent.Result) error {
	if j.options.Stream != nil {
		made.Content = j.options.Path
	}
	if j.flags.checkWebSeeds && !r.flags.dryRun {
		if err := checkWebSeeds(ctx, r.ui, made); err != nil {
			return err
		}
	}
	t := made.Torrent
	if r.flags.dryRun {
		t = made.Plan.Form
	}
	made.Findings = append(made.Findings, j.config.check(t, made.Choice)...)
	explainMade(r.ui, made, j.values["name"])
	explainPrevious(r.ui, made, t)
	if err := refusal(j.path(), made.Findings, &j.flags.strict); err != nil {
		return err
	}
	if r.flags.dryRun {
		return r.deliverPlan(j, made)
	}
	r.explain("%s of %s: %s", count(t.PieceCount(), "piece"), term.SizeDistinct(t.PieceLength),
		choiceText(made.Choice, t.Size(), t.PieceLength, j.options.MaxPieceLength))
	if made.Cached > 0 {
		r.explain("%s of %s were not read again, as they have not changed since they were hashed", term.Size(made.Cached), term.Size(t.Size()))
	}
	if err := j.setInfoHash(t); err != nil {
		return err
	}
	if j.output == stdinName {
		_, err := r.out.Write(t.Bytes())
		return stdoutError(err)
	}
	key := outputKey(j.output)
	if first := r.written[key]; first != nil {
		return failf(exitWrite, "%s: not written for %s: it has the torrent of %s already", j.output, j.describe(), first.describe())
	}
	if err := atomicfile.Write(j.output, t.Bytes(), j.flags.force); err != nil {
		return outputError(j.output, err)
	}
	r.written[key] = j
	if err := checkWritten(j.output, t); err != nil {
		return err
	}
	if r.made++; r.flags.seed {
		r.seeds = append(r.seeds, madeTorrent{j, made})
	}
	if r.doc != nil {
		return r.item(j, madeDocument(made, j.output))
	}
	r.separate()
	return printMade(r.ui, made, j.output)
}

// separate prints a blank line between the results of two torrents.
func (r *makeRun) separate() {
	if r.made > 1 && !r.quiet {
		_ = r.out.WriteByte('\n') // finish reports the error of the flush
	}
}

// summarize says how many torrents were made.
func (r *makeRun) summarize() {
	if r.quiet {
		return
	}
	verb := "made"
	n := r.made
	if r.flags.dryRun {
		verb = "planned"
	}
	parts := []string{count(n, "torrent") + " " + verb}
	if r.failed > 0 {
		parts = append(parts, fmt.Sprintf("%d failed", r.failed))
	}
	if left := len(r.jobs) - n - r.failed; left > 0 {
		parts = append(parts, fmt.Sprintf("%d not tried", left))
	}
	r.settle()
	r.env.say("", strings.Join(parts, ", "))
}

// explainMade reports what was left out of a torrent called name, and its findings.
func explainMade(u *ui, r *maketorrent.Result, name string) {
	for _, s := range r.Skipped {
		u.explain("left out %s: %s", s.Path, s.Reason)
	}
	explainLeftOut(u, r, name)
	explainReuse(u, r)
	for _, x := range r.Findings {
		if x.Severity == metainfo.SeverityNote {
			u.explain("note: %s", x.Message)
		} else {
			u.warn("%s", x.Message)
		}
	}
}
