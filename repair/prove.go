package repair

import (
	"bytes"
	"crypto/sha1"
	"io"
	"os"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
)

// A judge compares sums of pieces with the hashes of the torrent. Results are added in
// order.
type judge struct {
	content *metainfo.Content
	good    func(piece int)

	// The state of a v2 file without a piece layer in the torrent, whose pieces can
	// only be proven together, by the root.
	tree  metainfo.HashTree
	whole bool
}

func (j *judge) add(r piece.Result) {
	c := j.content
	ok := !r.Failed && !r.Skipped
	if ok && c.V1 {
		ok = bytes.Equal(r.SHA1[:], c.Pieces[r.Index*sha1.Size:][:sha1.Size])
	}
	if c.V2 {
		cursor := c.Layout.Cursor(r.Index)
		span, _ := cursor.Next()
		hash, known := c.PieceHash(span.File, int(span.Offset/c.Layout.PieceLength()))
		switch {
		case known:
			ok = ok && r.Root == hash
		case !c.V1:
			j.withoutLayer(r, span.File, ok)
			return
		}
	}
	if ok {
		j.good(r.Index)
	}
}

func (j *judge) withoutLayer(r piece.Result, file int, ok bool) {
	l := j.content.Layout
	first, last, _ := l.FilePieces(file)
	if r.Index == first {
		j.tree.Reset(metainfo.PieceHeight(l.PieceLength()))
		j.whole = true
	}
	j.tree.Add(&r.Root)
	if j.whole = j.whole && ok; j.whole && r.Index == last && j.tree.Root(0) == *j.content.Files[file].PiecesRoot {
		for i := first; i <= last; i++ {
			j.good(i)
		}
	}
}

// prove chooses the source for the open pieces that it has all of.
func (m *mender) prove(number int) error {
	if m.openPieces() == 0 {
		return nil
	}
	var found []int
	j := judge{content: m.content, good: func(p int) { found = append(found, p) }}
	changed, err := m.job(m.treeOf(number), StepProve, func(p int) bool { return m.open[p] }, j.add)
	if err != nil {
		return err
	}
	unsure := make(map[int]bool)
	for _, f := range changed {
		if first, last, ok := m.content.Layout.FilePieces(f.File); ok {
			for p := first; p <= last; p++ {
				unsure[p] = true
			}
		}
	}
	for _, p := range found {
		if !unsure[p] {
			m.choose(p, m.sources[number].all, number)
		}
	}
	return nil
}

// choose sets the sources of the ranges of a piece. number is the one that was used last.
func (m *mender) choose(p int, sources []int, number int) {
	m.open[p] = false
	m.chosen[p] = sources
	m.report.Sources[number].Pieces++
}

// job hashes those pieces of a tree for which wanted returns true.
func (m *mender) job(t *piece.Tree, step Step, wanted func(p int) bool, yield func(piece.Result)) (changed []*piece.Fault, err error) {
	job := piece.Job{
		Layout: m.content.Layout, Tree: t, V1: m.content.V1, V2: m.content.V2, Jobs: m.o.Jobs, Read: m.o.Read,
		Skip: func(_, p int) bool { return !wanted(p) },
	}
	if m.o.Progress != nil {
		job.Progress = func(done, total int64) { m.o.Progress(step, done, total) }
	}
	return job.Run(m.ctx, func(r piece.Result) error {
		yield(r)
		return nil
	})
}

const (
	// Limits of the combinations that are hashed for one piece. A few are always.
	maxCombinations     = 4096
	maxCombinationBytes = 16 << 30
	maxCombinationReads = 1 << 16 // of ranges
	leastCombinations   = 16
)

// combine tries combinations of the files of several sources for the open pieces that
// several files share. In v2 and hybrid torrents no files do.
func (m *mender) combine(number int) error {
	if m.content.V2 {
		return nil
	}
	for p, open := range m.open {
		if !open {
			continue
		}
		ranges, sources, err := m.choices(p, number)
		if err != nil {
			return err
		}
		if ranges == nil {
			continue
		}
		most := min(maxCombinations, int(maxCombinationBytes/m.content.Layout.PieceLength()), maxCombinationReads/len(ranges))
		most = max(most, leastCombinations)
		got, _, err := piece.Combine(m.ctx, ranges, [sha1.Size]byte(m.content.Pieces[p*sha1.Size:]), most, m.o.Jobs)
		if err != nil {
			return err
		}
		if got != nil {
			choice := make([]int, len(got))
			for k, i := range got {
				choice[k] = sources[k][i]
			}
			m.choose(p, choice, number)
		}
	}
	return nil
}

