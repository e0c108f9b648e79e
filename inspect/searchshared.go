package inspect

import (
	"cmp"
	"math"
	"slices"

	"bt/internal/metainfo"
)

// v1 pieces that several files share, and the last pieces of files, are proven by trying
// what is known about each of their files: the file at its place, candidates of its
// size, and zeros where nothing is on disk. If one combination has the hash of the
// piece, its bytes are the right ones, for each file.

type span = metainfo.Span

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
	start, n := f.content.Layout.Offset(w.file), f.content.Layout.PieceLength()
	for _, p := range slices.Compact([]int{first, last}) {
		if p < w.first || p > w.last {
			from, to := max(int64(p)*n-start, 0), min(int64(p+1)*n-start, w.size)
			list = append(list, end{p, span{File: w.file, Offset: from, Length: to - from}})
		}
	}
	return list
}

// solveAll tries to prove the pieces that files in doubt, or candidates, have bytes of: in
// most cases the likest candidates do. Then it tries all combinations, of the pieces with
// the fewest first, and at first only with files that are not at their places. What that
// proves may help with those that have too many.
func (f *finder) solveAll() error {
	f.bytes, f.opens = maxBytes, maxOpens
	if f.search == nil || f.search.DoubtOnly {
		f.bytes = maxDoubtBytes
	}
	pieces := f.toSolve()
	var todo []int
	for _, p := range pieces {
		solved, _, err := f.solve(p, tryFirst)
		if err == nil && !solved && f.hasChoice(p) {
			if solved, _, err = f.solve(p, tryZeros); !solved {
				todo = append(todo, p)
			}
		}
		if err != nil {
			return err
		}
	}
	open, limited, err := f.solveMost(todo, tryPlaces)
	if err == nil {
		_, limited, err = f.solveMost(append(open, limited...), tryAll)
	}
	if err != nil {
		return err
	}
	f.undecide(pieces, limited)
	return nil
}

// undecide records the pieces of which not everything was tried: not all combinations of
// some, and of others not all candidates.
func (f *finder) undecide(pieces, limited []int) {
	for _, p := range pieces {
		for s := range f.partsOf(p) {
			if w := f.wants[s.File]; w != nil && w.limited && !f.solved[p] {
				f.undecided[p] = true
			}
		}
	}
	for _, p := range limited {
		f.undecided[p] = true
		for s := range f.partsOf(p) {
			if w := f.wants[s.File]; w != nil && len(w.all) > 0 {
				w.limited = true
			}
		}
	}
}

// solveMost tries pieces as long as that proves any. It returns those that all
// combinations were tried of, and those that have more.
func (f *finder) solveMost(todo []int, which try) (open, limited []int, err error) {
	for progress := true; progress; {
		progress, limited = false, nil
		if err := f.sortByChoices(todo, which); err != nil {
			return nil, nil, err
		}
		for _, p := range todo {
			solved, more, err := f.solve(p, which)
			if err == nil && !solved && which == tryAll && f.hasRefuted(p) { // which may still have the right bytes here
				solved, more, err = f.solve(p, tryRefuted)
			}
			switch {
			case err != nil:
				return nil, nil, err
			case solved:
				progress = true
			case more:
				limited = append(limited, p)
			default:
				open = append(open, p)
			}
		}
		todo = limited
	}
	return open, limited, nil
}

// sortByChoices sorts pieces by the number of their combinations, after the candidates
// that solved pieces refute are removed.
func (f *finder) sortByChoices(pieces []int, which try) error {
	choices := make(map[int]float64, len(pieces)) // logarithms
	for _, p := range pieces {
		for s := range f.partsOf(p) {
			if w := f.wants[s.File]; w != nil {
				if err := f.refute(w); err != nil {
					return err
				}
			}
			choices[p] += math.Log(float64(1 + len(f.sources(p, s, which))))
		}
	}
	slices.SortStableFunc(pieces, func(a, b int) int { return cmp.Compare(choices[a], choices[b]) })
	return nil
}

// hasChoice reports whether there are several sources for a part of a piece.
func (f *finder) hasChoice(p int) bool {
	for s := range f.partsOf(p) {
		if len(f.sources(p, s, tryAll)) > 1 {
			return true
		}
	}
	return false
}

// hasRefuted reports whether candidates for files of a piece were refuted.
func (f *finder) hasRefuted(p int) bool {
	for s := range f.partsOf(p) {
		if w := f.wants[s.File]; w != nil && len(w.sources(true)) > 0 {
			return true
		}
	}
	return false
}

