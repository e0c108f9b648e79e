package store

import (
	"container/list"
	"os"
	"sync"

	"bt/internal/mmap"
)

// A mapping is a part of a file that is mapped into memory, or a small file that is
// kept open. It is kept while it has users, and then until it is evicted.
type mapping struct {
	bytes mmap.Map // nil: only read from file
	file  *os.File // nil where bytes are a copy
	fd    int      // of file
	key   mappingKey
	users int           // guarded by mappings.mu
	place *list.Element // in the idle list of its lru; nil while it has users
}

type mappingKey struct {
	content *Content
	file    int
	index   int64 // offset, in units of mappingLength
}

// A Cache caches the mapped parts of large files, and open small files, of all torrents.
// Its lock is taken when a peer needs another mapping, not for each block.
type Cache struct {
	mu            sync.Mutex
	byKey         map[mappingKey]*mapping
	mapped, small lru
}

// NewCache returns a cache for a number of mappings and of open small files. Each has a
// descriptor.
func NewCache(mapped, small int) *Cache {
	return &Cache{byKey: make(map[mappingKey]*mapping), mapped: lru{most: mapped}, small: lru{most: small}}
}

// InUse returns the number of mappings and open files, and that of their users.
func (c *Cache) InUse() (mappings, users int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.byKey {
		users += m.users
	}
	return len(c.byKey), users
}

// An lru limits the mappings of one kind, and evicts the least recently used. Small
// files have one of their own, because they are cheap to open again and must not
// displace mapped ones.
type lru struct {
	n, most int
	idle    list.List // of *mapping without users, least recently used first
}

func (c *Cache) lru(m *mapping) *lru {
	if m.key.content.isSmall(m.key.file) {
		return &c.small
	}
	return &c.mapped
}

// use adds a user. c.mu is locked.
func (c *Cache) use(m *mapping) {
	if m.place != nil {
		c.lru(m).idle.Remove(m.place)
		m.place = nil
	}
	m.users++
}

// acquire returns a mapping with one more user, which must call release.
func (c *Cache) acquire(key mappingKey) (*mapping, error) {
	c.mu.Lock()
	if m := c.byKey[key]; m != nil {
		c.use(m)
		c.mu.Unlock()
		return m, nil
	}
	c.mu.Unlock()
	// Without the lock, because a disk may have to spin up.
	m, err := key.content.mapping(key.file, key.index*mappingLength)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if other := c.byKey[key]; other != nil { // another goroutine was faster
		m.close()
		c.use(other)
		return other, nil
	}
	if key.content.closed {
		m.close()
		return nil, ErrChanged
	}
	m.key, m.users = key, 1
	c.byKey[key] = m
	on := c.lru(m)
	for on.n++; on.n > on.most && on.idle.Len() > 0; {
		c.drop(on.idle.Front().Value.(*mapping))
	}
	return m, nil
}

// release removes a user.
func (c *Cache) release(m *mapping) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if m.users--; m.users == 0 {
		m.place = c.lru(m).idle.PushBack(m)
		if c.byKey[m.key] != m { // it was hidden in the meantime
			c.drop(m)
		}
	}
}

// hide removes a mapping from the cache. It is closed when its last user releases it.
// c.mu is locked.
func (c *Cache) hide(m *mapping) {
	if c.byKey[m.key] == m {
		delete(c.byKey, m.key)
		c.lru(m).n--
	}
}

// drop closes a mapping without users. c.mu is locked.
func (c *Cache) drop(m *mapping) {
	c.lru(m).idle.Remove(m.place)
	c.hide(m)
	m.close()
}

// outdate hides a mapping of a file that has changed.
func (c *Cache) outdate(m *mapping) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hide(m)
}

// Trim closes the mappings and files of the content that have no users.
func (c *Content) Trim() {
	c.cache.mu.Lock()
	defer c.cache.mu.Unlock()
	c.trim()
}

func (c *Content) trim() {
	for key, m := range c.cache.byKey {
		if key.content == c && m.users == 0 {
			c.cache.drop(m)
		}
	}
}

// Close closes the mappings and files of the content that have no users, and lets no new
// one in. The others are closed when their last users are done.
func (c *Content) Close() {
	c.cache.mu.Lock()
	defer c.cache.mu.Unlock()
	c.trim()
	c.closed = true
	for key, m := range c.cache.byKey {
		if key.content == c {
			c.cache.hide(m)
		}
	}
}

// copyTo fills b with the bytes at offset at of the mapping. It reads the file even where it is
// mapped: most bytes are copied once, and the page fault of the first access through a map
// costs more than a read.
func (m *mapping) copyTo(b []byte, at int64) error {
	if m.file == nil {
		copy(b, m.bytes[at:])
		return nil
	}
	_, err := m.file.ReadAt(b, m.key.index*mappingLength+at)
	return err
}
