package repair

import (
	"context"
	"errors"

	"bt/internal/piece"
)

// Changes that share a piece are a group: only together are they proven. Groups are
// written, proven and renamed in batches, so that a batch of many small files is hashed
// at once, and one of large files takes little space on the disk.
const (
	maxBatchFiles = 1024
	maxBatchBytes = 1 << 30
)

// carryOut makes the changes.
func (p *placement) carryOut() error {
	p.proof = &piece.Tree{Files: make([]piece.Source, len(p.tree.Files))}
	p.proof.Path = func(i int) string {
		if path, ok := p.paths[i]; ok {
			return path
		}
		return p.tree.Path(i)
	}
	for i := range p.proof.Files {
		if p.proof.Files[i].Pad = p.tree.Files[i].Pad; !p.proof.Files[i].Pad {
			p.proof.Files[i].Cause = piece.CauseMissing
		}
	}
	var batch [][]*change
	files, bytes := 0, int64(0)
	groups := p.groups()
	for k, group := range groups {
		batch = append(batch, group)
		for _, c := range group {
			files, bytes = files+1, bytes+c.size
		}
		if files < maxBatchFiles && bytes < maxBatchBytes && k < len(groups)-1 {
			continue
		}
		full, err := p.makeAll(batch)
		if err != nil || full {
			return err
		}
		batch, files, bytes = nil, 0, 0
	}
	return nil
}

// makeAll makes a batch of groups of changes. full reports that nothing more can be
// written.
func (p *placement) makeAll(batch [][]*change) (full bool, err error) {
	// Whatever happens, no temporary file stays.
	defer func() {
		for _, group := range batch {
			for _, c := range group {
				err = errors.Join(err, c.abort())
			}
		}
	}()
	var written [][]*change
	for _, group := range batch {
		err := p.write(group)
		if p.ctx.Err() != nil {
			return false, context.Cause(p.ctx)
		}
		if err == nil {
			written = append(written, group)
			continue
		}
		if err := p.discard(group, err); err != nil {
			return false, err
		}
		if isFull(err) {
			full = true
			break
		}
	}
	good, err := p.proveFiles(written)
	if err != nil {
		return false, err
	}
	for _, group := range written {
		err := p.finish(group, good)
		if p.ctx.Err() != nil {
			return full, context.Cause(p.ctx)
		}
		full = full || isFull(err)
	}
	return full, nil
}

// discard removes the temporary files of a group, which failed.
func (p *placement) discard(group []*change, cause error) error {
	p.failed(group, cause)
	for _, c := range group {
		if err := c.abort(); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the changes of a group, if they are synced and proven. It returns the
// error that is in the report.
func (p *placement) finish(group []*change, good map[int]bool) error {
	for _, c := range group {
		if c.file == nil {
			continue
		}
		if err := c.file.Wait(); err != nil {
			p.failed(group, err)
			return err
		}
	}
	if !p.isProven(group, good) {
		p.failed(group, ErrUnproven)
		return ErrUnproven
	}
	return p.commit(group)
}

// failed adds an error to the report for each file of a group.
func (p *placement) failed(group []*change, err error) {
	for _, c := range group {
		p.refused(c.index, err)
	}
}
