package inspect

import (
	"cmp"
	"context"
	"crypto/sha256"
	"path/filepath"
	"slices"

	"bt/internal/piece"
)

const (
	// maxRead limits how many times its own size a candidate is read for v1, where each
	// phase needs a reading. A torrent of n files of one size may have n phases.
	maxRead = 32
	// minSampled is read of all candidates of a size in any case, in bytes.
	minSampled = 16 << 30
	// maxSmall limits the candidates of a file that has no piece inside of it.
	maxSmall = 1024
	// maxMaybe limits Maybe.At.
	maxMaybe = 100
)

// A want is a file that is not in order.
type want struct {
	file int
	like likeness
	size int64

	first, last int                 // the pieces inside of it; first > last: none
	all         []*candidate        // that its pieces inside agree with
	alive       []*candidate        // those of all that every proven piece agrees with; the likest first
	refuted     map[*candidate]bool // the others of all
	checked     map[int]bool        // solved pieces that alive was compared with
	inside      bool                // a piece inside of it is proven
	shared      bool                // a piece that it shares with others is proven
	limited     bool                // not everything was tried
	disagree    []*candidate
}

// A finder searches for the files of a torrent that are not in order.
type finder struct {
	*check
	ctx     context.Context
	options *VerifyOptions
	search  *Search
	wants   map[int]*want    // by file
	list    []*want          // in the order of the files
	solved  map[int]bool     // by piece that is shared, or ends a file: proven
	right   map[part]*source // of solved pieces

	bytes, opens int64 // that may still be read and opened to solve pieces
}

