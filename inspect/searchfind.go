package inspect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"slices"

	"bt/internal/piece"
)

// maxMaybe limits Maybe.At.
const maxMaybe = 100

// A want is a file that is not in order, or may be.
type want struct {
	file int
	like likeness
	size int64

	aside   bool                // only its bytes in shared pieces are wanted, to prove those of others
	near    []*candidate        // VerifyOptions.Neighbors: some of their bytes may be right
	damaged []*candidate        // likewise others, which are tried where the file has no bytes
	first   int                 // the first piece inside of it
	last    int                 // the last one; none is if first > last
	all     []*candidate        // that its pieces inside agree with; if aside, of its size
	alive   []*candidate        // those of all that every proven piece agrees with; the likest first
	refuted map[*candidate]bool // the others of all
	checked map[int]bool        // solved pieces that alive was compared with
	inside  bool                // a piece inside of it is proven
	shared  bool                // a piece that it shares with others is proven
	limited bool                // not everything was tried

	disagree []*candidate
}

// A finder searches for the files of a torrent that are not in order.
type finder struct {
	*check
	ctx     context.Context
	options *VerifyOptions
	search  *Search       // nil: there is none
	wants   map[int]*want // by file
	list    []*want       // in the order of the files

	bytes, opens int64 // that may still be read and opened to solve pieces
}

// find searches for the files that are not in order, and for those that are in doubt.
func (c *check) find(ctx context.Context, o *VerifyOptions) (found []Found, maybe []Maybe, err error) {
	c.solved, c.undecided = make(map[int]bool), make(map[int]bool)
	c.right, c.wrong = make(map[part]*source), make(map[part]bool)
	f := finder{check: c, ctx: ctx, options: o, search: o.Search, wants: make(map[int]*want)}
	if err := f.gather(); err != nil {
		return nil, nil, err
	}
	if f.sharesPieces() {
		if err := f.solveAll(); err != nil {
			return nil, nil, err
		}
	}
	if f.search == nil || f.search.DoubtOnly {
		return nil, nil, nil
	}
	found, maybe = []Found{}, []Maybe{}
	for _, w := range f.list {
		if w.aside || f.status(w.file, f.ranges(w.file)) == StatusOK {
			continue // it is in doubt no more
		}
		one, doubt, err := f.settle(w)
		if err != nil {
			return nil, nil, err
		}
		if one != nil {
			found = append(found, *one)
		} else if doubt != nil {
			maybe = append(maybe, *doubt)
		}
	}
	return found, maybe, nil
}

// sharesPieces reports whether a piece may have bytes of several files.
func (c *check) sharesPieces() bool { return c.content.V1 && !c.content.V2 }

// phase returns the phase of a file.
func (f *finder) phase(file int) phase {
	c := f.content
	return phase{c.Layout.PieceLength(), c.Layout.Offset(file) % c.Layout.PieceLength(), c.V1, c.V2}
}

// inside returns the whole pieces inside of a file; none if first > last.
func (f *finder) inside(file int) (first, last int) {
	l := f.content.Layout
	start, n := l.Offset(file), l.PieceLength()
	return int((start + n - 1) / n), int((start+l.Length(file))/n) - 1
}

// digest returns the SHA-256 of the v1 hashes of some pieces.
func (f *finder) digest(first, last int) (sum [32]byte) {
	if first > last {
		return sha256.Sum256(nil)
	}
	return sha256.Sum256(f.content.Pieces[first*20 : last*20+20])
}

// settle returns what was found for a file, or what may be it.
func (f *finder) settle(w *want) (*Found, *Maybe, error) {
	open := f.open(w)
	if err := f.narrow(w, len(open) > 0); err != nil {
		return nil, nil, err
	}
	if len(w.alive) == 0 {
		return nil, f.maybe(w, w.disagree, ReasonDisagree), nil
	}
	found := &Found{Index: w.file, Path: f.path(w.file), Size: w.size, Proof: ProofPieces}
	switch {
	case w.size == 0:
		found.Proof = ProofEmpty
	case f.content.V2:
		found.Proof = ProofRoot
	case w.shared:
		found.Proof = ProofShared
	}
	for _, e := range open {
		found.Unproven += e.span.Length
	}
	switch {
	case len(open) == 0:
	case f.isAsGood(w, found.Unproven):
		return nil, nil, nil
	case !w.inside:
		return nil, f.maybe(w, w.alive, ReasonShared), nil
	default:
		for _, e := range open {
			if same, err := f.same(w, e.span); err != nil {
				return nil, nil, err
			} else if !same {
				return nil, f.maybe(w, w.alive, ReasonDiffer), nil
			}
		}
	}
	c := w.alive[0]
	if found.At, _ = c.likest(w.like); !f.isUnchanged(c, found.At) {
		c.broken = true
		return f.settle(w)
	}
	return found, nil, nil
}

// narrow removes the candidates of a file that are not right; without all only those
// before the first that is.
func (f *finder) narrow(w *want, all bool) error {
	w.alive = slices.DeleteFunc(w.alive, func(c *candidate) bool { return c.broken })
	if all {
		return f.refute(w)
	}
	for len(w.alive) > 0 {
		if ok, err := f.isRight(w, w.alive[0]); ok || err != nil {
			return err
		}
		w.alive = w.alive[1:]
	}
	return nil
}

// open returns the ends of a file that are not proven.
func (f *finder) open(w *want) []end {
	if f.content.V2 {
		return nil
	}
	return slices.DeleteFunc(f.ends(w), func(e end) bool { return f.solved[e.piece] })
}

// isAsGood reports whether as many bytes of the file at its place are not proven as of
// its candidates: the same ones.
func (f *finder) isAsGood(w *want, unproven int64) bool {
	for _, r := range f.ranges(w.file) {
		unproven -= r.Length
	}
	return unproven == 0 && f.tree.ID(w.file).Size == w.size
}

// same reports whether all candidates for a file have the same bytes in a range.
func (f *finder) same(w *want, span span) (bool, error) {
	if len(w.alive) < 2 {
		return true, nil
	}
	var list []*source
	for _, c := range w.alive {
		list = append(list, c.source())
	}
	classes, err := f.distinct(list, span)
	return len(classes) < 2, err
}

// maybe returns the candidates of a file that may be it. Files of torrents that were added
// may be any file of their size: without a proof of their own pieces they are not named.
func (f *finder) maybe(w *want, list []*candidate, reason Reason) *Maybe {
	if w.limited {
		reason = ReasonLimit
	}
	if !w.inside && reason != ReasonDisagree {
		list = slices.DeleteFunc(slices.Clone(list), func(c *candidate) bool { return !c.scanned })
	}
	if len(list) == 0 && !w.limited {
		return nil
	}
	m := &Maybe{Index: w.file, Path: f.path(w.file), Count: len(list), Reason: reason, At: []string{}}
	for _, c := range list[:min(len(list), maxMaybe)] {
		path, _ := c.likest(w.like)
		m.At = append(m.At, path)
	}
	return m
}

// isUnchanged reports whether a candidate is still the file that was hashed.
func (f *finder) isUnchanged(c *candidate, path string) bool {
	tree := piece.Tree{Files: make([]piece.Source, 1), Path: func(int) string { return path }}
	tree.Restat(0)
	cause := tree.Files[0].Cause
	if cause == piece.CauseFine && tree.ID(0).Equal(c.id) {
		return true
	}
	f.search.broken(c, &piece.Fault{Path: path, Cause: cmp.Or(cause, piece.CauseChanged)})
	return false
}
