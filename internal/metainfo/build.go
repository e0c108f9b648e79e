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

// A Builder writes a new torrent in canonical bencode. What is left empty is
// not written.
type Builder struct {
	V1, V2      bool // both is a hybrid
	Name        string
	PieceLength int64
	Single      bool        // Files is one file, and called Name
	Files       []BuildFile // in the order of the content; of v2 sorted by component
	Pieces      []byte      // v1: 20 bytes a piece of the layout
	PiecesRoots [][32]byte  // v2: one a file; of an empty one it is not used
	PieceLayers []byte      // v2: 32 bytes a piece, of all files of several pieces together
	Private     bool
	Source      string
	Entropy     string // any text that makes the info-hash another one

	Trackers  [][]string // tiers
	WebSeeds  []string
	HTTPSeeds []string
	Nodes     []Node
	Comment   string
	CreatedBy string
	Date      time.Time // in whole seconds
}

// A BuildFile is one file of a new torrent.
type BuildFile struct {
	Path   []string // below the torrent's name; unused for a single file
	Length int64    // bytes
}

// MaxTreeDepth is how many names a path may have in the file tree of v2. Each is
// a dict in the one before it, inside three others and around the file's own, and
// no more than bencode.DefaultMaxDepth are read.
const MaxTreeDepth = bencode.DefaultMaxDepth - 4

// ContentLength is the sum of the lengths of all files, or the largest int64.
func (b *Builder) ContentLength() int64 {
	var n int64
	for _, f := range b.Files {
		n = addSaturating(n, f.Length)
	}
	return n
}

// ErrNameOfFile is returned for what v2 has no form for: a single file there is
// a tree of one file with the name of the torrent.
var ErrNameOfFile = errors.New("v2 can't tell a directory whose one file is called as it is from that file")

// Layout lays out the files. It fails where Build would for what stands before
// the content is hashed, so that nothing is hashed in vain.
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

// CheckPieceLength says why PieceLength can't be that of a torrent of this format,
// whatever its content is.
func (b *Builder) CheckPieceLength() error {
	if b.PieceLength > maxPieceLength {
		return fmt.Errorf("a piece length of %d bytes; clients read %d at most", b.PieceLength, maxPieceLength)
	}
	if b.V2 && (b.PieceLength < BlockLength || b.PieceLength&(b.PieceLength-1) != 0) {
		return fmt.Errorf("a piece length of %d bytes; v2 needs a power of two from %d", b.PieceLength, BlockLength)
	}
	return nil
}

// Padding is how many bytes pieces of a length leave empty, because each file of
// v2 and hybrids begins a piece; or the largest int64.
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

// alignment is how the pieces are cut. A hybrid of one file has no pad file
// after it, as libtorrent makes it: there may be no list to put it into.
func (b *Builder) alignment() Alignment {
	switch {
	case !b.V2 || b.V1 && len(b.Files) == 1:
		return AlignmentPacked
	case b.V1:
		return AlignmentPadded
	}
	return AlignmentAligned
}

// Build returns the torrent. It fails where names, their order or numbers make
// none; that the sums are those of the content is the caller's to see to.
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
	if urls > 1 { // BEP 12: a list of one would only say it again
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

// fileList writes the files of v1, and of a hybrid the pad files between them.
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

// fileTree writes the files of v2: a dict a directory.
func (b *Builder) fileTree(e *bencode.Encoder) {
	e.Key("file tree")
	e.Dict()
	var in []string // the directory that is open
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

// pieceLayers writes the hashes of the pieces of each file of several, by
// pieces root. Files that are alike have one entry.
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

// size is about how long the torrent will be: no less, and hardly more, for it
// is built in one place.
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
				n += path + 2*int64(len(in)) // at most: they may share the start
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

// textLength is how long a text is in bencode.
func textLength(s string) int64 { return int64(len(s)) + digits(int64(len(s))) + 1 }

// digits is how many a number has that is not negative.
func digits(n int64) int64 {
	d := int64(1)
	for ; n >= 10; n /= 10 {
		d++
	}
	return d
}

// items is about how many values and keys the files make.
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
			n += 8 + 2*(len(f.Path)-1) // at most: files share directories
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
	hashes := int64(0) // in piece layers
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
		// In a tree a name is a file or a directory, and keys are sorted.
		if b.V2 && (slices.Compare(last, f.Path) >= 0 || len(last) > 0 && len(last) < len(f.Path) && slices.Equal(last, f.Path[:len(last)])) {
			return fmt.Errorf("%q after %q", strings.Join(f.Path, "/"), strings.Join(last, "/"))
		}
		last = f.Path
	}
	return nil
}
