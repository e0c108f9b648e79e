package inspect

import "iter"

// A Cause is the reason why a piece, or a range of a file, is bad.
type Cause uint8

// The causes.
const (
	CauseNone         Cause = iota // the piece is good
	CauseCorrupt                   // its hash differs, or its bytes differ from those that were found elsewhere and have the hash
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
// files, and files that VerifyOptions.Only leaves out.
type Verdict struct {
	OK      bool   // whether every file has StatusOK
	Basis   Basis  // what that is based on
	Cached  int64  // bytes that were not read, as they were hashed before and have not changed since
	Content string // the file or directory that was compared
	As      string // its name, if that is an equivalent of the torrent's name; else ""

	Pieces    PieceCounts
	FileCount int
	Size      int64          // bytes of the files, in the torrent
	Statuses  map[Status]int // number of files with each status
	Nothing   bool           // whether no file of the torrent exists at all
	Renamed   []Rename       // files that were found by an equivalent name

	// Files yields the verdict on each file, in the order of the torrent. File returns
	// the verdict on the file with an index in the torrent. BadPieces yields each bad
	// piece. None of them is ever nil.
	Files     iter.Seq[FileVerdict]
	File      func(index int) FileVerdict
	BadPieces iter.Seq[BadPiece]

	// Where returns the path on disk at which Verify expects the file with an index in the
	// torrent. It is never nil.
	Where func(index int) string

	// Neighbors yields the files that are not in order, and were not found, but prove
	// pieces which they share with files that are in order or were found, or prove that
	// a file of the piece is damaged. It is nil for v2 and hybrid torrents, whose files share
	// no pieces.
	Neighbors iter.Seq[Neighbor]

	// Extra lists the files in the content's directory that are not content, by their
	// paths below that directory, with slashes. It is nil unless VerifyOptions.Extra is
	// set. ExtraErrs are the errors of directories that could not be read.
	Extra     []string
	ExtraErrs []error

	// Found lists the files that are not in order and were found elsewhere, and Maybe
	// those for which only unproven candidates were found. Both are nil unless
	// VerifyOptions.Search is set, without DoubtOnly. SearchErrs are the errors of candidates that could not
	// be read or have changed.
	Found      []Found
	Maybe      []Maybe
	SearchErrs []error
}

// A Rename is a file that was found by an equivalent of its name in the torrent:
// another Unicode normal form, or with the suffix of an unfinished download. Both
// paths are below the torrent's name, with slashes.
type Rename struct {
	Path string // in the torrent
	At   string // on disk
}

// PieceCounts are numbers of pieces that have bytes of the files. Total is the sum of
// Good, Bad, Missing, Unverifiable and Unreadable: the pieces about which something is
// known. A piece of a missing or short file need not be read for that.
type PieceCounts struct {
	Total        int
	Good         int
	Bad          int // corrupt or changed
	Missing      int // missing or short
	Unverifiable int
	Unreadable   int

	// Unread is the number of further pieces, which were not read. It is 0 unless
	// VerifyOptions.Quick or Sample is set.
	Unread int
}

// A Neighbor is a file on disk that is not a file of the torrent, or not known to be, but
// has the right bytes of one in a piece that this shares with other files.
type Neighbor struct {
	Index int    // of the file, in the torrent
	Path  string // in the torrent, as in FileVerdict
	At    string // absolute path on disk
}

// A FileVerdict is the verdict on one file.
type FileVerdict struct {
	Index  int    // in the torrent
	Path   string // below the torrent's name, with slashes; unchecked, may be invalid UTF-8
	At     string // path on disk, if the file was found by an equivalent name or is one of VerifyOptions.Places; else ""
	Status Status
	Size   int64   // in the torrent, in bytes
	Found  int64   // on disk, in bytes
	Bad    []Range // the bad ranges, in order
	Err    error   // the operating system's error, or nil
	Proof  Proof   // how a file with StatusOK is proven; else ""

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

	// Undecided reports that there are too many candidates for files of the piece, or too
	// many combinations of them, to try all: the right ones may be among them.
	Undecided bool
}
