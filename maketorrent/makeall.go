package maketorrent

import (
	"context"
	"io/fs"
	"slices"
	"time"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

var now = time.Now

// An Outcome is the result of making one of several torrents, or its error.
type Outcome struct {
	Result *Result
	Err    error
}

// MakeAll makes several torrents, and returns their outcomes in order. The content of
// torrents with the same Path, whose options choose the same files, is read once, with
// Jobs, Read, Cache and Progress of the first of them. Such a torrent leaves out what
// the Own of any of them names. The errors are those of [Make].
func MakeAll(ctx context.Context, all []Options) []Outcome {
	outcomes := make([]Outcome, len(all))
	grouped := make([]bool, len(all))
	for i := range all {
		if grouped[i] {
			continue
		}
		g := &group{Options: all[i]}
		for k := i; k < len(all); k++ {
			if !grouped[k] && all[k].sameContent(&all[i]) {
				grouped[k] = true
				g.drafts = append(g.drafts, &draft{Options: &all[k], Outcome: &outcomes[k]})
			}
		}
		g.make(ctx)
	}
	return outcomes
}

// sameContent reports whether two options choose the same files.
func (o *Options) sameContent(other *Options) bool {
	return o.Path == other.Path && o.Symlinks == other.Symlinks &&
		slices.Equal(o.Include, other.Include) && slices.Equal(o.Exclude, other.Exclude)
}

// A group is the torrents of the same content.
type group struct {
	Options // of the first
	drafts  []*draft
}

// A draft is a torrent that is made.
type draft struct {
	*Options
	*Outcome
	name    string
	builder *metainfo.Builder
	layout  *metainfo.Layout
}

// make sets the outcome of each draft.
func (g *group) make(ctx context.Context) {
	g.keep(func(d *draft) (err error) {
		if err = d.Check(); err == nil {
			_, d.name, err = Resolve(d.Path, d.Name)
		}
		return err
	})
	if len(g.drafts) == 0 {
		return
	}
	err := g.hash(ctx)
	g.keep(func(d *draft) error {
		if err != nil {
			return err
		}
		return d.Result.finish(d.builder)
	})
}

// keep calls f for each draft, and drops those for which it fails.
func (g *group) keep(f func(d *draft) error) {
	g.drafts = slices.DeleteFunc(g.drafts, func(d *draft) bool {
		if d.Err = f(d); d.Err != nil {
			d.Result = nil
		}
		return d.Err != nil
	})
}

// hash finds the files, lays them out for each draft and hashes them.
func (g *group) hash(ctx context.Context) error {
	root, err := absolute(g.Path)
	if err != nil {
		return err
	}
	at := now()
	w := walker{ctx: ctx, Options: &g.Options}
	g.Own = g.own
	if err := w.walk(root); err != nil {
		return err
	}
	tree := &piece.Tree{Files: w.sources, Path: w.path}
	if err := tree.CheckReadable(ctx, g.Jobs); err != nil {
		return err
	}
	w.problems = append(w.problems, problemsOf(tree.Faults())...)
	if g.keep(func(d *draft) error { return d.layOut(&w, root) }); len(g.drafts) == 0 {
		return nil
	}
	return hash(ctx, g.drafts, tree, at, g.Cache.sums(root), &g.Options)
}

// own returns why any draft leaves out a file.
func (g *group) own(path string, info fs.FileInfo) string {
	for _, d := range g.drafts {
		if d.Own == nil {
			continue
		}
		if reason := d.Own(path, info); reason != "" {
			return reason
		}
	}
	return ""
}

// layOut chooses the piece length of a draft and lays out its files.
func (d *draft) layOut(w *walker, root string) (err error) {
	problems := w.problems
	if d.Format != FormatV1 {
		problems = append(slices.Clip(problems), w.tooDeep()...)
	}
	if len(problems) > 0 {
		return problems
	}
	d.Result = &Result{Content: root, Skipped: w.skipped}
	d.Result.findSkipped(w)
	d.builder = d.newBuilder(d.name, w.single, w.files)
	d.layout, d.Result.Choice, err = d.chooseLayout(d.builder)
	return err
}
