// Package metainfo parses and builds torrents (BEP 3, 12, 17, 19, 27, 38, 47, 52) and
// magnet links (BEP 9, 53). It computes info-hashes and maps pieces to byte ranges of
// files.
//
// A [Torrent] keeps the bytes that it was parsed from, with typed fields. Parsing is
// lenient: errors are listed as [Finding]s, and everything else is available. Using
// paths is strict: only [Torrent.Content] returns paths for use on disk, and it returns
// an error if any finding has severity error. A [Builder] builds new torrents.
// [Recognize] names the format of a file that is not a torrent.
//
// The package does not open files or connections, and does not hash content.
package metainfo

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"bt/internal/bencode"
)

// A Torrent is a parsed .torrent file. Strings are unchanged: they may be invalid UTF-8
// and contain control characters. They share the memory of the bytes, as a torrent may
// have millions of names.
type Torrent struct {
	raw, info []byte

	V1, V2     bool     // the hashes that the info dict has; both for a hybrid
	InfoHashV1 [20]byte // of the unchanged info bytes; zero unless V1
	InfoHashV2 [32]byte // likewise; zero unless V2

	Name        string // "" if there is none
	PieceLength int64  // 0 if there is none
	Single      bool   // the content is one file, called Name, and not a directory
	Files       []File // the v1 list with pad files; for v2 torrents the file tree
	Pieces      []byte // v1: 20 bytes per piece
	HasPrivate  bool   // whether the torrent has the key "private"
	Private     bool   // BEP 27
	Source      string

	Announce     string
	AnnounceList [][]string // BEP 12, unchanged, without values that are not strings
	MoreTrackers bool       // AnnounceList is incomplete because there are too many
	WebSeeds     []string   // BEP 19, url-list
	HTTPSeeds    []string   // BEP 17
	Nodes        []Node     // BEP 5
	Comment      string
	CreatedBy    string
	CreationDate time.Time // UTC; zero if there is none
	Encoding     string

	// KnownKeys lists the known keys of the outer dict and of the info dict, such as
	// "announce" and "info.name".
	KnownKeys []string

	// UnknownKeys lists unknown keys with the dicts they are in: "x", "info.x",
	// "info.files[].x", "info.file tree[].x".
	UnknownKeys []string

	Findings []Finding

	otherName   string      // from name, if Name is from name.utf-8
	codePage    int64       // 0 if there is none
	layout      *Layout     // nil if the lengths or the piece length are invalid
	pieceLayers pieceLayers // checked
}

// A Node is the address of a DHT node (BEP 5).
type Node struct {
	Host string
	Port int
}

// String returns HOST:PORT, with brackets around an IPv6 address.
func (n Node) String() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// Parse parses a torrent. It keeps b, which must not change afterwards. It fails only
// if b is not bencode, has no info dict, or if the info dict has neither a name nor a
// size. The error is a *NotTorrentError.
func Parse(b []byte) (*Torrent, error) {
	doc, err := bencode.Parse(b)
	if err != nil {
		return nil, NotTorrent(b, err)
	}
	return FromDocument(doc)
}

// FromDocument is Parse for bencode that was parsed already.
func FromDocument(doc *bencode.Document) (*Torrent, error) {
	b := doc.Bytes()
	root := doc.Root()
	if root.Kind() != bencode.KindDict {
		return nil, NotTorrent(b, fmt.Errorf("not a torrent: it is %v and not a dict", root.Kind()))
	}
	info := root.Get("info")
	switch {
	case !info.Exists():
		return nil, NotTorrent(b, errors.New("not a torrent: it has no info dict"))
	case info.Kind() != bencode.KindDict:
		return nil, NotTorrent(b, fmt.Errorf("not a torrent: its info is %v and not a dict", info.Kind()))
	}
	// Drop the index of the document, but keep the bytes.
	t := &Torrent{raw: b, info: info.Raw()}
	r := reader{t: t, doc: doc, root: root, info: info}
	r.read()
	if t.Name == "" && len(t.Files) == 0 {
		return nil, NotTorrent(b, errors.New("not a torrent: its info dict has neither a name nor a size"))
	}
	return t, nil
}

// Bytes returns the bytes that the torrent was parsed from.
func (t *Torrent) Bytes() []byte { return t.raw }

// InfoBytes returns the unchanged bytes of the info dict, which the info-hashes are of.
func (t *Torrent) InfoBytes() []byte { return t.info }

// WriteJSON writes the torrent as lossless JSON; see bencode.Document.WriteJSON.
func (t *Torrent) WriteJSON(w io.Writer) error {
	doc, err := bencode.Parse(t.raw)
	if err != nil {
		panic(err) // it was parsed before
	}
	return doc.WriteJSON(w)
}

// MaxSize is the size in bytes of the largest torrent that Parse accepts.
const MaxSize = bencode.DefaultMaxSize

// HexV1 returns the v1 info-hash in hex, or "" unless V1.
func (t *Torrent) HexV1() string {
	if !t.V1 {
		return ""
	}
	return hex.EncodeToString(t.InfoHashV1[:])
}

// HexV2 returns the v2 info-hash in hex, or "" unless V2.
func (t *Torrent) HexV2() string {
	if !t.V2 {
		return ""
	}
	return hex.EncodeToString(t.InfoHashV2[:])
}

// ShortInfoHash returns the info-hash of 20 bytes: that of v1 or else that of v2,
// truncated, which is how peers and trackers know a v2 torrent (BEP 52).
func (t *Torrent) ShortInfoHash() [20]byte {
	if t.V1 {
		return t.InfoHashV1
	}
	return [20]byte(t.InfoHashV2[:])
}

