package main

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path/filepath"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/repair"
)

// allow returns an error if a file, of the torrent that is repaired, must stay as it is for
// another torrent of the run.
func (c *claims) allow(ctx context.Context, file int, path string, changes iter.Seq[repair.Range]) error {
	key := keyOfFile(path)
	others := append(append([]claim(nil), c.shared[key]...), c.made[key]...)
	if place := resolve(path); place != key {
		others = append(others, c.made[place]...)
	}
	for _, other := range others {
		if other.input == c.current {
			continue
		}
		conflict, err := c.conflicts(ctx, claim{input: c.current, file: file}, other, changes)
		if err != nil {
			return err
		}
		if conflict {
			return &otherContentError{c.name(c.current), c.name(other.input)}
		}
	}
	return nil
}

func (c *claims) name(input int) string { return c.run.shownArg(c.run.inputs[input].name) }

// A otherContentError reports a file that two torrents of a run have with other content.
type otherContentError struct{ mine, other string }

func (e *otherContentError) Error() string {
	return fmt.Sprintf("%s and %s have other content for it, and it is kept", e.mine, e.other)
}

// conflicts reports whether changing ranges of a file for one torrent destroys what the
// other has there.
func (c *claims) conflicts(ctx context.Context, mine, other claim, changes iter.Seq[repair.Range]) (bool, error) {
	a, err := c.read(ctx, mine.input)
	if err != nil {
		return false, err
	}
	b, err := c.read(ctx, other.input)
	if err != nil {
		return false, err
	}
	switch {
	case other.planned:
		return c.isNeeded(ctx, other)
	case a.HexV1() == b.HexV1() && a.HexV2() == b.HexV2() && mine.file == other.file:
		return false, nil
	}
	same, known := sameContent(a.content, mine.file, b.content, other.file)
	if known {
		return !same, nil
	}
	// The hashes can't be compared, so the data is: what the other has is good there, or it
	// is as wrong for both.
	v, err := c.look(ctx, look{other.input, false})
	if err != nil || v == nil {
		return false, err
	}
	f := v.File(other.file)
	return !isMissing(f.Status) && !areBad(changes, f.Bad), nil
}

// isNeeded reports whether a torrent has a file only where the plan says.
func (c *claims) isNeeded(ctx context.Context, other claim) (bool, error) {
	v, err := c.look(ctx, look{other.input, false})
	if err != nil || v == nil || v.File(other.file).Status == inspect.StatusOK {
		return false, err
	}
	v, err = c.look(ctx, look{other.input, true})
	return v != nil && v.File(other.file).Status == inspect.StatusOK, err
}

func isMissing(s inspect.Status) bool {
	return s == inspect.StatusMissing || s == inspect.StatusNotAFile
}

// areBad reports whether all bytes of ranges are bad.
func areBad(ranges iter.Seq[repair.Range], bad []inspect.Range) bool {
	for r := range ranges {
		at, end := r.Offset, r.Offset+r.Length
		for _, b := range bad { // in order
			if b.Offset <= at && at < b.Offset+b.Length {
				at = b.Offset + b.Length
			}
		}
		if at < end {
			return false
		}
	}
	return true
}

// sameContent reports whether files of two torrents have the same content. known is false
// if their hashes can't show that.
func sameContent(a *metainfo.Content, i int, b *metainfo.Content, k int) (same, known bool) {
	x, y := &a.Files[i], &b.Files[k]
	if x.IsLink() || y.IsLink() {
		return x.IsLink() && y.IsLink() && filepath.Join(x.Symlink()...) == filepath.Join(y.Symlink()...), true
	}
	if x.Length != y.Length {
		return false, true
	}
	if x.Length == 0 {
		return true, true
	}
	if x.PiecesRoot != nil && y.PiecesRoot != nil {
		return *x.PiecesRoot == *y.PiecesRoot, true
	}
	l, m := a.Layout, b.Layout
	length := l.PieceLength()
	if !a.V1 || !b.V1 || length != m.PieceLength() || l.Offset(i)%length != m.Offset(k)%length {
		return false, false
	}
	// The pieces that have only bytes of the file.
	p, q := (l.Offset(i)+length-1)/length, (m.Offset(k)+length-1)/length
	for ; (p+1)*length <= l.Offset(i)+x.Length; p, q = p+1, q+1 {
		if !bytes.Equal(a.Pieces[p*sha1.Size:][:sha1.Size], b.Pieces[q*sha1.Size:][:sha1.Size]) {
			return false, true
		}
	}
	return false, false
}

// look verifies the files of a torrent that other torrents have too. The verdict is nil if
// its data can't be read.
func (c *claims) look(ctx context.Context, l look) (*inspect.Verdict, error) {
	if v, ok := c.looks[l]; ok {
		return v, nil
	}
	t, err := c.read(ctx, l.input)
	if err != nil {
		return nil, err
	}
	paths, err := c.run.paths(c.run.inputs[l.input].name, t.Torrent)
	if err != nil {
		return nil, err
	}
	o := inspect.VerifyOptions{
		Jobs: c.run.flags.hashing.jobs.value, Read: c.run.flags.hashing.read.value, Elsewhere: paths[1:], Only: c.filesOf(l.input),
	}
	if l.planned {
		if o.Places, err = c.run.flags.search.plan.places(t.Torrent); err != nil {
			return nil, err
		}
	}
	v, err := inspect.Verify(ctx, t.Torrent, paths[0], o)
	if errors.Is(err, fs.ErrNotExist) {
		v, err = nil, nil
	}
	if err == nil {
		c.looks[l] = v
	}
	return v, err
}

// filesOf returns a function that reports whether another torrent has a file too.
func (c *claims) filesOf(input int) func(file int) bool {
	files := make(map[int]bool)
	for _, list := range []map[any][]claim{c.shared, c.made} {
		for _, claims := range list {
			for _, mine := range claims {
				if mine.input == input {
					files[mine.file] = true
				}
			}
		}
	}
	return func(file int) bool { return files[file] }
}
