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
	LargeTorrent      Code = "large-torrent"
	ManyUnknownKeys   Code = "many-unknown-keys"

	MissingName        Code = "missing-name"
	BadName            Code = "bad-name"
	UnsafeName         Code = "unsafe-name"
	MissingPieceLength Code = "missing-piece-length"
	BadPieceLength     Code = "bad-piece-length"
	OddPieceLength     Code = "odd-piece-length"
	SmallPieces        Code = "small-pieces"
	LargePieces        Code = "large-pieces"
	MissingPieces      Code = "missing-pieces"
	BadPieces          Code = "bad-pieces"
	PieceCount         Code = "piece-count"
	ManyPieces         Code = "many-pieces"
	MissingLength      Code = "missing-length"
	BadLength          Code = "bad-length"
	LengthAndFiles     Code = "length-and-files"
	NeedlessLength     Code = "needless-length"
	BadFiles           Code = "bad-files"
	NoFiles            Code = "no-files"
	OneFile            Code = "one-file"
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
	TorrentInContent   Code = "torrent-in-content"
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

	BadTracker            Code = "bad-tracker"
	BadTrackerList        Code = "bad-tracker-list"
	DuplicateTracker      Code = "duplicate-tracker"
	AnnounceNotFirst      Code = "announce-not-first"
	PrivateWithoutTracker Code = "private-without-tracker"
	BadWebSeed            Code = "bad-web-seed"
	DuplicateWebSeed      Code = "duplicate-web-seed"
	BadNode               Code = "bad-node"
	DuplicateNode         Code = "duplicate-node"
	BadText               Code = "bad-text"
	BadDate               Code = "bad-date"

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

	// What only the maker of a torrent can know.
	EmptyDirectory Code = "empty-directory"
	UnmatchedGlob  Code = "unmatched-glob"
)

// A Kind is what all findings of a code have in common.
type Kind struct {
	Code     Code
	Severity Severity
	Meaning  string // for a list of all kinds
}

// Kinds is the whole table; a code that is not in it does not exist.
var Kinds = []Kind{
	{TrailingBytes, Note, "bytes follow after the end of the torrent"},
	{UnsortedKeys, Warning, "a dict's keys are not sorted"},
	{UnsortedV2Keys, Error, "keys in the info dict of a v2 torrent are not sorted"},
	{DuplicateKey, Warning, "a dict has a key twice"},
	{AmbiguousKey, Error, "the info dict or the torrent itself has a key twice"},
	{LeadingZero, Warning, "an integer has a leading zero"},
	{NegativeZero, Warning, "an integer is written -0"},
	{BigInteger, Warning, "an integer has more than 64 bits"},
	{LeadingZeroLength, Warning, "the length of a string has a leading zero"},
	{LargeTorrent, Warning, "the .torrent has more than 10,000,000 bytes"},
	{ManyUnknownKeys, Note, "more than 10,000 keys have no meaning, and not all are listed"},

	{MissingName, Error, "there is no name"},
	{BadName, Error, "the name is not a text"},
	{UnsafeName, Warning, "the name must not be used on a disk, so PATH must say what the content is"},
	{MissingPieceLength, Error, "there is no piece length"},
	{BadPieceLength, Error, "the piece length is invalid"},
	{OddPieceLength, Warning, "the piece length is not a power of two"},
	{SmallPieces, Warning, "pieces of less than 16 KiB"},
	{LargePieces, Warning, "pieces of more than 128 MiB"},
	{MissingPieces, Error, "there are no hashes of pieces"},
	{BadPieces, Error, "the hashes of pieces are invalid"},
	{PieceCount, Error, "more or fewer hashes than pieces"},
	{ManyPieces, Warning, "more than 65,535 pieces; in v2 and hybrids not counting one for each file"},
	{MissingLength, Error, "there is neither a length nor a list of files"},
	{BadLength, Error, "the length of a file is missing or invalid"},
	{LengthAndFiles, Error, "there are a length and a list of files"},
	{NeedlessLength, Warning, "there are a length of 0 and a list of files"},
	{BadFiles, Error, "the list of files is invalid"},
	{NoFiles, Error, "the list of files is empty"},
	{OneFile, Warning, "a v2 directory of one file, which some clients take for a single file"},
	{NoContent, Error, "all sizes are 0"},
	{TooLarge, Error, "sizes or counts are larger than what can be read"},
	{BadPath, Error, "a path is missing or invalid"},
	{UnsafePath, Error, "a path must not be used on a disk"},
	{DuplicatePath, Error, "two files have one path, or one is the other's directory"},
	{CaseCollision, Warning, "two paths differ only in case or in their Unicode form"},
	{LongName, Warning, "a name is longer than file systems take"},
	{NotUTF8, Warning, "a name is not UTF-8"},
	{WindowsName, Warning, "a name that Windows can't store"},
	{DecomposedName, Warning, "a name is in decomposed Unicode, as Macs write it"},
	{OtherName, Warning, "a name is another one in path or name than in path.utf-8 or name.utf-8"},
	{OddComponent, Warning, "a path has an empty name or ., which is left out"},
	{UnfinishedName, Warning, "a file is called as clients call what is not complete"},
	{TorrentInContent, Warning, "the content has .torrent files"},
	{BadSymlink, Error, "a symlink has no target, or one that must not be used"},
	{SymlinkLength, Warning, "a symlink has a length"},
	{BadPrivate, Warning, "private is neither 0 nor 1"},

	{MetaVersion, Error, "the meta version is missing or unknown"},
	{BadFileTree, Error, "the file tree is invalid"},
	{MissingPiecesRoot, Error, "a file has no pieces root"},
	{BadPiecesRoot, Error, "a pieces root is invalid"},
	{NeedlessPiecesRoot, Warning, "an empty file has a pieces root"},
	{MissingPieceLayers, Warning, "the piece layer of a file is absent"},
	{BadPieceLayers, Error, "a piece layer is invalid, or does not hash to its pieces root"},
	{NeedlessPieceLayer, Note, "a piece layer belongs to no file"},
	{HybridMismatch, Error, "the halves of a hybrid differ"},
	{OddPadding, Warning, "padding that v2 does not ask for"},

	{BadTracker, Warning, "a tracker's URL that no client can ask"},
	{BadTrackerList, Warning, "announce-list is not a list of tiers"},
	{DuplicateTracker, Warning, "a tracker is listed twice, perhaps in another spelling"},
	{AnnounceNotFirst, Note, "announce is not in announce-list"},
	{PrivateWithoutTracker, Warning, "a private torrent without a tracker"},
	{BadWebSeed, Warning, "a web seed's URL that no client can ask"},
	{DuplicateWebSeed, Warning, "a web seed is listed twice, perhaps in another spelling"},
	{BadNode, Warning, "a DHT node that no client can ask"},
	{DuplicateNode, Warning, "a DHT node is listed twice"},
	{BadText, Warning, "the value of a text key is not a text"},
	{BadDate, Warning, "the creation date is not a time in seconds"},

	{OddBlanks, Note, "magnet: blanks or quotes around or in the link"},
	{OddScheme, Warning, "magnet: the link does not begin with magnet:?"},
	{OddEscape, Warning, "magnet: a percent escape is none"},
	{HTMLEscape, Warning, "magnet: the link has HTML references such as &amp;"},
	{OddKey, Warning, "magnet: a parameter's name is not in lower case"},
	{OddInfoHash, Note, "magnet: an info-hash is not in its usual form"},
	{BadInfoHash, Warning, "magnet: an info-hash can't be read"},
	{AmbiguousInfoHash, Error, "magnet: two different info-hashes of one kind"},
	{UnknownHash, Note, "magnet: a hash of another network"},
	{RepeatedParameter, Warning, "magnet: a parameter that is given once is there twice"},
	{BadSize, Warning, "magnet: the size can't be read"},
	{BadSelection, Warning, "magnet: the selection of files can't be read"},
	{BadPeer, Warning, "magnet: a peer's address can't be read"},

	{EmptyDirectory, Warning, "make only: an empty directory is left out"},
	{UnmatchedGlob, Warning, "make only: a glob matches nothing"},
}