// find searches for the files that are not in order, and for those that are in doubt.
func (c *check) find(ctx context.Context, o *VerifyOptions) (found []Found, maybe []Maybe, err error) {
	f := finder{check: c, ctx: ctx, options: o, search: o.Search, wants: make(map[int]*want), solved: make(map[int]bool), right: make(map[part]*source)}
	if f.search == nil {
		f.search = &Search{}
	} else if err := f.byHash(); err != nil {
		return nil, nil, err
	}
	if c.content.V1 && !c.content.V2 {
		if err := f.solveAll(); err != nil {
			return nil, nil, err
		}
	}
	if o.Search == nil {
		return nil, nil, nil
	}
	found, maybe = []Found{}, []Maybe{}
	for _, w := range f.list {
		if f.status(w.file, f.ranges(w.file)) == StatusOK {
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
	f.learn()
	return found, maybe, nil
}

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

// byHash finds candidates for all files by the hashes of their own pieces.
func (f *finder) byHash() error {
	type key struct {
		size int64
		at   phase
	}
	groups, phases := make(map[key][]*want), make(map[int64]int)
	var keys []key
	for i := range f.contentFiles() {
		if f.tree.Files[i].Link || f.status(i, f.ranges(i)) == StatusOK {
			continue
		}
		w := &want{file: i, size: f.content.Layout.Length(i), like: f.likeness(i), refuted: make(map[*candidate]bool), checked: make(map[int]bool)}
		w.first, w.last = f.inside(i)
		f.wants[i], f.list = w, append(f.list, w)
		k := key{w.size, f.phase(i)}
		if groups[k] == nil {
			keys = append(keys, k)
			phases[k.size]++
		}
		groups[k] = append(groups[k], w)
	}
	for _, k := range keys {
		if err := f.group(k.size, k.at, phases[k.size], groups[k]); err != nil {
			return err
		}
	}
	return nil
}

// likeness returns what is like file i on disk.
func (f *finder) likeness(i int) likeness {
	path := f.files[i].Path()
	return nameOf(piece.Join(f.content.Name, path))
}

// group finds candidates for files of one size and phase. The torrent has so many phases
// of files of this size.
func (f *finder) group(size int64, at phase, phases int, wants []*want) error {
	candidates, err := f.search.ofSize(f.ctx, size, f.options.Jobs)
	if err != nil {
		return err
	}
	list := candidates.all
	for _, w := range wants {
		limit := 0
		if !at.v2 && w.first > w.last {
			limit = maxSmall
		}
		if size == 0 {
			limit = 1
		}
		if limit > 0 {
			w.all = f.elsewhere(w, candidates.like(w.like, limit))
			w.alive, w.limited = slices.Clone(w.all), size > 0 && limit < len(list)
		}
	}
	if size == 0 || !at.v2 && wants[0].first > wants[0].last {
		return nil
	}
	if !at.v2 { // see maxRead
		n := int64(len(list))
		most := int(max(minSampled, maxRead*n*size) / (at.pieceLength * int64(phases)))
		list = limited(wants, candidates, list, max(most, 16))
	}
	if list, err = f.sampled(at, list, wants); err != nil {
		return err
	}
	if most := max(maxRead*len(candidates.all)/phases, 4); !at.v2 && len(list) > most {
		list = sorted(list, wants[0].like)[:most]
		for _, w := range wants {
			w.limited = true
		}
	}
	if err := f.search.sumAll(f.ctx, at, size, list, f.options); err != nil {
		return err
	}
	f.match(at, list, wants)
	return nil
}

// limited returns the candidates that are tried for files, if there are more than most.
func limited(wants []*want, candidates *candidates, list []*candidate, most int) []*candidate {
	if len(list) <= most {
		return list
	}
	seen := make(map[*candidate]bool)
	var likest []*candidate
	for _, w := range wants {
		w.limited = true
		for _, c := range candidates.like(w.like, max(most/len(wants), 16)) {
			if !seen[c] {
				seen[c] = true
				likest = append(likest, c)
			}
		}
	}
	return likest
}

// sampled returns the candidates whose first whole piece is that of a file.
func (f *finder) sampled(at phase, list []*candidate, wants []*want) ([]*candidate, error) {
	expected := make(map[[32]byte]bool)
	for _, w := range wants {
		sum, ok := f.sample(w)
		if !ok {
			return list, nil
		}
		expected[sum] = true
	}
	if err := f.search.sampleAll(f.ctx, at, list, f.options); err != nil {
		return nil, err
	}
	var some []*candidate
	for _, c := range list {
		if !c.broken && expected[c.at(at).sample] {
			some = append(some, c)
		}
	}
	return some, nil
}

// sample returns the hash of the first whole piece of a file, unless that is all that is
// hashed anyway, or it is not in the torrent.
func (f *finder) sample(w *want) (sum [32]byte, ok bool) {
	if f.content.V2 {
		if w.size <= f.content.Layout.PieceLength() {
			return sum, false
		}
		return f.content.PieceHash(w.file, 0)
	}
	copy(sum[:], f.content.Pieces[w.first*20:][:20])
	return sum, true
}

// match sets the candidates of files by their hashes.
func (f *finder) match(at phase, list []*candidate, wants []*want) {
	bySum := make(map[[32]byte][]*candidate)
	for _, c := range list {
		switch {
		case c.broken:
		case at.v2:
			bySum[c.root] = append(bySum[c.root], c)
		default:
			bySum[c.at(at).inside] = append(bySum[c.at(at).inside], c)
		}
	}
	for _, w := range wants {
		key, ok := f.knownKey(w.file)
		if !ok {
			continue // a v2 file without a root
		}
		w.all = f.elsewhere(w, sorted(bySum[key.sum], w.like))
		if at.v1 && at.v2 {
			w.disagree = slices.DeleteFunc(slices.Clone(w.all), func(c *candidate) bool { return f.agrees(w, c.at(at)) })
			w.all = slices.DeleteFunc(w.all, func(c *candidate) bool { return !f.agrees(w, c.at(at)) })
		}
		if c := f.search.fromKnown(key); c != nil && len(w.all) == 0 && !(at.v1 && at.v2) {
			w.all = f.elsewhere(w, []*candidate{c})
		}
		w.alive, w.inside = slices.Clone(w.all), len(w.all) > 0
	}
}

// agrees reports whether the v1 hashes of a candidate for a file of a hybrid are right.
func (f *finder) agrees(w *want, s *sums) bool {
	l := f.content.Layout
	if s.inside != f.digest(w.first, w.last) {
		return false
	}
	_, last, _ := l.FilePieces(w.file)
	filled := int64(last+1)*l.PieceLength() <= l.Total()
	return last == w.last || !filled || string(f.content.Pieces[last*20:][:20]) == string(s.tail[:])
}

// elsewhere removes the file itself, at its place, from a list.
func (f *finder) elsewhere(w *want, list []*candidate) []*candidate {
	at := &f.tree.Files[w.file]
	if at.Cause != piece.CauseFine {
		return list
	}
	path, err := filepath.Abs(f.tree.Path(w.file))
	return slices.DeleteFunc(list, func(c *candidate) bool {
		same := c.id.Ino != 0 && c.id.Dev == at.ID.Dev && c.id.Ino == at.ID.Ino
		return same || err == nil && slices.Contains(c.paths, path)
	})
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
	return unproven == 0 && f.tree.Files[w.file].ID.Size == w.size
}

// same reports whether all candidates for a file have the same bytes in a range.
func (f *finder) same(w *want, span span) (bool, error) {
	if len(w.alive) < 2 {
		return true, nil
	}
	var list []*source
	for _, c := range w.alive {
		list = append(list, &source{candidate: c, path: c.paths[0], have: w.size})
	}
	classes, err := f.distinct(list, span)
	return len(classes) < 2, err
}

// maybe returns the candidates of a file that may be it.
func (f *finder) maybe(w *want, list []*candidate, reason Reason) *Maybe {
	if w.limited {
		reason = ReasonLimit
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
	s := &tree.Files[0]
	if s.Cause == piece.CauseFine && s.ID.Equal(c.id) {
		return true
	}
	f.search.broken(c, &piece.Fault{Path: path, Cause: cmp.Or(s.Cause, piece.CauseChanged)})
	return false
}
