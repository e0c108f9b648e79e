// Package metainfo gives torrents their meaning: what a .torrent file says
// (BEP 3, 12, 17, 19, 27, 38, 47, 52), its info-hashes, which bytes of which
// file make which piece, and magnet links (BEP 9, 53).
//
// A [Torrent] keeps the bytes that it was read from and adds typed views. What
// is wrong with it is listed as [Finding]s: looking is lenient, and shows
// whatever can be shown. Trusting is strict: only [Torrent.Content] gives
// paths that may be looked for on a disk, and it refuses a torrent that has a
// finding of severity error. New torrents are written by [Builder]. What is no
// torrent at all is given a name by [Recognize].
//
// Left out: fetching, and hashing content.
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

// A Torrent is a parsed .torrent file. Texts are as found: they may be no
// UTF-8 and hold control characters. They are parts of its bytes, and not
// copies: a torrent may have millions of names.
type Torrent struct {
	raw, info []byte

	V1, V2     bool     // which halves the info dict has; both is a hybrid
	InfoHashV1 [20]byte // of the info bytes as found; zero unless V1
	InfoHashV2 [32]byte // the same; zero unless V2

	Name        string // "" if there is none
	PieceLength int64  // 0 if there is none
	Single      bool   // one file that is itself called Name, not a directory
	Files       []File // the v1 list with its pad files; of v2-only torrents the file tree
	Pieces      []byte // v1: 20 bytes a piece
	HasPrivate  bool   // whether the key is there
	Private     bool   // BEP 27
	Source      string

	Announce     string
	AnnounceList [][]string // BEP 12, as found, without what is no text
	MoreTrackers bool       // AnnounceList is not all that there is
	WebSeeds     []string   // BEP 19, url-list
	HTTPSeeds    []string   // BEP 17
	Nodes        []Node     // BEP 5
	Comment      string
	CreatedBy    string
	CreationDate time.Time // UTC; zero if there is none
	Encoding     string

	// UnknownKeys are the keys that this package has no meaning for, with their
	// place: "x", "info.x", "info.files[].x", "info.file tree[].x".
	UnknownKeys []string

	Findings []Finding

	otherName   string                  // in name, where Name is from name.utf-8
	codePage    int64                   // 0 if there is none
	layout      *Layout                 // nil when lengths or the piece length make no sense
	pieceLayers map[[32]byte]pieceLayer // by pieces root; proven
}

// A Node is an entry to the DHT (BEP 5).
type Node struct {
	Host string
	Port int
}

// String returns HOST:PORT, with brackets around an IPv6 address.
func (n Node) String() string { return net.JoinHostPort(n.Host, strconv.Itoa(n.Port)) }

// Parse reads a torrent. It keeps b, which must not change afterwards. It
// fails only where there is nothing to show: no bencode, no info dict, or
// neither a name nor a size in it. The error is a *NotTorrentError.
func Parse(b []byte) (*Torrent, error) {
	doc, err := bencode.Parse(b)
	if err != nil {
		return nil, NotTorrent(b, err)
	}
	return FromDocument(doc)
}

// FromDocument is Parse for what was parsed as bencode already.
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
	// The index of the document goes when it has been read; the bytes stay.
	t := &Torrent{raw: b, info: info.Raw()}
	r := reader{t: t, doc: doc, root: root, info: info}
	r.read()
	if t.Name == "" && len(t.Files) == 0 {
		return nil, NotTorrent(b, errors.New("not a torrent: its info dict has neither a name nor a size"))
	}
	return t, nil
}

// Bytes returns the torrent as it was read.
func (t *Torrent) Bytes() []byte { return t.raw }

// InfoBytes returns the info dict as it was read, which the info-hashes are of.
func (t *Torrent) InfoBytes() []byte { return t.info }

// WriteJSON writes the whole torrent as lossless JSON; see
// bencode.Document.WriteJSON.
func (t *Torrent) WriteJSON(w io.Writer) error {
	doc, err := bencode.Parse(t.raw)
	if err != nil {
		panic(err) // it was parsed before
	}
	return doc.WriteJSON(w)
}

