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
	f.irregular(doc, info, v2, "the torrent")
}

// SyntaxFindings returns the findings about the bencode of any file. Those of a torrent are
// the same as in its Findings.
func SyntaxFindings(doc *bencode.Document) []Finding {
	info := doc.Root().Get("info")
	var f findings
	f.irregular(doc, info, info.Get("file tree").Exists(), "the bencode")
	return f.finish()
}

// irregular is irregularities for a document that what names.
func (f *findings) irregular(doc *bencode.Document, info bencode.Value, v2 bool, what string) {
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
			f.add(CodeTrailingBytes, ir.Offset, "%d %s after the end of %s", n, pick(n == 1, "byte", "bytes"), what)
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
