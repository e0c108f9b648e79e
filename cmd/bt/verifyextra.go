package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"bt/inspect"
	"bt/internal/piece"
	"bt/internal/term"
)

// extraFlags are the flags of bt verify for files that are no content.
type extraFlags struct {
	extra, null bool
}

func (f *extraFlags) flags() []cli.Flag {
	return []cli.Flag{
		switchFlag(&f.extra, "extra", "also list files in the content's directory that are not content of any of the torrents, including pad files of other clients; links are not followed, and nothing is deleted (not for a single file)"),
		switchFlag(&f.null, "null", "with --extra: print only the paths of these files, each followed by a NUL byte, as for xargs -0; the verdict goes to stderr", "0"),
	}
}

// check returns an error if flags exclude each other.
func (f *extraFlags) check(u *ui) error {
	switch {
	case f.null && !f.extra:
		return failf(exitUsage, "-0 is for --extra")
	case f.null && u.json:
		return failf(exitUsage, "-0 and --json both want stdout")
	}
	return nil
}

// findContents finds the content of all torrents of the run, because a file of one may be
// in the directory of another. Without a torrent, a list for scripts could have its
// content, so nothing is listed then.
func (r *verifyRun) findContents(ctx context.Context) {
	if !r.flags.extra.extra {
		return
	}
	r.contents, r.listed = new(inspect.Contents), make(map[string]bool)
	failed := 0
	for _, in := range r.inputs {
		if err := r.addContent(ctx, in, r.contents.Add); err != nil && !isForeign(in, err) {
			failed++
		}
	}
	if failed > 0 && r.flags.extra.null && ctx.Err() == nil {
		r.unlisted = true
		r.report(failf(exitRead, "no extra files are listed: %s can't be read, whose files may be among them", count(failed, "torrent")))
	}
}

// An addFunc is Add of inspect.Contents or inspect.Search.
type addFunc func(ctx context.Context, t *inspect.Torrent, path string, o inspect.VerifyOptions) error

// addContent adds the content of one torrent to that of the run.
func (r *verifyRun) addContent(ctx context.Context, in input, add addFunc) error {
	if in.err != nil {
		return in.err
	}
	t, err := in.torrent(ctx, r.env)
	if err != nil {
		return err
	}
	paths, err := r.paths(in.name, t)
	if err != nil {
		return err
	}
	return r.addFiles(ctx, t, paths, add)
}

// addFiles adds the files of a torrent to those of the run.
func (r *verifyRun) addFiles(ctx context.Context, t *inspect.Torrent, paths []string, add addFunc) error {
	o := inspect.VerifyOptions{Elsewhere: paths[1:], Directories: &r.directories, Jobs: r.flags.hashing.jobs.value}
	if err := r.usePlan(t, &o); err != nil {
		return err
	}
	return add(ctx, t, paths[0], o)
}

// printExtra prints the extra files of a torrent for scripts, except those that were
// printed for another one. The verdict goes to stderr.
func (r *verifyRun) printExtra(x *verified) error {
	if !r.quiet {
		r.settle()
		result, _ := resultOf(term.Palette{}, x)
		r.env.say("", x.name+": "+result)
	}
	if r.unlisted {
		return nil
	}
	root := x.verdict.Content
	if strings.HasPrefix(root, "-") {
		root = "." + string(os.PathSeparator) + root // not a flag
	}
	for _, rel := range slices.Sorted(slices.Values(x.verdict.Extra)) {
		path := piece.Join(root, []string{filepath.FromSlash(rel)})
		if r.listed[path] {
			continue
		}
		if r.several {
			r.listed[path] = true
		}
		if _, err := r.out.WriteString(path + "\x00"); err != nil {
			return stdoutError(err)
		}
	}
	return nil
}
