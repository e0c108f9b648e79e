package maketorrent

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"

	"bt/internal/known"
	"bt/internal/piece"
)

// A Cache remembers the hashes of files in a directory, so that those that have not
// changed since are not read again. Everything in the directory may be deleted at any
// time. The nil *Cache is always empty. A Cache must not be used concurrently.
type Cache struct {
	dir   string
	place string      // the last placeOf
	open  *known.Sums // of place
	err   error       // the first write error
}

// NewCache returns the cache in a directory, which is made when something is stored.
func NewCache(dir string) *Cache { return &Cache{dir: dir} }

// sums returns the sums of content at root.
func (c *Cache) sums(root string) *known.Sums {
	if c == nil {
		return nil
	}
	if at := placeOf(root); c.open == nil || at != c.place {
		c.close()
		c.place, c.open = at, known.OpenSums(c.dir, at)
	}
	return c.open
}

// placeOf identifies the directory of some content, also after it was moved.
func placeOf(root string) string {
	info, err := os.Stat(root)
	if err == nil && !info.IsDir() {
		root = filepath.Dir(root)
		info, err = os.Stat(root)
	}
	if err != nil {
		return root
	}
	if id := piece.Identify(info); id.Ino != 0 { // 0: the system has no inodes
		return fmt.Sprintf("%d:%d", id.Dev, id.Ino)
	}
	return root
}

func (c *Cache) close() {
	c.err = cmp.Or(c.err, c.open.Close())
	c.open = nil
}

// Close writes what Make has added. It returns the first write error.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	c.close()
	return c.err
}