// choices returns the different candidates for each range of a piece, and the source of
// each. It returns nil if there is nothing to combine.
func (m *mender) choices(p, number int) (ranges []piece.Choice, sources [][]int, err error) {
	files, several := 0, false
	for _, span := range m.content.Layout.Spans(p, p) {
		c, from := piece.Choice{Length: span.Length, From: []io.ReaderAt{nil}}, []int{own}
		if !m.isZeros(span) {
			files++
			if c, from, err = m.different(span, number); err != nil {
				return nil, nil, err
			}
		}
		if len(from) == 0 {
			return nil, nil, nil
		}
		several = several || len(from) > 1 || from[0] != own
		ranges, sources = append(ranges, c), append(sources, from)
	}
	if files < 2 || !several {
		return nil, nil, nil
	}
	return ranges, sources, nil
}

// isZeros reports whether a range is of a gap or a pad file, which are not on disk.
func (m *mender) isZeros(span metainfo.Span) bool {
	return span.File == metainfo.Gap || m.content.Files[span.File].Pad
}

// different returns the sources up to number, also own, that have a range of a file, and
// their bytes. It leaves out those with the same bytes as one before.
func (m *mender) different(span metainfo.Span, number int) (c piece.Choice, list []int, err error) {
	all := piece.Choice{Length: span.Length}
	var sources []int
	for s := own; s <= number; s++ {
		if m.has(s, span) {
			all.From, sources = append(all.From, m.at(s, span)), append(sources, s)
		}
	}
	groups, err := piece.Distinct(m.ctx, all, m.o.Jobs)
	c.Length = span.Length
	for _, same := range groups {
		c.From, list = append(c.From, all.From[same[0]]), append(list, sources[same[0]])
	}
	return c, list, err
}

// has reports whether a source has bytes for a range of a file.
func (m *mender) has(source int, span metainfo.Span) bool {
	f := &m.treeOf(source).Files[span.File]
	return f.Cause == piece.CauseFine && f.ID.Size >= span.Offset+span.Length
}

// equal reports whether two sources have the same bytes for a range of a file.
func (m *mender) equal(a, b int, span metainfo.Span) bool {
	x, y := m.at(a, span), m.at(b, span)
	size := min(span.Length, 1<<20)
	one, two := make([]byte, size), make([]byte, size)
	for at := int64(0); at < span.Length; at += size {
		n := min(size, span.Length-at)
		if k, _ := x.ReadAt(one[:n], at); int64(k) < n {
			return false
		}
		if k, _ := y.ReadAt(two[:n], at); int64(k) < n || !bytes.Equal(one[:n], two[:n]) {
			return false
		}
	}
	return true
}

// at returns the bytes of a range of a file of a source.
func (m *mender) at(source int, span metainfo.Span) io.ReaderAt {
	return fileRange{m.treeOf(source).Path(span.File), span.Offset}
}

// A fileRange reads a file from an offset. It opens the file for each read: a piece may
// have bytes of more files than a process may open.
type fileRange struct {
	path   string
	offset int64
}

// ReadAt implements io.ReaderAt.
func (r fileRange) ReadAt(b []byte, at int64) (int, error) {
	f, err := atomicfile.Open(r.path)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	return piece.ReadAt(f, b, r.offset+at)
}

// openSource opens the file of a source for reading. It must still be the file that was
// found.
func (m *mender) openSource(source, file int) (*os.File, error) {
	t := m.treeOf(source)
	f, err := atomicfile.Open(t.Path(file))
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || !piece.Identify(info).Equal(t.Files[file].ID) {
		f.Close()
		return nil, &ChangedError{Path: t.Path(file)}
	}
	return f, nil
}
