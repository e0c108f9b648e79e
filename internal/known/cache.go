package known

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"bt/internal/piece"
)

// A Cache keeps the Sums of content at several places in one directory, one of them open
// at a time. The nil *Cache is always empty. A Cache must not be used concurrently.
type Cache struct {
	dir   string
	place string // the last placeOf
	open  *Sums  // of place
	err   error  // the first write error
}

// NewCache returns the cache in a directory, which is made when something is stored.
func NewCache(dir string) *Cache { return &Cache{dir: dir} }

// PiecesIn returns the sums in the cache of the pieces of content at root. at is when the
// identities in the tree were taken.
func PiecesIn(c *Cache, root string, tree *piece.Tree, at time.Time) Pieces {
	p := Pieces{Keys: Keys{Tree: tree, At: at}}
	if c == nil {
		return p
	}
	if place := placeOf(root); c.open == nil || place != c.place {
		c.close()
		c.place, c.open = place, OpenSums(c.dir, place)
	}
	p.sums = c.open
	return p
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

// Close writes what was added. It returns the first write error.
func (c *Cache) Close() error {
	if c == nil {
		return nil
	}
	c.close()
	return c.err
}

// Pieces are the cached sums of the pieces of some content on disk.
type Pieces struct {
	Keys
	sums *Sums // nil if there is no cache
}

// Exist reports whether there is a cache, which may be empty.
func (p *Pieces) Exist() bool { return p.sums != nil }

// Find returns the sums of a piece. ok is false if the cache lacks one of them.
func (p *Pieces) Find(t *piece.Target, i int) (sha1 [20]byte, root [32]byte, ok bool) {
	if p.sums == nil {
		return sha1, root, false
	}
	ok = true
	if t.V1 {
		key, _ := p.V1(t.Layout, i)
		var sum Sum
		sum, ok = p.sums.Find(key)
		copy(sha1[:], sum[:])
	}
	if t.V2 && ok {
		key, _ := p.V2(t.Layout, i)
		var sum Sum
		sum, ok = p.sums.Find(key)
		root = sum
	}
	return sha1, root, ok
}

// Add adds the sums of a piece, except those of files that may change and keep their
// identity.
func (p *Pieces) Add(t *piece.Target, r *piece.Result) {
	if p.sums == nil {
		return
	}
	if t.V1 {
		if key, ok := p.V1(t.Layout, r.Index); ok {
			var sum Sum
			copy(sum[:], r.SHA1[:])
			p.sums.Add(key, sum)
		}
	}
	if t.V2 {
		if key, ok := p.V2(t.Layout, r.Index); ok {
			p.sums.Add(key, r.Root)
		}
	}
}
