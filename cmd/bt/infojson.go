package main

import (
	"encoding/hex"
	"io"
	"iter"
	"slices"
	"time"
	"unicode/utf8"

	"bt/inspect"
)

// An infoDocument is the JSON of bt info for one torrent or magnet link. Values
// that a magnet link does not have are absent; lists are always present.
type infoDocument struct {
	Path         string                 `json:"path"` // a file, a URL, "-", a magnet link or an info-hash
	Name         string                 `json:"name,omitempty"`
	Format       string                 `json:"format"`
	InfoHashV1   string                 `json:"info_hash_v1,omitempty"`
	InfoHashV2   string                 `json:"info_hash_v2,omitempty"`
	Magnet       string                 `json:"magnet"`
	Size         *int64                 `json:"size,omitempty"`
	FileCount    *int                   `json:"file_count,omitempty"`
	PieceLength  *int64                 `json:"piece_length,omitempty"`
	PieceCount   *int                   `json:"piece_count,omitempty"`
	Private      *bool                  `json:"private,omitempty"` // nil if the torrent has no such key
	Source       string                 `json:"source,omitempty"`
	Comment      string                 `json:"comment,omitempty"`
	CreatedBy    string                 `json:"created_by,omitempty"`
	CreationDate *time.Time             `json:"creation_date,omitempty"`
	Encoding     string                 `json:"encoding,omitempty"`
	Trackers     [][]string             `json:"trackers"`
	WebSeeds     []string               `json:"web_seeds"`
	HTTPSeeds    []string               `json:"http_seeds"`
	Nodes        []string               `json:"nodes"` // host:port
	Files        iter.Seq[fileDocument] `json:"files"`
	Pieces       iter.Seq[string]       `json:"pieces,omitzero"` // v1 piece hashes in hex; nil unless requested
	UnknownKeys  []string               `json:"unknown_keys"`
	TorrentSize  *int                   `json:"torrent_size,omitempty"`
	Findings     []findingDocument      `json:"findings"`
}

type fileDocument struct {
	Path       string  `json:"path"`
	PathBytes  hexText `json:"path_bytes,omitempty"` // if Path is not UTF-8
	Size       int64   `json:"size"`
	Offset     int64   `json:"offset"`
	FirstPiece *int    `json:"first_piece,omitempty"`
	LastPiece  *int    `json:"last_piece,omitempty"`
	Attr       string  `json:"attr,omitempty"`
	Pad        bool    `json:"pad,omitempty"`
	PiecesRoot string  `json:"pieces_root,omitempty"`
	Symlink    string  `json:"symlink,omitempty"`
}

type findingDocument struct {
	Code     inspect.Code     `json:"code"`
	Severity inspect.Severity `json:"severity"`
	Message  string           `json:"message"`
	Offset   int              `json:"offset"`
}

// document returns the JSON of an input, without its files and pieces.
func (x infoInput) document() *infoDocument {
	f := x.facts
	doc := &infoDocument{
		Path: x.name, Name: f.Name, Format: f.Format, InfoHashV1: f.InfoHashV1, InfoHashV2: f.InfoHashV2, Magnet: f.Magnet,
		Size: known(&f.Size), FileCount: known(&f.FileCount), PieceCount: known(&f.PieceCount),
		Source: f.Source, Comment: f.Comment, CreatedBy: f.CreatedBy, Encoding: f.Encoding,
		Trackers: listOf(f.Trackers), WebSeeds: listOf(f.WebSeeds), HTTPSeeds: listOf(f.HTTPSeeds), Nodes: []string{},
		UnknownKeys: listOf(f.UnknownKeys), TorrentSize: known(&f.TorrentSize), Findings: []findingDocument{},
	}
	if f.PieceLength > 0 {
		doc.PieceLength = &f.PieceLength
	}
	if f.HasPrivate {
		doc.Private = &f.Private
	}
	if !f.CreationDate.IsZero() {
		doc.CreationDate = &f.CreationDate
	}
	for _, n := range f.Nodes {
		doc.Nodes = append(doc.Nodes, n.String())
	}
	for _, x := range f.Findings {
		doc.Findings = append(doc.Findings, findingDocument(x))
	}
	return doc
}

// known returns n, or nil if *n is inspect.Unknown.
func known[N int | int64](n *N) *N {
	if *n == inspect.Unknown {
		return nil
	}
	return n
}

// listOf returns list, or an empty list for nil, which encoding/json would write
// as null.
func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// fileDocuments yields a document for each file. A document is valid only until
// the next one is yielded.
func fileDocuments(files iter.Seq[inspect.File]) iter.Seq[fileDocument] {
	return func(yield func(fileDocument) bool) {
		var first, last int
		for f := range files {
			first, last = f.FirstPiece, f.LastPiece
			doc := fileDocument{
				Path: f.Path, PathBytes: notUTF8(f.Path), Size: f.Size, Offset: f.Offset, FirstPiece: known(&first), LastPiece: known(&last),
				Attr: f.Attr, Pad: f.Pad, PiecesRoot: f.PiecesRoot, Symlink: f.Symlink,
			}
			if !yield(doc) {
				return
			}
		}
	}
}

// pieceHashes yields the v1 piece hashes in hex.
func pieceHashes(pieces []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		for h := range slices.Chunk(pieces, 20) {
			if !yield(hex.EncodeToString(h)) {
				return
			}
		}
	}
}

// A hexText is a byte string that is written as hex digits in JSON.
type hexText string

// WriteJSON implements jsonWriter.
func (h hexText) WriteJSON(w io.Writer) error {
	const part = 16 << 10
	if _, err := io.WriteString(w, `"`); err != nil {
		return err
	}
	for rest := string(h); rest != ""; {
		n := min(len(rest), part)
		if _, err := io.WriteString(w, hex.EncodeToString([]byte(rest[:n]))); err != nil {
			return err
		}
		rest = rest[n:]
	}
	_, err := io.WriteString(w, `"`)
	return err
}

// notUTF8 returns path if it is not valid UTF-8, which JSON requires, else "".
func notUTF8(path string) hexText {
	if utf8.ValidString(path) {
		return ""
	}
	return hexText(path)
}
