// Package diskindex lists the files below directories by their sizes.
//
// An [Index] keeps one entry of 16 bytes per file, and the names in one block of
// memory: a million files need about 50 MB. It has no identities and no modification
// times. Whoever uses a file must examine it then, because the disk may have changed
// since the scan.
//
// A symbolic link to a regular file is an entry with the size of its target. Links to
// directories are not followed: they may form loops. A directory that is reached twice,
// because the given directories overlap or by a mount, is read once. The names of a
// file with several hard links are all listed, because one of them may be the name that
// the caller looks for. Their identities are the same.
package diskindex

import (
	"bytes"
	"cmp"
	"context"
	"math"
	"path/filepath"
	"slices"
)

// An Index is a list of regular files. Its zero value is empty. It must not be used
// concurrently.
type Index struct {
	names []byte // each name ends with a zero byte
	dirs  []directory
	files []file // ascending by size, if sorted is set

	sorted bool
	added  string // the directory of the last file of Add, which is the last of dirs; or ""
}

// A directory is a part of a directory: a long one is several parts.
type directory struct {
	parent int32 // index in dirs; -1: the name is a path
	name   int64 // offset in names
	first  int64 // offset in names of the name of its first file
}

// A file is an entry. There may be many millions.
type file struct {
	size int64
	dir  int32
	name uint32 // offset of the name, from directory.first
}

// Scan lists the regular files in and below directories. jobs is the number of
// directories that are read at once; 0 means a number that is good for most disks.
// found, if not nil, is called about ten times a second with the number of files so far,
// from the calling goroutine.
//
// Directories and files that can't be examined are left out: errs are their errors. The
// error is the cause of ctx, or that of a directory of dirs.
func Scan(ctx context.Context, dirs []string, jobs int, found func(files int)) (x *Index, errs []error, err error) {
	s := newScan(ctx)
	for _, dir := range dirs {
		if err := s.addRoot(dir); err != nil {
			return nil, nil, err
		}
	}
	if s.run(jobs, found); ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	x = &s.index
	slices.SortFunc(s.errs, func(a, b error) int { return cmp.Compare(a.Error(), b.Error()) })
	return x, s.errs, nil
}

// Add adds a file at an absolute path. Files of one directory take the least memory if
// they are added one after the other.
func (x *Index) Add(path string, size int64) {
	dir, name := filepath.Split(path)
	last := len(x.dirs) - 1
	if x.added == "" || x.added != dir || int64(len(x.names))-x.dirs[last].first > math.MaxUint32 {
		at := x.addName(filepath.Clean(dir))
		x.dirs = append(x.dirs, directory{-1, at, int64(len(x.names))})
		x.added, last = dir, last+1
	}
	first := x.dirs[last].first
	x.files = append(x.files, file{size, int32(last), uint32(x.addName(name) - first)})
	x.sorted = false
}

// Len returns the number of files.
func (x *Index) Len() int { return len(x.files) }

// Paths returns the absolute paths of the files with a size in bytes, sorted. A path that
// was added twice is there twice.
func (x *Index) Paths(size int64) []string {
	var list []string
	for _, f := range x.withSize(size) {
		list = append(list, string(x.path(f)))
	}
	slices.Sort(list)
	return list
}

func (x *Index) withSize(size int64) []file {
	if !x.sorted {
		slices.SortFunc(x.files, func(a, b file) int { return cmp.Compare(a.size, b.size) })
		x.sorted = true
	}
	first, _ := slices.BinarySearchFunc(x.files, size, func(f file, size int64) int { return cmp.Compare(f.size, size) })
	end, _ := slices.BinarySearchFunc(x.files, size, func(f file, size int64) int {
		if f.size <= size {
			return -1
		}
		return 1
	})
	return x.files[first:end]
}

func (x *Index) path(f file) []byte {
	return x.append(x.appendDir(nil, f.dir), x.dirs[f.dir].first+int64(f.name))
}

func (x *Index) appendDir(dst []byte, dir int32) []byte {
	d := &x.dirs[dir]
	if d.parent >= 0 {
		dst = x.appendDir(dst, d.parent)
	}
	return x.append(dst, d.name)
}

// append appends the name at an offset, after a separator.
func (x *Index) append(dst []byte, name int64) []byte {
	if n := len(dst); n > 0 && dst[n-1] != filepath.Separator { // the root of the file system ends with one
		dst = append(dst, filepath.Separator)
	}
	rest := x.names[name:]
	return append(dst, rest[:bytes.IndexByte(rest, 0)]...)
}

// addName appends a name, and returns its offset.
func (x *Index) addName(name string) int64 {
	at := int64(len(x.names))
	x.names = append(append(x.names, name...), 0)
	return at
}
