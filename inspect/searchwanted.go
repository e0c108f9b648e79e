package inspect

import (
	"maps"
	"slices"

	"bt/internal/piece"
)

// gather finds candidates for all files that are not in order, by the hashes of their own
// pieces, and for the files that are only needed to prove pieces of others, by their sizes.
func (f *finder) gather() error {
	if f.search != nil {
		f.wanted()
	}
	if len(f.list) > 0 {
		if err := f.search.prepare(f.ctx); err != nil {
			return err
		}
	}
	if err := f.byHash(); err != nil {
		return err
	}
	for _, w := range f.list {
		if w.aside {
			if err := f.bySize([]*want{w}); err != nil {
				return err
			}
		}
	}
	f.addNeighbors()
	return nil
}

// wanted fills in the list of files to search for.
func (f *finder) wanted() {
	if f.search.DoubtOnly {
		if f.sharesPieces() {
			f.wantDoubtful()
		}
		return
	}
	for i := range f.tree.Files {
		s := &f.tree.Files[i]
		switch {
		case s.Pad || s.Link:
		case !f.has(i):
			if f.sharesPieces() && f.isBeside(i) {
				f.want(i).aside = true
			}
		case f.status(i, f.ranges(i)) != StatusOK:
			f.want(i)
		}
	}
}

// wantDoubtful adds the files that pieces in doubt lack.
func (f *finder) wantDoubtful() {
	for p, state := range f.states {
		if state != CauseUnverifiable {
			continue
		}
		for s := range f.partsOf(p) {
			if f.wants[s.File] == nil && !f.tree.Files[s.File].Link && !f.isAtPlace(p, s) {
				f.want(s.File).aside = true
			}
		}
	}
}

// isBeside reports whether a file that is not verified has bytes of a bad piece of a file
// that is.
func (f *finder) isBeside(file int) bool {
	first, last, ok := f.content.Layout.FilePieces(file)
	return ok && (f.states[first].isBad() || f.states[last].isBad())
}

// want adds a file to the list.
func (f *finder) want(file int) *want {
	w := &want{file: file, size: f.content.Layout.Length(file), like: f.likeness(file)}
	w.first, w.last = f.inside(file)
	f.wants[file], f.list = w, append(f.list, w)
	return w
}

// addNeighbors adds the files of VerifyOptions.Neighbors.
func (f *finder) addNeighbors() {
	if !f.sharesPieces() {
		return
	}
	for _, i := range slices.Sorted(maps.Keys(f.options.Neighbors)) {
		if i < 0 || i >= len(f.tree.Files) || f.tree.Files[i].Pad || f.tree.Files[i].Link {
			continue
		}
		paths := f.options.Neighbors[i]
		tree := piece.Tree{Files: make([]piece.Source, len(paths)), Path: func(k int) string { return paths[k] }}
		for k, path := range paths {
			tree.Restat(k)
			if tree.Files[k].Cause != piece.CauseFine {
				continue
			}
			w := f.wants[i]
			if w == nil {
				w = f.want(i)
				w.aside = true
			}
			w.near = append(w.near, &candidate{paths: []string{path}, id: tree.ID(k)})
		}
	}
}
