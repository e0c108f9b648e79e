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
	layout   *metainfo.Layout
	tree     *piece.Tree // with the identities of the files as they were checked
	mappings *mappings
	closed   bool // under mappings.mu: nothing of it is mapped any more
}

// A mapping is a part of a file, mapped. It stays as long as somebody uses it, and
// then until there is no room.
type mapping struct {
	bytes []byte   // nil: to be read from file
	file  *os.File // nil where bytes are not mapped
	fd    int      // of file
	key   mappingKey
	users int           // under mappings.mu
	place *list.Element // in the idle ones of its lru; nil while it is used
}

type mappingKey struct {
	content *content
	file    int
	index   int64 // of its bytes, in mappingLength
}

// isSmall reports whether a file is read and not mapped.
func (c *content) isSmall(file int) bool { return c.layout.Length(file) < smallFile }

// mappings are what is mapped of all torrents, and the small files that are open. The
// lock is taken when a peer comes to another of them, not for each block.
type mappings struct {
	mu            sync.Mutex
	byKey         map[mappingKey]*mapping
	mapped, small lru
}

// A lru is the mappings of one kind, of which so many are kept: to open a small file
// again costs less than to map a large one, and must not crowd it out.
type lru struct {
	n, most int
	idle    list.List // of *mapping that nobody uses, the longest unused first
}

func (ms *mappings) lru(m *mapping) *lru {
	if m.key.content.isSmall(m.key.file) {
		return &ms.small
	}
	return &ms.mapped
}

// use adds a user.
func (ms *mappings) use(m *mapping) {
	if m.place != nil {
		ms.lru(m).idle.Remove(m.place)
		m.place = nil
	}
	m.users++
}

// acquire returns a mapping for one user, who will release it.
func (ms *mappings) acquire(key mappingKey) (*mapping, error) {
	ms.mu.Lock()
	if m := ms.byKey[key]; m != nil {
		ms.use(m)
		ms.mu.Unlock()
		return m, nil
	}
	ms.mu.Unlock()
	m, err := key.content.mapping(key.file, key.index*mappingLength) // not under the lock: a disk may be asleep
	if err != nil {
		return nil, err
	}
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if other := ms.byKey[key]; other != nil { // somebody else was faster
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

func (ms *mappings) release(m *mapping) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	if m.users--; m.users == 0 {
		m.place = ms.lru(m).idle.PushBack(m)
		if ms.byKey[m.key] != m { // it was forgotten meanwhile
			ms.drop(m)
		}
	}
}

// hide lets nobody find a mapping.
func (ms *mappings) hide(m *mapping) {
	if ms.byKey[m.key] == m {
		delete(ms.byKey, m.key)
		ms.lru(m).n--
	}
}

// drop closes a mapping that nobody uses.
func (ms *mappings) drop(m *mapping) {
	ms.lru(m).idle.Remove(m.place)
	ms.hide(m)
	m.close()
}

// outdate lets nobody find a mapping of a file that has changed.
func (ms *mappings) outdate(m *mapping) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	ms.hide(m)
}

// trim unmaps what nobody uses of a torrent.
func (ms *mappings) trim(c *content) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	for key, m := range ms.byKey {
		if key.content == c && m.users == 0 {
			ms.drop(m)
		}
	}
}

// forget unmaps what nobody uses of a torrent, and lets nobody find the rest.
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

// copyTo fills b from at bytes behind the mapping's start.
func (m *mapping) copyTo(b []byte, at int64) error {
	if m.bytes != nil {
		return copyMapped(b, m.bytes[at:])
	}
	_, err := m.file.ReadAt(b, m.key.index*mappingLength+at)
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
