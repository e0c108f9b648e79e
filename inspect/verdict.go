package inspect

import (
	"iter"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A Cause says why a piece, or a range of a file, is not good. Its zero value
// is that it is.
type Cause uint8

const (
	Good         Cause = iota
	Corrupt            // other bytes than the torrent's
	Missing            // the file is not there
	Short              // the file ends before
	Unreadable         // the system refuses to read it
	Unverifiable       // shared with a file whose bytes are not there
	Changed            // the file was changed while it was read
)

func (c Cause) String() string {
	return [...]string{"good", "corrupt", "missing", "short", "unreadable", "unverifiable", "changed"}[c]
}

// MarshalText makes the name of a cause its JSON.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// A Status sums up one file.
type Status string

const (
	StatusOK           Status = "ok"
	StatusMissing      Status = "missing"
	StatusShort        Status = "short"
	StatusLong         Status = "long" // bytes beyond the end; its pieces may be good
	StatusCorrupt      Status = "corrupt"
	StatusUnreadable   Status = "unreadable"
	StatusUnverifiable Status = "unverifiable" // in doubt only where it shares a piece
	StatusNotAFile     Status = "not-a-file"
)

// A Verdict is what Verify found, as a JSON document.
type Verdict struct {
	OK        bool              `json:"ok"`      // every file is
	Torrent   string            `json:"torrent"` // what the caller calls it
	Content   string            `json:"content"` // where the data was looked for
	Proof     string            `json:"proof"`   // "full": every byte was read
	Format    string            `json:"format"`
	Size      int64             `json:"size"`
	Pieces    Counts            `json:"pieces"`
	Files     List[FileVerdict] `json:"files"`
	BadPieces List[BadPiece]    `json:"bad_pieces"`     // every piece that is not good
	Extra     []string          `json:"extra,omitzero"` // nil if not looked for
	Seconds   float64           `json:"seconds"`

	Nothing   bool           `json:"-"` // no file is there
	FileCount int            `json:"-"` // of all files, pad files left out
	Statuses  map[Status]int `json:"-"` // how many of them have each status
	As        string         `json:"-"` // the name of the content on disk, if it is not the torrent's
	Renamed   []Rename       `json:"-"` // all files that were found by another name
	ExtraErrs []error        `json:"-"` // directories that could not be searched for extra files

	// File returns the verdict on a file, by its index in the torrent.
	File func(index int) FileVerdict `json:"-"`
}

// A Rename is a file that was found by another name than the torrent's.
type Rename struct{ Path, At string } // both with slashes

// Counts are numbers of pieces; all but Total add up to Total.
type Counts struct {
	Total        int `json:"total"`
	Good         int `json:"good"`
	Bad          int `json:"bad"`     // corrupt or changed
	Missing      int `json:"missing"` // missing or short
	Unverifiable int `json:"unverifiable"`
	Unreadable   int `json:"unreadable"`
}

// FileVerdict is the verdict on one file.
type FileVerdict struct {
	Path      string  `json:"path"`                 // with slashes
	PathBytes Hex     `json:"path_bytes,omitempty"` // where Path is no UTF-8
	At        string  `json:"at,omitempty"`         // where it is, if by another name
	Status    Status  `json:"status"`
	Size      int64   `json:"size"`  // what the torrent says, bytes
	Found     int64   `json:"found"` // what is on disk
	Bad       []Range `json:"bad"`

	Index int   `json:"-"` // in the torrent
	Err   error `json:"-"` // what the system said, if anything

	// Certain says that the file is damaged, whatever the files are that it shares
	// pieces with; CertainPieces are its pieces that are not good for certain.
	Certain       bool  `json:"-"`
	CertainPieces []int `json:"-"`
}

// A Range is bytes of a file that are not good, with the pieces that say so.
type Range struct {
	Offset int64 `json:"offset"`
	Length int64 `json:"length"`
	Pieces []int `json:"pieces"`
	Cause  Cause `json:"cause"`
}

// A BadPiece is a piece that is not good, and the files that it is cut from.
type BadPiece struct {
	Index int          `json:"index"`
	Cause Cause        `json:"cause"`
	Files List[string] `json:"files"` // without pad files

	// Doubtful says that several files share the piece, and that the bytes of
	// one or more of them may be good or bad: no hash can tell.
	Doubtful  bool `json:"-"`
	FileCount int  `json:"-"`
}

func (c *check) verdict(onlyBad bool) *Verdict {
	v := &Verdict{As: c.tree.As, Statuses: make(map[Status]int), File: c.file}
	c.doubtful = make([]bool, len(c.states))
	v.Pieces.Total = len(c.states)
	for i, state := range c.states {
		switch state {
		case Good:
			v.Pieces.Good++
			continue
		case Corrupt, Changed:
			v.Pieces.Bad++
		case Missing, Short:
			v.Pieces.Missing++
		case Unverifiable:
			v.Pieces.Unverifiable++
		case Unreadable:
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
			if f := c.file(i); (f.Status != StatusOK || !onlyBad) && !yield(f) {
				return
			}
		}
	}
	v.BadPieces = func(yield func(BadPiece) bool) {
		for i, state := range c.states {
			if state == Good {
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

// partsOf yields what a piece has of files, pad files left out.
func (c *check) partsOf(index int) iter.Seq[metainfo.Span] {
	return func(yield func(metainfo.Span) bool) {
		for _, span := range c.content.Layout.Spans(index, index) {
			if !c.tree.Files[span.File].Pad && !yield(span) {
				return
			}
		}
	}
}

// isDoubtful reports whether a bad piece is of several files, of which one or more
// may be good or bad.
func (c *check) isDoubtful(index int) bool {
	files, doubt := 0, false
	for span := range c.partsOf(index) {
		cause := c.causeFor(span.File, index, span.Offset+span.Length)
		doubt = doubt || cause == Corrupt || cause == Unverifiable
		if files++; doubt && files > 1 {
			return true
		}
	}
	return false
}

func (c *check) filesOf(index int) List[string] {
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
	f.PathBytes = notUTF8(f.Path)
	if at, ok := c.tree.At(i); ok {
		f.At = filepath.ToSlash(at)
	}
	if f.Status = c.status(i, f.Bad); f.Status == StatusUnreadable {
		f.Err = c.errorOf(i)
	}
	for _, r := range f.Bad {
		for _, i := range r.Pieces {
			if (r.Cause != Corrupt && r.Cause != Unverifiable) || !c.doubtful[i] {
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

// status sums up a file, given the ranges of it that are not good.
func (c *check) status(i int, bad []Range) Status {
	var has [Changed + 1]bool
	for _, r := range bad {
		has[r.Cause] = true
	}
	s, length := &c.tree.Files[i], c.content.Layout.Length(i)
	switch {
	case s.Cause == piece.Missing:
		return StatusMissing
	case s.Cause == piece.NotAFile:
		return StatusNotAFile
	case s.Cause == piece.Unreadable || has[Unreadable]:
		return StatusUnreadable
	case s.ID.Size < length:
		return StatusShort
	case s.ID.Size > length:
		return StatusLong
	case has[Corrupt] || has[Changed]:
		return StatusCorrupt
	case has[Unverifiable]:
		return StatusUnverifiable
	}
	return StatusOK
}

// errorOf finds what the system said of a file that could not be read.
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

// ranges joins the bad pieces of a file where they touch and have one cause.
func (c *check) ranges(file int) []Range {
	list := []Range{}
	first, last, ok := c.content.Layout.FilePieces(file)
	if !ok {
		return list
	}
	start, length := c.content.Layout.Offset(file), c.content.Layout.PieceLength()
	for i := first; i <= last; i++ {
		if c.states[i] == Good {
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

// causeFor is why a bad piece is bad as far as one of its files is concerned,
// whose part of the piece ends at the byte end of the file.
func (c *check) causeFor(file, index int, end int64) Cause {
	if c.states[index] == Corrupt {
		return Corrupt
	}
	s := &c.tree.Files[file]
	switch s.Cause {
	case piece.Missing, piece.NotAFile:
		return Missing
	case piece.Unreadable:
		return Unreadable
	}
	if f := c.faults[part{index, file}]; f != nil {
		if f.Cause == piece.Changed {
			return Changed
		}
		return Unreadable
	}
	if end > s.ID.Size {
		return Short
	}
	return Unverifiable
}
