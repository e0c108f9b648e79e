package inspect

import (
	"bytes"
	"iter"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A part is the bytes of a file in a piece.
type part struct{ piece, file int }

// A check collects the state of each piece.
type check struct {
	content  *metainfo.Content
	files    []metainfo.File // with unchecked paths
	tree     *piece.Tree
	states   []Cause               // by piece
	doubtful []bool                // by piece: BadPiece.Doubtful
	faults   map[part]*piece.Fault // errors of reading
	proven   map[part]bool         // parts of bad pieces that are right
	placed   map[int]string        // VerifyOptions.Places that are other places
	scope

	// What a search has found about pieces that are shared, or end a file:
	solved    map[int]bool     // by piece: it is proven
	right     map[part]*source // of solved pieces
	wrong     map[part]bool    // parts of solved pieces that the file at its place has other bytes in
	undecided map[int]bool     // BadPiece.Undecided

	layerless layerless
	disagree  []disagreement
}

func (c *check) result(r piece.Result) {
	switch {
	case c.states[r.Index] == outside:
		return
	case !r.Skipped:
		if !r.Failed {
			c.cache.Add(&c.target, &r)
		}
	case !c.skipped(&r):
		c.states[r.Index] = unread
	}
	if r.Failed {
		for _, f := range r.Faults {
			c.faults[part{r.Index, f.File}] = f
		}
		c.states[r.Index] = c.causeOf(r.Index)
	} else if c.states[r.Index] != unread && c.content.V1 && !bytes.Equal(r.SHA1[:], c.content.Pieces[r.Index*20:][:20]) {
		c.states[r.Index] = CauseCorrupt
	}
	if c.content.V2 {
		c.resultV2(r)
	}
}

// causeOf returns the cause of a piece that could not be read at the places of its files. If
// they have several causes, the first in the list below counts.
func (c *check) causeOf(index int) Cause {
	var has [CauseChanged + 1]bool
	for _, span := range c.content.Layout.Spans(index, index) {
		if !c.tree.Files[span.File].Pad && !c.proven[part{index, span.File}] {
			has[c.causeFor(span.File, index, span.Offset+span.Length)] = true
		}
	}
	// CauseUnverifiable: some bytes of the piece exist, but can't be hashed alone.
	for _, cause := range []Cause{CauseChanged, CauseUnreadable, CauseUnverifiable, CauseCorrupt, CauseMissing} {
		if has[cause] {
			return cause
		}
	}
	return CauseShort
}

// changed marks all pieces of a file that changed while it was read.
func (c *check) changed(f *piece.Fault) {
	first, last, ok := c.content.Layout.FilePieces(f.File)
	if !ok {
		c.tree.Restat(f.File) // it was an empty file, which is in no piece
		return
	}
	for i := first; i <= last; i++ {
		if c.states[i] == outside {
			continue
		}
		c.states[i] = CauseChanged
		if at := (part{i, f.File}); c.faults[at] == nil {
			c.faults[at] = f
		}
	}
}

// verdict returns the verdict after all pieces were checked.
func (c *check) verdict() *Verdict {
	v := &Verdict{As: c.tree.As, Basis: c.basis, Cached: c.cached, Statuses: make(map[Status]int), Files: c.fileVerdicts, File: c.file, BadPieces: c.badPieces, Where: c.tree.Path}
	c.doubtful = make([]bool, len(c.states))
	for i, state := range c.states {
		v.Pieces.count(state)
		c.doubtful[i] = state.isBad() && c.isDoubtful(i)
	}
	for i := range c.contentFiles() {
		v.FileCount++
		v.Size += c.content.Layout.Length(i)
		v.Statuses[c.status(i, c.ranges(i))]++
		if at, ok := c.tree.At(i); ok {
			v.Renamed = append(v.Renamed, Rename{c.path(i), filepath.ToSlash(at)})
		}
	}
	v.Nothing = c.isNothing()
	if c.sharesPieces() {
		v.Neighbors = c.neighbors(v)
	}
	// Only damaged pad files could make the pieces differ, and they are not on disk.
	v.OK = v.Statuses[StatusOK] == v.FileCount && v.Pieces.Good == v.Pieces.Total
	return v
}

// isNothing reports whether no file exists.
func (c *check) isNothing() bool {
	any := false
	for i := range c.tree.Files {
		if s := &c.tree.Files[i]; !s.Pad {
			if any = true; s.Cause != piece.CauseMissing {
				return false
			}
		}
	}
	return any
}

// count counts a piece.
func (n *PieceCounts) count(state Cause) {
	switch state {
	case outside:
		return
	case unread:
		n.Unread++
		return
	}
	n.Total++
	switch state {
	case CauseNone:
		n.Good++
	case CauseCorrupt, CauseChanged:
		n.Bad++
	case CauseMissing, CauseShort:
		n.Missing++
	case CauseUnverifiable:
		n.Unverifiable++
	case CauseUnreadable:
		n.Unreadable++
	}
}

// contentFiles yields the indexes of the files to verify.
func (c *check) contentFiles() iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range c.tree.Files {
			if !c.tree.Files[i].Pad && c.has(i) && !yield(i) {
				return
			}
		}
	}
}

