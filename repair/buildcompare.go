package repair

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"bt/internal/atomicfile"
	"bt/internal/piece"
)

// compare finds the files to make.
func (b *builder) compare() error {
	var exist []string
	for i := range b.content.Files {
		if b.ctx.Err() != nil {
			return context.Cause(b.ctx)
		}
		f := &b.content.Files[i]
		source, ok := b.files[i]
		empty := !f.IsLink() && f.Length == 0
		if f.Pad || !ok && !f.IsLink() && !empty {
			continue
		}
		info, err := b.place.Lstat(b.path(i))
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if err := b.add(i, source); err != nil {
				return err
			}
		case err != nil:
			return err
		case !b.isSame(i, source, info):
			exist = append(exist, b.place.Path(b.path(i)))
		default:
			b.built.Kept++
		}
	}
	if len(exist) > 0 {
		return &ExistsError{exist}
	}
	return nil
}

// add adds a file to make.
func (b *builder) add(i int, source string) error {
	if b.o.DryRun {
		if err := b.place.Writable(b.path(i)); err != nil {
			return err
		}
	}
	b.todo = append(b.todo, i)
	b.built.Made++
	f := &b.content.Files[i]
	if f.IsLink() || f.Length == 0 || b.o.Link == LinkSym {
		return nil
	}
	info, err := os.Stat(source)
	if err != nil {
		return err
	}
	if b.o.Link != LinkHard {
		b.built.Copied += f.Length
		return nil
	}
	root, err := os.Stat(b.place.Path(nil))
	if err != nil {
		return err
	}
	if piece.Identify(info).Dev != piece.Identify(root).Dev {
		return &fs.PathError{Op: "link", Path: source, Err: ErrOtherDevice}
	}
	return nil
}

// isSame reports whether what exists is what would be made.
func (b *builder) isSame(i int, source string, info fs.FileInfo) bool {
	f := &b.content.Files[i]
	if info.Mode()&fs.ModeSymlink != 0 {
		var want string
		var err error
		switch {
		case f.IsLink():
			want = f.LinkTarget()
		case b.o.Link == LinkSym && source != "":
			want, err = filepath.Abs(source)
		default:
			return false
		}
		target, err2 := b.place.Readlink(b.path(i))
		return err == nil && err2 == nil && target == want
	}
	if f.IsLink() || !info.Mode().IsRegular() || info.Size() != f.Length {
		return false
	}
	if f.Length == 0 {
		return true
	}
	if there, err := os.Stat(source); err == nil && os.SameFile(there, info) {
		return true
	}
	same, err := sameBytes(source, b.place.Path(b.path(i)))
	return err == nil && same
}

// sameBytes reports whether two files have the same bytes.
func sameBytes(a, b string) (bool, error) {
	x, err := atomicfile.Open(a)
	if err != nil {
		return false, err
	}
	defer x.Close()
	y, err := atomicfile.Open(b)
	if err != nil {
		return false, err
	}
	defer y.Close()
	one, two := make([]byte, 1<<20), make([]byte, 1<<20)
	for {
		n, err := io.ReadFull(x, one)
		m, err2 := io.ReadFull(y, two)
		if !bytes.Equal(one[:n], two[:m]) {
			return false, nil
		}
		if err != nil || err2 != nil {
			return isEnd(err) && isEnd(err2), nil
		}
	}
}

func isEnd(err error) bool { return err == io.EOF || err == io.ErrUnexpectedEOF }
