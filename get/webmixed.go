package get

import (
	"context"
	"errors"
	"iter"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/picker"
)

// A piece of a v1 torrent may have bytes of several files, no web seed has all of which. The
// mixed web seed gives such pieces: each file from a web seed that has it. If one is wrong, it
// can't be known which web seed has sent wrong bytes, so that none of them is dropped for it.

// errMixed is the warning if that has failed.
var errMixed = errors.New("a piece whose files are from different web seeds is wrong: one of them has other files, or older ones")

// isMixed reports whether w is the mixed web seed.
func (w *webSeed) isMixed() bool { return w == w.getter.mixed }

// newMixed makes the mixed web seed, if there may be pieces for it. g.mu is locked.
func (g *Getter) newMixed(p *pieces) {
	if len(g.web) > 1 && p.torrent.V1 && !p.content.Single {
		g.mixed = &webSeed{getter: g, pieces: p, most: 1, has: peer.NewBitfield(p.count)}
	}
}

// mix updates whether the mixed web seed has the pieces that files share with others: their
// first and their last ones. Getter.mu is locked.
func (g *Getter) mix(files iter.Seq[int]) {
	m := g.mixed
	if m == nil {
		return
	}
	looked := make(map[int]bool) // many files may be in one piece
	for file := range files {
		first, last, _ := m.pieces.content.Layout.FilePieces(file) // it is not empty
		for _, piece := range []int{first, last} {
			if looked[piece] {
				continue
			}
			looked[piece] = true
			if m.has.Clear(piece); g.mixes(piece) {
				m.has.Set(piece)
			}
		}
	}
	for _, c := range m.conns {
		m.pieces.picker.SetPieces(c.remote, m.has)
		c.wake()
	}
}

// missingFiles returns the files that web seeds lack. Getter.mu is locked.
func (g *Getter) missingFiles() iter.Seq[int] {
	return func(yield func(int) bool) {
		for _, w := range g.web {
			for file := range w.missing {
				if !yield(file) {
					return
				}
			}
		}
	}
}

// mixes reports whether no web seed that works has a piece, but several have all files of it.
// Getter.mu is locked.
func (g *Getter) mixes(piece int) bool {
	has := func(w *webSeed) bool {
		return w.isUsable() && w.state != WebSeedFailed && (w.has == nil || w.has.Has(piece))
	}
	all, _ := g.webSeedsHave(piece, nil)
	return all && !slices.ContainsFunc(g.web, has)
}

// webSeedsHave reports whether each file of a piece may be had from a web seed, and whether
// one may be from w. Getter.mu is locked.
func (g *Getter) webSeedsHave(piece int, w *webSeed) (all, some bool) {
	p := g.mixed.pieces
	c := p.content.Layout.Cursor(piece)
	for s, ok := c.Next(); ok; s, ok = c.Next() {
		switch {
		case p.isZeros(s):
		case g.webSeedOf(s.File) == nil:
			return false, some
		case w != nil && !w.missing[s.File]:
			some = true
		}
	}
	return true, some
}

// isInMix reports whether the mixed web seed may need a web seed, which has no missing piece:
// of one it has another file than those that it lacks. Getter.mu is locked.
func (w *webSeed) isInMix() bool {
	g, p := w.getter, w.pieces
	if g.mixed == nil || !g.mixed.isUsable() {
		return false
	}
	for file := range w.missing {
		first, last, _ := p.content.Layout.FilePieces(file)
		for _, piece := range []int{first, last} {
			if !p.needed.Has(piece) || p.own.Has(piece) {
				continue
			}
			if all, some := g.webSeedsHave(piece, w); all && some {
				return true
			}
		}
	}
	return false
}

// webSeedOf returns a web seed that may have a file, or nil. If there is none that works, it
// is the one whose failure is the longest ago. Getter.mu is locked.
func (g *Getter) webSeedOf(file int) (found *webSeed) {
	for _, w := range g.web {
		switch {
		case !w.isUsable() || w.byPiece || w.missing[file]:
		case w.state != WebSeedFailed:
			return w
		case found == nil || w.failed.Before(found.failed):
			found = w
		}
	}
	return found
}

// A mixedError is an error of a web seed from which the mixed one has read.
type mixedError struct {
	seed *webSeed
	err  error
}

func (e *mixedError) Error() string { return e.err.Error() }
func (e *mixedError) Unwrap() error { return e.err }

// A mixedSource reads blocks for the mixed web seed.
type mixedSource struct {
	seed    *webSeed
	blocks  []picker.Block
	sources map[*webSeed]*fileSource
}

func (s *mixedSource) plan(blocks []picker.Block) {
	s.blocks, s.sources = blocks, make(map[*webSeed]*fileSource)
}

func (s *mixedSource) read(ctx context.Context, block picker.Block, b []byte, skipped func(n int) error) error {
	g := s.seed.getter
	sent := make(map[*webSeed]int64)
	err := s.seed.pieces.readParts(block, b, func(part metainfo.Span, to []byte) error {
		g.mu.Lock()
		w := g.webSeedOf(part.File)
		g.mu.Unlock()
		if w == nil {
			return errNotNeeded // the web seed was dropped
		}
		source := s.sources[w]
		if source == nil {
			source = &fileSource{seed: w}
			source.plan(s.blocks)
			s.sources[w] = source
		}
		if err := source.readPart(ctx, part, to, skipped); err != nil {
			return &mixedError{w, err}
		}
		sent[w] += int64(len(to))
		return nil
	})
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for w, n := range sent {
		w.count(n)
	}
	return nil
}

func (s *mixedSource) end(bool) {
	for _, source := range s.sources {
		source.close()
	}
	s.sources = nil
}
