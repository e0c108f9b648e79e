package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"bt/internal/metainfo"
)

// A Torrent is a parsed .torrent file. [Parse] and [ReadFile] return it, and the
// other packages of this module take it or return it.
//
// It keeps the bytes that it was read from (Bytes), and has a field for each key
// that has a meaning: Name, Files, PieceLength, Comment, CreationDate and so on.
// Texts are as found: they may hold control characters or bytes that are not
// UTF-8. Findings lists what is wrong with it. Methods give what follows from the
// fields: HexV1 and HexV2 (the info-hashes), Format, Size, FileCount, PieceCount,
// Trackers (by tier), Magnet. Content returns what may be looked for on a disk,
// or an *[UnusableError].
type Torrent = metainfo.Torrent

// A Magnet is a parsed magnet link (BEP 9): an info-hash, and what the link says
// of the torrent. [ParseMagnet] and the Magnet method of a [Torrent] return it;
// its String method writes the link.
type Magnet = metainfo.Magnet

// A Param is one parameter of a [Magnet] that this package has no meaning for,
// unescaped.
type Param = metainfo.Param

// A Selection is a range of file indexes that a [Magnet] selects (BEP 53), both
// ends included.
type Selection = metainfo.Range

// A Node is an entry point to the DHT that a torrent names (BEP 5).
type Node = metainfo.Node

// An Entry is one entry of a Torrent's list of files: its Length in bytes, its
// Path, whether it is a pad file, and what BEP 47 and BEP 52 add. The path is as
// found, and must not be used on a disk; [Content] has the paths that may.
type Entry = metainfo.File

// Attributes are what BEP 47 says of an [Entry]: whether it is executable, hidden,
// a symbolic link or padding.
type Attributes = metainfo.Attributes

// Content is what a torrent says of the disk. Every path in it was checked, and
// may be looked for below a directory. The Content method of a [Torrent] returns
// it.
type Content = metainfo.Content

// A Layout maps pieces to byte ranges of files.
type Layout = metainfo.Layout

// A Cursor goes through the byte ranges that make one piece.
type Cursor = metainfo.Cursor

// A Span is a byte range of one file, by its index in the torrent, or of a gap
// between files, whose index is -1.
type Span = metainfo.Span

// A Finding is something about a torrent or magnet link that its reader should
// know: its Code and Severity, a Message, and the Offset of the byte where it
// shows. The message may quote the torrent.
type Finding = metainfo.Finding

// A Code names a kind of finding, such as "unsafe-path". [Kinds] lists all of
// them. A code never changes its meaning.
type Code = metainfo.Code

// A Severity says what a finding means for the use of the torrent.
type Severity = metainfo.Severity

// The severities.
const (
	SeverityNote    = metainfo.SeverityNote    // worth knowing; clients agree on it
	SeverityWarning = metainfo.SeverityWarning // clients may differ, or refuse the torrent
	SeverityError   = metainfo.SeverityError   // the torrent must not be used: it is wrong, dangerous, or ambiguous
)

// A Kind is what all findings of one code have in common: its Code, its Severity,
// and its Meaning in a few words.
type Kind = metainfo.Kind

// Kinds returns all kinds of findings.
func Kinds() []Kind { return slices.Clone(metainfo.Kinds) }

// An UnusableError lists the findings for which a torrent must not be used with
// data on a disk. [Verify] and the Content and CheckName methods of a [Torrent]
// return it.
type UnusableError = metainfo.UnusableError

// A NotTorrentError is the error of bytes that are not a torrent: why, and, in
// Form, what they seem to be instead.
type NotTorrentError = metainfo.NotTorrentError

// A Form names what bytes that are not a torrent seem to be, such as "web-page"
// or "cut-short". The empty Form means that it can't be told.
type Form = metainfo.Form

// A TooLargeError is the error of [ReadFile] for a file of more than Max bytes.
type TooLargeError = metainfo.TooLargeError

// MaxFileSize is the size of the largest file that [ReadFile] reads: 256 MiB.
const MaxFileSize = metainfo.DefaultMaxSize

// Parse parses a torrent. It keeps b, which must not change afterwards.
//
// Parse fails only if there is nothing to show: b is not bencode, or has no info
// dict, or that has neither a name nor a size. The error is a *[NotTorrentError].
// Anything else that is wrong is a [Finding] of the torrent.
func Parse(b []byte) (*Torrent, error) { return metainfo.Parse(b) }

// ReadFile reads and parses the torrent in the named file. It stops early where
// the file does not begin as a torrent does.
//
// The error wraps a *[TooLargeError] if the file has more than [MaxFileSize]
// bytes, a *[NotTorrentError] if it is not a torrent, or is the system's.
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

// withName puts the name of a file before an error that does not hold it.
func withName(name string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// ParseMagnet parses a magnet link, also one with something around it, copied out
// of HTML, or with parameters that can't be read. Each of these is a [Finding] of
// the link. ParseMagnet fails only if no info-hash can be read.
func ParseMagnet(link string) (*Magnet, error) { return metainfo.ParseMagnet(link) }
