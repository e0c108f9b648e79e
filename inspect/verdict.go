package inspect

import (
	"cmp"
	"path/filepath"
	"slices"
	"strings"

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
	OK        bool          `json:"ok"`      // every file is
	Torrent   string        `json:"torrent"` // what the caller calls it
	Content   string        `json:"content"` // where the data was looked for
	Proof     string        `json:"proof"`   // "full": every byte was read
	Format    string        `json:"format"`
	Size      int64         `json:"size"`
	Pieces    Counts        `json:"pieces"`
	Files     []FileVerdict `json:"files"`
	BadPieces []BadPiece    `json:"bad_pieces"`     // every piece that is not good
	Extra     []string      `json:"extra,omitzero"` // nil if not looked for
	Seconds   float64       `json:"seconds"`

	Nothing   bool     `json:"-"` // with VerifyOptions.Brief: no file is there, and none is listed
	FileCount int      `json:"-"` // of all files, pad files left out
	As        string   `json:"-"` // the name of the content on disk, if it is not the torrent's
	Renamed   []Rename `json:"-"` // all files that were found by another name
	ExtraErrs []error  `json:"-"` // directories that could not be searched for extra files
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

	Components []string `json:"-"`
	Err        error    `json:"-"` // what the system said, if anything
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
	Index int      `json:"index"`
	Cause Cause    `json:"cause"`
	Files []string `json:"files"` // without pad files

	// Doubtful says that several files share the piece, and that the bytes of
	// one or more of them may be good or bad: no hash can tell.
	Doubtful bool `json:"-"`
}

// Certain reports whether a file is damaged whatever the files that it shares
// pieces with are, and lists its pieces that are not good for certain.
func (v *Verdict) Certain(f *FileVerdict) (pieces []int, certain bool) {
	for _, r := range f.Bad {
		for _, i := range r.Pieces {
			if (r.Cause != Corrupt && r.Cause != Unverifiable) || !v.doubtful(i) {
				pieces = append(pieces, i)
			}
		}
	}
	switch f.Status {
	case StatusOK, StatusCorrupt, StatusUnverifiable:
		return pieces, len(pieces) > 0
	}
	return pieces, true
}

func (v *Verdict) doubtful(index int) bool {
	i, found := slices.BinarySearchFunc(v.BadPieces, index, func(p BadPiece, index int) int { return cmp.Compare(p.Index, index) })
	return found && v.BadPieces[i].Doubtful
}

func (c *check) verdict(onlyBad bool) *Verdict {
	v := &Verdict{As: c.tree.As, OK: true, Files: []FileVerdict{}, BadPieces: []BadPiece{}}
	paths := make([]string, len(c.tree.Files)) // of files that are listed; a file may have many pieces
	pathOf := func(i int) string {
		if paths[i] == "" {
			paths[i] = strings.Join(c.files[i].Path(), "/")
		}
		return paths[i]
	}
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
		v.BadPieces = append(v.BadPieces, c.badPiece(i, pathOf))
	}
	for i := range c.tree.Files {
		if c.tree.Files[i].Pad {
			continue
		}
		v.FileCount++
		f := c.file(i)
		v.OK = v.OK && f.Status == StatusOK
		if f.At != "" {
			v.Renamed = append(v.Renamed, Rename{pathOf(i), f.At})
		}
		if f.Status != StatusOK || !onlyBad {
			f.Path = pathOf(i)
			f.PathBytes = notUTF8(f.Path)
			v.Files = append(v.Files, f)
		}
	}
	// Only damaged pad files could make this differ, and they are not on disk.
	v.OK = v.OK && v.Pieces.Good == v.Pieces.Total
	return v
}

func (c *check) badPiece(index int, pathOf func(file int) string) BadPiece {
	p := BadPiece{Index: index, Cause: c.states[index], Files: []string{}}
	for _, span := range c.content.Layout.Spans(index, index) {
		if c.tree.Files[span.File].Pad {
			continue
		}
		p.Files = append(p.Files, pathOf(span.File))
		cause := c.causeFor(span.File, index, span.Offset+span.Length)
		p.Doubtful = p.Doubtful || cause == Corrupt || cause == Unverifiable
	}
	p.Doubtful = p.Doubtful && len(p.Files) > 1
	return p
}

func (c *check) file(i int) FileVerdict {
	in, s := &c.files[i], &c.tree.Files[i]
	f := FileVerdict{
		Components: in.Path(), Size: in.Length, Found: s.ID.Size,
		Bad: c.ranges(i), Err: c.tree.Err(i),
	}
	if at, ok := c.tree.At(i); ok {
		f.At = filepath.ToSlash(at)
	}
	var has [Changed + 1]bool
	for _, r := range f.Bad {
		has[r.Cause] = true
	}
	switch {
	case s.Cause == piece.Missing:
		f.Status = StatusMissing
	case s.Cause == piece.NotAFile:
		f.Status = StatusNotAFile
	case s.Cause == piece.Unreadable || has[Unreadable]:
		f.Status = StatusUnreadable
		f.Err = c.errorOf(i)
	case s.ID.Size < c.content.Layout.Length(i):
		f.Status = StatusShort
	case s.ID.Size > c.content.Layout.Length(i):
		f.Status = StatusLong
	case has[Corrupt] || has[Changed]:
		f.Status = StatusCorrupt
	case has[Unverifiable]:
		f.Status = StatusUnverifiable
	default:
		f.Status = StatusOK
	}
	return f
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
