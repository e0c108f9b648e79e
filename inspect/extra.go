package inspect

import (
	"cmp"
	"context"
	"errors"
	"hash/maphash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bt/internal/piece"
)

// extra lists the entries below root, other than directories, that are not files of the
// torrent. Paths are relative to root, have slashes, and are sorted by the bytes of
// their components. errs are the errors of directories that can't be read.
//
// Links are not followed: their targets are elsewhere, and may be the content of
// another torrent. A link to a directory that contains files of the torrent is not
// extra, nor is a file in others. Pad files on disk are extra, as Verify never reads them.
//
// The list is empty for a single file, which has no directory of its own. It is also
// empty if no file exists and root does not have the torrent's name: then root is only
// the directory where the caller expected the content.
func (c *check) extra(ctx context.Context, root string, others *Contents) (list []string, errs []error, err error) {
	w := extraWalk{ctx: ctx, others: others, list: []string{}}
	there := func(s piece.Source) bool { return !s.Pad && s.Cause != piece.CauseMissing }
	own := filepath.Base(root) == c.content.Name || slices.ContainsFunc(c.tree.Files, there)
	if !c.content.Single && own && isDir(root) {
		w.places, w.planned = c.places(root), entriesOf(c.placed)
		w.dir(root, "")
	}
	return w.list, w.errs, context.Cause(ctx)
}

type extraWalk struct {
	ctx    context.Context
	places places

	planned map[entry]bool // of VerifyOptions.Places
	others  *Contents
	list    []string
	errs    []error
}

// dir lists the extra entries of the directory at path. prefix is the directory's path
// below root, with a trailing slash.
func (w *extraWalk) dir(path, prefix string) {
	entries, err := os.ReadDir(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // deleted in the meantime: not an error
		w.errs = append(w.errs, err)
	}
	own := entry{}
	if len(w.planned) > 0 {
		own, _ = entryOf(path, "")
	}
	for _, e := range entries {
		own.name = e.Name()
		if w.ctx.Err() != nil {
			return
		}
		at := piece.Join(path, []string{e.Name()})
		switch {
		case e.IsDir():
			w.dir(at, prefix+e.Name()+"/")
		case w.places.hasFile(at) || w.planned[own]:
		case e.Type()&fs.ModeSymlink != 0 && w.places.hasDir(at) && isDir(at):
		case w.others.has(at):
		default:
			w.list = append(w.list, prefix+e.Name())
		}
	}
}

// An entry is a name in a directory: what two paths of one file have in common, whatever
// the links to the directory, and whether they are relative.
type entry struct {
	dir  inode
	path string // of the directory, on systems without inodes
	name string
}

func entryOf(dir, name string) (entry, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return entry{}, err
	}
	id := piece.Identify(info)
	if id.Ino != 0 {
		return entry{dir: inode{id.Dev, id.Ino}, name: name}, nil
	}
	abs, err := filepath.Abs(dir)
	return entry{path: abs, name: name}, err
}

// entriesOf returns the entries of absolute paths and of the directories above them, which
// may be links, as far as they exist.
func entriesOf(paths map[int]string) map[entry]bool {
	set, seen := make(map[entry]bool, len(paths)), make(map[string]bool)
	for _, path := range paths {
		for dir := filepath.Dir(path); path != dir && !seen[path]; path, dir = dir, filepath.Dir(dir) {
			seen[path] = true
			if e, err := entryOf(dir, filepath.Base(path)); err == nil {
				set[e] = true
			}
		}
	}
	return set
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// places is the set of paths on disk of a torrent's files and of their parent
// directories. It stores hashes instead of paths, as there may be millions.
type places struct {
	tree *piece.Tree
	seed maphash.Seed
	list []place // ascending by hash
}

// A place is a path: the first length bytes of the path of a file.
type place struct {
	hash         uint64
	file, length int32
}

func (c *check) places(root string) places {
	s := places{tree: c.tree, seed: maphash.MakeSeed()}
	add := func(file int, path string) {
		s.list = append(s.list, place{maphash.String(s.seed, path), int32(file), int32(len(path))})
	}
	last := ""
	for i := range c.tree.Files {
		if c.tree.Files[i].Pad {
			continue
		}
		path := c.tree.Path(i)
		for n := len(root) + 1; n < len(path); n++ {
			// Files of one directory are mostly consecutive.
			if path[n] == filepath.Separator && !strings.HasPrefix(last, path[:n+1]) {
				add(i, path[:n])
			}
		}
		add(i, path)
		last = path
	}
	slices.SortFunc(s.list, func(a, b place) int { return cmp.Compare(a.hash, b.hash) })
	return s
}

func (s *places) hasFile(path string) bool { return s.has(path, true) }

func (s *places) hasDir(path string) bool { return s.has(path, false) }

func (s *places) has(path string, file bool) bool {
	hash := maphash.String(s.seed, path)
	i, _ := slices.BinarySearchFunc(s.list, hash, func(p place, hash uint64) int { return cmp.Compare(p.hash, hash) })
	for ; i < len(s.list) && s.list[i].hash == hash; i++ {
		p := s.list[i]
		if whole := s.tree.Path(int(p.file)); whole[:p.length] == path && file == (len(whole) == len(path)) {
			return true
		}
	}
	return false
}
