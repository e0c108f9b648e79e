//go:build !unix

package diskindex

import (
	"io/fs"
	"os"
	"path/filepath"
)

// directoryKey returns what identifies an open directory: its path, since no link is
// followed.
func directoryKey(f *os.File) any { return f.Name() }

// examine returns the entry e of an open directory. It returns false for what is neither
// a regular file nor a directory.
func examine(dir *os.File, e fs.DirEntry) (entry, bool, error) {
	kind := e.Type()
	if kind.IsDir() {
		return entry{name: e.Name(), dir: true}, true, nil
	}
	if !kind.IsRegular() && kind != fs.ModeSymlink {
		return entry{}, false, nil
	}
	info, err := os.Stat(filepath.Join(dir.Name(), e.Name()))
	if err != nil {
		if kind == fs.ModeSymlink { // to nothing, or a loop
			err = nil
		}
		return entry{}, false, err
	}
	return entry{name: e.Name(), size: info.Size()}, info.Mode().IsRegular(), nil
}
