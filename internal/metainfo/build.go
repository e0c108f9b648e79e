package metainfo

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bt/internal/bencode"
)

// A Builder builds a new torrent, in canonical bencode. Empty fields are not written.
type Builder struct {
	V1, V2      bool // both for a hybrid
	Name        string
	PieceLength int64
	Single      bool        // the content is one file, called Name
	Files       []BuildFile // in the order of the content; for v2 sorted by component
	Pieces      []byte      // v1: 20 bytes per piece of the layout
	PiecesRoots [][32]byte  // v2: one per file; ignored for empty files
	PieceLayers []byte      // v2: 32 bytes per piece, of all files of more than one piece
	Private     bool
	Source      string
	Entropy     string // any text, to get a different info-hash

	Trackers  [][]string // tiers
	WebSeeds  []string
	HTTPSeeds []string
	Nodes     []Node
	Comment   string
	CreatedBy string
	Date      time.Time // in whole seconds; the zero Time is not written
}

// A BuildFile is one file of a new torrent.
type BuildFile struct {
	Path   []string // below the torrent's name; unused for a single file
	Length int64    // bytes
}

// MaxTreeDepth is the maximum number of components of a path in a v2 file tree. Each is
// a nested dict; three dicts contain the tree, and one is the file's own.
// bencode.DefaultMaxDepth limits the sum.
const MaxTreeDepth = bencode.DefaultMaxDepth - 4

// ContentLength returns the sum of the lengths of all files, at most math.MaxInt64.
func (b *Builder) ContentLength() int64 {
	var n int64
	for _, f := range b.Files {
		n = addSaturating(n, f.Length)
	}
	return n
}

// ErrNameOfFile is returned for a directory that contains one file of the same name. A
// v2 torrent of it would look like that of the file alone.
var ErrNameOfFile = errors.New("in v2 a directory with one file of the same name would be read as that file")

// Layout returns the layout of the files. It returns the errors that Build would return
// about anything but the hashes, so that they are found before hashing.
func (b *Builder) Layout() (*Layout, error) {
	lengths := make([]int64, len(b.Files))
	for i, f := range b.Files {
		lengths[i] = f.Length
	}
	l, err := NewLayout(b.PieceLength, lengths, b.alignment())
	if err != nil {
		return nil, err
	}
	if err := b.CheckPieceLength(); err != nil {
		return nil, err
	}
	if b.V2 && !b.V1 && !b.Single && len(b.Files) == 1 && slices.Equal(b.Files[0].Path, []string{b.Name}) {
		return nil, ErrNameOfFile
	}
	if size := b.size(l); size > MaxSize {
		return nil, fmt.Errorf("the torrent would have about %d bytes, for %d files and %d pieces; %d is the most that is read", size, len(b.Files), l.Pieces(), int64(MaxSize))
	}
	if items := b.items(l); items > bencode.DefaultMaxItems {
		return nil, fmt.Errorf("the torrent would have %d names and numbers; %d is the most that is read", items, bencode.DefaultMaxItems)
	}
	return l, nil
}

// CheckPieceLength returns an error if PieceLength is not valid for the format.
func (b *Builder) CheckPieceLength() error {
	if b.PieceLength > maxPieceLength {
		return fmt.Errorf("a piece length of %d bytes; clients read %d at most", b.PieceLength, maxPieceLength)
	}
	if b.V2 && (b.PieceLength < BlockLength || b.PieceLength&(b.PieceLength-1) != 0) {
		return fmt.Errorf("a piece length of %d bytes; v2 needs a power of two from %d", b.PieceLength, BlockLength)
	}
	return nil
}

// Padding returns the number of bytes that v2 and hybrids leave empty at a piece
// length, because each file begins a piece. It is at most math.MaxInt64.
func (b *Builder) Padding(pieceLength int64) int64 {
	var n int64
	if b.alignment() == AlignmentPacked {
		return 0
	}
	for _, f := range b.Files {
		n = addSaturating(n, roundUp(f.Length, pieceLength)-f.Length)
	}
	return n
}

// alignment returns the alignment of the files. A hybrid of one file has no pad file
// after it, as in libtorrent: it may have no list of files.
func (b *Builder) alignment() Alignment {
	switch {
	case !b.V2 || b.V1 && len(b.Files) == 1:
		return AlignmentPacked
	case b.V1:
		return AlignmentPadded
	}
	return AlignmentAligned
}

