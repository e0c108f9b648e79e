//go:build !unix

package piece

import "os"

// longestPath is the length from which the system refuses a path.
const longestPath = 1 << 15

// A directory is empty here: files are opened by their whole path.
type directory struct{}

func (d *directory) close() {}

// An openFile is the file that a worker is reading.
type openFile struct {
	file   *os.File
	opened bool
}

func (f *openFile) open(_ *directory, path string) (err error) {
	f.file, err = os.Open(path)
	f.opened = err == nil
	return err
}

func (f *openFile) identify() (Identity, error) {
	info, err := f.file.Stat()
	if err != nil {
		return Identity{}, err
	}
	return Identify(info), nil
}

func (f *openFile) readAt(buf []byte, offset int64) (int, error) {
	n, err := f.file.ReadAt(buf, offset)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *openFile) close() {
	if f.opened {
		f.file.Close()
		f.opened = false
	}
}

func (d *directory) stat(path string, follow bool) (id Identity, regular bool, err error) {
	call := os.Stat
	if !follow {
		call = os.Lstat
	}
	info, err := call(path)
	if err != nil {
		return id, false, err
	}
	return Identify(info), info.Mode().IsRegular(), nil
}

func maxOpenFiles() int { return 1 << 20 }
