package inspect

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"sort"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A phase is where the pieces of a torrent begin in a file. Files of one size and one
// phase are divided alike.
type phase struct {
	pieceLength int64
	offset      int64 // of the file, modulo the piece length
	v1, v2      bool  // the hashes that are computed
}

// sums are the hashes of a file at a phase.
type sums struct {
	sampled bool
	sample  [32]byte // of its first whole piece: SHA-1 or, for v2, the hash of the piece layer

	hashed bool
	inside [32]byte        // v1: see finder.digest
	tail   [sha1.Size]byte // hybrid: the last piece, filled up with zeros
}

func (c *candidate) at(p phase) *sums {
	if c.sums == nil {
		c.sums = make(map[phase]*sums)
	}
	if c.sums[p] == nil {
		c.sums[p] = &sums{}
	}
	return c.sums[p]
}

// A hashing hashes candidates of one size at one phase. In the stream of its layout each
// begins a piece, behind as many zeros as its phase says:
//
//	| zeros, candidate ... | ... | ... candidate, zeros | zeros, candidate ...
type hashing struct {
	*Search
	phase
	size   int64 // that is hashed of each
	sample bool

	list   []*candidate
	starts []int // the first piece of each
}

const (
	maxHashed       = 4096    // candidates in one job
	maxHashedPieces = 1 << 26 // in one job
)

// sampleAll computes the samples of candidates of a size that don't have them yet.
func (s *Search) sampleAll(ctx context.Context, p phase, list []*candidate, o *VerifyOptions) error {
	var todo []*candidate
	for _, c := range list {
		if !c.broken && !c.at(p).sampled {
			todo = append(todo, c)
		}
	}
	size := p.pieceLength
	if p.offset > 0 { // the rest of the piece before comes first
		size += p.pieceLength - p.offset
	}
	one := p
	one.v1 = !p.v2 // one hash is enough
	return s.hashAll(ctx, hashing{Search: s, phase: one, size: size, sample: true}, todo, o, p)
}

// sumAll computes all hashes of candidates of a size that don't have them yet.
func (s *Search) sumAll(ctx context.Context, p phase, size int64, list []*candidate, o *VerifyOptions) error {
	var todo []*candidate
	for _, c := range list {
		if !c.broken && (p.v2 && !c.rooted || p.v1 && !c.at(p).hashed) {
			todo = append(todo, c)
		}
	}
	return s.hashAll(ctx, hashing{Search: s, phase: p, size: size}, todo, o, p)
}

// hashAll hashes candidates, and stores the hashes in their sums at the phase to.
func (s *Search) hashAll(ctx context.Context, h hashing, list []*candidate, o *VerifyOptions, to phase) error {
	pieces := (h.offset+h.size)/h.pieceLength + 2
	n := max(int(min(maxHashed, maxHashedPieces/pieces)), 1)
	for len(list) > 0 {
		h.list, list = list[:min(n, len(list))], list[min(n, len(list)):]
		if err := h.run(ctx, o, to); err != nil {
			return err
		}
	}
	return nil
}

func (h *hashing) run(ctx context.Context, o *VerifyOptions, to phase) error {
	tree, layout := h.tree()
	job := piece.Job{
		Layout: layout, Tree: tree, V1: h.v1, V2: h.v2, Jobs: o.Jobs, Read: o.Read, Progress: h.Progress,
		Skip: func(_, i int) bool { return !h.has(i) },
	}
	sum := candidateSum{hashing: h, to: to}
	changed, err := job.Run(ctx, func(r piece.Result) error {
		sum.add(r)
		return nil
	})
	if err != nil {
		return err
	}
	sum.end()
	for _, f := range changed {
		h.broken(h.list[f.File/2], f)
	}
	return nil
}

// tree returns the files, each behind padding, and the layout.
func (h *hashing) tree() (*piece.Tree, *metainfo.Layout) {
	tree := &piece.Tree{Path: func(i int) string { return h.list[i/2].paths[0] }}
	var ids []piece.Identity
	var lengths []int64
	end := int64(0)
	h.starts = h.starts[:0]
	for _, c := range h.list {
		start := (end + h.pieceLength - 1) / h.pieceLength
		h.starts = append(h.starts, int(start))
		pad := start*h.pieceLength - end + h.offset
		lengths = append(lengths, pad, h.size)
		tree.Files = append(tree.Files, piece.Source{Pad: true}, piece.Source{})
		ids = append(ids, piece.Identity{}, c.id)
		end += pad + h.size
	}
	tree.Files = append(tree.Files, piece.Source{Pad: true})
	tree.SetIDs(append(ids, piece.Identity{}))
	return tree, layoutOf(h.pieceLength, append(lengths, -end%h.pieceLength+h.pieceLength))
}

// candidate returns the index of the candidate that piece i is of.
func (h *hashing) candidate(i int) int {
	return sort.Search(len(h.starts), func(k int) bool { return h.starts[k] > i }) - 1
}

// has reports whether piece i has only bytes of a candidate or, for v2, its last ones.
func (h *hashing) has(i int) bool {
	first := int64(i-h.starts[h.candidate(i)])*h.pieceLength - h.offset // in the file
	if h.v2 {
		return first < h.size // also for v1: the last piece of a hybrid ends with zeros
	}
	return first >= 0 && first+h.pieceLength <= h.size
}

// broken records that a candidate can't be used.
func (s *Search) broken(c *candidate, err error) {
	c.broken = true
	if path := c.paths[0]; !s.failed[path] {
		s.failed[path] = true
		s.errs = append(s.errs, err)
	}
}

// A candidateSum combines the hashes of the pieces of one candidate after the other.
type candidateSum struct {
	*hashing
	to     phase
	n      int // the candidate
	any    bool
	tree   metainfo.HashTree
	root   [32]byte
	inside hash.Hash
	tail   [sha1.Size]byte
}

func (s *candidateSum) add(r piece.Result) {
	if r.Skipped {
		return
	}
	if n := s.candidate(r.Index); !s.any || n != s.n {
		s.end()
		s.n, s.any, s.inside = n, true, sha256.New()
		s.tree.Reset(metainfo.PieceHeight(max(s.pieceLength, metainfo.BlockLength)))
	}
	c := s.list[s.n]
	if r.Failed {
		var err error = &piece.Fault{Path: c.paths[0], Cause: piece.CauseChanged}
		if len(r.Faults) > 0 {
			err = r.Faults[0]
		}
		s.broken(c, err)
		return
	}
	if s.sample {
		sums := c.at(s.to)
		if sums.sampled = true; s.v2 {
			sums.sample = r.Root
		} else {
			copy(sums.sample[:], r.SHA1[:])
		}
		return
	}
	whole := int64(r.Index-s.starts[s.n]+1)*s.pieceLength-s.offset <= s.size
	switch {
	case s.v1 && whole:
		s.inside.Write(r.SHA1[:])
	case s.v1:
		s.tail = r.SHA1
	}
	s.root = r.Root
	s.tree.Add(&r.Root)
}

// end stores the hashes of the candidate.
func (s *candidateSum) end() {
	if !s.any || s.sample {
		return
	}
	c := s.list[s.n]
	if s.v2 {
		c.rooted, c.root = true, s.root
		if s.size > s.pieceLength {
			c.root = s.tree.Root(0)
		}
	}
	if s.v1 {
		sums := c.at(s.to)
		sums.hashed, sums.tail = true, s.tail
		s.inside.Sum(sums.inside[:0])
	}
}
