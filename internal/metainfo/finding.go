package metainfo

import (
	"fmt"
	"strconv"
	"strings"

	"bt/internal/bencode"
)

// A Severity is the severity of a Finding.
type Severity string

const (
	SeverityNote    Severity = "note"    // harmless: all clients read it the same way
	SeverityWarning Severity = "warning" // some clients read it differently or refuse the torrent
	SeverityError   Severity = "error"   // the torrent must not be used: it is invalid, dangerous or ambiguous
)

// A Code names a kind of Finding. Programs rely on these names.
type Code string

const (
	CodeTrailingBytes     Code = "trailing-bytes"
	CodeUnsortedKeys      Code = "unsorted-keys"
	CodeUnsortedV2Keys    Code = "unsorted-v2-keys"
	CodeDuplicateKey      Code = "duplicate-key"
	CodeAmbiguousKey      Code = "ambiguous-key"
	CodeLeadingZero       Code = "leading-zero"
	CodeNegativeZero      Code = "negative-zero"
	CodeBigInteger        Code = "big-integer"
	CodeLeadingZeroLength Code = "leading-zero-length"
	CodeLargeTorrent      Code = "large-torrent"
	CodeManyUnknownKeys   Code = "many-unknown-keys"

	CodeMissingName        Code = "missing-name"
	CodeBadName            Code = "bad-name"
	CodeUnsafeName         Code = "unsafe-name"
	CodeMissingPieceLength Code = "missing-piece-length"
	CodeBadPieceLength     Code = "bad-piece-length"
	CodeOddPieceLength     Code = "odd-piece-length"
	CodeSmallPieces        Code = "small-pieces"
	CodeLargePieces        Code = "large-pieces"
	CodeMissingPieces      Code = "missing-pieces"
	CodeBadPieces          Code = "bad-pieces"
	CodePieceCount         Code = "piece-count"
	CodeManyPieces         Code = "many-pieces"
	CodeMissingLength      Code = "missing-length"
	CodeBadLength          Code = "bad-length"
	CodeLengthAndFiles     Code = "length-and-files"
	CodeNeedlessLength     Code = "needless-length"
	CodeBadFiles           Code = "bad-files"
	CodeNoFiles            Code = "no-files"
	CodeOneFile            Code = "one-file"
	CodeNoContent          Code = "no-content"
	CodeTooLarge           Code = "too-large"
	CodeBadPath            Code = "bad-path"
	CodeUnsafePath         Code = "unsafe-path"
	CodeDuplicatePath      Code = "duplicate-path"
	CodeCaseCollision      Code = "case-collision"
	CodeLongName           Code = "long-name"
	CodeNotUTF8            Code = "not-utf8"
	CodeWindowsName        Code = "windows-name"
	CodeDecomposedName     Code = "decomposed-name"
	CodeOtherName          Code = "other-name"
	CodeOddComponent       Code = "odd-component"
	CodeUnfinishedName     Code = "unfinished-name"
	CodeTorrentInContent   Code = "torrent-in-content"
	CodeBadSymlink         Code = "bad-symlink"
	CodeSymlinkLength      Code = "symlink-length"
	CodeBadPrivate         Code = "bad-private"

	CodeMetaVersion        Code = "meta-version"
	CodeBadFileTree        Code = "bad-file-tree"
	CodeMissingPiecesRoot  Code = "missing-pieces-root"
	CodeBadPiecesRoot      Code = "bad-pieces-root"
	CodeNeedlessPiecesRoot Code = "needless-pieces-root"
	CodeMissingPieceLayers Code = "missing-piece-layers"
	CodeBadPieceLayers     Code = "bad-piece-layers"
	CodeNeedlessPieceLayer Code = "needless-piece-layer"
	CodeHybridMismatch     Code = "hybrid-mismatch"
	CodeOddPadding         Code = "odd-padding"

	CodeBadTracker            Code = "bad-tracker"
	CodeBadTrackerList        Code = "bad-tracker-list"
	CodeDuplicateTracker      Code = "duplicate-tracker"
	CodeAnnounceNotFirst      Code = "announce-not-first"
	CodePrivateWithoutTracker Code = "private-without-tracker"
	CodeBadWebSeed            Code = "bad-web-seed"
	CodeDuplicateWebSeed      Code = "duplicate-web-seed"
	CodeBadNode               Code = "bad-node"
	CodeDuplicateNode         Code = "duplicate-node"
	CodeBadText               Code = "bad-text"
	CodeBadDate               Code = "bad-date"

	// Magnet links.
	CodeOddBlanks         Code = "odd-blanks"
	CodeOddScheme         Code = "odd-scheme"
	CodeOddEscape         Code = "odd-escape"
	CodeHTMLEscape        Code = "html-escape"
	CodeOddKey            Code = "odd-key"
	CodeOddInfoHash       Code = "odd-info-hash"
	CodeBadInfoHash       Code = "bad-info-hash"
	CodeAmbiguousInfoHash Code = "ambiguous-info-hash"
	CodeUnknownHash       Code = "unknown-hash"
	CodeRepeatedParameter Code = "repeated-parameter"
	CodeBadSize           Code = "bad-size"
	CodeBadSelection      Code = "bad-selection"
	CodeBadPeer           Code = "bad-peer"

	// Found only when a torrent is made.
	CodeEmptyDirectory     Code = "empty-directory"
	CodeWebSeedUnreachable Code = "web-seed-unreachable"
	CodeWebSeedMissing     Code = "web-seed-missing"
	CodeWebSeedNoRanges    Code = "web-seed-no-ranges"
	CodeWebSeedWrong       Code = "web-seed-wrong"
	CodeWebSeedUnchecked   Code = "web-seed-unchecked"
	CodeUnmatchedGlob      Code = "unmatched-glob"
	CodeParityFiles        Code = "parity-files"
	CodeChecksumFiles      Code = "checksum-files"
	CodeSplitArchive       Code = "split-archive"
	CodeNeedlessArchive    Code = "needless-archive"
	CodeLoneArchive        Code = "lone-archive"
	CodeMissingNumber      Code = "missing-number"
	CodeTrackerLimit       Code = "tracker-limit"
)

