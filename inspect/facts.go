package inspect

import (
	"encoding/hex"
	"iter"
	"strings"
	"time"
)

// Unknown is the value of a number that is not in a magnet link.
const Unknown = -1

// Facts describes a torrent or a magnet link. Most fields are zero or [Unknown] for a
// magnet link. Strings are unchanged, like those of a [Torrent].
type Facts struct {
	Name       string
	Format     string // "v1", "v2" or "hybrid"
	InfoHashV1 string // in lower-case hex; "" if there is none
	InfoHashV2 string // likewise
	Magnet     string // the magnet link of the torrent

	Size        int64 // bytes in all files; may be Unknown for a magnet link
	FileCount   int   // Unknown for a magnet link
	PieceLength int64 // bytes; 0 if there is none, and for a magnet link
	PieceCount  int   // Unknown for a magnet link
	TorrentSize int   // bytes of the .torrent file; Unknown for a magnet link

	HasPrivate bool // whether the torrent has the key "private"
	Private    bool // BEP 27

	Source       string
	Comment      string
	CreatedBy    string
	CreationDate time.Time // UTC; zero if there is none
	Encoding     string

	Trackers    [][]string // by tier (BEP 12); each tracker of a magnet link has a tier of its own
	WebSeeds    []string   // BEP 19
	HTTPSeeds   []string   // BEP 17
	Nodes       []Node     // BEP 5
	UnknownKeys []string   // unknown keys with the dicts they are in, such as "info.x"

	// Files yields the files in the order of the torrent, and none for a magnet link. It
	// is never nil.
	Files iter.Seq[File]

	Findings []Finding // errors in the torrent or link, and remarks
}

// A File is one file of a torrent. Offset and piece indexes are those of the stream
// that pieces are cut from, which includes pad files.
type File struct {
	Index      int    // in Torrent.Files
	Path       string // below the torrent's name, with slashes; unchecked, may be invalid UTF-8
	Size       int64  // bytes
	Offset     int64  // bytes
	FirstPiece int    // -1 if the file is in no piece, such as an empty file
	LastPiece  int    // likewise
	Attr       string // BEP 47
	Pad        bool   // a pad file: zeros that are not content (BEP 47)
	PiecesRoot string // in lower-case hex (BEP 52); "" if there is none
	Symlink    string // target of a symbolic link, with slashes (BEP 47)
}

// DescribeOptions are the choices of [Describe].
type DescribeOptions struct {
	Pads bool // also count and list pad files
}

// Describe returns a description of a torrent. The result shares memory with it.
func Describe(t *Torrent, o DescribeOptions) *Facts {
	f := &Facts{
		Name: t.Name, Format: t.Format(), InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2(), Magnet: t.Magnet().String(),
		Size: t.Size(), FileCount: t.FileCount(), PieceLength: t.PieceLength, PieceCount: t.PieceCount(), TorrentSize: len(t.Bytes()),
		HasPrivate: t.HasPrivate, Private: t.Private,
		Source: t.Source, Comment: t.Comment, CreatedBy: t.CreatedBy, CreationDate: t.CreationDate, Encoding: t.Encoding,
		Trackers: t.Trackers(), WebSeeds: t.WebSeeds, HTTPSeeds: t.HTTPSeeds, Nodes: t.Nodes, UnknownKeys: t.UnknownKeys,
		Files: files(t, o.Pads), Findings: t.Findings,
	}
	if o.Pads {
		f.FileCount = len(t.Files)
		if l := t.Layout(); l != nil {
			f.Size = l.Bytes()
		}
	}
	return f
}

// DescribeMagnet returns a description of a magnet link.
func DescribeMagnet(m *Magnet) *Facts {
	f := &Facts{
		Name: m.Name, Format: "v1", Magnet: m.String(),
		Size: Unknown, FileCount: Unknown, PieceCount: Unknown, TorrentSize: Unknown,
		WebSeeds: m.WebSeeds, Files: func(func(File) bool) {}, Findings: m.Findings,
	}
	switch {
	case m.HasV1 && m.HasV2:
		f.Format = "hybrid"
	case m.HasV2:
		f.Format = "v2"
	}
	if m.HasV1 {
		f.InfoHashV1 = hex.EncodeToString(m.V1[:])
	}
	if m.HasV2 {
		f.InfoHashV2 = hex.EncodeToString(m.V2[:])
	}
	if m.HasSize {
		f.Size = m.Size
	}
	// A link has no tiers; clients try its trackers in order.
	for _, u := range m.Trackers {
		f.Trackers = append(f.Trackers, []string{u})
	}
	for _, p := range m.Other {
		f.UnknownKeys = append(f.UnknownKeys, p.Name)
	}
	return f
}

func files(t *Torrent, pads bool) iter.Seq[File] {
	return func(yield func(File) bool) {
		var path []string
		for i := range t.Files {
			in := &t.Files[i]
			if in.Pad && !pads {
				continue
			}
			path = in.AppendPath(path[:0])
			if !yield(describeFile(t, i, path)) {
				return
			}
		}
	}
}

func describeFile(t *Torrent, i int, path []string) File {
	in := &t.Files[i]
	f := File{
		Index: i, Path: strings.Join(path, "/"), Size: in.Length, FirstPiece: -1, LastPiece: -1, Attr: in.Attr(), Pad: in.Pad,
		Symlink: strings.Join(in.Symlink(), "/"),
	}
	if in.PiecesRoot != nil {
		f.PiecesRoot = hex.EncodeToString(in.PiecesRoot[:])
	}
	if l := t.Layout(); l != nil {
		f.Offset = l.Offset(i)
		if first, last, ok := l.FilePieces(i); ok {
			f.FirstPiece, f.LastPiece = first, last
		}
	}
	return f
}
