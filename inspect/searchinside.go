package inspect

import (
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
	// maxSmall limits the candidates of a file that has no piece inside of it, and
	// maxAllSmall those of all such files, unless each has only leastSmall.
	maxSmall    = 1024
	maxAllSmall = 4 << 20
	leastSmall  = 4
)

// byHash finds candidates by the hashes of the pieces inside of the files.
func (f *finder) byHash() error {
	type key struct {
		size int64
		at   phase
	}
	groups, phases := make(map[key][]*want), make(map[int64]int)
	var keys []key
	for _, w := range f.list {
		if w.aside {
			continue
		}
		k := key{w.size, f.phase(w.file)}
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

// bySize finds candidates for files of one size that have no hash of their own.
func (f *finder) bySize(wants []*want) error {
	size := wants[0].size
	candidates, err := f.search.ofSize(f.ctx, size, f.options.Jobs)
	if err != nil {
		return err
	}
	limit := 1
	if size > 0 {
		most := maxSmall
		if f.search.DoubtOnly { // there are no others to try
			most = maxOfSize
		}
		limit = f.most(most)
	}
	for _, w := range wants {
		w.all = f.elsewhere(w, candidates.like(w.like, limit))
		w.alive, w.limited = slices.Clone(w.all), size > 0 && limit < len(candidates.all) || candidates.limited
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
	small := !at.v2 && wants[0].first > wants[0].last // without a piece of its own
	if small || size == 0 {
		return f.bySize(wants)
	}
	candidates, err := f.search.ofSize(f.ctx, size, f.options.Jobs)
	if err != nil {
		return err
	}
	list := candidates.all
	for _, w := range wants {
		w.limited = candidates.limited
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
	if f.sharesPieces() {
		f.addDamaged(wants, candidates.all)
	}
	return nil
}

// addDamaged adds the content of torrents that has the size of a file, but not the pieces
// inside of it: its ends may be right.
func (f *finder) addDamaged(wants []*want, all []*candidate) {
	all = slices.DeleteFunc(slices.Clone(all), func(c *candidate) bool { return !c.added })
	limit := f.most(maxSmall)
	for _, w := range wants {
		right := make(map[*candidate]bool)
		for _, c := range w.all {
			right[c] = true
		}
		list := slices.DeleteFunc(slices.Clone(all), func(c *candidate) bool { return right[c] })
		list = f.elsewhere(w, sorted(list, w.like))
		if len(list) > limit {
			list, w.limited = list[:limit], true
		}
		w.damaged = list
	}
}

// most returns how many candidates there may be for a file, if all are remembered.
func (f *finder) most(limit int) int {
	return max(leastSmall, min(limit, maxAllSmall/len(f.list)))
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
		sum, ok := f.ownHash(w)
		if !ok {
			continue // a v2 file without a root
		}
		w.all = f.elsewhere(w, sorted(bySum[sum], w.like))
		if at.v1 && at.v2 {
			w.disagree = slices.DeleteFunc(slices.Clone(w.all), func(c *candidate) bool { return f.agrees(w, c.at(at)) })
			w.all = slices.DeleteFunc(w.all, func(c *candidate) bool { return !f.agrees(w, c.at(at)) })
		}
		w.alive, w.inside = slices.Clone(w.all), len(w.all) > 0
	}
}

// ownHash returns the hash that a candidate for a file needs to have.
func (f *finder) ownHash(w *want) (sum [32]byte, ok bool) {
	if root := f.content.Files[w.file].PiecesRoot; root != nil {
		return *root, true
	}
	if f.content.V2 {
		return sum, false
	}
	return f.digest(w.first, w.last), true
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
	if f.tree.Files[w.file].Cause != piece.CauseFine {
		return list
	}
	at := f.tree.ID(w.file)
	path, err := filepath.Abs(f.tree.Path(w.file))
	return slices.DeleteFunc(list, func(c *candidate) bool {
		same := c.id.Ino != 0 && c.id.Dev == at.Dev && c.id.Ino == at.Ino
		return same || err == nil && slices.Contains(c.paths, path)
	})
}