// A Kind describes a code.
type Kind struct {
	Code     Code
	Severity Severity
	Meaning  string // in a few words, for a list of all kinds
}

// Kinds lists all codes.
var Kinds = []Kind{
	{CodeTrailingBytes, SeverityNote, "bytes follow after the end of the torrent"},
	{CodeUnsortedKeys, SeverityWarning, "a dict's keys are not sorted"},
	{CodeUnsortedV2Keys, SeverityError, "keys in the info dict of a v2 torrent are not sorted"},
	{CodeDuplicateKey, SeverityWarning, "a dict has a key twice"},
	{CodeAmbiguousKey, SeverityError, "the info dict or the torrent itself has a key twice"},
	{CodeLeadingZero, SeverityWarning, "an integer has a leading zero"},
	{CodeNegativeZero, SeverityWarning, "an integer is written -0"},
	{CodeBigInteger, SeverityWarning, "an integer has more than 64 bits"},
	{CodeLeadingZeroLength, SeverityWarning, "the length of a string has a leading zero"},
	{CodeLargeTorrent, SeverityWarning, "the .torrent has more than 10,000,000 bytes"},
	{CodeManyUnknownKeys, SeverityNote, "more than 10,000 keys are unknown, and not all are listed"},

	{CodeMissingName, SeverityError, "there is no name"},
	{CodeBadName, SeverityError, "the name is not a text"},
	{CodeUnsafeName, SeverityWarning, "the name must not be used on disk, so the user must give the path of the content"},
	{CodeMissingPieceLength, SeverityError, "there is no piece length"},
	{CodeBadPieceLength, SeverityError, "the piece length is invalid"},
	{CodeOddPieceLength, SeverityWarning, "the piece length is not a power of two"},
	{CodeSmallPieces, SeverityWarning, "the piece length is less than 16 KiB"},
	{CodeLargePieces, SeverityWarning, "the piece length is more than 128 MiB"},
	{CodeMissingPieces, SeverityError, "there are no hashes of pieces"},
	{CodeBadPieces, SeverityError, "the hashes of pieces are invalid"},
	{CodePieceCount, SeverityError, "the number of hashes differs from the number of pieces"},
	{CodeManyPieces, SeverityWarning, "there are more than 65,535 pieces; in v2 and hybrids one piece of each file is not counted"},
	{CodeMissingLength, SeverityError, "there is neither a length nor a list of files"},
	{CodeBadLength, SeverityError, "the length of a file is missing or invalid"},
	{CodeLengthAndFiles, SeverityError, "there are both a length and a list of files"},
	{CodeNeedlessLength, SeverityWarning, "there are both a length of 0 and a list of files"},
	{CodeBadFiles, SeverityError, "the list of files is invalid"},
	{CodeNoFiles, SeverityError, "the list of files is empty"},
	{CodeOneFile, SeverityWarning, "it is a v2 directory of one file, which some clients treat as a single file"},
	{CodeNoContent, SeverityError, "all sizes are 0"},
	{CodeTooLarge, SeverityError, "sizes or counts are larger than what can be read"},
	{CodeBadPath, SeverityError, "a path is missing or invalid"},
	{CodeUnsafePath, SeverityError, "a path must not be used on disk"},
	{CodeDuplicatePath, SeverityError, "two files have the same path, or the path of a file is also a directory"},
	{CodeCaseCollision, SeverityWarning, "two paths differ only in case or in their Unicode form"},
	{CodeLongName, SeverityWarning, "a name is longer than file systems allow"},
	{CodeNotUTF8, SeverityWarning, "a name is not UTF-8"},
	{CodeWindowsName, SeverityWarning, "a name is invalid on Windows"},
	{CodeDecomposedName, SeverityWarning, "a name is in decomposed Unicode, as macOS writes it"},
	{CodeOtherName, SeverityWarning, "path and path.utf-8, or name and name.utf-8, have different names"},
	{CodeOddComponent, SeverityWarning, "a path has an empty component or \".\", which is left out"},
	{CodeUnfinishedName, SeverityWarning, "a file has a suffix that clients give to unfinished files"},
	{CodeTorrentInContent, SeverityWarning, "the content has .torrent files"},
	{CodeBadSymlink, SeverityError, "a symlink has no target, or one that must not be used"},
	{CodeSymlinkLength, SeverityWarning, "a symlink has a length"},
	{CodeBadPrivate, SeverityWarning, "private is neither 0 nor 1"},

	{CodeMetaVersion, SeverityError, "the meta version is missing or unknown"},
	{CodeBadFileTree, SeverityError, "the file tree is invalid"},
	{CodeMissingPiecesRoot, SeverityError, "a file has no pieces root"},
	{CodeBadPiecesRoot, SeverityError, "a pieces root is invalid"},
	{CodeNeedlessPiecesRoot, SeverityWarning, "an empty file has a pieces root"},
	{CodeMissingPieceLayers, SeverityWarning, "the piece layer of a file is absent"},
	{CodeBadPieceLayers, SeverityError, "a piece layer is invalid, or does not hash to its pieces root"},
	{CodeNeedlessPieceLayer, SeverityNote, "a piece layer belongs to no file"},
	{CodeHybridMismatch, SeverityError, "the halves of a hybrid differ"},
	{CodeOddPadding, SeverityWarning, "a hybrid has pad files that v2 does not require"},

	{CodeBadTracker, SeverityWarning, "a tracker's URL is invalid"},
	{CodeBadTrackerList, SeverityWarning, "announce-list is not a list of tiers"},
	{CodeDuplicateTracker, SeverityWarning, "a tracker is listed twice, perhaps in another spelling"},
	{CodeAnnounceNotFirst, SeverityNote, "announce is not in announce-list"},
	{CodePrivateWithoutTracker, SeverityWarning, "a private torrent has no tracker"},
	{CodeBadWebSeed, SeverityWarning, "a web seed's URL is invalid"},
	{CodeDuplicateWebSeed, SeverityWarning, "a web seed is listed twice, perhaps in another spelling"},
	{CodeBadNode, SeverityWarning, "the address of a DHT node is invalid"},
	{CodeDuplicateNode, SeverityWarning, "a DHT node is listed twice"},
	{CodeBadText, SeverityWarning, "the value of a text key is not a text"},
	{CodeBadDate, SeverityWarning, "the creation date is not a time in seconds"},

	{CodeOddBlanks, SeverityNote, "magnet: there are blanks or quotes around or in the link"},
	{CodeOddScheme, SeverityWarning, "magnet: the link does not begin with magnet:?"},
	{CodeOddEscape, SeverityWarning, "magnet: a % does not begin a percent escape"},
	{CodeHTMLEscape, SeverityWarning, "magnet: the link has HTML references such as &amp;"},
	{CodeOddKey, SeverityWarning, "magnet: a parameter's name is not in lower case"},
	{CodeOddInfoHash, SeverityNote, "magnet: an info-hash is not in its usual form"},
	{CodeBadInfoHash, SeverityWarning, "magnet: an info-hash can't be read"},
	{CodeAmbiguousInfoHash, SeverityError, "magnet: there are two different info-hashes of one kind"},
	{CodeUnknownHash, SeverityNote, "magnet: there is a hash of another network"},
	{CodeRepeatedParameter, SeverityWarning, "magnet: a parameter that may occur once occurs twice"},
	{CodeBadSize, SeverityWarning, "magnet: the size can't be read"},
	{CodeBadSelection, SeverityWarning, "magnet: the selection of files can't be read"},
	{CodeBadPeer, SeverityWarning, "magnet: a peer's address can't be read"},

	{CodeEmptyDirectory, SeverityWarning, "make only: an empty directory is left out"},
	{CodeUnmatchedGlob, SeverityWarning, "make only: a glob matches nothing"},
	{CodeWebSeedUnreachable, SeverityWarning, "make only: a web seed does not answer, or refuses"},
	{CodeWebSeedMissing, SeverityWarning, "make only: a web seed does not have a file"},
	{CodeWebSeedNoRanges, SeverityWarning, "make only: a web seed sends no parts of files, which clients ask for"},
	{CodeWebSeedWrong, SeverityWarning, "make only: a web seed sends other bytes than the torrent has"},
	{CodeWebSeedUnchecked, SeverityWarning, "make only: a web seed was not checked, or not all of it"},
	{CodeParityFiles, SeverityWarning, "make only: parity files (.par2) are beside the content"},
	{CodeChecksumFiles, SeverityWarning, "make only: checksum files (.sfv, .md5) are beside the content"},
	{CodeSplitArchive, SeverityWarning, "make only: an archive is split into volumes (.rar and .r00, .7z.001)"},
	{CodeNeedlessArchive, SeverityWarning, "make only: a zip archive has one file, which is compressed already"},
	{CodeLoneArchive, SeverityNote, "make only: the content is one archive"},
	{CodeMissingNumber, SeverityWarning, "make only: a number is missing in a series of files, or a volume of an archive"},
	{CodeTrackerLimit, SeverityWarning, "make only: a tracker does not accept such a torrent"},
}

