package inspect

import (
	"cmp"
	"hash/maphash"
	"slices"
	"strings"

	"bt/internal/metainfo"
)

// A matching pairs the files of two torrents. Files are found by the hashes of what they
// have in common, which are sorted: no file is compared with all others, also if a
// hostile torrent has a million files of the same size or path.
type matching struct {
	a, b matchSide
	seed maphash.Seed
}

// A matchSide is one of the torrents.
type matchSide struct {
	t      *Torrent
	pads   bool    // pad files are compared too
	shared []uint8 // by v1 piece: how many files have bytes of it, except pad files; at most 2
	files  []matchedFile
	path   []string // buffer
}

// A matchedFile is the state of a file of one side.
type matchedFile struct {
	other int32 // index in the other torrent; -1 for none
	how   relation
	same  sameness
}

// A relation is the reason why two files are compared.
type relation uint8

const (
	relationNone  relation = iota
	relationPath           // they have the same path
	relationMoved          // they have the same content and no other file does that is left
	relationCopy           // they have the same content; the other file is compared with another
)

// A sameness is a Sameness of one byte, as there may be millions.
type sameness uint8

const (
	sameNot sameness = iota
	sameSize
	samePieces
	sameRoot
)

var samenesses = [...]Sameness{sameNot: SameNot, sameSize: SameSize, samePieces: SamePieces, sameRoot: SameRoot}

// proven reports whether hashes show that the content is the same.
func (s sameness) proven() bool { return s >= samePieces }

func newMatching(a, b *Torrent, pads bool) *matching {
	return &matching{a: newMatchSide(a, pads), b: newMatchSide(b, pads), seed: maphash.MakeSeed()}
}

func newMatchSide(t *Torrent, pads bool) matchSide {
	s := matchSide{t: t, pads: pads, files: make([]matchedFile, len(t.Files))}
	for i := range s.files {
		s.files[i].other = -1
	}
	l := t.Layout()
	if !t.V1 || l == nil || len(t.Pieces) != 20*l.Pieces() {
		return s
	}
	s.shared = make([]uint8, l.Pieces())
	for i := range t.Files {
		if first, last, ok := l.FilePieces(i); ok && !t.Files[i].Pad {
			for p := first; p <= last; p++ {
				s.shared[p] = min(s.shared[p]+1, 2)
			}
		}
	}
	return s
}

// has reports whether a file is compared.
func (s *matchSide) has(i int) bool { return s.pads || !s.t.Files[i].Pad }

// isLeft reports whether a file with content is compared, and has no other file yet.
func (s *matchSide) isLeft(i int) bool { return s.has(i) && s.files[i].other < 0 && s.size(i) > 0 }

// size returns the number of bytes of a file that are content: none of a symlink.
func (s *matchSide) size(i int) int64 {
	if f := &s.t.Files[i]; !f.IsLink() {
		return f.Length
	}
	return 0
}

// match pairs the files: by path, then those without a partner by their content, then
// by name and size, and last by size if no other file has it.
func (m *matching) match() {
	m.pair(relationPath, m.pathKey, m.a.has, m.b.has, m.samePath)
	proven := func(i, j int) bool { return m.compare(i, j).proven() }
	for _, key := range []keyFunc{m.rootKey, m.piecesKey} {
		m.pair(relationMoved, key, m.a.isLeft, m.b.isLeft, proven)
	}
	onlySize := func(i, j int) bool { return m.compare(i, j) == sameSize }
	m.pair(relationMoved, m.nameKey, m.a.isLeft, m.b.isLeft, func(i, j int) bool { return onlySize(i, j) && m.sameName(i, j) })
	m.groups(m.sizeKey, m.a.isLeft, m.b.isLeft, func(a, b []fileKey) {
		if i, j := int(a[0].file), int(b[0].file); len(a) == 1 && len(b) == 1 && onlySize(i, j) {
			m.set(i, j, relationMoved)
		}
	})
	for _, key := range []keyFunc{m.rootKey, m.piecesKey} {
		m.copies(key)
	}
}

// pair pairs the files of two sides that have the same key and agree: the first with the
// first, the second with the second.
func (m *matching) pair(how relation, key keyFunc, inA, inB func(int) bool, agree func(i, j int) bool) {
	m.groups(key, inA, inB, func(a, b []fileKey) {
		for n := range min(len(a), len(b)) {
			if i, j := int(a[n].file), int(b[n].file); agree(i, j) {
				m.set(i, j, how)
			}
		}
	})
}

func (m *matching) set(i, j int, how relation) {
	same := m.compare(i, j)
	m.a.files[i] = matchedFile{int32(j), how, same}
	m.b.files[j] = matchedFile{int32(i), how, same}
}

// copies finds files of either side that are left, and the same as a file of the other
// that has a partner.
func (m *matching) copies(key keyFunc) {
	if left := m.keys(&m.a, key, m.a.isLeft, anyKey); len(left) > 0 {
		eachGroup(left, m.keys(&m.b, key, m.b.has, isKeyOf(left)), func(a, b []fileKey) {
			for _, k := range a {
				m.copy(int(k.file), int(b[0].file), &m.a.files[k.file], b[0].file)
			}
		})
	}
	if left := m.keys(&m.b, key, m.b.isLeft, anyKey); len(left) > 0 {
		eachGroup(m.keys(&m.a, key, m.a.has, isKeyOf(left)), left, func(a, b []fileKey) {
			for _, k := range b {
				m.copy(int(a[0].file), int(k.file), &m.b.files[k.file], a[0].file)
			}
		})
	}
}

