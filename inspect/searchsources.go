package inspect

import "bt/internal/piece"

// A source is where the bytes of a file in a piece may be from.
type source struct {
	candidate *candidate // nil: not one
	place     bool       // the file at its place
	path      string
	have      int64 // length of the file at path; zeros follow
}

// A class is a list of sources with the same bytes, the likeliest first.
type class []*source

// zerosSecond moves zeros, which are the last source, behind the likeliest one: combinations
// with them are then tried before the limit.
func zerosSecond(classes []class) {
	if n := len(classes); n > 2 && classes[n-1][0].isZeros() {
		zeros := classes[n-1]
		copy(classes[2:], classes[1:n-1])
		classes[1] = zeros
	}
}

// isZeros reports whether a source is the rest of a file that is missing or too short.
func (s *source) isZeros() bool { return s.candidate == nil && !s.place }

// sources returns where the bytes of a file in a piece may be from, the likeliest first,
// and zeros last.
func (f *finder) sources(p int, s span, which try) (list []*source) {
	cause, size, isAtPlace := f.tree.Files[s.File].Cause, f.tree.ID(s.File).Size, f.isAtPlace(p, s)
	if isAtPlace {
		list = append(list, &source{place: true, path: f.tree.Path(s.File), have: size})
	}
	if w := f.wants[s.File]; w != nil && (which == tryAll || which == tryRefuted || !isAtPlace && which != tryZeros) {
		list = append(append(list, w.sources(false)...), sourcesOf(w.near)...)
		if which == tryRefuted {
			list = append(list, w.sources(true)...)
		}
		if !isAtPlace {
			list = append(list, sourcesOf(w.damaged)...)
		}
	}
	switch {
	case cause == piece.CauseMissing || cause == piece.CauseNotAFile:
		list = append(list, &source{})
	case f.isReadable(p, s.File) && size < s.Offset+s.Length:
		list = append(list, &source{path: f.tree.Path(s.File), have: size})
	}
	if which == tryFirst {
		list = list[:min(len(list), 1)]
	}
	return list
}

// isAtPlace reports whether the file at its place has bytes in a range of a piece.
func (f *finder) isAtPlace(p int, s span) bool {
	return f.isReadable(p, s.File) && f.tree.ID(s.File).Size >= s.Offset+s.Length
}

// isReadable reports whether the file at its place could be read for a piece.
func (f *finder) isReadable(p, file int) bool {
	return f.tree.Files[file].Cause == piece.CauseFine && f.faults[part{p, file}] == nil && f.states[p] != CauseChanged
}

func (c *candidate) source() *source {
	return &source{candidate: c, path: c.paths[0], have: c.id.Size}
}

func sourcesOf(candidates []*candidate) (list []*source) {
	for _, c := range candidates {
		list = append(list, c.source())
	}
	return list
}

// sources returns the candidates for a file that are refuted, or those that are not.
func (w *want) sources(refuted bool) (list []*source) {
	for _, c := range w.all {
		if !c.broken && w.refuted[c] == refuted {
			list = append(list, c.source())
		}
	}
	return list
}
