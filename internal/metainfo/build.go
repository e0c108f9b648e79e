package metainfo

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"bt/internal/bencode"
)

// A Builder builds a new torrent, in canonical bencode. Empty fields are not written.
type Builder struct {
	V1, V2      bool    // both for a hybrid
	Align       bool    // v1: each file begins a piece, as in hybrids
	Offsets     []int64 // v1, instead of Align: as in NewPaddedLayout, for PieceLength; not for a single file
	Name        string
	PieceLength int64
	Single      bool        // the content is one file, called Name
	Files       []BuildFile // in the order of the content; for v2 sorted by component
	Private     bool
	Source      string
	Entropy     string // any text, to get a different info-hash

	Similar     [][20]byte // info-hashes of torrents that may share files; of v2 truncated (BEP 38)
	Collections []string   // names of collections of torrents that may share files (BEP 38)
	UpdateURL   string     // where a newer torrent may be (BEP 39)

	Hashes
	Outside
}

// Hashes are the hashes of the content, in the order of the layout.
type Hashes struct {
	Pieces      []byte     // v1: 20 bytes per piece
	PiecesRoots [][32]byte // v2: one per file; ignored for empty files
	PieceLayers []byte     // v2: 32 bytes per piece, of all files of more than one piece
}

// Outside is what a torrent has outside of its info dict, which does not change the
// info-hash.
type Outside struct {
	Trackers  [][]string // tiers
	WebSeeds  []string
	HTTPSeeds []string
	Nodes     []Node
	Comment   string
	CreatedBy string
	Date      time.Time // in whole seconds; the zero Time is not written
}

func (o *Outside) checkTiers() error {
	if slices.ContainsFunc(o.Trackers, func(tier []string) bool { return len(tier) == 0 }) {
		return errors.New("a tier without trackers")
	}
	return nil
}

// A BuildFile is one file of a new torrent.
type BuildFile struct {
	Path       []string // below the torrent's name; unused for a single file
	Length     int64    // bytes; 0 for a symlink
	Symlink    []string // target of a symlink, below the torrent's name; nil for any other file
	Executable bool
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
	if err := b.checkTiers(); err != nil {
		return nil, err
	}
	lengths := make([]int64, len(b.Files))
	for i, f := range b.Files {
		if lengths[i] = f.Length; len(f.Path) == 0 && !b.Single {
			return nil, errors.New("a file without a path")
		}
	}
	l, err := b.newLayout(lengths)
	if err != nil {
		return nil, err
	}
	if err := b.CheckPieceLength(); err != nil {
		return nil, err
	}
	if b.V2 && !b.V1 && !b.Single && len(b.Files) == 1 && slices.Equal(b.Files[0].Path, []string{b.Name}) {
		return nil, ErrNameOfFile
	}
	size, values := b.Measure(l)
	if size > MaxSize {
		return nil, fmt.Errorf("the torrent would have %d bytes, for %d files and %d pieces; %d is the most that is read", size, len(b.Files), l.Pieces(), int64(MaxSize))
	}
	if values > bencode.DefaultMaxItems {
		return nil, fmt.Errorf("the torrent would have %d names and numbers; %d is the most that is read", values, bencode.DefaultMaxItems)
	}
	return l, nil
}

// newLayout returns the layout of files of the given lengths.
func (b *Builder) newLayout(lengths []int64) (*Layout, error) {
	switch {
	case b.Offsets == nil:
		return NewLayout(b.PieceLength, lengths, b.alignment())
	case b.V2 || b.Single || len(b.Offsets) != len(lengths)+1:
		return nil, fmt.Errorf("%d offsets in pieces for %d files", len(b.Offsets), len(lengths))
	}
	return NewPaddedLayout(b.PieceLength, lengths, b.Offsets)
}

// DefaultOffsets returns the Offsets that give the same layout as without them.
func (b *Builder) DefaultOffsets() []int64 {
	offsets, alignment := make([]int64, len(b.Files)+1), b.alignment()
	for i := range offsets {
		offsets[i] = alignment.offset(i, len(b.Files))
	}
	return offsets
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

// Padding returns the number of bytes that are left empty at a piece length where each
// file begins a piece. It is at most math.MaxInt64.
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

// PieceCount returns the number of pieces at a piece length. Offsets are ignored.
func (b *Builder) PieceCount(pieceLength int64) (n int64) {
	if b.alignment() == AlignmentPacked {
		return roundUp(b.ContentLength(), pieceLength) / pieceLength
	}
	for _, f := range b.Files {
		n = addSaturating(n, roundUp(f.Length, pieceLength)/pieceLength)
	}
	return n
}

// alignment returns the alignment of the files. One file has no pad file after it, as in
// libtorrent: the torrent may have no list of files.
func (b *Builder) alignment() Alignment {
	switch {
	case !b.V2 && !b.Align || b.V1 && len(b.Files) == 1:
		return AlignmentPacked
	case b.V1:
		return AlignmentPadded
	}
	return AlignmentAligned
}

// check returns the layout, or an error for which Build fails.
func (b *Builder) check() (*Layout, error) {
	if err := CheckComponent(b.Name); err != nil {
		return nil, fmt.Errorf("the name %q %w", b.Name, err)
	}
	if len(b.Files) == 0 || b.Single && len(b.Files) != 1 {
		return nil, errors.New("a torrent needs files")
	}
	for i := range b.Files {
		if err := b.Files[i].checkSymlink(); err != nil {
			return nil, err
		}
	}
	l, err := b.Layout()
	if err != nil {
		return nil, err
	}
	if !b.Single {
		if err := b.checkPaths(); err != nil {
			return nil, err
		}
	}
	if l.Total() == 0 {
		return nil, errors.New("there is no content: all files are empty")
	}
	return l, b.checkHashes(l)
}

// checkPaths returns an error for a name that is not safe, or an order that is not that
// of a v2 file tree.
func (b *Builder) checkPaths() error {
	var last []string
	for _, f := range b.Files {
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

// checkHashes returns an error for a number of hashes that is not that of the layout.
func (b *Builder) checkHashes(l *Layout) error {
	inLayers := int64(0)
	for i := range b.Files {
		inLayers += b.layerHashes(i)
	}
	switch {
	case !b.V1 && !b.V2:
		return errors.New("neither v1 nor v2")
	case b.V1 && len(b.Pieces) != l.Pieces()*20:
		return fmt.Errorf("%d bytes of hashes for %d pieces", len(b.Pieces), l.Pieces())
	case b.V2 && len(b.PiecesRoots) != len(b.Files):
		return fmt.Errorf("%d pieces roots for %d files", len(b.PiecesRoots), len(b.Files))
	case b.V2 && int64(len(b.PieceLayers)) != inLayers*32:
		return fmt.Errorf("%d bytes of piece layers for %d pieces", len(b.PieceLayers), inLayers)
	}
	return nil
}

// layerHashes returns the number of hashes in the piece layer of a file. A file of one
// piece has no piece layer.
func (b *Builder) layerHashes(file int) int64 {
	length := b.Files[file].Length
	if length <= b.PieceLength {
		return 0
	}
	return (length-1)/b.PieceLength + 1
}
