package maketorrent

import (
	"context"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// Pad files (BEP 47) that keep the pieces of the torrent of an earlier release. A piece
// stays the same only if its bytes begin at the same offset in a piece.

// isAligned reports whether the files of a torrent begin pieces by its format: v2, or v1
// with pad files.
func isAligned(t *Torrent) bool {
	c, err := t.Content()
	if err != nil {
		return false
	}
	pads := false
	for i := range c.Files {
		pads = pads || c.Files[i].Pad
		if hasContent(c, i) && c.Layout.Offset(i)%c.Layout.PieceLength() != 0 {
			return false
		}
	}
	return c.V2 || pads
}

// keepPieces adds pad files to v1 torrents, so that files that are unchanged since
// Options.Previous begin at the same offset in a piece as there.
func keepPieces(ctx context.Context, drafts []*draft, tree *piece.Tree, pathOf func(i int) []string) error {
	keepers := make(map[*Torrent]*keeper) // drafts have the same files
	for _, d := range drafts {
		if d.Previous == nil || d.Align {
			continue
		}
		d.Result.Aligned = d.builder.Align && !d.builder.V2
		c, err := d.Previous.Content()
		if err != nil || !c.V1 || d.builder.V2 || d.builder.Single || c.Layout.PieceLength() != d.builder.PieceLength {
			continue // it has no pieces of v1, or pad files make none the same
		}
		k := keepers[d.Previous]
		if k == nil {
			k = newKeeper(c, d.builder, tree, pathOf)
			keepers[d.Previous] = k
		}
		if err := k.settle(ctx, d.Options); err != nil {
			return err
		}
		d.keep(k)
	}
	return nil
}

// keep adds the pad files of a keeper, unless the torrent would then be too large.
func (d *draft) keep(k *keeper) {
	b := *d.builder
	b.Offsets = k.offsets
	layout, err := b.Layout()
	if err != nil {
		return
	}
	if size, _ := b.Measure(layout); d.MaxTorrentSize > 0 && size > d.MaxTorrentSize {
		return
	}
	d.builder, d.layout, d.Result.Pads = &b, layout, k.pads
}

// A keeper chooses the offsets in pieces at which files begin. The slices have an element
// for each file and one for the end of the stream.
type keeper struct {
	donor
	old       *piece.Tree // the files on disk, in the order of the earlier torrent
	lengths   []int64
	defaults  []int64    // the offsets without the earlier torrent
	earlier   []int64    // the offsets in the earlier torrent, of the files in a stretch
	stretches []*stretch // nil for files that are not in the earlier torrent
	offsets   []int64    // the choice
	pads      int        // pad files that are not there by default
}

// A stretch is a series of files that may be the same as in the earlier torrent, and that
// follow each other there too, without padding.
type stretch struct {
	first, last int   // files of the earlier torrent
	from, to    int64 // in its stream
	ends        bool  // no file with content follows, here and there
	pieces      []int // those to compare, or nil if they are not listed yet
	same        bool  // a piece of it is the same
	other       bool  // none is
}

func newKeeper(c *metainfo.Content, b *metainfo.Builder, tree *piece.Tree, pathOf func(i int) []string) *keeper {
	n := len(b.Files)
	k := &keeper{
		donor:   donor{content: c, files: match(c, tree, pathOf, 0)},
		lengths: make([]int64, n+1), defaults: b.DefaultOffsets(), earlier: make([]int64, n+1), stretches: make([]*stretch, n+1),
	}
	k.old, _ = k.treeOf(tree)
	l := c.Layout
	var s *stretch // that of the file before
	for i, f := range b.Files {
		if k.lengths[i] = f.Length; f.Length == 0 {
			continue
		}
		g, ok := k.files[i]
		if !ok {
			s = nil
			continue
		}
		if s == nil || s.to != l.Offset(g) {
			s = &stretch{first: g, from: l.Offset(g)}
		}
		s.last, s.to = g, l.Offset(g)+l.Length(g)
		k.stretches[i], k.earlier[i] = s, l.Offset(g)%l.PieceLength()
	}
	if s != nil && isLast(c, s.last) {
		s.ends = true
		k.stretches[n], k.earlier[n] = s, l.Total()%l.PieceLength()
	}
	return k
}

// isLast reports whether no file with content follows a file.
func isLast(c *metainfo.Content, file int) bool {
	for g := file + 1; g < len(c.Files); g++ {
		if hasContent(c, g) {
			return false
		}
	}
	return true
}

// settle chooses the offsets. A stretch gets padding only if one of its pieces is the same
// as in the earlier torrent. It reads few pieces, unless they are not the same.
func (k *keeper) settle(ctx context.Context, o *Options) error {
	for n := 1; ; n *= 8 {
		doubtful := k.place()
		if len(doubtful) == 0 {
			return nil
		}
		if err := k.compare(ctx, doubtful, n, o); err != nil {
			return err
		}
	}
}

// place chooses the offsets for what is known about the stretches. It returns those that
// get padding although it is not known whether they have a piece that is the same.
func (k *keeper) place() (doubtful []*stretch) {
	pieceLength := k.content.Layout.PieceLength()
	k.offsets, k.pads = slices.Clone(k.defaults), 0
	pos := int64(0)
	for i, s := range k.stretches {
		if k.lengths[i] == 0 && i < len(k.lengths)-1 {
			continue
		}
		if s != nil && !s.other {
			k.offsets[i] = k.earlier[i]
		}
		at := metainfo.PadTo(pos, k.offsets[i], pieceLength)
		byDefault := metainfo.PadTo(pos, k.defaults[i], pieceLength)
		if at > byDefault {
			k.pads++
		}
		if at != byDefault && !s.same {
			doubtful = append(doubtful, s)
		}
		pos = at + k.lengths[i]
	}
	return doubtful
}

// compare compares up to n more pieces of each stretch with those of the earlier torrent.
func (k *keeper) compare(ctx context.Context, list []*stretch, n int, o *Options) error {
	of := make(map[int]*stretch) // by the piece
	for _, s := range list {
		if s.pieces == nil {
			s.pieces = k.telling(s)
		}
		now := s.pieces[:min(n, len(s.pieces))]
		for _, p := range now {
			of[p] = s
		}
		s.pieces = s.pieces[len(now):]
	}
	err := k.hash(ctx, k.old, o, func(p int) bool { return of[p] != nil }, func(r *piece.Result) {
		s := of[r.Index]
		s.same = s.same || !r.Failed && r.SHA1 == [20]byte(k.content.Pieces[20*r.Index:])
	})
	for _, s := range list {
		s.other = !s.same && len(s.pieces) == 0
	}
	return err
}

// telling returns pieces of which one is the same if any file of the stretch with a piece
// of its own, or any series of files that share a piece, is unchanged: those at the
// beginning, middle and end of each file, if they have no bytes outside of the stretch.
func (k *keeper) telling(s *stretch) (list []int) {
	l := k.content.Layout
	for g := s.first; g <= s.last; g++ {
		first, last, ok := l.FilePieces(g)
		if !ok || !hasContent(k.content, g) {
			continue
		}
		for _, p := range []int{first, first + 1, first + (last-first)/2, last - 1, last} {
			from := int64(p) * l.PieceLength()
			within := from >= s.from && (from+l.PieceLength() <= s.to || s.ends && p == l.Pieces()-1)
			if p >= first && p <= last && within {
				list = append(list, p)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
