//go:build unix

package diskindex

import (
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// directoryKey returns what identifies an open directory.
func directoryKey(f *os.File) any {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return f.Name()
	}
	return [2]uint64{uint64(st.Dev), st.Ino}
}

// examine returns the entry e of an open directory. It returns false for what is neither
// a regular file nor a directory. Unlike e.Info it allocates no memory.
func examine(dir *os.File, e fs.DirEntry) (entry, bool, error) {
	kind := e.Type()
	if kind.IsDir() {
		return entry{name: e.Name(), dir: true}, true, nil
	}
	if !kind.IsRegular() && kind != fs.ModeSymlink {
		return entry{}, false, nil
	}
	var st unix.Stat_t
	for {
		err := unix.Fstatat(int(dir.Fd()), e.Name(), &st, 0)
		if err == nil {
			break
		}
		if err != unix.EINTR {
			if kind == fs.ModeSymlink { // to nothing, or a loop
				return entry{}, false, nil
			}
			return entry{}, false, &fs.PathError{Op: "stat", Path: filepath.Join(dir.Name(), e.Name()), Err: err}
		}
	}
	return entry{name: e.Name(), size: st.Size}, st.Mode&unix.S_IFMT == unix.S_IFREG, nil
}
