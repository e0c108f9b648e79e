package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// verifyManyFlags are the flags of bt verify for several torrents.
type verifyManyFlags struct {
	data []string
}

func (f *verifyManyFlags) flags() []cli.Flag {
	return []cli.Flag{
		listFlag(&f.data, nonEmpties("the path"), "data", "search for the content of all torrents in `DIR`; again for more: the one that holds more of a torrent is used. Pieces in doubt of one torrent are tried with files of the others"),
	}
}

// A verifyRun verifies torrents, one after the other. A torrent that fails does not
// affect the others, and nothing of a torrent is kept when it is done, except what the
// run needs for its result. What the torrents of a run share belongs here.
type verifyRun struct {
	*ui
	flags   *verifyFlags
	inputs  []input
	several bool      // several inputs, or a directory of them
	at      *dataPath // the argument PATH, or nil

	cache       *inspect.Cache // nil unless a flag needs it
	directories inspect.Directories

	search  *inspect.Search // of --search, and of the content of all torrents
	plans   []*planDocument // for --write-plan
	planErr error           // the plan must not be written

	claims *claims // nil unless several torrents are repaired

	page *reportWriter // nil unless a report is written

	doc         *jsonStream // nil unless JSON is printed
	overall     *term.Progress
	size, begun int64   // bytes of all torrents, and of those that are done
	sizes       []int64 // of each input; nil unless they are needed for the progress

	contents *inspect.Contents // with --extra, the content of all torrents
	listed   map[string]bool   // the extra files that -0 has printed
	unlisted bool              // -0 prints nothing

	result  verifySums
	foreign int  // inputs that skipForeign skipped
	apart   bool // the last line of the text output is blank
}

// open reads the arguments.
func (r *verifyRun) open(ctx context.Context, args []string) error {
	if len(r.flags.many.data) > 0 {
		return r.openMany(ctx, args)
	}
	if len(args) > 0 && isDir(args[0]) {
		return r.openDirectory(args)
	}
	name, at, err := torrentAndPath("verify", args)
	if err != nil {
		return err
	}
	if r.inputs = []input{{name: name}}; at.given {
		r.at = &at
	}
	return nil
}

// openDirectory reads a directory of torrents with their content beside them.
func (r *verifyRun) openDirectory(args []string) error {
	if err := checkSwapped("verify", args); err != nil {
		return err
	}
	if len(args) > 1 {
		return withHint(failf(exitUsage, "%s: it is a directory, and a torrent is expected", args[0]),
			"for the torrents in a directory name the directory of their content: bt verify DIR --data DIR")
	}
	r.inputs, r.several = ordered(torrentsIn(args[0]), r.json), true
	return nil
}

// openMany reads the arguments of a run with --data.
func (r *verifyRun) openMany(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return failf(exitUsage, "no torrent given")
	}
	for _, dir := range r.flags.many.data {
		info, err := os.Stat(dir)
		switch {
		case err != nil:
			return readError(dir, err)
		case !info.IsDir() && isTorrent(dir):
			return withHint(failf(exitUsage, "--data %s: it is a torrent, but the directory of the content is expected", dir), severalTorrents("verify"))
		case !info.IsDir():
			return withHint(failf(exitUsage, "--data %s: it is not a directory", dir), "bt verify TORRENT PATH takes the content itself")
		}
	}
	r.several = len(args) > 1
	for _, arg := range args {
		switch {
		case arg == stdinName:
			b, err := readInput(ctx, r.env, stdinName, torrentInput)
			r.inputs = append(r.inputs, input{name: arg, data: slices.Concat([]byte{}, b), err: err})
		case isDir(arg):
			r.inputs, r.several = append(r.inputs, ordered(torrentsIn(arg), r.json)...), true
		default:
			r.inputs = append(r.inputs, input{name: arg})
		}
	}
	return nil
}

