package inspect

import (
	"bytes"
	"iter"
	"slices"
	"strconv"

	"bt/internal/metainfo"
)

// A Change is a key whose value differs between two torrents, Old in the first and New in
// the second. Old or New is nil if only the other torrent has the key. OnlyEncoding
// reports whether they are the same value, encoded differently: with leading zeros, or
// with keys in another order.
//
// Key is a key of the torrent, "info.KEY" for a key of its info dict, or the name of a
// parameter of a magnet link. "$trailing" stands for bytes after the end of the torrent.
// "$order" and "info.$order" mean that only the order of the keys differs, and "$more"
// and "info.$more" that a dict has more keys than are compared; they have no values.
type Change = metainfo.Change

// A Value is a bencoded value, or nil. Its methods Text, Items and Get return the text of
// a string, the items of a list and the value of a key of a dict. WriteJSON writes it as
// lossless JSON.
type Value = metainfo.Value

// A HashMatch is the result of comparing two info-hashes of one kind.
type HashMatch uint8

// The results of comparing info-hashes.
const (
	HashUnknown HashMatch = iota // both torrents have none, or a magnet link has none
	HashSame
	HashDiffers // also if only one of two torrents has such a hash
)

// A Side names the torrents that have a file.
type Side string

// The sides.
const (
	SideA    Side = "a" // only the first torrent
	SideB    Side = "b" // only the second
	SideBoth Side = "both"
)

// A Sameness says how much is known about the content of two files.
type Sameness string

// The samenesses. Files of different sizes differ. The pieces of a v1 torrent also have
// bytes of other files: they show that a file is the same if all its pieces are, and that
// it differs if a piece differs that has no bytes of other files. They can be compared
// only if the file is at the same offset in its first piece in both torrents.
const (
	SameRoot   Sameness = "root"   // the same, as the pieces roots (BEP 52) are
	SamePieces Sameness = "pieces" // the same, as the v1 hashes of their pieces are
	SameSize   Sameness = "size"   // of the same size; no hashes can be compared
	SameNot    Sameness = "no"     // the sizes or hashes differ, or there is no other file
)

// A Difference describes what differs between two torrents.
type Difference struct {
	InfoHashV1, InfoHashV2 HashMatch

	// Changes are the keys whose values differ: those of the second torrent in its order,
	// and then those that only the first has. If there are none, the torrents have the same
	// bytes.
	Changes []Change

	// Files yields the files of the first torrent in its order, and then those that only
	// the second has. It yields none for magnet links, and is never nil.
	Files iter.Seq[FileDifference]

	// Reordered reports whether files that both torrents have are in another order.
	Reordered bool
}

// Same reports whether there is no difference.
func (d *Difference) Same() bool {
	return len(d.Changes) == 0 && d.InfoHashV1 != HashDiffers && d.InfoHashV2 != HashDiffers &&
		(d.InfoHashV1 == HashSame || d.InfoHashV2 == HashSame)
}

// A FileDifference compares a file of one torrent with a file of the other: the one with
// its path or else, if there is no such file, one with the same content.
type FileDifference struct {
	Path string // below the torrent's name, with slashes; unchecked, may be invalid UTF-8
	In   Side   // the torrents that have this path
	Same Sameness

	// OtherPath is the path in the other torrent of a file with the same content, or "". It
	// is set only if that torrent does not have Path.
	OtherPath string

	// Moved reports whether the other torrent has the file at OtherPath instead. If it
	// is false, OtherPath is a further copy, which is compared with another file.
	Moved bool

	A, B int // the indexes in Torrent.Files of the compared files; -1 for none

	// For SameSize, Pieces is the number of v1 pieces of the file if they can be compared,
	// and EqualPieces how many are the same. The others also have bytes of other files.
	EqualPieces, Pieces int

	// Keys are the keys of the file, except length, path and pieces root, whose values
	// differ: "attr" and "symlink path" (BEP 47) and any others.
	Keys []string
}

// DiffOptions are the choices of [Diff].
type DiffOptions struct {
	Pads bool // also compare pad files
}

// Diff compares two torrents of any formats. The result shares memory with them. The
// time that it takes is about proportional to their sizes, whatever files they have.
func Diff(a, b *Torrent, o DiffOptions) *Difference {
	m := newMatching(a, b, o.Pads)
	m.match()
	return &Difference{
		InfoHashV1: matchHashes(a.V1, b.V1, a.InfoHashV1 == b.InfoHashV1, HashDiffers),
		InfoHashV2: matchHashes(a.V2, b.V2, a.InfoHashV2 == b.InfoHashV2, HashDiffers),
		Changes:    metainfo.Compare(a, b),
		Files:      m.differences,
		Reordered:  m.reordered(),
	}
}

// DiffMagnets compares two magnet links. The Magnet method of a [Torrent] returns a link
// for comparing a torrent with another link. A value that only one link has differs, but
// an info-hash that only one has is unknown.
func DiffMagnets(a, b *Magnet) *Difference {
	d := &Difference{
		InfoHashV1: matchHashes(a.HasV1, b.HasV1, a.V1 == b.V1, HashUnknown),
		InfoHashV2: matchHashes(a.HasV2, b.HasV2, a.V2 == b.V2, HashUnknown),
		Files:      func(func(FileDifference) bool) {},
	}
	was, is := parameters(a), parameters(b)
	for _, name := range slices.Concat(is.names, was.names) {
		x, y := was.value(name), is.value(name)
		if !bytes.Equal(x, y) {
			d.Changes = append(d.Changes, Change{Key: name, Old: x, New: y})
		}
		delete(was.values, name) // compared
		delete(is.values, name)
	}
	return d
}

// matchHashes compares two info-hashes, either of which may be missing. one is the result
// if one is.
func matchHashes(hasA, hasB, same bool, one HashMatch) HashMatch {
	switch {
	case hasA && hasB && same:
		return HashSame
	case hasA && hasB:
		return HashDiffers
	case hasA || hasB:
		return one
	}
	return HashUnknown
}

// magnetParams are the parameters of a magnet link, except its info-hashes, by name.
type magnetParams struct {
	names  []string // each once, in order
	values map[string][]string
}

func parameters(m *Magnet) magnetParams {
	p := magnetParams{values: make(map[string][]string)}
	add := func(name string, values ...string) {
		if len(values) > 0 && p.values[name] == nil {
			p.names = append(p.names, name)
		}
		p.values[name] = append(p.values[name], values...)
	}
	if m.Name != "" {
		add("dn", m.Name)
	}
	if m.HasSize {
		add("xl", strconv.FormatInt(m.Size, 10))
	}
	add("tr", m.Trackers...)
	add("ws", m.WebSeeds...)
	add("x.pe", m.Peers...)
	for _, s := range m.Select {
		add("so", strconv.Itoa(s.First)+"-"+strconv.Itoa(s.Last))
	}
	for _, o := range m.Other {
		add(o.Name, o.Value)
	}
	return p
}

// value returns the value of a parameter: a string, or a list of strings if it has, or
// may have, several.
func (p *magnetParams) value(name string) Value {
	values := p.values[name]
	switch {
	case len(values) == 0:
		return nil
	case len(values) == 1 && !slices.Contains([]string{"tr", "ws", "x.pe", "so"}, name):
		return metainfo.TextValue(values[0])
	}
	return metainfo.TextsValue(values)
}
