package metainfo

import (
	"errors"
	"fmt"
	"strings"

	"bt/internal/bencode"
)

// A Builder writes a new v1 torrent in canonical bencode. What is left empty
// is not written.
type Builder struct {
	Name        string
	PieceLength int64
	Single      bool        // Files is one file, and called Name
	Files       []BuildFile // in the order of the content
	Pieces      []byte      // 20 bytes a piece
	Private     bool
	Source      string
	Entropy     string // any text that makes the info-hash another one

	Trackers  [][]string // tiers
	WebSeeds  []string
	HTTPSeeds []string
	Nodes     []Node
	Comment   string
	CreatedBy string
	HasDate   bool
	Date      int64 // seconds since 1970
}

// A BuildFile is one file of a new torrent.
type BuildFile struct {
	Path   []string // below the torrent's name; unused for a single file
	Length int64    // bytes
}

// ContentLength is the sum of the lengths of all files, or the largest int64.
func (b *Builder) ContentLength() int64 {
	var n int64
	for _, f := range b.Files {
		n = addSaturating(n, f.Length)
	}
	return n
}

// Layout lays out the files. It fails where Build would for what stands before
// the content is hashed, so that nothing is hashed in vain.
func (b *Builder) Layout() (*Layout, error) {
	lengths := make([]int64, len(b.Files))
	for i, f := range b.Files {
		lengths[i] = f.Length
	}
	l, err := NewLayout(b.PieceLength, lengths, Packed)
	if err != nil {
		return nil, err
	}
	if b.PieceLength > maxPieceLength {
		return nil, fmt.Errorf("a piece length of %d bytes; clients read %d at most", b.PieceLength, maxPieceLength)
	}
	if size := b.size() + int64(l.Pieces())*20; size > MaxSize {
		return nil, fmt.Errorf("the torrent would have about %d bytes, for %d files and %d pieces; %d is the most that is read", size, len(b.Files), l.Pieces(), int64(MaxSize))
	}
	if items := b.items(); items > bencode.DefaultMaxItems {
		return nil, fmt.Errorf("the torrent would have %d names and numbers; %d is the most that is read", items, bencode.DefaultMaxItems)
	}
	return l, nil
}

// Build returns the torrent. What it would refuse to read it refuses to write.
func (b *Builder) Build() ([]byte, error) {
	if err := b.check(); err != nil {
		return nil, err
	}
	var e bencode.Encoder
	e.Grow(int(b.size()) + len(b.Pieces))
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
	if b.HasDate {
		e.Key("creation date")
		e.Int(b.Date)
	}
	if len(b.HTTPSeeds) > 0 {
		e.Key("httpseeds")
		stringList(&e, b.HTTPSeeds)
	}
	e.Key("info")
	b.info(&e)
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
	if len(b.WebSeeds) > 0 {
		e.Key("url-list")
		stringList(&e, b.WebSeeds)
	}
	e.End()
	return e.Bytes(), nil
}

func (b *Builder) info(e *bencode.Encoder) {
	e.Dict()
	text(e, "entropy", b.Entropy)
	if b.Single {
		e.Key("length")
		e.Int(b.Files[0].Length)
	} else {
		e.Key("files")
		e.List()
		for _, f := range b.Files {
			e.Dict()
			e.Key("length")
			e.Int(f.Length)
			e.Key("path")
			stringList(e, f.Path)
			e.End()
		}
		e.End()
	}
	e.Key("name")
	e.String(b.Name)
	e.Key("piece length")
	e.Int(b.PieceLength)
	e.Key("pieces")
	e.Blob(b.Pieces)
	if b.Private {
		e.Key("private")
		e.Int(1)
	}
	text(e, "source", b.Source)
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

// size is about how long the torrent will be without its pieces: no less, and
// enough to build it in one place.
func (b *Builder) size() int64 {
	n := int64(4096)
	for _, f := range b.Files {
		n += 48
		for _, c := range f.Path {
			n += int64(len(c)) + 5
		}
	}
	for _, tier := range b.Trackers {
		for _, u := range tier {
			n += int64(len(u)) + 12
		}
	}
	return n + int64(len(b.Comment))
}

// items is about how many values and keys the files make.
func (b *Builder) items() int {
	n := 1000
	for _, f := range b.Files {
		n += 6 + len(f.Path)
	}
	return n
}

func (b *Builder) check() error {
	if err := CheckComponent(b.Name); err != nil {
		return fmt.Errorf("the name %q %w", b.Name, err)
	}
	if len(b.Files) == 0 || b.Single && len(b.Files) != 1 {
		return errors.New("a torrent needs files")
	}
	for _, tier := range b.Trackers {
		if len(tier) == 0 {
			return errors.New("a tier without trackers")
		}
	}
	for _, f := range b.Files {
		if b.Single {
			break
		}
		if len(f.Path) == 0 {
			return errors.New("a file without a path")
		}
		for _, c := range f.Path {
			if err := CheckComponent(c); err != nil {
				return fmt.Errorf("in %q a name %w", strings.Join(f.Path, "/"), err)
			}
		}
	}
	l, err := b.Layout()
	switch {
	case err != nil:
		return err
	case l.Total() == 0:
		return errors.New("there is no content: all files are empty")
	case len(b.Pieces) != l.Pieces()*20:
		return fmt.Errorf("%d bytes of hashes for %d pieces", len(b.Pieces), l.Pieces())
	}
	return nil
}