// openCache opens the cache for flags that need it.
func (r *verifyRun) openCache() {
	f := &r.flags.scope
	if !f.cached && !f.quick {
		return
	}
	dir := knownDir(r.env)
	if dir == "" {
		r.warn("neither XDG_CACHE_HOME nor HOME is set: no hashes are remembered")
		return
	}
	r.cache = inspect.NewCache(dir)
}

func (r *verifyRun) closeCache() {
	if err := r.cache.Close(); err != nil {
		r.warn("the hashes are not remembered: %v", err)
	}
}

// paths returns where the content of a torrent is searched for.
func (r *verifyRun) paths(name string, t *metainfo.Torrent) ([]string, error) {
	if r.flags.many.data != nil {
		return r.flags.many.data, nil
	}
	at := r.at
	if at == nil {
		beside := besideTorrent(name)
		at = &beside
	}
	return []string{at.path}, at.check("verify", name, t)
}

// verifyAll verifies all torrents, until ctx ends.
func (r *verifyRun) verifyAll(ctx context.Context) error {
	r.measure(ctx)
	r.findContents(ctx)
	r.findClaims(ctx)
	for i, in := range r.inputs {
		r.subject = r.shownArg(in.name)
		r.claims.begin(i)
		x, err := r.verify(ctx, in)
		switch {
		case ctx.Err() != nil:
			return errors.Join(context.Cause(ctx), r.notTried(r.inputs[i:], context.Cause(ctx)), r.summarize())
		case err == nil:
			r.count(x)
			r.page.add(x)
			err = r.show(x)
		case r.skipForeign(in, err):
			r.foreign++
			err = nil
		default:
			r.report(err)
			r.page.fail(in.name, err)
			err = r.fail(in, err)
		}
		if errors.Is(err, errStdout) {
			return err
		}
		r.report(err)
		if r.sizes != nil {
			r.begun += r.sizes[i]
		}
	}
	r.flags.scope.warnUnmatched(r.ui.warn)
	if n := len(r.inputs) - r.foreign - r.result.failed; n > 0 && n == r.result.empty {
		r.report(failf(exitRead, "no file of %s matches --files", count(n, "torrent")))
	}
	r.report(r.savePlan())
	r.report(r.page.write())
	if r.doc != nil {
		return r.doc.end()
	}
	return r.summarize()
}

// notTried completes the JSON with items for the inputs that were not verified because of
// an interruption.
func (r *verifyRun) notTried(inputs []input, cause error) error {
	if r.doc == nil {
		return nil
	}
	for _, in := range inputs {
		if err := r.doc.item(r.failedInput(in.name, cause)); err != nil {
			return err
		}
	}
	return r.doc.end()
}

// fail adds an input that could not be verified to the result.
func (r *verifyRun) fail(in input, err error) error {
	r.result.failed++
	r.result.bad = append(r.result.bad, notOK{"failed", in.name, strings.TrimPrefix(err.Error(), in.name+": ")})
	if r.doc == nil {
		return nil
	}
	return r.doc.item(r.failedInput(in.name, err))
}

// measure adds up the sizes of the torrents for the progress.
func (r *verifyRun) measure(ctx context.Context) {
	if r.quiet || len(r.inputs) < 2 {
		return
	}
	r.sizes = make([]int64, len(r.inputs))
	for i, in := range r.inputs {
		if in.err != nil {
			continue
		}
		if t, err := in.torrent(ctx, r.env); err == nil { // verify reports the error
			r.sizes[i] = t.Size()
			r.size += t.Size()
		}
	}
}

// hashing returns a function that shows the progress of hashing the content of t, or
// that of the run.
func (r *verifyRun) hashing(t *metainfo.Torrent) func(done, total int64) {
	if r.sizes == nil {
		return r.progress("verifying " + r.pal.Shorten(t.Name, "")).Update
	}
	if r.overall == nil {
		r.overall = r.progress("verifying " + count(len(r.inputs), "torrent"))
	}
	// What is not hashed counts as done.
	return func(done, total int64) {
		r.bar = r.overall // not that of a search
		r.bar.Update(r.begun+max(t.Size()-total, 0)+done, r.size)
	}
}
