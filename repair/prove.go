package repair

import "bt/internal/piece"

// prove chooses the source for the open pieces that it has all of.
func (m *mender) prove(number int) error {
	if m.openPieces() == 0 {
		return nil
	}
	var found []int
	j := piece.Prover{Content: m.content, Good: func(p int) { found = append(found, p) }}
	changed, err := m.job(m.treeOf(number), StepProve, func(p int) bool { return m.open[p] }, j.Add)
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
func (m *mender) job(t *piece.Tree, step Step, wanted func(p int) bool, yield func(*piece.Result)) (changed []*piece.Fault, err error) {
	job := piece.Job{
		Layout: m.content.Layout, Tree: t, V1: m.content.V1, V2: m.content.V2, Jobs: m.o.Jobs, Read: m.o.Read,
		Skip: func(_, p int) bool { return !wanted(p) },
	}
	if m.o.Progress != nil {
		job.Progress = func(done, total int64) { m.o.Progress(step, done, total) }
	}
	return job.Run(m.ctx, func(r piece.Result) error {
		yield(&r)
		return nil
	})
}
