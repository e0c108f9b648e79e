package repair

import (
	"bytes"
	"crypto/sha1"

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
