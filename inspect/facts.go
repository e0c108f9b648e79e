// Package inspect says what a torrent or magnet link holds, and whether data on
// disk is what a torrent promises.
package inspect

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"iter"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bt/internal/metainfo"
)

// Types of the packages below that callers need.
type (
	Torrent = metainfo.Torrent
	Magnet  = metainfo.Magnet
)

// Facts is all that a torrent says, as a JSON document. A magnet link knows
// less: what it does not say is absent. Lists are always there.
type Facts struct {
	Path         string       `json:"path"` // what was asked about: a file, "-", a magnet link
	Name         string       `json:"name,omitempty"`
	Format       string       `json:"format"` // v1, v2 or hybrid
	InfoHashV1   string       `json:"info_hash_v1,omitempty"`
	InfoHashV2   string       `json:"info_hash_v2,omitempty"`
	Magnet       string       `json:"magnet"`
	Size         *int64       `json:"size,omitempty"` // bytes
	FileCount    *int         `json:"file_count,omitempty"`
	PieceLength  *int64       `json:"piece_length,omitempty"` // bytes
	PieceCount   *int         `json:"piece_count,omitempty"`
	Private      *bool        `json:"private,omitempty"` // only where the key is
	Source       string       `json:"source,omitempty"`
	Comment      string       `json:"comment,omitempty"`
	CreatedBy    string       `json:"created_by,omitempty"`
	CreationDate *time.Time   `json:"creation_date,omitempty"`
	Encoding     string       `json:"encoding,omitempty"`
	Trackers     [][]string   `json:"trackers"` // tiers
	WebSeeds     []string     `json:"web_seeds"`
	HTTPSeeds    []string     `json:"http_seeds"`
	Nodes        []string     `json:"nodes"` // host:port
	Files        List[File]   `json:"files"`
	Pieces       List[string] `json:"pieces,omitzero"` // hashes of v1 pieces, hex; nil unless asked for
	UnknownKeys  []string     `json:"unknown_keys"`
	TorrentSize  *int         `json:"torrent_size,omitempty"` // bytes
	Findings     []Finding    `json:"findings"`
}

// A List is made item by item as it is read: a torrent may have millions of
// files. As JSON it is an array; nil is an empty one.
type List[T any] iter.Seq[T]

// All yields the items; none if l is nil.
func (l List[T]) All() iter.Seq[T] {
	if l == nil {
		return func(func(T) bool) {}
	}
	return iter.Seq[T](l)
}

// MarshalJSON writes the array.
func (l List[T]) MarshalJSON() ([]byte, error) {
	return json.Marshal(list(slices.Collect(l.All())))
}

// A File is one file of a torrent. Offset and pieces count the stream that
// pieces are cut from, pad files included.
type File struct {
	Path       string `json:"path"`                 // with slashes
	PathBytes  Hex    `json:"path_bytes,omitempty"` // where Path is no UTF-8
	Size       int64  `json:"size"`
	Offset     int64  `json:"offset"`
	FirstPiece *int   `json:"first_piece,omitempty"` // an empty file is in none
	LastPiece  *int   `json:"last_piece,omitempty"`
	Attr       string `json:"attr,omitempty"` // BEP 47
	Pad        bool   `json:"pad,omitempty"`
	PiecesRoot string `json:"pieces_root,omitempty"` // BEP 52, hex
	Symlink    string `json:"symlink,omitempty"`     // where it points

	Components []string `json:"-"` // of the path, as found; only until the next file
}

// A Finding is something that the reader of a torrent or link should know.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // note, warning or error
	Message  string `json:"message"`
	Offset   int    `json:"offset"` // byte of the torrent or link
}

