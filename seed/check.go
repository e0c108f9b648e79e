package seed

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
	"bt/internal/store"
)

// A checker determines which pieces of a torrent are available.
type checker struct {
	content *metainfo.Content
	have    peer.Bitfield

	unread  *piece.Fault // the first file that could not be read, preferably because of a disk error
	inPiece int
}

// recall returns the available pieces if no data needs to be read to know them: the
// torrent was just made from the data, an earlier check covers it, or Options.Check
// says to trust it.
func (t *Torrent) recall(m *loadedMetainfo) (have peer.Bitfield, ok bool) {
	o := &t.seeder.options
	if t.takeMade() && m.hasSizes() {
		have := peer.FullBitfield(t.pieces)
		t.remember(m, have)
		return have, true
	}
	if have, ok := t.known(m); ok {
		return have, true
	}
	if o.Check == CheckNone || o.Check == CheckQuick && m.hasSizes() {
		return peer.FullBitfield(t.pieces), true
	}
	return nil, false
}

// hasSizes reports whether every file exists with the right size.
func (m *loadedMetainfo) hasSizes() bool {
	for i := range m.data.Tree().Files {
		f := &m.data.Tree().Files[i]
		if !f.Pad && !f.Link && (f.Cause != piece.CauseFine || m.data.Tree().ID(i).Size != m.content.Layout.Length(i)) {
			return false
		}
	}
	return true
}

// hash hashes the data. Pieces of files that are replaced while they are read count
// as missing.
func (t *Torrent) hash(ctx context.Context, m *loadedMetainfo, progress func(done, total int64)) (*checker, error) {
	layout := m.content.Layout
	c := &checker{content: m.content, have: peer.NewBitfield(t.pieces)}
	job := piece.Job{
		Layout: layout, Tree: m.data.Tree(), V1: m.content.V1, V2: m.content.V2, Jobs: t.seeder.options.Jobs, Progress: progress,
	}
	prover := piece.Prover{Content: m.content, Good: c.have.Set}
	changed, err := job.Run(ctx, func(r piece.Result) error {
		c.noteUnread(&r)
		prover.Add(&r)
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, f := range changed {
		if first, last, ok := layout.FilePieces(f.File); ok {
			for i := first; i <= last; i++ {
				c.have.Clear(i)
			}
		}
	}
	return c, nil
}

// readFailure returns an error if the disk failed. For files that can't be read for
// another reason it emits a warning, and the rest is served.
func (t *Torrent) readFailure(c *checker) error {
	switch {
	case c.unread == nil:
		return nil
	case store.IsDiskError(c.unread.Err):
		length := t.lengthOf(c.inPiece, c.content.Layout)
		return &failedRead{&store.ReadError{Path: c.unread.Path, Err: c.unread.Err}, []store.Block{{Piece: uint32(c.inPiece), Length: uint32(length)}}}
	}
	t.emit(EventWarning{t, fmt.Errorf("unreadable data is not served: %w", c.unread)})
	return nil
}

// noteUnread sets the file that could not be read.
func (c *checker) noteUnread(r *piece.Result) {
	for _, f := range r.Faults {
		if f.Cause == piece.CauseUnreadable && (c.unread == nil || store.IsDiskError(f.Err) && !store.IsDiskError(c.unread.Err)) {
			c.unread, c.inPiece = f, r.Index
		}
	}
}

// warnRenamed emits a warning if files have other names than in the torrent.
func (t *Torrent) warnRenamed(m *loadedMetainfo) {
	tree := m.data.Tree()
	if tree.As != "" {
		t.emit(EventWarning{t, fmt.Errorf("the content is called %s on disk", tree.As)})
	}
	first, at, n := tree.Renamed()
	switch {
	case n == 0 || m.content.Single:
	case n == 1:
		t.emit(EventWarning{t, fmt.Errorf("%s is called %s on disk", strings.Join(m.content.Files[first].Path(), "/"), filepath.ToSlash(at))})
	default:
		t.emit(EventWarning{t, fmt.Errorf("%d files have other names on disk, the first is called %s", n, filepath.ToSlash(at))})
	}
}
