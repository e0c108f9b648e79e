package inspect

import (
	"context"
	"path/filepath"
	"slices"

	"bt/internal/diskindex"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Search finds files of torrents by their content, whatever their names and places.
// [Verify] uses it for all files that are not in order, and for files in doubt. It looks
// at files of the right size in some directories, and at files that it has seen in order
// for other torrents. It proves them by their hashes:
//
//   - v2 and hybrid: by the pieces root of the file (BEP 52)
//   - v1: by the pieces that lie inside of the file
//   - small v1 files, and the ends of larger ones: by the pieces that they share with
//     files that are there or were found
//
// One Search should be used for all torrents of a run, since it remembers the hashes.
// It must not be used concurrently.
type Search struct {
	index  *diskindex.Index // nil: no directories
	sizes  map[int64]*candidates
	known  map[knownKey]location
	errs   []error
	failed map[string]bool // paths in errs

	// Progress, if not nil, is called while candidates are hashed, like
	// VerifyOptions.Progress. The bytes are those of one step of several.
	Progress func(done, total int64)
}

// NewSearch lists the files in and below directories; there may be none. jobs is the
// number of directories that are read at once; 0 means a good one. found, if not nil, is
// called about ten times a second with the number of files so far.
//
// The error is the cause of ctx, or that of a directory of dirs that can't be read. What
// can't be read below them is left out: errs are the errors.
func NewSearch(ctx context.Context, dirs []string, jobs int, found func(files int)) (s *Search, errs []error, err error) {
	s = &Search{sizes: make(map[int64]*candidates), known: make(map[knownKey]location), failed: make(map[string]bool)}
	if len(dirs) > 0 {
		s.index, errs, err = diskindex.Scan(ctx, dirs, jobs, found)
	}
	if err != nil {
		return nil, nil, err
	}
	return s, errs, nil
}

// Len returns the number of files in the directories.
func (s *Search) Len() int {
	if s.index == nil {
		return 0
	}
	return s.index.Len()
}

// A candidate is a file on disk that may be a file of the torrent.
type candidate struct {
	paths  []string // several if the file has several links
	names  []likeness
	id     piece.Identity
	broken bool // it can't be read, or changes

	rooted bool
	root   [32]byte // v2
	sums   map[phase]*sums
}

// candidates are the files of one size.
type candidates struct {
	all                     []*candidate              // in the order of their first paths
	byBoth                  map[likeness][]*candidate // name and directory
	byName, byDir, bySuffix map[string][]*candidate
}

// ofSize returns the files of a size.
func (s *Search) ofSize(ctx context.Context, size int64, jobs int) (*candidates, error) {
	if list := s.sizes[size]; list != nil {
		return list, nil
	}
	list := &candidates{byBoth: make(map[likeness][]*candidate), byName: make(map[string][]*candidate), byDir: make(map[string][]*candidate), bySuffix: make(map[string][]*candidate)}
	if s.index != nil {
		if err := list.stat(ctx, s.index.Paths(size), size, jobs); err != nil {
			return nil, err
		}
	}
	s.sizes[size] = list
	return list, nil
}

// stat adds the files at paths that still have the size.
func (l *candidates) stat(ctx context.Context, paths []string, size int64, jobs int) error {
	tree := piece.Tree{Files: make([]piece.Source, len(paths)), Path: func(i int) string { return paths[i] }}
	if err := tree.Stat(ctx, jobs); err != nil {
		return err
	}
	same := make(map[[2]uint64]*candidate)
	for i, path := range paths {
		f := &tree.Files[i]
		if f.Cause != piece.CauseFine || f.ID.Size != size {
			continue
		}
		inode := [2]uint64{f.ID.Dev, f.ID.Ino}
		c := same[inode]
		if c == nil {
			c = &candidate{id: f.ID, sums: make(map[phase]*sums)}
			l.all = append(l.all, c)
			if f.ID.Ino != 0 { // else the system has none
				same[inode] = c
			}
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

// A knownKey identifies the content of a file: by its pieces root, or by the v1 hashes of
// the pieces inside of it.
type knownKey struct {
	size int64
	at   phase // v1
	sum  [32]byte
}

// A location is a file on disk, and which version of it is meant.
type location struct {
	path string
	id   piece.Identity
}

// learn remembers where files of a torrent are in order, for other torrents.
func (f *finder) learn() {
	for i := range f.contentFiles() {
		key, ok := f.knownKey(i)
		if !ok || f.status(i, f.ranges(i)) != StatusOK {
			continue
		}
		path, err := filepath.Abs(f.tree.Path(i))
		if _, has := f.search.known[key]; err == nil && !has {
			f.search.known[key] = location{path, f.tree.Files[i].ID}
		}
	}
}

// knownKey returns what identifies the content of a file, if anything does.
func (f *finder) knownKey(file int) (knownKey, bool) {
	size := f.content.Layout.Length(file)
	if root := f.content.Files[file].PiecesRoot; root != nil {
		return knownKey{size: size, sum: *root}, true
	}
	first, last := f.inside(file)
	if !f.content.V1 || first > last {
		return knownKey{}, false
	}
	return knownKey{size, f.phase(file), f.digest(first, last)}, true
}

// fromKnown returns the file that another torrent has in order, if it has not changed.
func (s *Search) fromKnown(key knownKey) *candidate {
	p, ok := s.known[key]
	if !ok {
		return nil
	}
	tree := piece.Tree{Files: make([]piece.Source, 1), Path: func(int) string { return p.path }}
	tree.Restat(0)
	if f := &tree.Files[0]; f.Cause != piece.CauseFine || !f.ID.Equal(p.id) {
		return nil
	}
	return &candidate{paths: []string{p.path}, names: []likeness{nameOf(p.path)}, id: p.id}
}

// A Found is a file that a [Search] has found elsewhere.
type Found struct {
	Index int    // in the torrent
	Path  string // in the torrent, with slashes; unchecked, may be invalid UTF-8
	At    string // absolute path on disk
	Size  int64  // bytes
	Proof Proof

	// Unproven is the number of bytes at its ends that are in pieces shared with files
	// of which nothing right was found. The pieces inside of it are proven.
	Unproven int64
}

// A Proof is how it is known that a file is a file of the torrent.
type Proof string

// The proofs.
const (
	ProofRoot   Proof = "root"   // the pieces root (BEP 52)
	ProofPieces Proof = "pieces" // v1 pieces that lie inside of the file
	ProofShared Proof = "shared" // v1 pieces, some of which it shares with other files
	ProofEmpty  Proof = "empty"  // an empty file has no hash
)

// A Maybe is a file that is not in order, with files that may be it. None is proven.
type Maybe struct {
	Index  int
	Path   string   // in the torrent, as in Found
	At     []string // absolute paths on disk, the likest first; 100 at most
	Count  int      // how many there are
	Reason Reason
}

// A Reason is why nothing is proven.
type Reason string

// The reasons.
const (
	ReasonShared   Reason = "shared"   // the file is only in pieces that it shares with files of which nothing right was found
	ReasonDiffer   Reason = "differ"   // the files differ, but not in any byte that could be proven
	ReasonLimit    Reason = "limit"    // there are too many files of this size, or combinations of such files, to try all
	ReasonDisagree Reason = "disagree" // the pieces root of the hybrid is right, its v1 hashes are not
)

// layoutOf returns a packed layout. Its pieces are few enough.
func layoutOf(pieceLength int64, lengths []int64) *metainfo.Layout {
	l, err := metainfo.NewLayout(pieceLength, lengths, metainfo.AlignmentPacked)
	if err != nil {
		panic(err) // the caller has limited it
	}
	return l
}
