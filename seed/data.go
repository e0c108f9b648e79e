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
	place *list.Element // in views.idle; nil while it is used
}

type viewKey struct {
	content *content
	file    int
	index   int64 // of its bytes, in viewLength
}

// views are what is mapped of all torrents. The lock is taken when a peer comes
// to another view, not for each block.
type views struct {
	mu    sync.Mutex
	byKey map[viewKey]*view
	idle  list.List // of *view that nobody uses, the longest unused first
}

// acquire returns a view for one user, who will release it.
func (v *views) acquire(key viewKey) (*view, error) {
	v.mu.Lock()
	if w := v.byKey[key]; w != nil {
		if w.place != nil {
			v.idle.Remove(w.place)
			w.place = nil
		}
		w.users++
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
		if other.place != nil {
			v.idle.Remove(other.place)
			other.place = nil
		}
		other.users++
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
	for len(v.byKey) > maxViews && v.idle.Len() > 0 {
		v.drop(v.idle.Front().Value.(*view))
	}
	return w, nil
}

func (v *views) release(w *view) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if w.users--; w.users == 0 {
		w.place = v.idle.PushBack(w)
		if v.byKey[w.key] != w { // it was forgotten meanwhile
			v.drop(w)
		}
	}
}

func (v *views) drop(w *view) {
	v.idle.Remove(w.place)
	if v.byKey[w.key] == w {
		delete(v.byKey, w.key)
	}
	w.close()
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
	for key := range v.byKey {
		if key.content == c {
			delete(v.byKey, key)
		}
	}
}

// open opens a file and makes sure that it is the one that was checked.
func (c *content) open(file int) (*os.File, error) {
	path := c.tree.Path(file)
	f, err := os.Open(path)
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
