package metainfo

import (
	"slices"

	"bt/internal/bencode"
)

// hybrid checks that the v1 list and the file tree have the same files, in the same
// order and at the same pieces, and sets the pieces roots of the v1 files. It stops at
// the first difference.
func (r *reader) hybrid(tree bencode.Value) {
	h := halves{reader: r}
	r.walkTree(tree, nil, nil, true, func(path []string, twin *File) {
		if !h.mismatch {
			h.file(path, twin)
		}
	})
	if !h.mismatch {
		h.end()
	}
}

// halves iterates over the v1 list of a hybrid while the file tree is parsed.
type halves struct {
	*reader
	path     []string // of the next v1 file
	i        int      // index of the next v1 file
	at       int64    // offset of that file in the stream of pieces
	v2       int64    // offset in the stream that the v2 files have reached
	mismatch bool
}

func (h *halves) differ(at int, format string, args ...any) {
	h.mismatch = true
	h.add(CodeHybridMismatch, at, format, args...)
}

// file compares a v2 file with the next v1 file.
func (h *halves) file(path []string, twin *File) {
	h.pads()
	if h.i == len(h.t.Files) {
		h.differ(int(twin.at), "the v2 half has a file that the v1 half has not: %s", quotePath(path))
		return
	}
	f := &h.t.Files[h.i]
	h.path = f.AppendPath(h.path[:0])
	switch {
	case !slices.Equal(h.path, path):
		h.differ(int(f.at), "the halves have other files, or another order: %s in the v1 half, %s in the v2 half", quotePath(h.path), quotePath(path))
		return
	case twin.IsLink() != f.IsLink() || !slices.Equal(twin.Symlink(), f.Symlink()):
		h.differ(int(f.at), "a file is a symlink in one half only, or leads elsewhere in the other: %s", quotePath(path))
		return
	case twin.content() != f.content():
		h.differ(int(f.at), "a file has %d bytes in the v1 half and %d in the v2 half: %s", f.content(), twin.content(), quotePath(path))
		return
	}
	h.i++
	f.PiecesRoot = twin.PiecesRoot
	if f.content() == 0 || h.t.PieceLength == 0 {
		return
	}
	if h.v2 = roundUp(h.v2, h.t.PieceLength); h.at != h.v2 {
		h.differ(int(f.at), "a file begins at byte %d in the v1 half and %d in the v2 half: %s", h.at, h.v2, quotePath(path))
		return
	}
	h.at = addSaturating(h.at, f.content())
	h.v2 = h.at
}

// pads skips the pad files before the next v1 file.
func (h *halves) pads() {
	first := h.i
	for ; h.i < len(h.t.Files) && h.t.Files[h.i].Pad; h.i++ {
		f := &h.t.Files[h.i]
		h.at = addSaturating(h.at, f.content())
		if h.i > first || f.content() == 0 {
			h.add(CodeOddPadding, int(f.at), "padding that v2 does not ask for: some clients refuse such a hybrid")
		}
	}
}

// end checks the v1 files after the last v2 file.
func (h *halves) end() {
	h.pads()
	switch {
	case h.i < len(h.t.Files):
		f := &h.t.Files[h.i]
		h.differ(int(f.at), "the v1 half has a file that the v2 half has not: %s", quotePath(f.Path()))
	case h.at != h.v2 && h.at != roundUp(h.v2, max(h.t.PieceLength, 1)): // libtorrent adds padding after the last file, others don't
		h.differ(h.info.Offset(), "the v1 half goes to byte %d, the v2 half to %d", h.at, h.v2)
	}
}
