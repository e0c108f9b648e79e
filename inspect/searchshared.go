package inspect

import (
	"errors"
	"slices"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// v1 pieces that several files share, and the last pieces of files, are proven by trying
// what is known about each of their files: the file at its place, candidates of its
// size, and zeros where nothing is on disk. If one combination has the hash of the
// piece, its bytes are the right ones, for each file.

const (
	maxCombinations     = 1 << 14
	maxCombinationBytes = 4 << 30   // of all combinations of a piece
	maxCombinationOpens = 1 << 18   // of files, for a piece
	maxSolvedBytes      = 256 << 30 // of all combinations of a torrent
)

type span = metainfo.Span

// A source is where the bytes of a file in a piece may be from.
type source struct {
	candidate *candidate // nil: not one
	place     bool       // the file at its place
	path      string
	have      int64 // length of the file at path; zeros follow
	broken    bool  // it can't be read
}

// A class is a list of sources with the same bytes, the likeliest first.
type class []*source

// An end is a piece that is not inside of a file, and the file's bytes in it.
type end struct {
	piece int
	span  span
}

// ends returns the pieces of a file that are not inside of it.
func (f *finder) ends(w *want) (list []end) {
	first, last, ok := f.content.Layout.FilePieces(w.file)
	if !ok {
		return nil
	}
	for _, p := range slices.Compact([]int{first, last}) {
		if p >= w.first && p <= w.last {
			continue
		}
		for _, s := range f.content.Layout.Spans(p, p) {
			if s.File == w.file {
				list = append(list, end{p, s})
			}
		}
	}
	return list
}

// solveAll tries to prove the pieces that files in doubt, or candidates, have bytes of.
// Where not all combinations of a piece can be tried, what others have proven may help.
func (f *finder) solveAll() error {
	todo := f.toSolve()
	left := int64(maxSolvedBytes)
	for progress := true; progress; {
		progress = false
		var again []int
		for _, p := range todo {
			solved, limited, err := f.solve(p, &left)
			if err != nil {
				return err
			}
			if progress = progress || solved; limited {
				again = append(again, p)
			}
		}
		todo = again
	}
	for _, p := range todo {
		for s := range f.partsOf(p) {
			if w := f.wants[s.File]; w != nil {
				w.limited = true
			}
		}
	}
	return nil
}

// toSolve returns the pieces to try, ascending.
func (f *finder) toSolve() (list []int) {
	for i, state := range f.states {
		if state == CauseUnverifiable {
			list = append(list, i)
		}
	}
	for _, w := range f.list {
		if len(w.alive) > 0 {
			for _, e := range f.ends(w) {
				list = append(list, e.piece)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// solve tries to prove a piece. limited reports that there are more combinations than it
// has tried.
func (f *finder) solve(p int, left *int64) (solved, limited bool, err error) {
	var spans []span
	files := 0
	for _, s := range f.content.Layout.Spans(p, p) {
		if spans = append(spans, s); !f.tree.Files[s.File].Pad {
			files++
		}
	}
	// Candidates that other pieces have refuted may still have the right bytes in this one.
	for _, refuted := range []bool{false, true} {
		parts, err := f.parts(p, spans, refuted)
		if err != nil {
			return false, false, err
		}
		if parts == nil {
			continue
		}
		pick, more, err := f.combine(p, spans, parts, left)
		if err != nil {
			return false, false, err
		}
		if limited = limited || more; pick == nil {
			continue
		}
		for i, s := range spans {
			if !f.tree.Files[s.File].Pad {
				f.prove(part{p, s.File}, parts[i][pick[i]], files > 1)
			}
		}
		f.solved[p] = true
		if f.states[p] != CauseNone && f.states[p] != CauseCorrupt {
			f.states[p] = f.causeOf(p)
		}
		return true, false, nil
	}
	return false, limited, nil
}

// parts returns the different bytes that each part of a piece may have. It returns nil
// if there are none for a part, or with refuted if there are none but those without.
func (f *finder) parts(p int, spans []span, refuted bool) (parts [][]class, err error) {
	any := false
	for _, s := range spans {
		classes := []class{{{}}} // padding: zeros
		if !f.tree.Files[s.File].Pad {
			list := f.sources(p, s)
			if w := f.wants[s.File]; refuted && w != nil && len(w.alive) < len(w.all) {
				any = true
				list = append(list, w.sources(true)...)
			}
			if classes, err = f.distinct(list, s); err != nil {
				return nil, err
			}
		}
		if len(classes) == 0 {
			return nil, nil
		}
		parts = append(parts, classes)
	}
	if refuted && !any {
		return nil, nil
	}
	return parts, nil
}

// sources returns where the bytes of a file in a piece may be from.
func (f *finder) sources(p int, s span) (list []*source) {
	at, there := &f.tree.Files[s.File], f.tree.Files[s.File].Cause == piece.CauseFine
	readable := f.faults[part{p, s.File}] == nil && f.states[p] != CauseChanged
	if there && readable && at.ID.Size >= s.Offset+s.Length {
		list = append(list, &source{place: true, path: f.tree.Path(s.File), have: at.ID.Size})
	}
	if w := f.wants[s.File]; w != nil {
		list = append(list, w.sources(false)...)
	}
	switch {
	case at.Cause == piece.CauseMissing || at.Cause == piece.CauseNotAFile:
		list = append(list, &source{})
	case there && readable && at.ID.Size < s.Offset+s.Length:
		list = append(list, &source{path: f.tree.Path(s.File), have: at.ID.Size})
	}
	return list
}

// sources returns the candidates for a file that are refuted, or those that are not.
func (w *want) sources(refuted bool) (list []*source) {
	for _, c := range w.all {
		if !c.broken && w.refuted[c] == refuted {
			list = append(list, &source{candidate: c, path: c.paths[0], have: w.size})
		}
	}
	return list
}

// distinct groups sources by their bytes in a range of the file.
func (f *finder) distinct(list []*source, s span) ([]class, error) {
	var classes []class
	if len(list) < 2 {
		for _, one := range list {
			classes = append(classes, class{one})
		}
		return classes, nil
	}
	index := make(map[[20]byte]int)
	content := &assembly{n: len(list), of: func(i int) []chunk { return []chunk{{list[i], s.Offset, s.Length}} }}
	err := f.stream(s.Length, content, func(i int, sum [20]byte) error {
		if list[i].broken {
			return nil
		}
		n, ok := index[sum]
		if !ok {
			n = len(classes)
			index[sum] = n
			classes = append(classes, nil)
		}
		classes[n] = append(classes[n], list[i])
		return nil
	})
	return classes, err
}

// atPlace reports whether a class has the file at its place.
func (c class) atPlace() bool {
	return slices.ContainsFunc(c, func(s *source) bool { return s.place })
}

// errSolved ends a stream.
var errSolved = errors.New("solved")

// combine returns the combination that has the hash of the piece, or nil.
func (f *finder) combine(p int, spans []span, parts [][]class, left *int64) (pick []int, limited bool, err error) {
	length := int64(0)
	counts := make([]int, len(parts))
	useful := false // zeros alone prove no file
	for i, classes := range parts {
		length += spans[i].Length
		counts[i] = len(classes)
		useful = useful || slices.ContainsFunc(classes, func(c class) bool { return c[0].place || c[0].candidate != nil })
	}
	limit := int(min(maxCombinations, maxCombinationBytes/length, *left/length, maxCombinationOpens/int64(len(parts))))
	if length > piece.MaxStreamPiece {
		limit = 0
	}
	if !useful {
		return nil, false, nil
	}
	picks, limited := combinations(counts, limit)
	*left -= int64(len(picks)) * length
	content := &assembly{n: len(picks), of: func(i int) []chunk {
		list := make([]chunk, len(spans))
		for k, s := range spans {
			list[k] = chunk{parts[k][picks[i][k]][0], s.Offset, s.Length}
		}
		return list
	}}
	expected := [20]byte(f.content.Pieces[p*20:])
	err = f.stream(length, content, func(i int, sum [20]byte) error {
		for k := range parts {
			if parts[k][picks[i][k]][0].broken {
				return nil
			}
		}
		if sum == expected {
			pick = picks[i]
			return errSolved
		}
		return nil
	})
	return pick, limited, err
}

// prove records that the bytes of a file in a piece are those of a class.
func (f *finder) prove(at part, right class, shared bool) {
	if right.atPlace() {
		f.proven[at] = true
	}
	w := f.wants[at.file]
	if w == nil {
		return
	}
	keep := make(map[*candidate]bool, len(right))
	for _, s := range right {
		keep[s.candidate] = true
	}
	w.alive = slices.DeleteFunc(w.alive, func(c *candidate) bool {
		if !keep[c] {
			w.refuted[c] = true
		}
		return !keep[c]
	})
	w.shared = w.shared || shared
	w.inside = w.inside || !shared
}

// combinations returns at most limit combinations of numbers below counts, those with the
// least sums first. limited reports that there are more.
func combinations(counts []int, limit int) (list [][]int, limited bool) {
	var open []int // the positions with a choice
	most := 0
	for i, n := range counts {
		if n > 1 {
			open = append(open, i)
			most += n - 1
		}
	}
	pick := make([]int, len(counts))
	// fill returns false when the limit is reached.
	var fill func(open []int, sum, most int) bool
	fill = func(open []int, sum, most int) bool {
		if len(open) == 0 {
			if limited = len(list) >= limit; !limited {
				list = append(list, slices.Clone(pick))
			}
			return !limited
		}
		i := open[0]
		most -= counts[i] - 1 // of the others
		for n := max(0, sum-most); n < counts[i] && n <= sum; n++ {
			pick[i] = n
			if !fill(open[1:], sum-n, most) {
				return false
			}
		}
		return true
	}
	for sum := 0; sum <= most && fill(open, sum, most); sum++ {
	}
	return list, limited
}
