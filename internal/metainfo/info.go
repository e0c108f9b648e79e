package metainfo

import (
	"math/bits"
	"slices"
	"unicode/utf8"

	"bt/internal/bencode"
)

// A reader fills in a Torrent. It has a method for each part of a torrent.
type reader struct {
	t          *Torrent
	doc        *bencode.Document
	root, info bencode.Value
	findings
	unknown map[string]bool
	nameRaw names               // the torrent's name, as a path
	groups  map[groupKey]*group // the latest, of files that have attributes and are not links
	current []string            // the path of the current file
}

func (r *reader) read() {
	t, info := r.t, r.info
	r.unknown, r.groups = make(map[string]bool), make(map[groupKey]*group)
	// One key of v1 or v2 is enough: the other required keys are then missing.
	version, isInt := info.Get("meta version").Int()
	t.V2 = info.Get("file tree").Exists() || info.Get("meta version").Exists() && !(isInt && version == 1)
	t.V1 = info.Get("pieces").Exists() || info.Get("files").Exists() || info.Get("length").Exists() || !t.V2
	r.hashes()
	r.irregularities(r.doc, info, t.V2)

	t.Encoding = r.text(r.root, "encoding")
	t.codePage, _ = r.root.Get("codepage").Int()
	r.keys(r.root, "", rootKeys)
	r.keys(info, "info.", infoKeys)
	r.name()
	r.pieceLength()
	if t.V1 {
		r.v1Files()
	}
	if t.V2 {
		r.v2Files()
	}
	r.collisions()
	r.lay()
	r.private()
	t.Source = r.text(info, "source")
	r.outside()
	r.limits()
	t.Findings = r.finish()
}

// The known keys of dicts, from BEPs and common practice.
var (
	rootKeys = set("announce", "announce-list", "comment", "comment.utf-8", "created by", "creation date",
		"encoding", "codepage", "httpseeds", "info", "nodes", "piece layers", "url-list", "publisher",
		"publisher.utf-8", "publisher-url", "publisher-url.utf-8", "similar", "collections", "signatures", "update-url", "originator")
	infoKeys = set("name", "name.utf-8", "piece length", "pieces", "length", "files", "file tree", "meta version",
		"private", "source", "attr", "symlink path", "md5sum", "sha1", "entropy", "similar", "collections",
		"publisher", "publisher.utf-8", "publisher-url", "publisher-url.utf-8", "update-url", "originator", "ssl-cert")
	fileKeys = set("length", "path", "path.utf-8", "attr", "symlink path", "md5sum", "sha1", "mtime")
	leafKeys = set("length", "pieces root", "attr", "symlink path", "mtime")
)

func set(keys ...string) map[string]bool {
	m := make(map[string]bool, len(keys))
	for _, k := range keys {
		m[k] = true
	}
	return m
}

// keys adds the unknown keys of a dict to UnknownKeys, each once, and the known keys of
// the outer dict and of the info dict to KnownKeys.
func (r *reader) keys(dict bencode.Value, place string, known map[string]bool) {
	top := place == "" || place == "info."
	for k := range dict.Entries() {
		if known[string(k.Bytes())] {
			if name := place + k.Text(); top && !slices.Contains(r.t.KnownKeys, name) {
				r.t.KnownKeys = append(r.t.KnownKeys, name)
			}
			continue
		}
		if len(r.unknown) == maxListed {
			r.add(CodeManyUnknownKeys, k.Offset(), "a key without a meaning that is not listed, as there are more than %d", maxListed)
			continue
		}
		if name := place + k.Text(); !r.unknown[name] {
			r.unknown[name] = true
			r.t.UnknownKeys = append(r.t.UnknownKeys, name)
		}
	}
}

// maxListed is the maximum number of trackers, web seeds, nodes and unknown keys that
// are parsed: far more than real torrents have.
const maxListed = 10_000

// text parses an optional string.
func (r *reader) text(dict bencode.Value, key string) string {
	v := dict.Get(key)
	if v.Exists() && v.Kind() != bencode.KindString {
		r.add(CodeBadText, v.Offset(), "%s is %v and not a text", key, v.Kind())
	}
	return v.Text()
}

func (r *reader) name() {
	t := r.t
	v := r.info.Get("name")
	// The .utf-8 keys are older than the rule that all strings are UTF-8. If there are
	// any, name is in another encoding.
	if u := r.info.Get("name.utf-8"); len(u.Bytes()) > 0 && utf8.Valid(u.Bytes()) {
		v = u
	}
	switch {
	case !v.Exists():
		r.add(CodeMissingName, r.info.Offset(), "the torrent has no name")
		return
	case v.Kind() != bencode.KindString:
		r.add(CodeBadName, v.Offset(), "the name is %v and not a text", v.Kind())
		return
	}
	t.Name, r.nameRaw = v.Text(), rawNames(v.Raw())
	r.component(CodeUnsafeName, t.Name, v.Offset())
	if other := r.info.Get("name"); other.Kind() == bencode.KindString && other.Text() != t.Name {
		t.otherName = other.Text()
		r.add(CodeOtherName, other.Offset(), "the torrent has another name in name than in name.utf-8: %s and %s", quote(t.otherName), quote(t.Name))
	}
}

