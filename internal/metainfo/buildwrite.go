package metainfo

import (
	"bytes"
	"slices"
	"strconv"

	"bt/internal/bencode"
)

// Build returns the torrent. It returns an error if the names, their order or the
// numbers are invalid. It does not check the hashes.
func (b *Builder) Build() ([]byte, error) {
	l, err := b.check()
	if err != nil {
		return nil, err
	}
	size, _ := b.Measure(l)
	var e bencode.Encoder
	e.Grow(int(size))
	b.write(&e, l)
	return e.Bytes(), nil
}

// write writes the torrent, or counts it without its hashes.
func (b *Builder) write(e *bencode.Encoder, l *Layout) {
	var layers func()
	if b.V2 {
		layers = func() { b.pieceLayers(e) }
	}
	b.Outside.write(e, func() { b.info(e, l) }, layers)
}

// write writes a torrent. info writes the info dict, and layers, if it is not nil, the
// piece layers with their key.
func (o *Outside) write(e *bencode.Encoder, info, layers func()) {
	e.Dict()
	urls := 0
	for _, tier := range o.Trackers {
		urls += len(tier)
	}
	if urls > 0 {
		e.Key("announce")
		e.String(o.Trackers[0][0])
	}
	if urls > 1 { // a list of one tracker would be redundant (BEP 12)
		e.Key("announce-list")
		e.List()
		for _, tier := range o.Trackers {
			stringList(e, tier)
		}
		e.End()
	}
	text(e, "comment", o.Comment)
	text(e, "created by", o.CreatedBy)
	if !o.Date.IsZero() {
		e.Key("creation date")
		e.Int(o.Date.Unix())
	}
	if len(o.HTTPSeeds) > 0 {
		e.Key("httpseeds")
		stringList(e, o.HTTPSeeds)
	}
	e.Key("info")
	info()
	if len(o.Nodes) > 0 {
		e.Key("nodes")
		e.List()
		for _, n := range o.Nodes {
			e.List()
			e.String(n.Host)
			e.Int(int64(n.Port))
			e.End()
		}
		e.End()
	}
	if layers != nil {
		layers()
	}
	if len(o.WebSeeds) > 0 {
		e.Key("url-list")
		stringList(e, o.WebSeeds)
	}
	e.End()
}

func (b *Builder) info(e *bencode.Encoder, l *Layout) {
	e.Dict()
	if b.V1 && b.Single {
		text(e, "attr", b.Files[0].attr())
	}
	if len(b.Collections) > 0 {
		e.Key("collections")
		stringList(e, b.Collections)
	}
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
		hashes(e, b.Pieces, int64(l.Pieces())*20)
	}
	if b.Private {
		e.Key("private")
		e.Int(1)
	}
	if len(b.Similar) > 0 {
		e.Key("similar")
		e.List()
		for i := range b.Similar {
			e.Blob(b.Similar[i][:])
		}
		e.End()
	}
	text(e, "source", b.Source)
	text(e, "update-url", b.UpdateURL)
	e.End()
}

// fileList writes the v1 list of files, with pad files for the gaps between them.
func (b *Builder) fileList(e *bencode.Encoder, l *Layout) {
	e.Key("files")
	e.List()
	padFile(e, l.gapAfter(-1))
	for i, f := range b.Files {
		e.Dict()
		text(e, "attr", f.attr())
		e.Key("length")
		e.Int(f.Length)
		e.Key("path")
		stringList(e, f.Path)
		f.symlinkPath(e)
		e.End()
		padFile(e, l.gapAfter(i))
	}
	e.End()
}

// padFile writes a pad file (BEP 47), unless it is empty.
func padFile(e *bencode.Encoder, length int64) {
	if length == 0 {
		return
	}
	e.Dict()
	e.Key("attr")
	e.String("p")
	e.Key("length")
	e.Int(length)
	e.Key("path")
	stringList(e, []string{".pad", strconv.FormatInt(length, 10)})
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
		text(e, "attr", f.attr())
		e.Key("length")
		e.Int(f.Length)
		if f.Length > 0 {
			e.Key("pieces root")
			b.piecesRoot(e, i)
		}
		f.symlinkPath(e)
		e.End()
		e.End()
	}
	for range in {
		e.End()
	}
	e.End()
}

func (b *Builder) piecesRoot(e *bencode.Encoder, file int) {
	if e.Counts() {
		e.CountString(32)
		return
	}
	e.Blob(b.PiecesRoots[file][:])
}

// hashes writes n bytes of hashes.
func hashes(e *bencode.Encoder, b []byte, n int64) {
	if e.Counts() {
		e.CountString(n)
		return
	}
	e.Blob(b)
}

// pieceLayers writes the piece layers of files of more than one piece, sorted by pieces
// root. Files with the same root share an entry.
func (b *Builder) pieceLayers(e *bencode.Encoder) {
	e.Key("piece layers")
	e.Dict()
	if e.Counts() {
		for i := range b.Files {
			if n := b.layerHashes(i) * 32; n > 0 {
				e.CountString(32)
				e.CountString(n)
			}
		}
	} else {
		b.sortedLayers(e)
	}
	e.End()
}

func (b *Builder) sortedLayers(e *bencode.Encoder) {
	var layers []PieceLayer
	rest := b.PieceLayers
	for i := range b.Files {
		if n := b.layerHashes(i) * 32; n > 0 {
			layers = append(layers, PieceLayer{b.PiecesRoots[i], rest[:n]})
			rest = rest[n:]
		}
	}
	sortedLayers(e, layers)
}

// sortedLayers writes the entries of piece layers, and sorts layers.
func sortedLayers(e *bencode.Encoder, layers []PieceLayer) {
	slices.SortStableFunc(layers, func(x, y PieceLayer) int { return bytes.Compare(x.Root[:], y.Root[:]) })
	for i, l := range layers {
		if i == 0 || l.Root != layers[i-1].Root {
			e.Key(string(l.Root[:]))
			e.Blob(l.Hashes)
		}
	}
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