// fileVerdicts yields Verdict.Files.
func (c *check) fileVerdicts(yield func(FileVerdict) bool) {
	for i := range c.contentFiles() {
		if !yield(c.file(i)) {
			return
		}
	}
}

// badPieces yields Verdict.BadPieces.
func (c *check) badPieces(yield func(BadPiece) bool) {
	for i, state := range c.states {
		if !state.isBad() {
			continue
		}
		p := BadPiece{Index: i, Cause: state, Files: c.filesOf(i), Doubtful: c.doubtful[i], Undecided: c.undecided[i]}
		for range c.partsOf(i) {
			p.FileCount++
		}
		if !yield(p) {
			return
		}
	}
}

// partsOf yields the byte ranges of files in a piece, except of pad files.
func (c *check) partsOf(index int) iter.Seq[metainfo.Span] {
	return func(yield func(metainfo.Span) bool) {
		for _, span := range c.content.Layout.Spans(index, index) {
			if !c.tree.Files[span.File].Pad && !yield(span) {
				return
			}
		}
	}
}

// isDoubtful computes BadPiece.Doubtful.
func (c *check) isDoubtful(index int) bool {
	files, doubt := 0, false
	for span := range c.partsOf(index) {
		at := part{index, span.File}
		if c.proven[at] {
			continue
		}
		cause := c.causeFor(span.File, index, span.Offset+span.Length)
		doubt = doubt || (cause == CauseCorrupt || cause == CauseUnverifiable) && !c.wrong[at]
		if files++; doubt && files > 1 {
			return true
		}
	}
	return false
}

func (c *check) filesOf(index int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for span := range c.partsOf(index) {
			if !yield(c.path(span.File)) {
				return
			}
		}
	}
}

func (c *check) path(file int) string { return strings.Join(c.files[file].Path(), "/") }

func (c *check) file(i int) FileVerdict {
	f := FileVerdict{
		Path: c.path(i), Size: c.files[i].Length, Found: c.tree.ID(i).Size, Bad: c.ranges(i), Index: i, Err: c.tree.Err(i),
	}
	if at, ok := c.tree.At(i); ok {
		f.At = filepath.ToSlash(at)
	} else if at, ok := c.placed[i]; ok {
		f.At = at
	}
	if f.Status = c.status(i, f.Bad); f.Status == StatusUnreadable {
		f.Err = c.errorOf(i)
	}
	for _, r := range f.Bad {
		for _, i := range r.Pieces {
			if (r.Cause != CauseCorrupt && r.Cause != CauseUnverifiable) || !c.doubtful[i] {
				f.CertainPieces = append(f.CertainPieces, i)
			}
		}
	}
	switch f.Status {
	case StatusOK, StatusCorrupt, StatusUnverifiable:
		f.Certain = len(f.CertainPieces) > 0
	default:
		f.Certain = true
	}
	if f.Status == StatusOK && !c.files[i].IsLink() {
		f.Proof = c.proof(i)
	}
	return f
}