var severities = func() map[Code]Severity {
	m := make(map[Code]Severity, len(Kinds))
	for _, k := range Kinds {
		m[k.Code] = k.Severity
	}
	return m
}()

// A Finding is an error in a torrent or magnet link, or a remark about it.
type Finding struct {
	Code     Code
	Severity Severity
	Message  string // may quote the torrent or link, which is untrusted
	Offset   int    // offset in the torrent or link, in bytes; 0 if the finding is not about a place in it
}

// maxFindings limits the findings of each code, for torrents with many equal errors.
const maxFindings = 100

// NewFinding returns a finding that is not about a place in a torrent.
func NewFinding(code Code, format string, args ...any) Finding {
	return Finding{code, severities[code], fmt.Sprintf(format, args...), 0}
}

// findings collects findings, at most maxFindings of each code.
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

// finish returns the list, with a last finding for each code that had more.
func (f *findings) finish() []Finding {
	for _, first := range f.list {
		if n := f.count[first.Code] - maxFindings; n > 0 {
			f.count[first.Code] = 0
			f.list = append(f.list, Finding{first.Code, first.Severity, fmt.Sprintf("and %d more of this kind", n), first.Offset})
		}
	}
	return f.list
}

// irregularities adds findings for the irregularities of the bencode. In a v2 info dict
// the order of keys matters (BEP 52), so unsorted keys are an error. So are duplicate
// keys in the info dict and the outer dict, because programs differ in which they use.
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
			f.add(pick(inInfo && v2, CodeUnsortedV2Keys, CodeUnsortedKeys), ir.Offset, "a dict's keys are not sorted")
		case bencode.IrregularDuplicateKey:
			f.add(pick(inInfo || atTop[ir.Offset], CodeAmbiguousKey, CodeDuplicateKey), ir.Offset, "a dict has the same key twice, and programs differ in which one they take")
		case bencode.IrregularLeadingZero:
			f.add(CodeLeadingZero, ir.Offset, "an integer has a leading zero")
		case bencode.IrregularNegativeZero:
			f.add(CodeNegativeZero, ir.Offset, "an integer is written -0")
		case bencode.IrregularBigInteger:
			f.add(CodeBigInteger, ir.Offset, "an integer passes 64 bits")
		case bencode.IrregularLeadingZeroLength:
			f.add(CodeLeadingZeroLength, ir.Offset, "the length of a string has a leading zero")
		case bencode.IrregularTrailingBytes:
			n := len(doc.Trailing())
			f.add(CodeTrailingBytes, ir.Offset, "%d %s after the end of the torrent", n, pick(n == 1, "byte", "bytes"))
		}
	}
}

// quote quotes a text of the torrent in a message, cut if it is long.
func quote(s string) string {
	const longest = 100
	if len(s) > longest {
		return strconv.Quote(s[:longest]) + "..."
	}
	return strconv.Quote(s)
}

// quotePath is quote for a path.
func quotePath(path []string) fmt.Stringer { return quotedPath(path) }

// A quotedPath is formatted only if its finding is listed, as there may be millions.
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
