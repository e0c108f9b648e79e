package metainfo

import (
	"fmt"
	"strconv"
	"strings"

	"bt/internal/bencode"
)

// Severity says what a Finding means for the use of the torrent.
type Severity string

const (
	Note    Severity = "note"    // worth knowing; clients agree on it
	Warning Severity = "warning" // clients may differ, or refuse it
	Error   Severity = "error"   // must not be used: wrong, dangerous, or without one meaning
)

// Code names a kind of Finding. Programs rely on the names.
type Code string

const (
	TrailingBytes     Code = "trailing-bytes"
	UnsortedKeys      Code = "unsorted-keys"
	UnsortedV2Keys    Code = "unsorted-v2-keys"
	DuplicateKey      Code = "duplicate-key"
	AmbiguousKey      Code = "ambiguous-key"
	LeadingZero       Code = "leading-zero"
	NegativeZero      Code = "negative-zero"
	BigInteger        Code = "big-integer"
	LeadingZeroLength Code = "leading-zero-length"

	MissingName        Code = "missing-name"
	BadName            Code = "bad-name"
	UnsafeName         Code = "unsafe-name"
	MissingPieceLength Code = "missing-piece-length"
	BadPieceLength     Code = "bad-piece-length"
	OddPieceLength     Code = "odd-piece-length"
	MissingPieces      Code = "missing-pieces"
	BadPieces          Code = "bad-pieces"
	PieceCount         Code = "piece-count"
	MissingLength      Code = "missing-length"
	BadLength          Code = "bad-length"
	LengthAndFiles     Code = "length-and-files"
	BadFiles           Code = "bad-files"
	NoFiles            Code = "no-files"
	NoContent          Code = "no-content"
	TooLarge           Code = "too-large"
	BadPath            Code = "bad-path"
	UnsafePath         Code = "unsafe-path"
	DuplicatePath      Code = "duplicate-path"
	CaseCollision      Code = "case-collision"
	LongName           Code = "long-name"
	NotUTF8            Code = "not-utf8"
	WindowsName        Code = "windows-name"
	DecomposedName     Code = "decomposed-name"
	OtherName          Code = "other-name"
	OddComponent       Code = "odd-component"
	UnfinishedName     Code = "unfinished-name"
	BadSymlink         Code = "bad-symlink"
	SymlinkLength      Code = "symlink-length"
	BadPrivate         Code = "bad-private"

	MetaVersion        Code = "meta-version"
	BadFileTree        Code = "bad-file-tree"
	MissingPiecesRoot  Code = "missing-pieces-root"
	BadPiecesRoot      Code = "bad-pieces-root"
	NeedlessPiecesRoot Code = "needless-pieces-root"
	MissingPieceLayers Code = "missing-piece-layers"
	BadPieceLayers     Code = "bad-piece-layers"
	NeedlessPieceLayer Code = "needless-piece-layer"
	HybridMismatch     Code = "hybrid-mismatch"
	OddPadding         Code = "odd-padding"

	BadTracker       Code = "bad-tracker"
	BadTrackerList   Code = "bad-tracker-list"
	DuplicateTracker Code = "duplicate-tracker"
	AnnounceNotFirst Code = "announce-not-first"
	BadWebSeed       Code = "bad-web-seed"
	DuplicateWebSeed Code = "duplicate-web-seed"
	BadNode          Code = "bad-node"
	BadText          Code = "bad-text"
	BadDate          Code = "bad-date"

	// Of magnet links.
	OddBlanks         Code = "odd-blanks"
	OddScheme         Code = "odd-scheme"
	OddEscape         Code = "odd-escape"
	HTMLEscape        Code = "html-escape"
	OddKey            Code = "odd-key"
	OddInfoHash       Code = "odd-info-hash"
	BadInfoHash       Code = "bad-info-hash"
	AmbiguousInfoHash Code = "ambiguous-info-hash"
	UnknownHash       Code = "unknown-hash"
	RepeatedParameter Code = "repeated-parameter"
	BadSize           Code = "bad-size"
	BadSelection      Code = "bad-selection"
	BadPeer           Code = "bad-peer"
)

