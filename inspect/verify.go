package inspect

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"bt/internal/known"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A ReadMode chooses how files are read.
type ReadMode = piece.ReadMode

// The ways to read files. The zero ReadMode is ReadAuto.
const (
	ReadAuto       = piece.ReadAuto       // chosen by the kind of disk
	ReadParallel   = piece.ReadParallel   // all workers read at once
	ReadSequential = piece.ReadSequential // one worker reads at a time, in order: for spinning disks
)

// Directories remembers what [Verify] has read of directories, for several torrents whose
// data is in the same ones. It is used in VerifyOptions, and not concurrently. Its zero
// value is empty.
type Directories = piece.Directories

// VerifyOptions are the choices of [Verify].
type VerifyOptions struct {
	Jobs int      // workers; 0 means one per CPU
	Read ReadMode // 0 means ReadAuto

	// Progress, if not nil, is called about ten times a second and at the end, with the
	// number of bytes hashed and of all bytes, from the goroutine that called Verify.
	Progress func(done, total int64)

	// Elsewhere are further paths of the data, like the argument path of Verify. Of those
	// with the same number of files, the first is used.
	Elsewhere []string

	// Directories, if not nil, remembers directories from one call to the next.
	Directories *Directories

	Extra bool // fill in Verdict.Extra

	// Others, if not nil, are files of other torrents, which are not extra.
	Others *Contents

	// Only, if not nil, reports whether to verify the file with an index in the torrent.
	// The pieces without bytes of such a file are not read, and not counted.
	Only func(file int) bool

	// Cache, if not nil, has the hashes of files that have not changed since, which are
	// not read again. Verify adds those that it reads.
	Cache *Cache

	// Quick reads nothing. Files are compared by their sizes, and pieces by their hashes
	// in the Cache. Sample, if not 0, is the number of pieces to read, chosen at random;
	// the Cache is then not used.
	Quick  bool
	Sample int

	// Search, if not nil, searches for the files that are not in order. It fills in
	// Verdict.Found, Maybe and SearchErrs. It is not used with Quick or Sample.
	Search *Search

	// Places are the paths on disk of files that are at other places, by their indexes in
	// the torrent. Other files are searched for at path.
	Places map[int]string

	// Neighbors are the paths on disk of files that are tried for the bytes of files in
	// pieces that they share with others, by the indexes of the files in the torrent:
	// those of Verdict.Neighbors.
	Neighbors map[int][]string
}

// now is replaced by tests.
var now = time.Now

// Verify compares the data at path with a torrent. The data is at path/NAME or path
// itself, where NAME is the torrent's name, or for a single file at path/NAME/NAME.
// Verify uses the place that has the most files of the torrent. It reads and hashes all
// files that exist, unless an option says otherwise.
//
// Damage is not an error, but part of the verdict. The error is an *[UnusableError] if
// the torrent can't be used, wraps [fs.ErrNotExist] if path does not exist, or is the
// cause of ctx. A hybrid torrent whose v1 and v2 hashes are of different data is
// unusable. In some cases that only shows when the data is hashed.
func Verify(ctx context.Context, t *Torrent, path string, o VerifyOptions) (*Verdict, error) {
	at := now() // before locate takes the identities of the files
	c, err := locate(ctx, t, path, &o)
	if err != nil {
		return nil, err
	}
	if o.Sample == 0 {
		c.cache = known.PiecesIn(o.Cache, c.tree.Root, c.tree, at)
	}
	c.choose(&o)
	v, err := c.compareAll(ctx, o)
	if err != nil {
		return nil, err
	}
	v.Content = c.tree.Root
	if o.Extra {
		if v.Extra, v.ExtraErrs, err = c.extra(ctx, c.tree.Root, o.Others); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// locate finds the data of a torrent.
func locate(ctx context.Context, t *Torrent, path string, o *VerifyOptions) (*check, error) {
	content, err := t.Content()
	if err != nil {
		return nil, err
	}
	paths := append([]string{path}, o.Elsewhere...)
	for _, path := range paths {
		if _, err := os.Stat(path); err != nil {
			return nil, err
		}
	}
	c := &check{content: content, files: t.Files, states: make([]Cause, content.Layout.Pieces()), faults: make(map[part]*piece.Fault), proven: make(map[part]bool)}
	if c.tree, err = piece.FindIn(ctx, content, paths, o.Jobs, o.Directories); err != nil {
		return nil, err
	}
	c.place(o.Places)
	return c, nil
}

// place sets the paths of files that are at other places.
func (c *check) place(paths map[int]string) {
	c.placed = make(map[int]string)
	for i, path := range paths {
		if own, err := filepath.Abs(c.tree.Path(i)); err != nil || own != path {
			c.placed[i] = path
		}
	}
	c.tree.Place(c.placed)
}

// compareAll reads and hashes all files that exist.
func (c *check) compareAll(ctx context.Context, o VerifyOptions) (*Verdict, error) {
	job := piece.Job{
		Layout: c.content.Layout, Tree: c.tree, V1: c.content.V1, V2: c.content.V2, Jobs: o.Jobs, Read: o.Read, Progress: o.Progress,
	}
	if c.skip != nil {
		job.Skip = func(_, piece int) bool { return c.skips(piece) }
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
	if c.basis != BasisFull && c.basis != BasisCached {
		return c.verdict(), nil // files are searched for by all of their pieces
	}
	found, maybe, err := c.find(ctx, &o)
	if err != nil {
		return nil, err
	}
	v := c.verdict()
	v.Found, v.Maybe = found, maybe
	if o.Search != nil {
		v.SearchErrs, o.Search.errs = o.Search.errs, nil
	}
	return v, nil
}