// toSolve returns the pieces to try, ascending.
func (f *finder) toSolve() (list []int) {
	for i, state := range f.states {
		if state == CauseUnverifiable {
			list = append(list, i)
		}
	}
	doubtOnly := f.search == nil || f.search.DoubtOnly
	for _, w := range f.list {
		if len(w.near) == 0 && (doubtOnly || len(w.alive) == 0) {
			continue
		}
		for _, e := range f.ends(w) {
			if s := f.states[e.piece]; s == CauseNone || s.isBad() { // else it is not verified
				list = append(list, e.piece)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// A try is which sources are tried for a part of a piece.
type try uint8

const (
	tryFirst   try = iota // the likeliest one
	tryZeros              // the file at its place, or zeros if there is none
	tryPlaces             // the file at its place, or all if there is none
	tryAll                // all but candidates that other pieces have refuted
	tryRefuted            // those too
)

// solve tries to prove a piece. limited reports that there are more combinations than it
// has tried.
func (f *finder) solve(p int, which try) (solved, limited bool, err error) {
	var spans []span
	var lists [][]*source
	files := 0
	for _, s := range f.content.Layout.Spans(p, p) {
		list := []*source{{}} // padding: zeros
		if !f.tree.Files[s.File].Pad {
			files++
			list = f.sources(p, s, which)
		}
		if len(list) == 0 {
			return false, false, nil
		}
		spans, lists = append(spans, s), append(lists, list)
	}
	parts, cut, err := f.classes(spans, lists)
	if parts == nil {
		return false, false, err
	}
	pick, limited, err := f.combine(p, spans, parts)
	if pick == nil {
		return false, limited || cut, err
	}
	for i, s := range spans {
		if !f.tree.Files[s.File].Pad {
			f.prove(part{p, s.File}, parts[i], pick[i], files > 1)
		}
	}
	f.solved[p] = true
	switch {
	case f.isProven(p):
		f.states[p] = CauseNone
	case f.states[p] != CauseNone && f.states[p] != CauseCorrupt:
		f.states[p] = f.causeOf(p)
	}
	return true, false, nil
}

// isProven reports whether all bytes of a solved piece that are of files to verify are
// right: what VerifyOptions.Only leaves out may be missing or bad.
func (f *finder) isProven(p int) bool {
	for s := range f.partsOf(p) {
		if f.has(s.File) && !f.proven[part{p, s.File}] {
			return false
		}
	}
	return f.only != nil
}

// prove records that the bytes of a file in a piece are those of the class with index pick.
// If the file at its place is in another class, its bytes are wrong; if it could not be
// compared, it is in none.
func (f *finder) prove(at part, classes []class, pick int, shared bool) {
	f.right[at] = classes[pick][0]
	for i, same := range classes {
		if same[0].place {
			f.proven[at], f.wrong[at] = i == pick, i != pick
		}
	}
	if w := f.wants[at.file]; w != nil {
		w.shared = w.shared || shared
		w.inside = w.inside || !shared
	}
}

// refute removes the candidates of a file that differ from proven bytes.
func (f *finder) refute(w *want) error {
	for _, e := range f.ends(w) {
		right := f.right[part{e.piece, w.file}]
		if right == nil || w.checked[e.piece] {
			continue
		}
		classes, err := f.distinct(append([]*source{right}, w.sources(false)...), e.span)
		if err != nil {
			return err
		}
		if len(classes) == 0 || classes[0][0] != right { // it can't be read any more
			continue
		}
		keep := make(map[*candidate]bool)
		for _, s := range classes[0] {
			keep[s.candidate] = true
		}
		if w.checked == nil {
			w.checked, w.refuted = make(map[int]bool), make(map[*candidate]bool)
		}
		w.alive = slices.DeleteFunc(w.alive, func(c *candidate) bool {
			w.refuted[c] = !keep[c]
			return !keep[c]
		})
		w.checked[e.piece] = true
	}
	return nil
}

// isRight reports whether a candidate of a file has all proven bytes.
func (f *finder) isRight(w *want, c *candidate) (bool, error) {
	for _, e := range f.ends(w) {
		right := f.right[part{e.piece, w.file}]
		if right == nil || right.candidate == c || w.checked[e.piece] {
			continue
		}
		classes, err := f.distinct([]*source{right, c.source()}, e.span)
		if err != nil || len(classes) > 1 {
			return false, err
		}
	}
	return true, nil
}
