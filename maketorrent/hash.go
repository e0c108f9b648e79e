package maketorrent

import (
	"context"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// hash hashes the content and stores the sums in the builder.
func hash(ctx context.Context, b *metainfo.Builder, layout *metainfo.Layout, tree *piece.Tree, o *Options) error {
	job := piece.Job{
		Layout: layout, Tree: tree, V1: b.V1, V2: b.V2, Jobs: o.Jobs, Read: o.Read, Progress: o.Progress,
	}
	if b.V2 {
		job.Duplicates = duplicates(tree.Files)
	}
	s := sums{b: b, layout: layout, duplicates: job.Duplicates}
	s.begin()
	changed, err := job.Run(ctx, func(r piece.Result) error {
		if r.Failed {
			return problemsOf(r.Faults)
		}
		s.add(r)
		return nil
	})
	if err == nil && len(changed) > 0 {
		err = problemsOf(changed)
	}
	return err
}

// duplicates returns, for each file that is the same file on disk as an earlier one (a hard
// link, or the target of a symbolic link), the index of the earlier one. Small files
// are left out: reading them is cheaper than keeping them in a map.
func duplicates(files []piece.Source) map[int]int {
	const least = 1 << 20
	duplicates := make(map[int]int)
	first := make(map[piece.Identity]int)
	for i := range files {
		id := files[i].ID
		if id.Size < least || id.Ino == 0 { // 0: the system has no inodes
			continue
		}
		if j, ok := first[id]; ok {
			duplicates[i] = j
		} else {
			first[id] = i
		}
	}
	return duplicates
}

// sums stores the sums of pieces, which arrive in order, in the builder.
type sums struct {
	b          *metainfo.Builder
	layout     *metainfo.Layout
	duplicates map[int]int
	layers     map[int]int // offsets in PieceLayers, of files that have duplicates
	file       int         // v2: the file that the next piece is in
	last       int         // the last piece of that file
	tree       metainfo.HashTree
}

func (s *sums) begin() {
	b := s.b
	if b.V1 {
		b.Pieces = make([]byte, 0, s.layout.Pieces()*20)
	}
	if !b.V2 {
		return
	}
	b.PiecesRoots = make([][32]byte, len(b.Files))
	hashes := 0
	for i := range b.Files {
		if first, last, ok := s.layout.FilePieces(i); ok && last > first {
			hashes += last - first + 1
		}
	}
	b.PieceLayers = make([]byte, 0, hashes*32)
	s.layers = make(map[int]int)
	for _, original := range s.duplicates {
		s.layers[original] = -1
	}
	s.file = -1
	s.nextFile()
}

// nextFile advances to the next file that has a piece.
func (s *sums) nextFile() {
	for s.file++; s.file < s.layout.Files(); s.file++ {
		if _, last, ok := s.layout.FilePieces(s.file); ok {
			s.last = last
			if _, ok := s.layers[s.file]; ok {
				s.layers[s.file] = len(s.b.PieceLayers)
			}
			s.tree.Reset(metainfo.PieceHeight(s.layout.PieceLength()))
			return
		}
	}
}

func (s *sums) add(r piece.Result) {
	b := s.b
	if original, ok := s.duplicates[s.file]; ok {
		s.copy(&r, original)
	}
	if b.V1 {
		b.Pieces = append(b.Pieces, r.SHA1[:]...)
	}
	if !b.V2 {
		return
	}
	several := s.layout.Length(s.file) > s.layout.PieceLength()
	if several {
		b.PieceLayers = append(b.PieceLayers, r.Root[:]...)
		s.tree.Add(&r.Root)
	}
	if r.Index < s.last {
		return
	}
	if b.PiecesRoots[s.file] = r.Root; several {
		b.PiecesRoots[s.file] = s.tree.Root(0)
	}
	s.nextFile()
}

// copy gives a piece of a duplicate the sums of the same piece of the original.
func (s *sums) copy(r *piece.Result, original int) {
	first, _, _ := s.layout.FilePieces(original)
	own, _, _ := s.layout.FilePieces(s.file)
	n := r.Index - own
	if s.b.V1 {
		r.SHA1 = [20]byte(s.b.Pieces[(first+n)*20:])
	}
	if s.layout.Length(s.file) > s.layout.PieceLength() {
		r.Root = [32]byte(s.b.PieceLayers[s.layers[original]+n*32:])
	} else {
		r.Root = s.b.PiecesRoots[original]
	}
}