// proof returns how a file that is in order is proven.
func (c *check) proof(file int) Proof {
	first, last, ok := c.content.Layout.FilePieces(file)
	switch {
	case !ok:
		return ProofEmpty
	case c.content.V2:
		return ProofRoot
	}
	for _, p := range []int{first, last} {
		for span := range c.partsOf(p) {
			if span.File != file {
				return ProofShared
			}
		}
	}
	return ProofPieces
}

// status returns the status of a file with the given bad ranges.
func (c *check) status(i int, bad []Range) Status {
	var has [CauseChanged + 1]bool
	for _, r := range bad {
		has[r.Cause] = true
	}
	cause, size, length := c.tree.Files[i].Cause, c.tree.ID(i).Size, c.content.Layout.Length(i)
	switch {
	case cause == piece.CauseMissing:
		return StatusMissing
	case cause == piece.CauseNotAFile:
		return StatusNotAFile
	case cause == piece.CauseUnreadable || has[CauseUnreadable]:
		return StatusUnreadable
	case size < length:
		return StatusShort
	case size > length:
		return StatusLong
	case has[CauseCorrupt] || has[CauseChanged]:
		return StatusCorrupt
	case has[CauseUnverifiable]:
		return StatusUnverifiable
	}
	return StatusOK
}

// errorOf returns the operating system's error for a file that could not be read.
func (c *check) errorOf(file int) error {
	if err := c.tree.Err(file); err != nil {
		return err
	}
	if first, last, ok := c.content.Layout.FilePieces(file); ok {
		for i := first; i <= last; i++ {
			if f := c.faults[part{i, file}]; f != nil && f.Err != nil {
				return f.Err
			}
		}
	}
	return nil
}

// ranges returns the bad ranges of a file. It joins adjacent pieces with the same cause.
func (c *check) ranges(file int) []Range {
	first, last, ok := c.content.Layout.FilePieces(file)
	if !ok {
		return nil
	}
	var list []Range
	start, length := c.content.Layout.Offset(file), c.content.Layout.PieceLength()
	for i := first; i <= last; i++ {
		if !c.states[i].isBad() || c.proven[part{i, file}] {
			continue
		}
		from := max(int64(i)*length-start, 0)
		to := min(int64(i)*length-start+length, c.content.Files[file].Length)
		cause := c.causeFor(file, i, to)
		if n := len(list); n > 0 && list[n-1].Offset+list[n-1].Length == from && list[n-1].Cause == cause {
			list[n-1].Length += to - from
			list[n-1].Pieces = append(list[n-1].Pieces, i)
			continue
		}
		list = append(list, Range{from, to - from, []int{i}, cause})
	}
	return list
}

// causeFor returns the cause of a bad piece for one of its files. end is the offset in
// the file at which the piece, or the file, ends.
func (c *check) causeFor(file, index int, end int64) Cause {
	switch c.tree.Files[file].Cause {
	case piece.CauseMissing, piece.CauseNotAFile:
		return CauseMissing
	case piece.CauseUnreadable:
		return CauseUnreadable
	}
	if f := c.faults[part{index, file}]; f != nil {
		if f.Cause == piece.CauseChanged {
			return CauseChanged
		}
		return CauseUnreadable
	}
	if end > c.tree.ID(file).Size {
		return CauseShort
	}
	if c.states[index] == CauseCorrupt || c.wrong[part{index, file}] {
		return CauseCorrupt
	}
	return CauseUnverifiable
}
