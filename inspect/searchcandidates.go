package inspect

import (
	"context"
	"path/filepath"
	"slices"

	"bt/internal/piece"
)

// A candidate is a file on disk that may be a file of the torrent.
type candidate struct {
	paths  []string // several if the file has several links
	names  []likeness
	id     piece.Identity
	broken bool // it can't be read, or changes

	scanned, added bool // it is in the directories, and in the content of a torrent

	rooted bool
	root   [32]byte // v2
	sums   map[phase]*sums
}

// candidates are the files of one size.
type candidates struct {
	all                     []*candidate              // in the order of their first paths
	byBoth                  map[likeness][]*candidate // name and directory
	byName, byDir, bySuffix map[string][]*candidate
	limited                 bool // there are more
}

const (
	// maxHeld is the maximum number of candidates that are remembered.
	maxHeld = 1 << 17
	// maxOfSize is the maximum number of candidates of one size that Search.Add has added,
	// and with Search.DoubtOnly of all.
	maxOfSize = 1 << 16
)

// ofSize returns the files of a size.
func (s *Search) ofSize(ctx context.Context, size int64, jobs int) (*candidates, error) {
	if list := s.sizes[size]; list != nil {
		return list, nil
	}
	list := &candidates{byBoth: make(map[likeness][]*candidate), byName: make(map[string][]*candidate), byDir: make(map[string][]*candidate), bySuffix: make(map[string][]*candidate)}
	paths, added := s.index.Paths(size), s.added.Paths(size)
	if s.DoubtOnly {
		paths = list.cut(paths)
	}
	if err := list.stat(ctx, paths, size, jobs, false); err != nil {
		return nil, err
	}
	if err := list.stat(ctx, list.cut(added), size, jobs, true); err != nil {
		return nil, err
	}
	if s.held += len(list.all); s.held > maxHeld {
		clear(s.sizes)
		s.held = len(list.all)
	}
	s.sizes[size] = list
	return list, nil
}

// cut leaves out the paths that are too many.
func (l *candidates) cut(paths []string) []string {
	if len(paths) > maxOfSize {
		paths, l.limited = paths[:maxOfSize], true
	}
	return paths
}

// stat adds the files at paths that still have the size.
func (l *candidates) stat(ctx context.Context, paths []string, size int64, jobs int, added bool) error {
	tree := piece.Tree{Files: make([]piece.Source, len(paths)), Path: func(i int) string { return paths[i] }}
	if err := tree.Stat(ctx, jobs); err != nil {
		return err
	}
	same := make(map[inode]*candidate)
	for _, c := range l.all {
		same[inode{c.id.Dev, c.id.Ino}] = c
	}
	for i, path := range paths {
		id := tree.ID(i)
		if tree.Files[i].Cause != piece.CauseFine || id.Size != size {
			continue
		}
		var c *candidate
		at := inode{id.Dev, id.Ino}
		if at.ino != 0 { // else the system has none
			c = same[at]
		}
		if c == nil {
			c = &candidate{id: id}
			l.all, same[at] = append(l.all, c), c
		}
		c.scanned, c.added = c.scanned || !added, c.added || added
		if slices.Contains(c.paths, path) {
			continue
		}
		n := nameOf(path)
		c.paths, c.names = append(c.paths, path), append(c.names, n)
		l.byBoth[n] = append(l.byBoth[n], c)
		for _, by := range []struct {
			list map[string][]*candidate
			key  string
		}{{l.byName, n.name}, {l.byDir, n.dir}, {l.bySuffix, n.suffix}} {
			if last := by.list[by.key]; len(last) == 0 || last[len(last)-1] != c {
				by.list[by.key] = append(last, c)
			}
		}
	}
	return nil
}

// A likeness is what of a path is compared to choose among files.
type likeness struct{ name, dir, suffix string }

func nameOf(path string) likeness {
	return likeness{filepath.Base(path), filepath.Base(filepath.Dir(path)), filepath.Ext(path)}
}

// rank returns how much m is like n: 0 is the most.
func (n likeness) rank(m likeness) int {
	switch {
	case m.name == n.name && m.dir == n.dir:
		return 0
	case m.name == n.name:
		return 1
	case m.dir == n.dir && m.suffix == n.suffix:
		return 2
	case m.dir == n.dir:
		return 3
	case m.suffix == n.suffix:
		return 4
	}
	return 5
}

// likest returns the path of the candidate that is most like n, and its rank.
func (c *candidate) likest(n likeness) (path string, rank int) {
	rank = 6
	for i, m := range c.names {
		if r := n.rank(m); r < rank {
			path, rank = c.paths[i], r
		}
	}
	return path, rank
}

// sorted sorts candidates by their likeness to n, and those that are equally like it by
// their paths.
func sorted(list []*candidate, n likeness) []*candidate {
	var ranks [6][]*candidate
	for _, c := range list {
		_, rank := c.likest(n)
		ranks[rank] = append(ranks[rank], c)
	}
	return slices.Concat(ranks[:]...)
}

// like returns at most limit candidates, the likest to n first.
func (l *candidates) like(n likeness, limit int) []*candidate {
	if len(l.all) <= limit {
		return sorted(l.all, n)
	}
	var list []*candidate
	seen := make(map[*candidate]bool)
	for _, more := range [][]*candidate{l.byBoth[n], l.byName[n.name], l.byDir[n.dir], l.bySuffix[n.suffix], l.all} {
		for _, c := range more {
			if len(list) == limit {
				return sorted(list, n)
			}
			if !seen[c] {
				seen[c] = true
				list = append(list, c)
			}
		}
	}
	return sorted(list, n)
}