// copy sets the state of a file of either side if i and j, of which it is one and other
// the other, are proven to be the same.
func (m *matching) copy(i, j int, file *matchedFile, other int32) {
	if same := m.compare(i, j); same.proven() {
		*file = matchedFile{other, relationCopy, same}
	}
}

// A fileKey is the hash of a key of a file.
type fileKey struct {
	key  uint64
	file int32
}

// A keyFunc writes the key of a file of a side to a hash, or returns false if the file
// has no such key.
type keyFunc func(h *maphash.Hash, s *matchSide, i int) bool

// groups calls visit with the files of both sides that have the same key, in order.
func (m *matching) groups(key keyFunc, inA, inB func(int) bool, visit func(a, b []fileKey)) {
	eachGroup(m.keys(&m.a, key, inA, anyKey), m.keys(&m.b, key, inB, anyKey), visit)
}

// eachGroup calls visit with the files of two sorted lists that have the same key.
func eachGroup(a, b []fileKey, visit func(a, b []fileKey)) {
	for len(a) > 0 && len(b) > 0 {
		switch c := cmp.Compare(a[0].key, b[0].key); {
		case c < 0:
			a = a[groupLen(a):]
		case c > 0:
			b = b[groupLen(b):]
		default:
			n, k := groupLen(a), groupLen(b)
			visit(a[:n], b[:k])
			a, b = a[n:], b[k:]
		}
	}
}

// groupLen returns the number of keys at the start of a sorted list that are the same.
func groupLen(keys []fileKey) int {
	n := 1
	for n < len(keys) && keys[n].key == keys[0].key {
		n++
	}
	return n
}

// keys returns those keys of files of a side that are wanted, sorted, those that are the
// same by file.
func (m *matching) keys(s *matchSide, key keyFunc, in func(int) bool, wanted func(uint64) bool) []fileKey {
	var list []fileKey
	var h maphash.Hash
	h.SetSeed(m.seed)
	for i := range s.files {
		if !in(i) {
			continue
		}
		h.Reset()
		if !key(&h, s, i) {
			continue
		}
		if k := h.Sum64(); wanted(k) {
			list = append(list, fileKey{k, int32(i)})
		}
	}
	slices.SortFunc(list, fileKey.compare)
	return list
}

func (k fileKey) compare(other fileKey) int {
	switch { // not by cmp.Or, which takes twice the time
	case k.key < other.key:
		return -1
	case k.key > other.key:
		return 1
	}
	return int(k.file - other.file)
}

func anyKey(uint64) bool { return true }

// isKeyOf returns a function that reports whether a sorted list has a key.
func isKeyOf(list []fileKey) func(uint64) bool {
	return func(key uint64) bool {
		_, found := slices.BinarySearchFunc(list, key, func(k fileKey, key uint64) int { return cmp.Compare(k.key, key) })
		return found
	}
}

func (m *matching) samePath(i, j int) bool { return m.a.t.Files[i].SamePath(&m.b.t.Files[j]) }

func (m *matching) sameName(i, j int) bool {
	return m.a.t.Files[i].Base() == m.b.t.Files[j].Base()
}

// compare compares the content of two files.
func (m *matching) compare(i, j int) sameness {
	a, b := &m.a.t.Files[i], &m.b.t.Files[j]
	switch {
	case m.a.size(i) != m.b.size(j) || a.IsLink() != b.IsLink():
		return sameNot
	case a.IsLink() && !slices.Equal(a.Symlink(), b.Symlink()):
		return sameNot
	case m.a.size(i) == 0:
		return sameSize
	case a.PiecesRoot != nil && b.PiecesRoot != nil && *a.PiecesRoot == *b.PiecesRoot:
		return sameRoot
	case a.PiecesRoot != nil && b.PiecesRoot != nil:
		return sameNot
	}
	p, ok := m.a.pieces(i)
	q, ok2 := m.b.pieces(j)
	if !ok || !ok2 {
		return sameSize
	}
	return p.compare(&q)
}

// reordered reports whether files with the same path are in another order.
func (m *matching) reordered() bool {
	last := int32(-1)
	for _, f := range m.a.files {
		if f.how == relationPath {
			if f.other < last {
				return true
			}
			last = f.other
		}
	}
	return false
}

// differences yields the files for [Difference.Files].
func (m *matching) differences(yield func(FileDifference) bool) {
	for i, f := range m.a.files {
		if m.a.has(i) && !yield(m.difference(i, int(f.other), f, SideA)) {
			return
		}
	}
	for j, f := range m.b.files {
		if m.b.has(j) && f.how != relationPath && !yield(m.difference(int(f.other), j, f, SideB)) {
			return
		}
	}
}

// difference describes a file of one side. i or j is -1 if there is no other.
func (m *matching) difference(i, j int, f matchedFile, in Side) FileDifference {
	d := FileDifference{In: in, Same: samenesses[f.same], Moved: f.how == relationMoved, A: i, B: j}
	own, other := &m.a, &m.b
	at, otherAt := i, j
	if in == SideB {
		own, other, at, otherAt = other, own, j, i
	}
	d.Path = own.joined(at)
	switch f.how {
	case relationNone:
		return d
	case relationPath:
		d.In = SideBoth
	default:
		d.OtherPath = other.joined(otherAt)
	}
	if f.same == sameSize {
		d.EqualPieces, d.Pieces = m.equalPieces(i, j)
	}
	d.Keys = metainfo.OtherFileKeys(m.a.t, i, m.b.t, j)
	return d
}

// joined returns the path of a file.
func (s *matchSide) joined(i int) string {
	s.path = s.t.Files[i].AppendPath(s.path[:0])
	return strings.Join(s.path, "/")
}