// Format returns "v1", "v2" or "hybrid".
func (t *Torrent) Format() string {
	switch {
	case t.V1 && t.V2:
		return "hybrid"
	case t.V2:
		return "v2"
	}
	return "v1"
}

// Trackers returns the tiers that clients use (BEP 12): announce-list, or announce if
// that is missing or empty. White space around URLs is trimmed, and empty URLs are left
// out.
func (t *Torrent) Trackers() [][]string {
	var tiers [][]string
	for _, tier := range t.AnnounceList {
		var urls []string
		for _, u := range tier {
			if u = strings.TrimSpace(u); u != "" {
				urls = append(urls, u)
			}
		}
		if len(urls) > 0 {
			tiers = append(tiers, urls)
		}
	}
	if u := strings.TrimSpace(t.Announce); len(tiers) == 0 && u != "" {
		tiers = [][]string{{u}}
	}
	return tiers
}

// Size returns the number of bytes in the files, except pad files. If the sum
// overflows, it returns math.MaxInt64, and there is a finding.
func (t *Torrent) Size() int64 {
	var n int64
	for i := range t.Files {
		if f := &t.Files[i]; !f.Pad && f.Length > 0 {
			n = addSaturating(n, f.Length)
		}
	}
	return n
}

// FileCount returns the number of files, except pad files.
func (t *Torrent) FileCount() int {
	n := 0
	for i := range t.Files {
		if !t.Files[i].Pad {
			n++
		}
	}
	return n
}

// PieceCount returns the number of v1 hashes, or for v2 torrents the number of pieces
// of all files.
func (t *Torrent) PieceCount() int {
	switch {
	case t.V1:
		return len(t.Pieces) / sha1.Size
	case t.layout != nil:
		return t.layout.Pieces()
	}
	return 0
}

// Layout returns the layout of the files, or nil if the torrent's numbers are invalid.
func (t *Torrent) Layout() *Layout { return t.layout }

// PieceLayer returns the hashes of the pieces (BEP 52), 32 bytes each, of a file of
// more than one piece, or nil if the torrent does not have them.
func (t *Torrent) PieceLayer(root *[32]byte) []byte { return t.pieceLayers[*root].hashes(t.raw) }

// Magnet returns the magnet link, with the name, size, trackers and web seeds. It
// leaves out names and URLs of more than 8 KiB, and all but the first 1000 trackers and
// web seeds.
func (t *Torrent) Magnet() *Magnet {
	m := &Magnet{HasV1: t.V1, V1: t.InfoHashV1, HasV2: t.V2, V2: t.InfoHashV2, HasSize: true, Size: t.Size()}
	if len(t.Name) <= maxURL {
		m.Name = t.Name
	}
	const most = 1000
	short := func(urls []string) []string {
		urls = slices.DeleteFunc(urls, func(u string) bool { return len(u) > maxURL })
		return urls[:min(len(urls), most)]
	}
	m.Trackers = short(slices.Concat(t.Trackers()...))
	m.WebSeeds = short(slices.Clone(t.WebSeeds))
	return m
}

// Content describes the files of a torrent as they are on disk. All paths are safe to
// use below a directory, and all numbers are consistent.
type Content struct {
	V1, V2 bool   // the hashes that the torrent has
	Name   string // "" if the name must not be used on disk (see CheckName)
	Single bool
	Files  []File // the path of a single file is empty without Name
	Layout *Layout
	Pieces []byte // v1: 20 bytes per piece

	torrent *Torrent
}

// PieceHash returns the v2 hash (BEP 52) of piece n of a file, counted from 0. It
// returns false if the torrent does not have the file's piece layer.
func (c *Content) PieceHash(file, n int) (hash [32]byte, ok bool) {
	f := &c.Files[file]
	if f.PiecesRoot == nil {
		return hash, false
	}
	if f.Length <= c.Layout.PieceLength() {
		return *f.PiecesRoot, true
	}
	layer := c.torrent.PieceLayer(f.PiecesRoot)
	if layer == nil {
		return hash, false
	}
	return [32]byte(layer[n*32:]), true
}

// An UnusableError lists the findings for which a torrent must not be used.
type UnusableError struct{ Findings []Finding }

func (e *UnusableError) Error() string {
	s := "the torrent can't be used: " + e.Findings[0].Message
	if n := len(e.Findings) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// Content returns the files as they are on disk, or an *UnusableError.
func (t *Torrent) Content() (*Content, error) {
	var bad []Finding
	for _, f := range t.Findings {
		if f.Severity == SeverityError {
			bad = append(bad, f)
		}
	}
	if len(bad) == 0 && t.layout == nil { // a Torrent that Parse has not returned
		bad = []Finding{{Code: CodeMissingLength, Severity: SeverityError, Message: "there is neither a length nor a list of files"}}
	}
	if len(bad) > 0 {
		return nil, &UnusableError{bad}
	}
	c := &Content{t.V1, t.V2, t.Name, t.Single, t.Files, t.layout, t.Pieces, t}
	if CheckComponent(t.Name) != nil || len(t.Name) > maxURL { // too long for any system
		c.Name = ""
		if t.Single { // the path of a single file is its name
			c.Files = slices.Clone(t.Files)
			c.Files[0].names = ""
		}
	}
	return c, nil
}

// CheckName returns an *UnusableError if the torrent's name must not be used on disk.
// The content can then be found only if the user gives its path.
func (t *Torrent) CheckName() error {
	for _, f := range t.Findings {
		if f.Code == CodeUnsafeName {
			return &UnusableError{[]Finding{f}}
		}
	}
	return nil
}

func (r *reader) hashes() {
	if r.t.V1 {
		r.t.InfoHashV1 = sha1.Sum(r.t.info)
	}
	if r.t.V2 {
		r.t.InfoHashV2 = sha256.Sum256(r.t.info)
	}
}
