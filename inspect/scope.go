package inspect

import (
	"math/rand/v2"

	"bt/internal/known"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Basis says what a [Verdict] is based on. Only BasisFull is a proof of the data.
type Basis string

// The kinds of basis.
const (
	BasisFull   Basis = "full"   // every byte was read
	BasisCached Basis = "cached" // some bytes were hashed before, and their files have not changed since
	BasisSample Basis = "sample" // some pieces were read, chosen at random
	BasisQuick  Basis = "quick"  // nothing was read
)

// A Cache remembers the hashes of files in a directory, so that those that have not
// changed since need not be read again. Everything in the directory may be deleted at any
// time. The nil *Cache is always empty. A Cache must not be used concurrently. Its method
// Close writes what [Verify] has added, and returns the first write error.
type Cache = known.Cache

// NewCache returns the cache in a directory, which is made when something is stored.
func NewCache(dir string) *Cache { return known.NewCache(dir) }

// The states of pieces about which nothing is known. They are no exported causes, as no
// such piece is bad.
const (
	unread  = CauseChanged + 1 + iota // it was not read, and its files have their sizes
	outside                           // it has no bytes of the files to verify
)

// isBad reports whether a state is a cause.
func (c Cause) isBad() bool { return CauseNone < c && c <= CauseChanged }

// A scope chooses the pieces that are read.
type scope struct {
	only   func(file int) bool // nil: all files
	skip   []uint64            // a bit for each piece that is not read; nil: all are read
	target piece.Target
	cache  known.Pieces
	cached int64 // bytes of the pieces whose sums were taken from the cache
	basis  Basis
}

func (s *scope) skips(piece int) bool { return s.skip[piece/64]&(1<<(piece%64)) != 0 }

func (s *scope) has(file int) bool { return s.only == nil || s.only(file) }

// choose fills in the scope, after the files were found.
func (c *check) choose(o *VerifyOptions) {
	c.only, c.basis = o.Only, BasisFull
	c.target = piece.Target{Layout: c.content.Layout, V1: c.content.V1, V2: c.content.V2}
	if o.Only == nil && !o.Quick && o.Sample == 0 && !c.cache.Exist() {
		return
	}
	n := len(c.states)
	c.skip = make([]uint64, (n+63)/64)
	c.leaveOut()
	keep := func(int) bool { return true }
	switch {
	case o.Quick:
		c.basis = BasisQuick
		keep = func(int) bool { return false }
	case o.Sample > 0:
		c.basis = BasisSample
		sample := c.sample(o.Sample)
		keep = func(i int) bool { return sample[i] }
	case c.cache.Exist():
		keep = func(i int) bool {
			_, _, ok := c.cache.Find(&c.target, i)
			return c.isFaulty(i) || !ok
		}
	}
	for i, state := range c.states {
		if state == outside || !keep(i) {
			c.skip[i/64] |= 1 << (i % 64)
		}
	}
}

// leaveOut marks the pieces outside of the files to verify.
func (c *check) leaveOut() {
	if c.only == nil {
		return
	}
	for i := range c.states {
		c.states[i] = outside
	}
	for file := range c.contentFiles() {
		if first, last, ok := c.content.Layout.FilePieces(file); ok {
			clear(c.states[first : last+1]) // CauseNone
		}
	}
}

// sample returns n pieces, chosen at random among those that can be read and checked.
func (c *check) sample(n int) map[int]bool {
	chosen, seen := make([]int, 0, min(n, len(c.states))), 0
	for i, state := range c.states {
		if state == outside || c.isFaulty(i) || !c.hasHash(i) {
			continue
		}
		seen++
		if len(chosen) < n {
			chosen = append(chosen, i)
		} else if at := rand.IntN(seen); at < n {
			chosen[at] = i
		}
	}
	set := make(map[int]bool, len(chosen))
	for _, i := range chosen {
		set[i] = true
	}
	return set
}

// hasHash reports whether the torrent has a hash of a piece alone.
func (c *check) hasHash(index int) bool {
	if c.content.V1 {
		return true
	}
	file, n := c.filePiece(index)
	_, ok := c.content.PieceHash(file, n)
	return ok
}

// filePiece returns the file of a v2 piece, and the number of the piece in it.
func (c *check) filePiece(index int) (file, n int) {
	cursor := c.content.Layout.Cursor(index)
	span, _ := cursor.Next()
	return span.File, int(span.Offset / c.content.Layout.PieceLength())
}

// isFaulty reports whether a piece can't be read, as far as is known without reading.
func (c *check) isFaulty(index int) bool {
	for span := range c.partsOf(index) {
		if c.tree.Files[span.File].Cause != piece.CauseFine || span.Offset+span.Length > c.tree.ID(span.File).Size {
			return true
		}
	}
	return false
}

// skipped completes the result of a piece that was not read: it failed, or its sums are in
// the cache. ok is false if neither is so.
func (c *check) skipped(r *piece.Result) (ok bool) {
	if c.isFaulty(r.Index) {
		r.Failed = true
		return true
	}
	r.SHA1, r.Root, ok = c.cache.Find(&c.target, r.Index)
	if !ok {
		return false
	}
	for _, span := range c.content.Layout.Spans(r.Index, r.Index) {
		if span.File != metainfo.Gap {
			c.cached += span.Length
		}
	}
	if c.basis == BasisFull {
		c.basis = BasisCached
	}
	return true
}