// Build returns the torrent. It returns an error if the names, their order or the
// numbers are invalid. It does not check the hashes.
func (b *Builder) Build() ([]byte, error) {
	l, err := b.check()
	if err != nil {
		return nil, err
	}
	var e bencode.Encoder
	e.Grow(int(b.size(l)))
	e.Dict()
	urls := 0
	for _, tier := range b.Trackers {
		urls += len(tier)
	}
	if urls > 0 {
		e.Key("announce")
		e.String(b.Trackers[0][0])
	}
	if urls > 1 { // a list of one tracker would be redundant (BEP 12)
		e.Key("announce-list")
		e.List()
		for _, tier := range b.Trackers {
			stringList(&e, tier)
		}
		e.End()
	}
	text(&e, "comment", b.Comment)
	text(&e, "created by", b.CreatedBy)
	if !b.Date.IsZero() {
		e.Key("creation date")
		e.Int(b.Date.Unix())
	}
	if len(b.HTTPSeeds) > 0 {
		e.Key("httpseeds")
		stringList(&e, b.HTTPSeeds)
	}
	e.Key("info")
	b.info(&e, l)
	if len(b.Nodes) > 0 {
		e.Key("nodes")
		e.List()
		for _, n := range b.Nodes {
			e.List()
			e.String(n.Host)
			e.Int(int64(n.Port))
			e.End()
		}
		e.End()
	}
	if b.V2 {
		b.pieceLayers(&e)
	}
	if len(b.WebSeeds) > 0 {
		e.Key("url-list")
		stringList(&e, b.WebSeeds)
	}
	e.End()
	return e.Bytes(), nil
}

func (b *Builder) info(e *bencode.Encoder, l *Layout) {
	e.Dict()
	text(e, "entropy", b.Entropy)
	if b.V2 {
		b.fileTree(e)
	}
	switch {
	case b.V1 && b.Single:
		e.Key("length")
		e.Int(b.Files[0].Length)
	case b.V1:
		b.fileList(e, l)
	}
	if b.V2 {
		e.Key("meta version")
		e.Int(2)
	}
	e.Key("name")
	e.String(b.Name)
	e.Key("piece length")
	e.Int(b.PieceLength)
	if b.V1 {
		e.Key("pieces")
		e.Blob(b.Pieces)
	}
	if b.Private {
		e.Key("private")
		e.Int(1)
	}
	text(e, "source", b.Source)
	e.End()
}

// fileList writes the v1 list of files, with the pad files of a hybrid.
func (b *Builder) fileList(e *bencode.Encoder, l *Layout) {
	e.Key("files")
	e.List()
	for i, f := range b.Files {
		e.Dict()
		e.Key("length")
		e.Int(f.Length)
		e.Key("path")
		stringList(e, f.Path)
		e.End()
		if pad := l.gapAfter(i); pad > 0 {
			e.Dict()
			e.Key("attr")
			e.String("p")
			e.Key("length")
			e.Int(pad)
			e.Key("path")
			stringList(e, []string{".pad", strconv.FormatInt(pad, 10)})
			e.End()
		}
	}
	e.End()
}

// fileTree writes the v2 file tree, with a dict for each directory.
func (b *Builder) fileTree(e *bencode.Encoder) {
	e.Key("file tree")
	e.Dict()
	var in []string // the directory whose dict is open
	for i, f := range b.Files {
		path := f.Path
		if b.Single {
			path = []string{b.Name}
		}
		dir, name := path[:len(path)-1], path[len(path)-1]
		same := 0
		for same < min(len(in), len(dir)) && in[same] == dir[same] {
			same++
		}
		for range in[same:] {
			e.End()
		}
		for _, c := range dir[same:] {
			e.Key(c)
			e.Dict()
		}
		in = dir
		e.Key(name)
		e.Dict()
		e.Key("")
		e.Dict()
		e.Key("length")
		e.Int(f.Length)
		if f.Length > 0 {
			e.Key("pieces root")
			e.Blob(b.PiecesRoots[i][:])
		}
		e.End()
		e.End()
	}
	for range in {
		e.End()
	}
	e.End()
}

// pieceLayers writes the piece layers of files of more than one piece, sorted by pieces
// root. Files with the same root share an entry.
func (b *Builder) pieceLayers(e *bencode.Encoder) {
	type layer struct{ root, hashes []byte }
	var layers []layer
	rest := b.PieceLayers
	for i := range b.Files {
		if f := &b.Files[i]; f.Length > b.PieceLength {
			n := ((f.Length-1)/b.PieceLength + 1) * 32
			layers = append(layers, layer{b.PiecesRoots[i][:], rest[:n]})
			rest = rest[n:]
		}
	}
	slices.SortFunc(layers, func(x, y layer) int { return bytes.Compare(x.root, y.root) })
	e.Key("piece layers")
	e.Dict()
	for i, l := range layers {
		if i == 0 || !bytes.Equal(l.root, layers[i-1].root) {
			e.Key(string(l.root))
			e.Blob(l.hashes)
		}
	}
	e.End()
}

func text(e *bencode.Encoder, key, s string) {
	if s != "" {
		e.Key(key)
		e.String(s)
	}
}

func stringList(e *bencode.Encoder, list []string) {
	e.List()
	for _, s := range list {
		e.String(s)
	}
	e.End()
}