// MaxSize is the size, in bytes, of the largest torrent that Parse reads.
const MaxSize = bencode.DefaultMaxSize

// HexV1 is the v1 info-hash in hex; "" unless V1.
func (t *Torrent) HexV1() string {
	if !t.V1 {
		return ""
	}
	return hex.EncodeToString(t.InfoHashV1[:])
}

// HexV2 is the v2 info-hash in hex; "" unless V2.
func (t *Torrent) HexV2() string {
	if !t.V2 {
		return ""
	}
	return hex.EncodeToString(t.InfoHashV2[:])
}

// Format is "v1", "v2" or "hybrid".
func (t *Torrent) Format() string {
	switch {
	case t.V1 && t.V2:
		return "hybrid"
	case t.V2:
		return "v2"
	}
	return "v1"
}

// Trackers returns the tiers that a client uses (BEP 12): announce-list, or
// announce alone where the list is missing or empty. URLs are trimmed of the
// blanks around them; the empty ones are left out.
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

// Size is the number of bytes in the files, pad files left out. The sum stops
// at the largest int64; there is a finding then.
func (t *Torrent) Size() int64 {
	var n int64
	for i := range t.Files {
		if f := &t.Files[i]; !f.Pad && f.Length > 0 {
			n = addSaturating(n, f.Length)
		}
	}
	return n
}

// FileCount is the number of files, pad files left out.
func (t *Torrent) FileCount() int {
	n := 0
	for i := range t.Files {
		if !t.Files[i].Pad {
			n++
		}
	}
	return n
}

// PieceCount is the number of pieces: of hashes in v1, of pieces of all files
// in v2-only torrents.
func (t *Torrent) PieceCount() int {
	switch {
	case t.V1:
		return len(t.Pieces) / sha1.Size
	case t.layout != nil:
		return t.layout.Pieces()
	}
	return 0
}

// Layout maps pieces to files; nil when the torrent's numbers allow none.
func (t *Torrent) Layout() *Layout { return t.layout }

// PieceLayer returns the hashes of the pieces (BEP 52), 32 bytes each, of a file
// of several pieces; nil if the torrent has none that make its pieces root.
func (t *Torrent) PieceLayer(root *[32]byte) []byte { return t.pieceLayers[*root].hashes(t.raw) }

// Magnet returns the link that stands for this torrent, with its name, size,
// trackers and web seeds. What no program could read is left out: a name or URL
// of more than 8 KiB, and all but the first 1000 trackers and web seeds.
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

// Content is what a torrent says of the disk, from a torrent that may be
// trusted with it: every name of a file was checked, every number adds up.
type Content struct {
	V1, V2 bool   // which hashes there are
	Name   string // "" where the name must not touch a disk (see CheckName)
	Single bool
	Files  []File // of a single file without Name the path is empty
	Layout *Layout
	Pieces []byte // v1: 20 bytes a piece

	torrent *Torrent
}

// PieceHash returns the v2 hash (BEP 52) of piece n of a file, counted from its
// first; false if the torrent lacks it, for it has no piece layer of the file.
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

// Content returns what to look for on a disk, or an *UnusableError.
func (t *Torrent) Content() (*Content, error) {
	var bad []Finding
	for _, f := range t.Findings {
		if f.Severity == SeverityError {
			bad = append(bad, f)
		}
	}
	if len(bad) > 0 {
		return nil, &UnusableError{bad}
	}
	c := &Content{t.V1, t.V2, t.Name, t.Single, t.Files, t.layout, t.Pieces, t}
	if CheckComponent(t.Name) != nil || len(t.Name) > maxURL { // no system has such a name
		c.Name = ""
		if t.Single { // its path is its name
			c.Files = slices.Clone(t.Files)
			c.Files[0].names = ""
		}
	}
	return c, nil
}

// CheckName returns an *UnusableError if the name of the torrent must not touch a
// disk. Its content can be found only where the user says what it is.
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
