package maketorrent

import (
	"context"
	"math/rand/v2"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// withPrevious returns a list of torrents with Options.Previous.
func (o *Options) withPrevious(list []*Torrent) []*Torrent {
	if o.Previous == nil || slices.Contains(list, o.Previous) {
		return list
	}
	return append(slices.Clip(list), o.Previous)
}

// A donor is a torrent whose hashes are reused for files on disk.
type donor struct {
	content *metainfo.Content
	files   map[int]int // file on disk -> file of the torrent
}

const (
	// leastReused is the least number of whole pieces of a file that is reused. Smaller
	// files are hashed: a sample would be most of them.
	leastReused = 16
	// samples is the number of pieces that are hashed as a sample of a file, and
	// sampleShare the share of its pieces, if that is more.
	samples     = 8
	sampleShare = 64
)

// findDonors returns the torrents with files that are on disk too. Of each file a sample
// of pieces was hashed and compared. pathOf returns the path of a file below the
// torrent's name.
func findDonors(ctx context.Context, torrents []*Torrent, tree *piece.Tree, pathOf func(i int) []string, o *Options) (donors []*donor, refuted []int, err error) {
	for _, t := range torrents {
		c, err := t.Content()
		if err != nil {
			continue // it has no usable hashes
		}
		d := &donor{content: c, files: match(c, tree, pathOf, leastReused)}
		wrong, err := d.prove(ctx, tree, o)
		if err != nil {
			return nil, nil, err
		}
		refuted = append(refuted, wrong...)
		if len(d.files) > 0 {
			donors = append(donors, d)
		}
	}
	slices.Sort(refuted)
	refuted = slices.DeleteFunc(slices.Compact(refuted), func(i int) bool {
		return slices.ContainsFunc(donors, func(d *donor) bool { _, ok := d.files[i]; return ok })
	})
	return donors, refuted, nil
}

// match returns the files of the tree that may be files of the torrent, and which: they
// have the same size and the same path, or of the others the same last name, or of the
// rest they alone have the size. No two are the same file of the torrent. Empty files and
// those of fewer than least whole pieces are left out.
func match(c *metainfo.Content, tree *piece.Tree, pathOf func(i int) []string, least int) map[int]int {
	type sized struct {
		name string
		size int64
	}
	const several = -1
	files, taken := make(map[int]int), make(map[int]bool)
	for _, name := range matchNames {
		index := make(map[sized]int)
		for g := range c.Files {
			if taken[g] || !hasContent(c, g) || wholePieces(c.Layout, g) < least {
				continue
			}
			key := sized{name(c.Files[g].Path()), c.Files[g].Length}
			if _, ok := index[key]; ok {
				index[key] = several
				continue
			}
			index[key] = g
		}
		for i := range tree.Files {
			if _, ok := files[i]; ok || len(index) == 0 {
				continue
			}
			g, ok := index[sized{name(pathOf(i)), tree.ID(i).Size}]
			if ok && g != several && !taken[g] {
				files[i], taken[g] = g, true
			}
		}
	}
	return files
}

// matchNames return the names by which files of the same size are matched, the best
// first.
var matchNames = [...]func(path []string) string{
	display,
	func(path []string) string { return display(path[max(len(path)-1, 0):]) },
	func([]string) string { return "" },
}

// hasContent reports whether a file of a torrent has bytes that are on disk.
func hasContent(c *metainfo.Content, file int) bool {
	f := &c.Files[file]
	return !f.Pad && !f.IsLink() && f.Length > 0
}

// wholePieces returns the number of pieces that have bytes of one file only.
func wholePieces(l *metainfo.Layout, file int) int {
	first, last, ok := l.FilePieces(file)
	if !ok {
		return 0
	}
	return max(last-first-1, 0) // the outer ones may be shared with other files
}

// prove hashes a sample of each file. It drops the files that have other content, and
// returns them.
func (d *donor) prove(ctx context.Context, tree *piece.Tree, o *Options) (wrong []int, err error) {
	l := d.content.Layout
	old, onDisk := d.treeOf(tree)
	sampled := make(map[int]int) // piece -> file of the torrent
	for g := range old.Files {
		if _, ok := onDisk[g]; !ok {
			continue
		}
		first, last, _ := l.FilePieces(g)
		n := last - first - 1
		sampled[first+1], sampled[last-1] = g, g
		for range max(samples, n/sampleShare) - 2 {
			sampled[first+1+rand.IntN(n)] = g
		}
	}
	err = d.hash(ctx, old, o, func(p int) bool { _, ok := sampled[p]; return ok }, func(r *piece.Result) {
		if g := sampled[r.Index]; !d.agrees(r, g) {
			wrong = append(wrong, onDisk[g])
		}
	})
	if err != nil {
		return nil, err
	}
	for _, i := range wrong {
		delete(d.files, i)
	}
	return wrong, nil
}

// treeOf returns the files of the torrent as far as they are in the tree, and where they
// are in it.
func (d *donor) treeOf(tree *piece.Tree) (old *piece.Tree, onDisk map[int]int) {
	old = &piece.Tree{Files: make([]piece.Source, len(d.content.Files))}
	onDisk = make(map[int]int)
	for i, g := range d.files {
		onDisk[g] = i
	}
	old.Path = func(g int) string { return tree.Path(onDisk[g]) }
	for g := range old.Files {
		if i, ok := onDisk[g]; ok {
			old.Files[g] = tree.Files[i]
			old.SetID(g, tree.ID(i))
			continue
		}
		f := &d.content.Files[g]
		old.Files[g] = piece.Source{Pad: f.Pad, Link: f.IsLink(), Cause: piece.CauseMissing}
	}
	return old, onDisk
}

// hash hashes the pieces of the torrent for which some returns true, in the files on disk.
func (d *donor) hash(ctx context.Context, old *piece.Tree, o *Options, some func(piece int) bool, yield func(*piece.Result)) error {
	job := piece.Job{
		Layout: d.content.Layout, Tree: old, V1: d.content.V1, V2: d.content.V2, Jobs: o.Jobs, Read: o.Read,
		Skip: func(_, piece int) bool { return !some(piece) },
	}
	changed, err := job.Run(ctx, func(r piece.Result) error {
		if !r.Skipped {
			yield(&r)
		}
		return nil
	})
	if err == nil && len(changed) > 0 {
		err = problemsOf(changed)
	}
	return err
}

// agrees reports whether the sums of a piece of file g are those of the torrent.
func (d *donor) agrees(r *piece.Result, g int) bool {
	if r.Failed || d.content.V1 && r.SHA1 != [20]byte(d.content.Pieces[20*r.Index:]) {
		return false
	}
	first, _, _ := d.content.Layout.FilePieces(g)
	root, ok := d.content.PieceHash(g, r.Index-first)
	return !d.content.V2 || ok && root == r.Root
}

// take stores the sums of a piece of t that the torrent has too.
func (d *donor) take(t *target, i int) bool {
	c := t.Layout.Cursor(i)
	span, _ := c.Next()
	g, ok := d.files[span.File]
	if !ok {
		return false
	}
	var sha1 [20]byte
	var root [32]byte
	if t.V1 {
		if sha1, ok = d.sha1(span, g, &c, t.Layout.PieceLength()); !ok {
			return false
		}
	}
	if t.V2 {
		if root, ok = d.root(span, g, t.Layout); !ok {
			return false
		}
	}
	t.set(i, &sha1, &root)
	return true
}

// sha1 returns the SHA-1 of the piece that has the bytes of a span as those of file g,
// followed by the gaps that rest yields.
func (d *donor) sha1(span metainfo.Span, g int, rest *metainfo.Cursor, pieceLength int64) (sum [20]byte, ok bool) {
	l := d.content.Layout
	at := l.Offset(g) + span.Offset
	if !d.content.V1 || l.PieceLength() != pieceLength || at%pieceLength != 0 {
		return sum, false
	}
	index := int(at / pieceLength)
	own := l.Cursor(index)
	if first, _ := own.Next(); first.Length != span.Length {
		return sum, false
	}
	gap := int64(0)
	for s, more := rest.Next(); more; s, more = rest.Next() {
		if s.File != metainfo.Gap {
			return sum, false
		}
		gap += s.Length
	}
	for s, more := own.Next(); more; s, more = own.Next() {
		if s.File != metainfo.Gap && !d.content.Files[s.File].Pad {
			return sum, false
		}
		gap -= s.Length
	}
	if gap != 0 {
		return sum, false
	}
	return [20]byte(d.content.Pieces[20*index:]), true
}

// root returns the root of the piece of another layout that has the bytes of a span as
// those of file g.
func (d *donor) root(span metainfo.Span, g int, l *metainfo.Layout) (root [32]byte, ok bool) {
	own := d.content.Layout.PieceLength()
	if !d.content.V2 || l.PieceLength()%own != 0 {
		return root, false
	}
	if length := d.content.Files[g].Length; length <= l.PieceLength() {
		return *d.content.Files[g].PiecesRoot, true
	}
	var tree metainfo.HashTree
	tree.Reset(metainfo.PieceHeight(own))
	for at := span.Offset; at < span.Offset+span.Length; at += own {
		hash, ok := d.content.PieceHash(g, int(at/own))
		if !ok {
			return root, false
		}
		tree.Add(&hash)
	}
	return tree.Root(metainfo.PieceHeight(l.PieceLength()) - metainfo.PieceHeight(own)), true
}