// size returns an upper bound, close to the length of the torrent, as its memory is
// allocated at once.
func (b *Builder) size(l *Layout) int64 {
	n := 4096 + textLength(b.Comment)
	var dir []string
	for i, f := range b.Files {
		length := digits(f.Length)
		path := int64(0)
		for _, c := range f.Path {
			path += textLength(c)
		}
		if b.V1 {
			n += int64(len("d6:lengthie4:pathlee")) + length + path
			if pad := l.gapAfter(i); pad > 0 {
				n += int64(len("d4:attr1:p6:lengthie4:pathl4:.pad1:ee")) + 2*digits(pad)
			}
		}
		if !b.V2 {
			continue
		}
		n += int64(len("d0:d6:lengthie11:pieces root32:ee")) + length + 32
		if len(f.Path) > 0 {
			in := f.Path[:len(f.Path)-1]
			if n += textLength(f.Path[len(in)]); !slices.Equal(in, dir) {
				n += path + 2*int64(len(in)) // at most: paths may share a prefix
				dir = in
			}
		}
		if f.Length > b.PieceLength {
			n += int64(len("32:00000000:")) + 32 + ((f.Length-1)/b.PieceLength+1)*32
		}
	}
	if b.V1 {
		n += int64(l.Pieces()) * 20
	}
	for _, tier := range b.Trackers {
		n += 2
		for _, u := range tier {
			n += textLength(u)
		}
	}
	return n
}

// textLength returns the length of a text in bencode.
func textLength(s string) int64 { return int64(len(s)) + digits(int64(len(s))) + 1 }

// digits returns the number of digits of a number that is not negative.
func digits(n int64) int64 {
	d := int64(1)
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// items returns an upper bound of the number of values and keys that the files need.
func (b *Builder) items(l *Layout) int {
	n := 1000
	for i, f := range b.Files {
		if b.V1 {
			n += 6 + len(f.Path)
			if l.gapAfter(i) > 0 {
				n += 9
			}
		}
		if b.V2 {
			n += 8 + 2*(len(f.Path)-1) // at most: files may share directories
			if f.Length > b.PieceLength {
				n += 2
			}
		}
	}
	return n
}

func (b *Builder) check() (*Layout, error) {
	if err := CheckComponent(b.Name); err != nil {
		return nil, fmt.Errorf("the name %q %w", b.Name, err)
	}
	if len(b.Files) == 0 || b.Single && len(b.Files) != 1 {
		return nil, errors.New("a torrent needs files")
	}
	for _, tier := range b.Trackers {
		if len(tier) == 0 {
			return nil, errors.New("a tier without trackers")
		}
	}
	if !b.Single {
		if err := b.checkPaths(); err != nil {
			return nil, err
		}
	}
	l, err := b.Layout()
	if err != nil {
		return nil, err
	}
	hashes := int64(0) // number of hashes in piece layers
	for _, f := range b.Files {
		if f.Length > b.PieceLength {
			hashes += (f.Length-1)/b.PieceLength + 1
		}
	}
	switch {
	case l.Total() == 0:
		return nil, errors.New("there is no content: all files are empty")
	case !b.V1 && !b.V2:
		return nil, errors.New("neither v1 nor v2")
	case b.V1 && len(b.Pieces) != l.Pieces()*20:
		return nil, fmt.Errorf("%d bytes of hashes for %d pieces", len(b.Pieces), l.Pieces())
	case b.V2 && len(b.PiecesRoots) != len(b.Files):
		return nil, fmt.Errorf("%d pieces roots for %d files", len(b.PiecesRoots), len(b.Files))
	case b.V2 && int64(len(b.PieceLayers)) != hashes*32:
		return nil, fmt.Errorf("%d bytes of piece layers for %d pieces", len(b.PieceLayers), hashes)
	}
	return l, nil
}

func (b *Builder) checkPaths() error {
	var last []string
	for _, f := range b.Files {
		if len(f.Path) == 0 {
			return errors.New("a file without a path")
		}
		for _, c := range f.Path {
			if err := CheckComponent(c); err != nil {
				return fmt.Errorf("in %q a name %w", strings.Join(f.Path, "/"), err)
			}
		}
		if b.V2 && len(f.Path) > MaxTreeDepth {
			return fmt.Errorf("%q has %d names; a v2 torrent can have %d", strings.Join(f.Path, "/"), len(f.Path), MaxTreeDepth)
		}
		// a name in a tree is a file or a directory, and keys are sorted
		if b.V2 && (slices.Compare(last, f.Path) >= 0 || len(last) > 0 && len(last) < len(f.Path) && slices.Equal(last, f.Path[:len(last)])) {
			return fmt.Errorf("%q after %q", strings.Join(f.Path, "/"), strings.Join(last, "/"))
		}
		last = f.Path
	}
	return nil
}