// severities is the whole table; a code that is not in it does not exist.
var severities = map[Code]Severity{
	TrailingBytes: Note, UnsortedKeys: Warning, UnsortedV2Keys: Error, DuplicateKey: Warning,
	AmbiguousKey: Error, LeadingZero: Warning, NegativeZero: Warning, BigInteger: Warning,
	LeadingZeroLength: Warning,

	MissingName: Error, BadName: Error, UnsafeName: Warning, MissingPieceLength: Error,
	BadPieceLength: Error, OddPieceLength: Warning, MissingPieces: Error, BadPieces: Error,
	PieceCount: Error, MissingLength: Error, BadLength: Error, LengthAndFiles: Error, BadFiles: Error,
	NoFiles: Error, NoContent: Error, TooLarge: Error, BadPath: Error, UnsafePath: Error,
	DuplicatePath: Error, CaseCollision: Warning, LongName: Warning, NotUTF8: Warning,
	DecomposedName: Warning, OtherName: Warning, OddComponent: Warning, UnfinishedName: Warning,
	WindowsName: Note, BadSymlink: Error, SymlinkLength: Warning, BadPrivate: Warning,

	MetaVersion: Error, BadFileTree: Error, MissingPiecesRoot: Error, BadPiecesRoot: Error,
	NeedlessPiecesRoot: Warning, MissingPieceLayers: Warning, BadPieceLayers: Error,
	NeedlessPieceLayer: Note,
	HybridMismatch:     Error, OddPadding: Warning,

	BadTracker: Warning, BadTrackerList: Warning, DuplicateTracker: Note, AnnounceNotFirst: Note,
	BadWebSeed: Warning, DuplicateWebSeed: Note, BadNode: Warning, BadText: Warning, BadDate: Warning,

	OddBlanks: Note, OddScheme: Warning, OddEscape: Warning, HTMLEscape: Warning, OddKey: Warning,
	OddInfoHash: Note, BadInfoHash: Warning, AmbiguousInfoHash: Error, UnknownHash: Note,
	RepeatedParameter: Warning, BadSize: Warning, BadSelection: Warning, BadPeer: Warning,
}

// A Finding is something about a torrent or magnet link that its reader should
// know.
type Finding struct {
	Code     Code
	Severity Severity
	Message  string // may quote the torrent or link: untrusted text
	Offset   int    // byte of the torrent or link where it shows
}

// maxFindings bounds how often one code is listed: a torrent of a million bad
// paths is bad once.
const maxFindings = 100

// findings collects, at most maxFindings of a code.
type findings struct {
	list  []Finding
	count map[Code]int
}

func (f *findings) add(code Code, offset int, format string, args ...any) {
	if f.count == nil {
		f.count = make(map[Code]int)
	}
	f.count[code]++
	if f.count[code] > maxFindings {
		return
	}
	f.list = append(f.list, Finding{code, severities[code], fmt.Sprintf(format, args...), offset})
}

// finish returns the list, with a last entry for each code that has more.
func (f *findings) finish() []Finding {
	for _, first := range f.list {
		if n := f.count[first.Code] - maxFindings; n > 0 {
			f.count[first.Code] = 0
			f.list = append(f.list, Finding{first.Code, first.Severity, fmt.Sprintf("and %d more of this kind", n), first.Offset})
		}
	}
	return f.list
}

// irregularities turns what the parser saw into findings. Inside a v2 info
// dict order is part of the format (BEP 52): there it is an error. So is a key
// twice in info or at the top: programs differ in which one they take.
func (f *findings) irregularities(doc *bencode.Document, info bencode.Value, v2 bool) {
	list, _ := doc.Irregularities()
	end := info.Offset() + len(info.Raw())
	atTop := make(map[int]bool)
	if len(list) > 0 {
		for k := range doc.Root().Entries() {
			atTop[k.Offset()] = true
		}
	}
	for _, ir := range list {
		inInfo := info.Offset() <= ir.Offset && ir.Offset < end
		switch ir.What {
		case bencode.Unsorted:
			f.add(pick(inInfo && v2, UnsortedV2Keys, UnsortedKeys), ir.Offset, "a dict's keys are not sorted")
		case bencode.DuplicateKey:
			f.add(pick(inInfo || atTop[ir.Offset], AmbiguousKey, DuplicateKey), ir.Offset, "a dict has the same key twice, and programs differ in which one they take")
		case bencode.LeadingZero:
			f.add(LeadingZero, ir.Offset, "an integer has a leading zero")
		case bencode.NegativeZero:
			f.add(NegativeZero, ir.Offset, "an integer is written -0")
		case bencode.BigInteger:
			f.add(BigInteger, ir.Offset, "an integer passes 64 bits")
		case bencode.LeadingZeroLength:
			f.add(LeadingZeroLength, ir.Offset, "the length of a string has a leading zero")
		case bencode.TrailingBytes:
			n := len(doc.Trailing())
			f.add(TrailingBytes, ir.Offset, "%d %s after the end of the torrent", n, pick(n == 1, "byte", "bytes"))
		}
	}
}

// quote writes a text out of a torrent into a message, the start of it if it is
// long: a message is for reading.
func quote(s string) string {
	const longest = 100
	if len(s) > longest {
		return strconv.Quote(s[:longest]) + "..."
	}
	return strconv.Quote(s)
}

// quotePath is quote for a path, of which it does not join more than it needs.
func quotePath(path []string) string {
	for i, n := 0, 0; i < len(path); i++ {
		if n += len(path[i]); n > 200 {
			path = path[:i+1]
		}
	}
	return quote(strings.Join(path, "/"))
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
