package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"bt/internal/metainfo"
)

// A Torrent is a parsed .torrent file, returned by [Parse] and [ReadFile].
//
// It keeps the bytes that it was parsed from (Bytes), and has a field for each known
// key: Name, Files, PieceLength, Comment, CreationDate and so on. Strings are
// unchanged: they may contain control characters or invalid UTF-8. Findings lists its
// errors. Methods return values derived from the fields: HexV1 and HexV2 (the
// info-hashes), Format, Size, FileCount, PieceCount, Trackers (by tier), Magnet.
// Content returns the files with paths that are safe to use on disk, or an
// *[UnusableError].
type Torrent = metainfo.Torrent

// A Magnet is a parsed magnet link (BEP 9): the info-hash, and optionally the name,
// size, trackers and web seeds. [ParseMagnet] and the Magnet method of a [Torrent]
// return it. Its String method returns the link.
//
// Its fields are HasV1 and V1, HasV2 and V2 (the info-hashes), Name, HasSize and Size,
// Trackers, WebSeeds, Peers (HOST:PORT), Select (the files to fetch, BEP 53), Other
// (other parameters) and Findings. Masked returns a copy without secrets, see [MaskURL].
type Magnet = metainfo.Magnet

// A Param is an unknown parameter of a [Magnet], unescaped.
type Param = metainfo.Param

// A Selection is a range of file indexes, both ends included, that a [Magnet] selects
// (BEP 53).
type Selection = metainfo.Range

// A Node is the address of a DHT node in a torrent (BEP 5).
type Node = metainfo.Node

// An Entry is an element of Torrent.Files: its Length in bytes, its Path, whether it is
// a pad file, and the fields of BEP 47 and BEP 52. The path is unchecked and must not
// be used on disk. [Content] has the checked paths.
type Entry = metainfo.File

// Content describes the files of a torrent as they are on disk. Its paths are safe to
// use below a directory. The Content method of a [Torrent] returns it.
//
// Its fields are V1 and V2 (the hashes that it has), Name, Single, Files (a list of
// [Entry]), Layout and Pieces (20 bytes per piece). PieceHash(file, n) returns the v2
// hash of piece n of a file.
type Content = metainfo.Content

// A Layout maps pieces to byte ranges of files. Pieces and Files return their numbers,
// PieceLength the length of a piece, Length(file) and Offset(file) those of a file in
// the stream of pieces, Total the length of this stream, FilePieces(file) the first and
// last piece of a file. Spans(first, last) yields the ranges of pieces, and
// Cursor(piece) returns a [Cursor].
type Layout = metainfo.Layout

// A Cursor iterates over the byte ranges of one piece: its method Next returns the next
// [Span], or false at the end.
type Cursor = metainfo.Cursor

// A Span is a range of bytes: its Offset and Length in a File, given by its index in the
// torrent, or in a gap between files, whose index is -1.
type Span = metainfo.Span

// A Finding is an error in a torrent or magnet link, or a remark about it: a Code, a
// Severity, a Message, and the byte Offset where it was found. The message may quote
// the torrent.
type Finding = metainfo.Finding

// A Code names a kind of finding, such as "unsafe-path". [Kinds] lists all codes. The
// meaning of a code never changes.
type Code = metainfo.Code

// A Severity is the severity of a finding.
type Severity = metainfo.Severity

// The severities.
const (
	SeverityNote    = metainfo.SeverityNote    // harmless: all clients read it the same way
	SeverityWarning = metainfo.SeverityWarning // some clients read it differently or refuse the torrent
	SeverityError   = metainfo.SeverityError   // the torrent must not be used: it is invalid, dangerous or ambiguous
)

// A Kind describes a code of findings: the Code, its Severity, its Meaning in a few
// words, and Advice: what follows from it and what to do.
type Kind = metainfo.Kind

// Kinds returns all kinds of findings.
func Kinds() []Kind { return slices.Clone(metainfo.Kinds) }

// An UnusableError reports a torrent that must not be used with data on disk, with the
// findings that are the reason. [Verify] and the Content and CheckName methods of a
// [Torrent] return it.
type UnusableError = metainfo.UnusableError

// A NotTorrentError reports bytes that are not a torrent. Form is the format that they
// appear to have instead.
type NotTorrentError = metainfo.NotTorrentError

// A Form names the apparent format of bytes that are not a torrent, such as "web-page"
// or "cut-short". The empty Form means unknown.
type Form = metainfo.Form

// A TooLargeError is returned by [ReadFile] for a file of more than Max bytes.
type TooLargeError = metainfo.TooLargeError

// MaxFileSize is the size of the largest file that [ReadFile] reads: 256 MiB.
const MaxFileSize = metainfo.DefaultMaxSize

// Parse parses a torrent. It keeps b, which must not change afterwards.
//
// Parse fails only if b is not bencode, has no info dict, or if the info dict has
// neither a name nor a size. The error is a *[NotTorrentError]. Every other error is a
// [Finding] of the torrent.
func Parse(b []byte) (*Torrent, error) { return metainfo.Parse(b) }

// ReadFile reads and parses the named torrent file. If the file does not begin like a
// torrent, ReadFile does not read all of it.
//
// The error wraps a *[TooLargeError] if the file has more than [MaxFileSize] bytes, a
// *[NotTorrentError] if it is not a torrent, or the operating system's error.
func ReadFile(name string) (*Torrent, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size := int64(-1)
	if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
		size = info.Size()
	}
	b, err := metainfo.Read(f, size, MaxFileSize, nil)
	if err != nil {
		return nil, withName(name, err)
	}
	t, err := Parse(b)
	if err != nil {
		return nil, withName(name, err)
	}
	return t, nil
}

// withName adds the file's name to an error, unless it is an [fs.PathError], which
// contains it.
func withName(name string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ParseMagnet parses a magnet link. It accepts links with other text around them, links
// escaped as in HTML, and invalid parameters, and reports each of these as a [Finding]
// of the link. ParseMagnet fails only if there is no valid info-hash.
func ParseMagnet(link string) (*Magnet, error) { return metainfo.ParseMagnet(link) }

// MaskURL returns a URL of a tracker or web seed with what may be a secret replaced by
// ****: user and password, values whose key is not known to be harmless, and parts of
// the path that look random. Use it for logs and on a screen.
func MaskURL(rawURL string) string { return metainfo.MaskURL(rawURL) }

// MaskText masks the URLs in a text, such as a tracker's message, like [MaskURL], and the
// secrets of urls wherever the text repeats them.
func MaskText(text string, urls ...string) string { return metainfo.MaskText(text, urls...) }
