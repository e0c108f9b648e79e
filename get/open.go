package get

import (
	"cmp"
	"context"
	"errors"
	"io/fs"

	"bt/internal/partial"
	"bt/internal/peer"
	"bt/internal/piece"
)

// open finds what is there of a torrent, and makes the place for the rest.
func (g *Getter) open(ctx context.Context, t *Metainfo) (*pieces, error) {
	var wanted func(int) bool
	if g.options.Choose != nil {
		var err error
		if wanted, err = g.options.Choose(t); err != nil {
			return nil, err
		}
	}
	p, err := g.newPieces(t, wanted)
	if err != nil {
		return nil, err
	}
	o := partial.Options{
		Torrent: t, Dir: cmp.Or(g.options.Dir, "."), Wanted: p.wanted,
		Recheck: g.options.Recheck, Force: g.options.Force, Allocate: g.options.Allocate,
		Memory: g.options.memory, Progress: g.progress, Event: p.event,
	}
	if g.options.Stream != nil {
		return p, p.openStream(o)
	}
	return p, p.openDir(ctx, o)
}

// openStream makes a stream of the only file that is wanted.
func (p *pieces) openStream(o partial.Options) error {
	file := -1
	for i := range p.content.Files {
		if !p.content.Files[i].Pad && p.wanted(i) {
			if file >= 0 {
				return ErrManyFiles
			}
			file = i
		}
	}
	s, err := partial.NewStream(o, file, p.getter.options.Stream)
	if err != nil {
		return err
	}
	p.stream, p.streams, p.close, p.done = s, file, s.Close, s.Done()
	next, end := s.Window()
	p.next = next
	p.begin(peer.NewBitfield(p.count), s, end-next-1)
	return nil
}

// openDir checks what is in the directory.
func (p *pieces) openDir(ctx context.Context, o partial.Options) error {
	d, err := partial.Open(ctx, o)
	if err != nil {
		return opening(err)
	}
	for _, dir := range p.getter.options.Reuse {
		if err := d.Adopt(ctx, dir); err != nil {
			return errors.Join(writing(err), d.Close())
		}
	}
	p.close, p.path, p.done = d.Close, d.Root(), d.Done()
	tree := &piece.Tree{Files: make([]piece.Source, len(p.content.Files))}
	for i := range tree.Files {
		tree.Files[i].Pad = p.content.Files[i].Pad
	}
	p.files = p.getter.cache.Live(p.content.Layout, tree, d.OpenFile)
	p.begin(d.Have(), d, 0)
	return nil
}

// opening returns an error of partial.Open as one of this package: where the system refuses
// the directory or a file, the content can't be written.
func opening(err error) error {
	if is[*partial.LinkError](err) || is[*fs.PathError](err) {
		return &WriteError{err}
	}
	return writing(err)
}

// writing returns an error of package partial as one of this package.
func writing(err error) error {
	if is[*ExistsError](err) || is[*DiskError](err) || is[*partial.NameError](err) || is[*partial.LockedError](err) {
		return &WriteError{err}
	}
	return err
}

// is reports whether an error wraps one of a type.
func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// progress records and emits the progress of a check.
func (g *Getter) progress(done, total int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.life.state == StateChecking {
		g.life.checked, g.life.total = done, total
		g.events.Put(EventChecking{done, total})
	}
}

// event handles an event of the sink.
func (p *pieces) event(e partial.Event) {
	g := p.getter
	switch e := e.(type) {
	case partial.EventPiece:
		p.hashed(e)
	case partial.EventRoom:
		p.streamed()
	case partial.EventFile:
		g.events.Put(EventFile{File: e.File, Path: e.Path, Size: e.Size, Found: e.Found})
	case partial.EventWarning:
		g.events.Put(EventWarning{e.Err})
	case partial.EventError:
		if p.stream != nil {
			g.fail(&WriteError{e.Err})
			return
		}
		g.fail(writing(e.Err))
	}
}
