package seed

import (
	"container/list"
	"errors"
	"fmt"
	"os"
	"sync"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// errChanged is inside the error for a file that is not what it was when it was
// checked, or not there any more.
var errChanged = errors.New("it is not what it was")

// content is the data of one torrent on disk, of which blocks are taken.
type content struct {
	layout *metainfo.Layout
	tree   *piece.Tree // with the identities of the files as they were checked
	views  *views
	closed bool // under views.mu: nothing of it is mapped any more
}

// A view is a part of a file, mapped. It stays as long as somebody uses it, and
// then until there is no room.
type view struct {
	bytes []byte   // nil: to be read from file
	file  *os.File // nil where bytes are not mapped
	fd    int      // of file
	key   viewKey
	users int           // under views.mu
	place *list.Element // in the idle ones of its shelf; nil while it is used
}

type viewKey struct {
	content *content
	file    int
	index   int64 // of its bytes, in viewLength
}

// isSmall reports whether a file is read and not mapped.
func (c *content) isSmall(file int) bool { return c.layout.Length(file) < smallFile }

// views are what is mapped of all torrents, and the small files that are open. The
// lock is taken when a peer comes to another of them, not for each block.
type views struct {
	mu            sync.Mutex
	byKey         map[viewKey]*view
	mapped, small shelf
}

// A shelf is the views of one kind, of which so many are kept: to open a small file
// again costs less than to map a large one, and must not crowd it out.
type shelf struct {
	n, most int
	idle    list.List // of *view that nobody uses, the longest unused first
}

func (v *views) shelf(w *view) *shelf {
	if w.key.content.isSmall(w.key.file) {
		return &v.small
	}
	return &v.mapped
}

// use adds a user.
func (v *views) use(w *view) {
	if w.place != nil {
		v.shelf(w).idle.Remove(w.place)
		w.place = nil
	}
	w.users++
}

// acquire returns a view for one user, who will release it.
func (v *views) acquire(key viewKey) (*view, error) {
	v.mu.Lock()
	if w := v.byKey[key]; w != nil {
		v.use(w)
		v.mu.Unlock()
		return w, nil
	}
	v.mu.Unlock()
	w, err := key.content.view(key.file, key.index*viewLength) // not under the lock: a disk may be asleep
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if other := v.byKey[key]; other != nil { // somebody else was faster
		w.close()
		v.use(other)
		return other, nil
	}
	if key.content.closed {
		w.close()
		return nil, errChanged
	}
	w.key, w.users = key, 1
	if v.byKey == nil {
		v.byKey = make(map[viewKey]*view)
	}
	v.byKey[key] = w
	on := v.shelf(w)
	for on.n++; on.n > on.most && on.idle.Len() > 0; {
		v.drop(on.idle.Front().Value.(*view))
	}
	return w, nil
}

func (v *views) release(w *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w.users--; w.users == 0 {
		w.place = v.shelf(w).idle.PushBack(w)
		if v.byKey[w.key] != w { // it was forgotten meanwhile
			v.drop(w)
		}
	}
}

// hide lets nobody find a view.
func (v *views) hide(w *view) {
	if v.byKey[w.key] == w {
		delete(v.byKey, w.key)
		v.shelf(w).n--
	}
}

// drop closes a view that nobody uses.
func (v *views) drop(w *view) {
	v.shelf(w).idle.Remove(w.place)
	v.hide(w)
	w.close()
}

// outdate lets nobody find a view of a file that has changed.
func (v *views) outdate(w *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.hide(w)
}

// trim unmaps what nobody uses of a torrent.
func (v *views) trim(c *content) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for key, w := range v.byKey {
		if key.content == c && w.users == 0 {
			v.drop(w)
		}
	}
}

// forget unmaps what nobody uses of a torrent, and lets nobody find the rest.
func (v *views) forget(c *content) {
	v.trim(c)
	v.mu.Lock()
	defer v.mu.Unlock()
	c.closed = true
	for key, w := range v.byKey {
		if key.content == c {
			v.hide(w)
		}
	}
}

// copyTo fills b from at bytes behind the view's start.
func (v *view) copyTo(b []byte, at int64) error {
	if v.bytes != nil {
		return copyMapped(b, v.bytes[at:])
	}
	_, err := v.file.ReadAt(b, v.key.index*viewLength+at)
	return err
}

// open opens a file and makes sure that it is the one that was checked.
func (c *content) open(file int) (*os.File, error) {
	path := c.tree.Path(file)
	f, err := os.Open(path)
	if isScarcity(err) || isDiskError(err) {
		return nil, &readError{path: path, err: err}
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errChanged, err)
	}
	info, err := f.Stat()
	if err != nil || piece.Identify(info) != c.tree.Files[file].ID {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, errChanged)
	}
	return f, nil
}