var severities = func() map[Code]Severity {
	m := make(map[Code]Severity, len(Kinds))
	for _, k := range Kinds {
		m[k.Code] = k.Severity
	}
	return m
}()

// A Finding is something about a torrent or magnet link that its reader should
// know.
type Finding struct {
	Code     Code
	Severity Severity
	Message  string // may quote the torrent or link: untrusted text
	Offset   int    // byte of the torrent or link where it shows, where it is about one
}

// maxFindings bounds how often one code is listed: a torrent of a million bad
// paths is bad once.
const maxFindings = 100

// NewFinding returns a finding of a code about no place in a torrent.
func NewFinding(code Code, format string, args ...any) Finding {
	return Finding{code, severities[code], fmt.Sprintf(format, args...), 0}
}

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
		case bencode.IrregularUnsorted:
			f.add(pick(inInfo && v2, UnsortedV2Keys, UnsortedKeys), ir.Offset, "a dict's keys are not sorted")
		case bencode.IrregularDuplicateKey:
			f.add(pick(inInfo || atTop[ir.Offset], AmbiguousKey, DuplicateKey), ir.Offset, "a dict has the same key twice, and programs differ in which one they take")
		case bencode.IrregularLeadingZero:
			f.add(LeadingZero, ir.Offset, "an integer has a leading zero")
		case bencode.IrregularNegativeZero:
			f.add(NegativeZero, ir.Offset, "an integer is written -0")
		case bencode.IrregularBigInteger:
			f.add(BigInteger, ir.Offset, "an integer passes 64 bits")
		case bencode.IrregularLeadingZeroLength:
			f.add(LeadingZeroLength, ir.Offset, "the length of a string has a leading zero")
		case bencode.IrregularTrailingBytes:
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
func quotePath(path []string) fmt.Stringer { return quotedPath(path) }

// quotedPath is written only if the finding is listed: there may be millions.
type quotedPath []string

func (path quotedPath) String() string {
	const enough = 200
	var b strings.Builder
	for i, c := range path {
		if i > 0 {
			b.WriteByte('/')
		}
		if b.WriteString(c[:min(len(c), enough)]); b.Len() > enough {
			break
		}
	}
	return quote(b.String())
}

func pick[T any](first bool, a, b T) T {
	if first {
		return a
	}
	return b
}
