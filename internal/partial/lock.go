package partial

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gofrs/flock"
)

// A lock is a lock file. It is nil, or has no file, where the file system has no locks.
type lock struct {
	disk *disk
	name string
	held *flock.Flock
}

// lock locks a file in the directory, which it makes. The error is a *LockedError if it is
// locked already.
func (d *disk) lock(name string) (*lock, error) {
	path := filepath.Join(d.dir, name)
	for {
		f, err := d.create([]string{name}, 0o600)
		if err == nil {
			err = f.Close()
		} else if errors.Is(err, fs.ErrExist) {
			_, err = d.lstatRegular([]string{name})
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		held := flock.New(path, flock.SetFlag(os.O_RDWR))
		ok, err := held.TryLock()
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue // its holder has removed it
		case err != nil:
			return &lock{disk: d, name: name}, nil
		case !ok:
			held.Close()
			return nil, &LockedError{path}
		}
		info, err := held.Stat()
		there, err2 := d.lstat([]string{name})
		if err == nil && err2 == nil && os.SameFile(info, there) {
			return &lock{d, name, held}, nil
		}
		held.Close() // likewise
	}
}

// close removes and unlocks the file.
func (l *lock) close() error {
	if l == nil {
		return nil
	}
	if l.held == nil {
		return l.disk.remove([]string{l.name})
	}
	if l.disk.remove([]string{l.name}) == nil { // while it is locked, so that it is ours
		return l.held.Close()
	}
	// Some systems remove no open files.
	return errors.Join(l.held.Close(), l.disk.remove([]string{l.name}))
}