func (r *reader) pieceLength() {
	v := r.info.Get("piece length")
	if !v.Exists() {
		r.add(CodeMissingPieceLength, r.info.Offset(), "the torrent has no piece length")
		return
	}
	n, ok := v.Int()
	switch {
	case !ok || n <= 0:
		r.add(CodeBadPieceLength, v.Offset(), "the piece length is %s", describe(v))
		return
	case n > maxPieceLength:
		r.add(CodeBadPieceLength, v.Offset(), "the piece length is %d; clients read %d at most", n, maxPieceLength)
		return
	}
	r.t.PieceLength = n
	powerOfTwo := bits.OnesCount64(uint64(n)) == 1
	if r.t.V2 && (!powerOfTwo || n < BlockLength) { // BEP 52
		r.add(CodeBadPieceLength, v.Offset(), "the piece length of a v2 torrent is %d; it must be a power of two from %d", n, BlockLength)
		return
	}
	if !powerOfTwo {
		r.add(CodeOddPieceLength, v.Offset(), "the piece length %d is not a power of two", n)
	}
	switch {
	case n < BlockLength:
		r.add(CodeSmallPieces, v.Offset(), "the piece length %d is less than a block of %d bytes", n, BlockLength)
	case n > largestPieces:
		r.add(CodeLargePieces, v.Offset(), "pieces of %d MiB: some clients refuse more than %d", n>>20, largestPieces>>20)
	}
}

// maxPieceLength is the maximum length of a piece in libtorrent.
const maxPieceLength = 1 << 29

// describe formats a number, or the kind of any other value.
func describe(v bencode.Value) string {
	switch v.Kind() {
	case bencode.KindInteger:
		digits := v.Raw()[1 : len(v.Raw())-1]
		if len(digits) > 40 {
			return "a number of " + string(digits[:8]) + "... and more digits"
		}
		return string(digits)
	case bencode.KindInvalid:
		return "missing"
	}
	return v.Kind().String()
}

// lay makes the layout, and checks it against the number of hashes.
func (r *reader) lay() {
	t := r.t
	if t.PieceLength == 0 || len(t.Files) == 0 {
		return
	}
	lengths := make([]int64, len(t.Files))
	absent := int64(0) // number of pieces without piece layer
	for i := range t.Files {
		f := &t.Files[i]
		if lengths[i] = f.content(); lengths[i] > t.PieceLength && (f.PiecesRoot == nil || t.PieceLayer(f.PiecesRoot) == nil) {
			absent = addSaturating(absent, (lengths[i]-1)/t.PieceLength+1)
		}
	}
	// This bounds the work for a small torrent with huge lengths.
	if !t.V1 && absent > maxAbsent {
		r.add(CodeTooLarge, r.info.Offset(), "the torrent has %d pieces and no hashes of them; %d is the most that is read", absent, maxAbsent)
		return
	}
	l, err := NewLayout(t.PieceLength, lengths, pick(t.V1, AlignmentPacked, AlignmentAligned))
	if err != nil {
		r.add(CodeTooLarge, r.info.Offset(), "%v", err)
		return
	}
	t.layout = l
	if l.Total() == 0 {
		r.add(CodeNoContent, r.info.Offset(), "the torrent has no content: all sizes are 0")
	}
	// If the hashes are missing or invalid, there is a finding about that already.
	if have := len(t.Pieces) / 20; t.V1 && t.Pieces != nil && have != l.Pieces() && r.count[CodeMissingLength] == 0 {
		r.add(CodePieceCount, r.info.Get("pieces").Offset(), "the sizes make a number of %d pieces, but the hashes are %d", l.Pieces(), have)
	}
}

// maxAbsent is the maximum number of pieces of a v2 torrent without piece layers: 16
// TiB of 16 MiB each.
const maxAbsent = 1 << 20

func (r *reader) private() {
	v := r.info.Get("private")
	if !v.Exists() {
		return
	}
	n, ok := v.Int()
	r.t.HasPrivate, r.t.Private = true, ok && n != 0 // as in libtorrent
	if !ok || n != 0 && n != 1 {
		r.add(CodeBadPrivate, v.Offset(), "private is %s and not 0 or 1", describe(v))
	}
}
