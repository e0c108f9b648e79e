package inspect

import (
	"bytes"
	"context"
	"os"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// ReadMode says how files are read; see piece.ReadMode.
type ReadMode = piece.ReadMode

// VerifyOptions are the choices of Verify; the zero value is fine.
type VerifyOptions struct {
	Jobs     int // workers; 0 is one a processor
	Read     ReadMode
	Progress func(done, total int64) // bytes; may be nil; called by Verify's goroutine

	OnlyBad bool // leaves files that are ok out of the verdict's list
	Extra   bool // also lists files in the content's directory that are no content
}

// Verify compares the data at path with a torrent; piece.Find says where it is.
// Damage is in the verdict and no error; errors are an *metainfo.UnusableError,
// that path does not exist, or the cause of ctx. A hybrid whose halves promise
// different data is unusable, which may show only when there is data.
func Verify(ctx context.Context, t *Torrent, path string, o VerifyOptions) (*Verdict, error) {
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	c := check{content: content, files: t.Files, states: make([]Cause, content.Layout.Pieces()), faults: make(map[part]*piece.Fault)}
	if c.tree, err = piece.Find(ctx, content, path, o.Jobs); err != nil {
		return nil, err
	}
	v, err := c.compareAll(ctx, o)
	if err != nil {
		return nil, err
	}
	v.Content, v.Proof, v.Format, v.Size = c.tree.Root, "full", t.Format(), t.Size()
	if o.Extra {
		if v.Extra, v.ExtraErrs, err = c.extra(ctx, c.tree.Root); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// compareAll reads and hashes what there is.
func (c *check) compareAll(ctx context.Context, o VerifyOptions) (*Verdict, error) {
	job := piece.Job{
		Layout: c.content.Layout, Tree: c.tree, V1: c.content.V1, V2: c.content.V2, Jobs: o.Jobs, Read: o.Read, Progress: o.Progress,
	}
	changed, err := job.Run(ctx, func(r piece.Result) error {
		c.result(r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range changed {
		c.changed(f)
	}
	if findings := c.disagreements(); len(findings) > 0 {
		return nil, &metainfo.UnusableError{Findings: findings}
	}
	return c.verdict(o.OnlyBad), nil
}

// A part is what a piece has of a file.
type part struct{ piece, file int }

// check collects what is known of each piece.
type check struct {
	content  *metainfo.Content
	files    []metainfo.File // with their paths as the torrent has them, safe or not
	tree     *piece.Tree
	states   []Cause               // of each piece
	doubtful []bool                // of each piece: see BadPiece
	faults   map[part]*piece.Fault // what showed only when it was read

	layerless layerless
	disagree  []disagreement
}

func (c *check) result(r piece.Result) {
	if r.Failed {
		for _, f := range r.Faults {
			c.faults[part{r.Index, f.File}] = f
		}
		c.states[r.Index] = c.blame(r.Index)
	} else if c.content.V1 && !bytes.Equal(r.SHA1[:], c.content.Pieces[r.Index*20:][:20]) {
		c.states[r.Index] = Corrupt
	}
	if c.content.V2 {
		c.resultV2(r)
	}
}

// blame names the one cause of a piece that may have several.
func (c *check) blame(index int) Cause {
	var has [Changed + 1]bool
	for _, span := range c.content.Layout.Spans(index, index) {
		if !c.tree.Files[span.File].Pad {
			has[c.causeFor(span.File, index, span.Offset+span.Length)] = true
		}
	}
	// Of bytes that are there no hash says whether they are right.
	for _, cause := range []Cause{Changed, Unreadable, Unverifiable, Missing} {
		if has[cause] {
			return cause
		}
	}
	return Short
}

// changed takes back what was said of a file that became another meanwhile.
func (c *check) changed(f *piece.Fault) {
	first, last, ok := c.content.Layout.FilePieces(f.File)
	if !ok {
		c.tree.Restat(f.File) // an empty file, in no piece, that is empty no longer or gone
		return
	}
	for i := first; i <= last; i++ {
		c.states[i] = Changed
		if at := (part{i, f.File}); c.faults[at] == nil {
			c.faults[at] = f
		}
	}
}
