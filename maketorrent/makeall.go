package maketorrent

import (
	"context"
	"io/fs"
	"iter"
	"slices"
	"time"

	"bt/internal/known"
	"bt/internal/piece"
)

// now is replaced by tests.
var now = time.Now

// An Outcome is the result of making one of several torrents, or its error.
type Outcome struct {
	Result *Result
	Err    error
}

// MakeAll makes several torrents, and yields the index of each with its outcome, as soon
// as it is known. If torrents have the same Path, Inputs or Stream, and the same Cache,
// and their options choose the same files, their content is read once, with Jobs, Read
// and Progress of the first of them; these torrents are yielded one after another. None of them has a
// file for which the Own of any of them returns a reason. The errors are those of [Make].
// If ctx ends, the remaining outcomes are its cause.
func MakeAll(ctx context.Context, all []Options) iter.Seq2[int, Outcome] {
	return func(yield func(int, Outcome) bool) {
		grouped := make([]bool, len(all))
		for i := range all {
			if grouped[i] {
				continue
			}
			g := &group{Options: all[i], began: now()}
			for k := i; k < len(all); k++ {
				if !grouped[k] && all[k].sameContent(&all[i]) {
					grouped[k] = true
					g.drafts = append(g.drafts, &draft{Options: &all[k], index: k})
				}
			}
			if !g.make(ctx, yield) {
				return
			}
		}
	}
}

// sameContent reports whether two torrents can be made of one reading.
func (o *Options) sameContent(other *Options) bool {
	return o.Stream == other.Stream && o.Cache == other.Cache && o.Path == other.Path && slices.Equal(o.Inputs, other.Inputs) && o.DryRun == other.DryRun &&
		slices.Equal(o.Include, other.Include) && slices.Equal(o.Exclude, other.Exclude) &&
		(o.Only == nil) == (other.Only == nil) && slices.Equal(o.Only, other.Only) &&
		o.NoHidden == other.NoHidden && o.KeepJunk == other.KeepJunk && o.Symlinks == other.Symlinks && o.Attributes == other.Attributes &&
		slices.Equal(o.withPrevious(o.Reuse), other.withPrevious(other.Reuse))
}

// A group is the torrents of the same content.
type group struct {
	Options // of the first
	began   time.Time
	drafts  []*draft
}

// make makes and yields the torrents. It returns false if yield did.
func (g *group) make(ctx context.Context, yield func(int, Outcome) bool) bool {
	g.each(func(d *draft) (err error) {
		if err = d.Check(); err == nil && d.Stream == nil {
			d.inputs, d.name, err = d.resolve()
		}
		return err
	})
	if err := g.hash(ctx); err != nil {
		g.each(func(*draft) error { return err })
	}
	took := now().Sub(g.began)
	for _, d := range g.drafts {
		if d.Err == nil {
			d.Result.Took = took
			d.Err = d.finish()
		}
		if d.Err != nil {
			d.Result = nil
		}
		if !yield(d.index, d.Outcome) {
			return false
		}
		d.Result = nil // free its memory
	}
	return true
}

// each calls f for each draft that has not failed.
func (g *group) each(f func(d *draft) error) {
	for _, d := range g.drafts {
		if d.Err == nil {
			d.Err = f(d)
		}
	}
}

// left returns the drafts that have not failed.
func (g *group) left() (drafts []*draft) {
	g.each(func(d *draft) error {
		drafts = append(drafts, d)
		return nil
	})
	return drafts
}

// hash finds the files, lays them out for each draft and hashes them.
func (g *group) hash(ctx context.Context) error {
	left := g.left()
	if len(left) == 0 {
		return nil
	}
	if g.Stream != nil {
		return g.hashStream(ctx, left)
	}
	at := now() // before the walk takes the identities of the files
	w := walker{ctx: ctx, Options: &g.Options, inputs: left[0].inputs}
	g.Own = g.own
	if err := w.walk(); err != nil {
		return err
	}
	tree := &piece.Tree{Files: w.sources, Path: w.path}
	tree.SetIDs(w.ids)
	if err := tree.CheckReadable(ctx, g.Jobs); err != nil {
		return err
	}
	w.problems = append(w.problems, problemsOf(tree.Faults())...)
	if len(w.problems) == 0 {
		w.findInFiles()
	}
	g.each(func(d *draft) error { return d.layOut(&w) })
	drafts := g.left()
	if len(drafts) == 0 {
		return nil
	}
	pathOf := func(i int) []string { return w.files[i].Path }
	if err := keepPieces(ctx, drafts, tree, pathOf); err != nil {
		return err
	}
	donors, refuted, err := findDonors(ctx, g.withPrevious(g.Reuse), tree, pathOf, &g.Options)
	if err != nil {
		return err
	}
	for _, d := range drafts {
		for _, i := range refuted {
			d.Result.Refuted = append(d.Result.Refuted, display(w.files[i].Path))
		}
	}
	h := hasher{pieces: known.PiecesIn(g.Cache, w.inputs[0].path, tree, at), donors: donors}
	return h.hash(ctx, drafts, &g.Options)
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
