package inspect

import (
	"iter"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Cause is the reason why a piece, or a range of a file, is bad.
type Cause uint8

// The causes.
const (
	CauseNone         Cause = iota // the piece is good
	CauseCorrupt                   // its hash differs
	CauseMissing                   // the file does not exist
	CauseShort                     // the file is too short
	CauseUnreadable                // the file can't be read
	CauseUnverifiable              // other bytes of the piece, in another file, are missing
	CauseChanged                   // the file changed while it was read
)

// String returns the name of the cause in lower case, such as "corrupt", or "good" for
// CauseNone.
func (c Cause) String() string {
	return [...]string{"good", "corrupt", "missing", "short", "unreadable", "unverifiable", "changed"}[c]
}

// A Status is the state of one file.
type Status string

// The statuses.
const (
	StatusOK           Status = "ok"
	StatusMissing      Status = "missing"
	StatusShort        Status = "short"
	StatusLong         Status = "long" // the file is too long; its pieces may be good
	StatusCorrupt      Status = "corrupt"
	StatusUnreadable   Status = "unreadable"
	StatusUnverifiable Status = "unverifiable" // all its bad pieces are shared with damaged files
	StatusNotAFile     Status = "not-a-file"   // it is a directory, socket or device
)

// A Verdict is the result of [Verify]. Its lists and counts of files leave out pad
// files.
type Verdict struct {
	OK      bool   // whether every file has StatusOK
	Content string // the file or directory that was compared
	As      string // its name, if that is an equivalent of the torrent's name; else ""

	Pieces    PieceCounts
	FileCount int
	Statuses  map[Status]int // number of files with each status
	Nothing   bool           // whether no file exists at all
	Renamed   []Rename       // files that were found by an equivalent name

	// Files yields the verdict on each file, in the order of the torrent. File returns
	// the verdict on the file with an index in the torrent. BadPieces yields each bad
	// piece. None of them is ever nil.
	Files     iter.Seq[FileVerdict]
	File      func(index int) FileVerdict
	BadPieces iter.Seq[BadPiece]

	// Extra lists the files in the content's directory that are not content, by their
	// paths below that directory, with slashes. It is nil unless VerifyOptions.Extra is
	// set. ExtraErrs are the errors of directories that could not be read.
	Extra     []string
	ExtraErrs []error
}

// A Rename is a file that was found by an equivalent of its name in the torrent:
// another Unicode normal form, or with the suffix of an unfinished download. Both
// paths are below the torrent's name, with slashes.
type Rename struct {
	Path string // in the torrent
	At   string // on disk
}

// PieceCounts are numbers of pieces. Total is the sum of the others.
type PieceCounts struct {
	Total        int
	Good         int
	Bad          int // corrupt or changed
	Missing      int // missing or short
	Unverifiable int
	Unreadable   int
}

// A FileVerdict is the verdict on one file.
type FileVerdict struct {
	Index  int    // in the torrent
	Path   string // below the torrent's name, with slashes; unchecked, may be invalid UTF-8
	At     string // path on disk, if the file was found by an equivalent name; else ""
	Status Status
	Size   int64   // in the torrent, in bytes
	Found  int64   // on disk, in bytes
	Bad    []Range // the bad ranges, in order
	Err    error   // the operating system's error, or nil

	// Certain reports that the file is damaged, whatever the state of the files that it
	// shares pieces with. CertainPieces are the indexes of the pieces that prove it.
	Certain       bool
	CertainPieces []int
}

// A Range is a range of bytes of a file that are bad for one cause.
type Range struct {
	Offset int64 // in the file, in bytes
	Length int64 // bytes
	Pieces []int // the indexes of the pieces that contain it
	Cause  Cause
}

// A BadPiece is a bad piece.
type BadPiece struct {
	Index int
	Cause Cause

	// Files yields the paths of the files that the piece has bytes of, and FileCount is
	// their number, which is 0 for a piece of padding. Files is never nil.
	Files     iter.Seq[string]
	FileCount int

	// Doubtful reports that several files share the piece and that it is unknown which
	// of them are damaged.
	Doubtful bool
}

func (c *check) verdict() *Verdict {
	v := &Verdict{As: c.tree.As, Statuses: make(map[Status]int), File: c.file}
	c.doubtful = make([]bool, len(c.states))
	v.Pieces.Total = len(c.states)
	for i, state := range c.states {
		switch state {
		case CauseNone:
			v.Pieces.Good++
			continue
		case CauseCorrupt, CauseChanged:
			v.Pieces.Bad++
		case CauseMissing, CauseShort:
			v.Pieces.Missing++
		case CauseUnverifiable:
			v.Pieces.Unverifiable++
		case CauseUnreadable:
			v.Pieces.Unreadable++
		}
		c.doubtful[i] = c.isDoubtful(i)
	}
	for i := range c.tree.Files {
		if c.tree.Files[i].Pad {
			continue
		}
		v.FileCount++
		v.Statuses[c.status(i, c.ranges(i))]++
		if at, ok := c.tree.At(i); ok {
			v.Renamed = append(v.Renamed, Rename{c.path(i), filepath.ToSlash(at)})
		}
	}
	v.Nothing = v.FileCount > 0 && v.Statuses[StatusMissing] == v.FileCount
	// Only damaged pad files could make the pieces differ, and they are not on disk.
	v.OK = v.Statuses[StatusOK] == v.FileCount && v.Pieces.Good == v.Pieces.Total
	v.Files = func(yield func(FileVerdict) bool) {
		for i := range c.tree.Files {
			if c.tree.Files[i].Pad {
				continue
			}
			if !yield(c.file(i)) {
				return
			}
		}
	}
	v.BadPieces = func(yield func(BadPiece) bool) {
		for i, state := range c.states {
			if state == CauseNone {
				continue
			}
			p := BadPiece{Index: i, Cause: state, Files: c.filesOf(i), Doubtful: c.doubtful[i]}
			for range c.partsOf(i) {
				p.FileCount++
			}
			if !yield(p) {
				return
			}
		}
	}
	return v
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
		cause := c.causeFor(span.File, index, span.Offset+span.Length)
		doubt = doubt || cause == CauseCorrupt || cause == CauseUnverifiable
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
		Path: c.path(i), Size: c.files[i].Length, Found: c.tree.Files[i].ID.Size, Bad: c.ranges(i), Index: i, Err: c.tree.Err(i),
	}
	if at, ok := c.tree.At(i); ok {
		f.At = filepath.ToSlash(at)
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
	return f
}

// status returns the status of a file with the given bad ranges.
func (c *check) status(i int, bad []Range) Status {
	var has [CauseChanged + 1]bool
	for _, r := range bad {
		has[r.Cause] = true
	}
	s, length := &c.tree.Files[i], c.content.Layout.Length(i)
	switch {
	case s.Cause == piece.CauseMissing:
		return StatusMissing
	case s.Cause == piece.CauseNotAFile:
		return StatusNotAFile
	case s.Cause == piece.CauseUnreadable || has[CauseUnreadable]:
		return StatusUnreadable
	case s.ID.Size < length:
		return StatusShort
	case s.ID.Size > length:
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
		if c.states[i] == CauseNone {
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
	if c.states[index] == CauseCorrupt {
		return CauseCorrupt
	}
	s := &c.tree.Files[file]
	switch s.Cause {
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
	if end > s.ID.Size {
		return CauseShort
	}
	return CauseUnverifiable
}
