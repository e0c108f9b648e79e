package repair

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/placefile"
)

// A Link is a way in which [Build] puts a file into a tree.
type Link uint8

// The ways.
const (
	LinkHard    Link = iota // a hard link
	LinkSym                 // a symbolic link to the absolute path
	LinkReflink             // a clone, which shares its blocks until one of both is changed
	LinkCopy                // a copy with the holes of the file, or a clone where the file system can make one
)

// BuildOptions are the choices of [Build].
type BuildOptions struct {
	Link     Link
	DryRun   bool                    // make nothing
	Progress func(done, total int64) // if not nil, called from one goroutine with bytes of copies, or numbers of links
}

// A Built is the result of [Build]. With BuildOptions.DryRun it says what would be done.
type Built struct {
	Root   string // the directory of the files, or the single file
	Link   Link   // BuildOptions.Link
	Made   int    // files and symbolic links
	Kept   int    // that were there already
	Copied int64  // bytes that were copied or cloned
}

// An ExistsError lists files that Build would make, and where something else is.
type ExistsError struct{ Paths []string }

func (e *ExistsError) Error() string {
	s := e.Paths[0] + ": it exists, and is something else"
	if n := len(e.Paths) - 1; n > 0 {
		s += fmt.Sprintf(" (and %d more)", n)
	}
	return s
}

// Errors of Build that another Link has not.
var (
	ErrNoClone     = placefile.ErrNoClone
	ErrOtherDevice = errors.New("it is on another file system, and a hard link can't lead there")
)

// Build makes the tree that a torrent wants in a directory: dir/NAME/..., or for a single
// file dir/NAME. files are the paths of good files by their indexes in the torrent; files
// that are not in it are left out. Empty files and the symbolic links of the torrent are
// made without a source.
//
// Build first compares all files with what exists. If something else is where a file
// should be, it makes nothing, and the error is an *[ExistsError]. A file that is the
// same already is kept, so Build can be repeated after an error. It follows no symbolic
// link below dir, and replaces nothing.
//
// A copy or a clone has the mode of the file and, on Linux, its user.* attributes, as far
// as the file system takes them. Its owner and times are those of a new file.
func Build(ctx context.Context, t *Torrent, files map[int]string, dir string, o BuildOptions) (built *Built, err error) {
	content, err := t.Content()
	if err == nil {
		err = t.CheckName()
	}
	if err != nil {
		return nil, err
	}
	b := builder{ctx: ctx, content: content, files: files, o: o}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		b.prefix = []string{filepath.Base(dir)}
		dir = filepath.Dir(dir)
	}
	if b.place, err = placefile.Open(dir); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, b.place.Close()) }()
	b.prefix = append(b.prefix, content.Name)
	b.built.Root, b.built.Link = b.place.Path(b.prefix), o.Link
	if err := b.compare(); err != nil {
		return nil, err
	}
	if !o.DryRun {
		if err := b.makeAll(); err != nil {
			b.place.RemoveMade()
			return nil, err
		}
	}
	return &b.built, nil
}

// A builder is a running Build.
type builder struct {
	ctx     context.Context
	content *metainfo.Content
	files   map[int]string
	o       BuildOptions
	place   *placefile.Root
	prefix  []string // of the paths in place
	todo    []int    // files to make
	built   Built
}

func (b *builder) path(i int) []string {
	path := append([]string(nil), b.prefix...)
	if b.content.Single {
		return path
	}
	return b.content.Files[i].AppendPath(path)
}

// makeAll makes the files.
func (b *builder) makeAll() error {
	var done int64
	total := b.built.Copied
	if total == 0 {
		total = int64(len(b.todo))
	}
	for _, i := range b.todo {
		if b.ctx.Err() != nil {
			return context.Cause(b.ctx)
		}
		if err := b.make(i); err != nil {
			return err
		}
		if b.built.Copied > 0 {
			done += b.content.Layout.Length(i)
		} else {
			done++
		}
		if b.o.Progress != nil {
			b.o.Progress(done, total)
		}
	}
	return nil
}

func (b *builder) make(i int) error {
	f, path := &b.content.Files[i], b.path(i)
	switch {
	case f.IsLink():
		return b.place.Symlink(f.LinkTarget(), path)
	case f.Length == 0:
		return b.copy(i, path, nil)
	case b.o.Link == LinkHard:
		return b.place.Link(b.files[i], path)
	case b.o.Link == LinkSym:
		target, err := filepath.Abs(b.files[i])
		if err != nil {
			return err
		}
		return b.place.Symlink(target, path)
	}
	source, err := atomicfile.Open(b.files[i])
	if err != nil {
		return err
	}
	defer source.Close()
	return b.copy(i, path, source)
}

// copy makes a file from another, or an empty one.
func (b *builder) copy(i int, path []string, source *os.File) (err error) {
	mode := modeOf(&b.content.Files[i])
	if source != nil {
		info, err := source.Stat()
		if err != nil {
			return err
		}
		mode = info.Mode().Perm() | 0o200
	}
	f, err := b.place.Create(path, mode)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Abort())
		}
	}()
	if source != nil {
		f.CopyAttributes(source)
	}
	switch {
	case source == nil:
	case b.o.Link == LinkReflink:
		if err = f.Clone(source); errors.Is(err, ErrNoClone) {
			err = &fs.PathError{Op: "clone", Path: b.files[i], Err: err}
		}
	default:
		err = f.Copy(b.ctx, source, b.content.Files[i].Length)
	}
	if err == nil {
		err = f.Truncate(b.content.Files[i].Length)
	}
	if err != nil {
		return err
	}
	f.Finish()
	return f.Commit(nil)
}

// modeOf returns the mode of a new file of a torrent (BEP 47).
func modeOf(f *metainfo.File) fs.FileMode {
	if f.IsExecutable() {
		return placefile.Executable
	}
	return placefile.Regular
}
