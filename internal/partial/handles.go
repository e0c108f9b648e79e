package partial

import (
	"container/list"
	"errors"
	"io/fs"
	"os"
	"sync"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/internal/placefile"
)

// A place says where the bytes of a file are.
type place uint8

const (
	placeNone  place = iota // nowhere yet
	placePart               // in the file with the name of an unfinished one, which is written
	placeFinal              // in the file with the name in the torrent, which is only read
)

// maxHandles is the maximum number of files that are kept open.
const maxHandles = 128

// handles are the files of a download: where they are, and those that are open.
type handles struct {
	disk     *disk
	names    *names
	layout   *metainfo.Layout
	allocate bool

	mu     sync.Mutex
	idle   sync.Cond // the users of a handle, or frozen
	places []place
	open   map[int]*handle
	unused list.List // of *handle, the one least recently used first
	frozen int       // the file that is renamed now, or -1
}

// A handle is an open file.
type handle struct {
	*os.File
	index int
	path  []string // nil if it is only read
	users int
	place *list.Element // in unused, or nil
}

func newHandles(d *disk, n *names, o *Options) *handles {
	h := &handles{disk: d, names: n, layout: n.content.Layout, allocate: o.Allocate, frozen: -1}
	h.idle.L = &h.mu
	h.places = make([]place, len(n.content.Files))
	h.open = make(map[int]*handle)
	return h
}

// place returns where a file is.
func (h *handles) place(i int) place {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.places[i]
}

// path returns the path of a file where it is, or will be written.
func (h *handles) path(i int) []string {
	if h.place(i) == placeFinal {
		return h.names.final(i)
	}
	return h.names.part(i)
}

// acquire returns an open file, which is made if it is nowhere. The caller calls release.
func (h *handles) acquire(i int) (*handle, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.frozen == i {
		h.idle.Wait()
	}
	f := h.open[i]
	if f == nil {
		file, path, err := h.openFile(i)
		if err != nil {
			return nil, err
		}
		f = &handle{File: file, index: i, path: path}
		h.open[i] = f
		h.evict()
	}
	if f.place != nil {
		h.unused.Remove(f.place)
		f.place = nil
	}
	f.users++
	return f, nil
}

func (h *handles) release(f *handle) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if f.users--; f.users == 0 {
		f.place = h.unused.PushBack(f)
		h.evict()
		h.idle.Broadcast()
	}
}

// evict closes files that are not used if too many are open. h.mu is locked.
func (h *handles) evict() {
	for len(h.open) > maxHandles && h.unused.Len() > 0 {
		h.drop(h.unused.Front().Value.(*handle))
	}
}

// drop closes a file without users. h.mu is locked.
func (h *handles) drop(f *handle) {
	h.unused.Remove(f.place)
	delete(h.open, f.index)
	f.Close()
}

// reopen opens a file that is somewhere once more.
func (h *handles) reopen(i int) (*os.File, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for h.frozen == i {
		h.idle.Wait()
	}
	if h.places[i] == placeNone {
		return nil, &fs.PathError{Op: "open", Path: h.disk.path(h.names.final(i)), Err: fs.ErrNotExist}
	}
	f, _, err := h.openFile(i)
	return f, err
}

// openFile opens a file where it is. h.mu is locked.
func (h *handles) openFile(i int) (f *os.File, path []string, err error) {
	if h.places[i] == placeFinal {
		f, err = atomicfile.Open(h.disk.path(h.names.final(i)))
		return f, nil, err
	}
	path = h.names.part(i)
	if h.places[i] == placePart {
		f, err = h.disk.open(path)
	} else if f, err = h.disk.create(path, modeOf(&h.names.content.Files[i])); err == nil {
		h.places[i] = placePart
	}
	if err != nil {
		return nil, nil, err
	}
	if err := h.resize(f, path, h.layout.Length(i)); err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	return f, path, nil
}

// resize gives an unfinished file the size of the file.
func (h *handles) resize(f *os.File, path []string, size int64) error {
	info, err := f.Stat()
	if err != nil || info.Size() == size {
		return err
	}
	if err := h.disk.truncate(f, path, size); err != nil || !h.allocate {
		return err
	}
	return h.disk.named(allocate(f, size), path)
}

// modeOf returns the mode of a new file of a torrent (BEP 47).
func modeOf(f *metainfo.File) fs.FileMode {
	if f.IsExecutable() {
		return placefile.Executable
	}
	return placefile.Regular
}

// complete gives an unfinished file, which is synced, its name. With replace it replaces a
// file of that name.
func (h *handles) complete(i int, replace bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.frozen = i
	defer func() {
		h.frozen = -1
		h.idle.Broadcast()
	}()
	for f := h.open[i]; f != nil && f.users > 0; {
		h.idle.Wait()
	}
	if f := h.open[i]; f != nil {
		h.drop(f) // some systems rename no open files
	}
	part, final := h.names.part(i), h.names.final(i)
	move := h.disk.place
	if replace {
		move = h.disk.rename
	}
	if err := move(part, final[len(final)-1]); err != nil {
		return err
	}
	h.places[i] = placeFinal
	return nil
}

// identify returns the identity of a file that was written.
func (h *handles) identify(i int) (piece.Identity, error) {
	info, err := h.disk.lstatRegular(h.path(i))
	if err != nil {
		return piece.Identity{}, err
	}
	return piece.Identify(info), nil
}

func (h *handles) close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.open {
		f.Close()
	}
	clear(h.open)
	h.unused.Init()
}
