package maketorrent

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"bt/internal/metainfo"
)

// A draft is a torrent that is being made.
type draft struct {
	*Options
	Outcome
	index   int     // in the argument of MakeAll
	inputs  []input // none for a Stream
	name    string  // of the torrent
	builder *metainfo.Builder
	layout  *metainfo.Layout
}

// layOut chooses the piece length of a draft and lays out its files.
func (d *draft) layOut(w *walker) (err error) {
	problems := w.problems
	if d.Format != FormatV1 {
		problems = append(slices.Clip(problems), w.tooDeep()...)
	}
	if len(problems) > 0 {
		return problems
	}
	d.Result = &Result{Content: contentOf(d.inputs, d.name), Skipped: w.skipped, Previous: d.Previous}
	d.Result.findSkipped(w)
	d.Result.Findings = append(d.Result.Findings, w.findings...)
	d.builder = d.newBuilder(d.name, w.single, w.files)
	d.layout, d.Result.Choice, err = d.chooseLayout(d.builder)
	return err
}

// tooDeep returns a problem if files are in more directories than the parser of a v2 file
// tree accepts.
func (w *walker) tooDeep() Problems {
	n, first := 0, -1
	for i, f := range w.files {
		if len(f.Path) <= metainfo.MaxTreeDepth {
			continue
		}
		if n++; n == 1 {
			first = i
		}
	}
	if n == 0 {
		return nil
	}
	more := ""
	if n > 1 {
		more = fmt.Sprintf(" (and %d more)", n-1)
	}
	return Problems{fmt.Errorf("%s: it is %d levels deep; a v2 or hybrid torrent can have %d, and one of v1 any number%s",
		w.path(first), len(w.files[first].Path), metainfo.MaxTreeDepth, more)}
}

// newBuilder returns a builder with everything but the hashes.
func (o *Options) newBuilder(name string, single bool, files []metainfo.BuildFile) *metainfo.Builder {
	b := &metainfo.Builder{
		Name: name, Single: single, Files: files,
		V1: o.Format != FormatV2, V2: o.Format != FormatV1,
		PieceLength: o.PieceLength, Align: o.Align || o.Previous != nil && isAligned(o.Previous),
		Private: o.Private, Source: o.Source, Collections: o.Collections, UpdateURL: o.UpdateURL,
		Outside: metainfo.Outside{
			Trackers: o.Trackers, WebSeeds: o.WebSeeds, HTTPSeeds: o.HTTPSeeds,
			Nodes: o.Nodes, Comment: o.Comment, CreatedBy: o.CreatedBy, Date: o.Date,
		},
	}
	if o.Entropy {
		b.Entropy = rand.Text()
	}
	for _, t := range o.withPrevious(o.Similar) {
		b.Similar = append(b.Similar, t.ShortInfoHash())
	}
	return b
}

// finish builds the torrent and parses it, to get its findings. With DryRun the torrent
// has no hashes of the content: it only gives the facts of the Plan.
func (d *draft) finish() error {
	out, err := d.builder.Build()
	if err != nil {
		return err
	}
	d.builder = nil // free its memory
	t, err := metainfo.Parse(out)
	if err != nil {
		return err
	}
	for _, f := range t.Findings {
		if f.Severity == metainfo.SeverityError {
			return errors.New(f.Message)
		}
	}
	d.Result.Findings = append(d.Result.Findings, t.Findings...)
	if d.DryRun {
		d.Result.Plan.describe(t)
	} else {
		d.Result.Torrent = t
	}
	return nil
}