// Describe returns the facts of a torrent; pads says whether pad files are
// files.
func Describe(path string, t *Torrent, pads bool) *Facts {
	f := &Facts{
		Path: path, Name: t.Name, Format: t.Format(), InfoHashV1: t.HexV1(), InfoHashV2: t.HexV2(), Magnet: t.Magnet().String(),
		Size: ptr(t.Size()), FileCount: ptr(t.FileCount()), PieceCount: ptr(t.PieceCount()),
		Source: t.Source, Comment: t.Comment, CreatedBy: t.CreatedBy, Encoding: t.Encoding,
		Trackers: list(t.Trackers()), WebSeeds: list(t.WebSeeds), HTTPSeeds: list(t.HTTPSeeds),
		Nodes: []string{}, Files: files(t, pads), UnknownKeys: list(t.UnknownKeys),
		TorrentSize: ptr(len(t.Bytes())), Findings: []Finding{},
	}
	if pads {
		f.FileCount = ptr(len(t.Files))
		if l := t.Layout(); l != nil {
			f.Size = ptr(l.Bytes())
		}
	}
	if t.PieceLength > 0 {
		f.PieceLength = &t.PieceLength
	}
	if t.HasPrivate {
		f.Private = &t.Private
	}
	if !t.CreationDate.IsZero() {
		f.CreationDate = &t.CreationDate
	}
	for _, n := range t.Nodes {
		f.Nodes = append(f.Nodes, net.JoinHostPort(n.Host, strconv.Itoa(n.Port)))
	}
	f.addFindings(t.Findings)
	return f
}

func (f *Facts) addFindings(list []metainfo.Finding) {
	for _, x := range list {
		f.Findings = append(f.Findings, Finding{string(x.Code), string(x.Severity), x.Message, x.Offset})
	}
}

// DescribeMagnet returns the facts of a magnet link.
func DescribeMagnet(link string, m *Magnet) *Facts {
	f := &Facts{
		Path: link, Name: m.Name, Magnet: m.String(), WebSeeds: list(m.WebSeeds), Trackers: [][]string{},
		HTTPSeeds: []string{}, Nodes: []string{}, UnknownKeys: []string{}, Findings: []Finding{},
	}
	switch {
	case m.HasV1 && m.HasV2:
		f.Format = "hybrid"
	case m.HasV2:
		f.Format = "v2"
	default:
		f.Format = "v1"
	}
	if m.HasV1 {
		f.InfoHashV1 = hex.EncodeToString(m.V1[:])
	}
	if m.HasV2 {
		f.InfoHashV2 = hex.EncodeToString(m.V2[:])
	}
	if m.HasSize {
		f.Size = &m.Size
	}
	// A link has no tiers; clients try its trackers in order.
	for _, u := range m.Trackers {
		f.Trackers = append(f.Trackers, []string{u})
	}
	for _, p := range m.Other {
		f.UnknownKeys = append(f.UnknownKeys, p.Name)
	}
	f.addFindings(m.Findings)
	return f
}

func files(t *Torrent, pads bool) List[File] {
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
		Path: strings.Join(path, "/"), Components: path, Size: in.Length, Attr: in.Attr(), Pad: in.Pad,
		Symlink: strings.Join(in.Symlink(), "/"),
	}
	if in.PiecesRoot != nil {
		f.PiecesRoot = hex.EncodeToString(in.PiecesRoot[:])
	}
	f.PathBytes = notUTF8(f.Path)
	if l := t.Layout(); l != nil {
		f.Offset = l.Offset(i)
		if first, last, ok := l.FilePieces(i); ok {
			f.FirstPiece, f.LastPiece = &first, &last
		}
	}
	return f
}

// PieceHashes are the hashes of the v1 pieces in hex.
func PieceHashes(t *Torrent) List[string] {
	return func(yield func(string) bool) {
		for h := range slices.Chunk(t.Pieces, 20) {
			if !yield(hex.EncodeToString(h)) {
				return
			}
		}
	}
}

// Hex is bytes that JSON writes as digits of hex.
type Hex string

// MarshalText returns the digits.
func (h Hex) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, []byte(h)), nil }

// WriteJSON writes the digits as it goes.
func (h Hex) WriteJSON(w io.Writer) error {
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

// notUTF8 is a path if JSON could not hold it, else "".
func notUTF8(path string) Hex {
	if utf8.ValidString(path) {
		return ""
	}
	return Hex(path)
}

func ptr[T any](v T) *T { return &v }

// list makes an empty list of none, which JSON tells apart.
func list[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return slices.Clip(s)
}
