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

// errChanged reports that a file has changed or was removed since it was checked.
// Other errors wrap it.
var errChanged = errors.New("changed since it was checked")

// content is the data of one torrent on disk, from which blocks are sent.
type content struct {
	layout   *metainfo.Layout
	tree     *piece.Tree // with the identities of the files when they were checked
	mappings *mappings
	closed   bool // guarded by mappings.mu: forget was called
}

// A mapping is a part of a file that is mapped into memory, or a small file that is
// kept open. It is kept while it has users, and then until it is evicted.
type mapping struct {
	bytes []byte   // nil: read from file instead
	file  *os.File // nil where bytes are not mapped
	fd    int      // of file
	key   mappingKey
	users int           // guarded by mappings.mu
	place *list.Element // in the idle list of its lru; nil while it has users
}

type mappingKey struct {
	content *content
	file    int
	index   int64 // offset, in units of mappingLength
}

// isSmall reports whether a file is read rather than mapped.
func (c *content) isSmall(file int) bool { return c.layout.Length(file) < smallFile }

// mappings caches the mapped parts of large files, and open small files, of all
// torrents. Its lock is taken when a peer needs another mapping, not for each block.
type mappings struct {
	mu            sync.Mutex
	byKey         map[mappingKey]*mapping
	mapped, small lru
}

// An lru limits the mappings of one kind, and evicts the least recently used. Small
// files have one of their own, because they are cheap to open again and must not
// displace mapped ones.
type lru struct {
	n, most int
	idle    list.List // of *mapping without users, least recently used first
}

func (ms *mappings) lru(m *mapping) *lru {
	if m.key.content.isSmall(m.key.file) {
		return &ms.small
	}
	return &ms.mapped
}

// use adds a user. ms.mu is locked.
func (ms *mappings) use(m *mapping) {
	if m.place != nil {
		ms.lru(m).idle.Remove(m.place)
		m.place = nil
	}
	m.users++
}

// acquire returns a mapping with one more user, which must call release.
func (ms *mappings) acquire(key mappingKey) (*mapping, error) {
	ms.mu.Lock()
	if m := ms.byKey[key]; m != nil {
		ms.use(m)
		ms.mu.Unlock()
		return m, nil
	}
	ms.mu.Unlock()
	m, err := key.content.mapping(key.file, key.index*mappingLength) // without the lock, because a disk may have to spin up
	if err != nil {
		return nil, err
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if other := ms.byKey[key]; other != nil { // another goroutine was faster
		m.close()
		ms.use(other)
		return other, nil
	}
	if key.content.closed {
		m.close()
		return nil, errChanged
	}
	m.key, m.users = key, 1
	if ms.byKey == nil {
		ms.byKey = make(map[mappingKey]*mapping)
	}
	ms.byKey[key] = m
	on := ms.lru(m)
	for on.n++; on.n > on.most && on.idle.Len() > 0; {
		ms.drop(on.idle.Front().Value.(*mapping))
	}
	return m, nil
}

// release removes a user.
func (ms *mappings) release(m *mapping) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m.users--; m.users == 0 {
		m.place = ms.lru(m).idle.PushBack(m)
		if ms.byKey[m.key] != m { // it was hidden in the meantime
			ms.drop(m)
		}
	}
}

// hide removes a mapping from the cache. It is closed when its last user releases it.
// ms.mu is locked.
func (ms *mappings) hide(m *mapping) {
	if ms.byKey[m.key] == m {
		delete(ms.byKey, m.key)
		ms.lru(m).n--
	}
}

// drop closes a mapping without users. ms.mu is locked.
func (ms *mappings) drop(m *mapping) {
	ms.lru(m).idle.Remove(m.place)
	ms.hide(m)
	m.close()
}

// outdate hides a mapping of a file that has changed.
func (ms *mappings) outdate(m *mapping) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.hide(m)
}

// trim closes the mappings of a torrent that have no users.
func (ms *mappings) trim(c *content) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for key, m := range ms.byKey {
		if key.content == c && m.users == 0 {
			ms.drop(m)
		}
	}
}

// forget closes the mappings of a torrent that have no users, and hides the others.
func (ms *mappings) forget(c *content) {
	ms.trim(c)
	ms.mu.Lock()
	defer ms.mu.Unlock()
	c.closed = true
	for key, m := range ms.byKey {
		if key.content == c {
			ms.hide(m)
		}
	}
}

// copyTo fills b with the bytes at offset at of the mapping.
func (m *mapping) copyTo(b []byte, at int64) error {
	if m.bytes != nil {
		return copyMapped(b, m.bytes[at:])
	}
	_, err := m.file.ReadAt(b, m.key.index*mappingLength+at)
	return err
}

// open opens a file, and fails if it is not the file that was checked.
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
	if err != nil || !piece.Identify(info).Equal(c.tree.Files[file].ID) {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, errChanged)
	}
	return f, nil
}
