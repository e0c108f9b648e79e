package store

import (
	"fmt"

	"bt/internal/metainfo"
	"bt/internal/pool"
)

const (
	// maxParts is the maximum number of parts in a batch, and MaxMappings that of
	// mappings, each of which has a descriptor.
	maxParts         = 512
	MaxBatchMappings = 8

	// MaxCopies is the maximum number of bytes of a batch that are copied.
	MaxCopies = 256 << 10

	// SmallFile is the length below which files are copied: there may be too many to
	// map.
	SmallFile = 64 << 10

	// smallGap is the length below which gaps and pad files are copied, to keep the
	// number of parts low.
	smallGap = 1 << 10
)

// chunks are for copies. They are in proportion to the batches in use.
var chunks pool.Pool[[MaxCopies]byte]

// zeros is the content of pad files.
var zeros [metainfo.BlockLength]byte

// A Batch is a list of byte slices to write at once: parts of the caller and, between
// them, the bytes of blocks, either mapped or copied. The zero Batch is empty.
type Batch struct {
	CopyAll bool // copy mapped bytes and parts of the caller too, so that they can be encrypted

	chunk    *[MaxCopies]byte // nil: nothing is copied yet
	copied   int              // bytes used of chunk
	joins    bool             // the last part ends where the next copied bytes begin
	parts    [][]byte
	mappings []*mapping // in use
}

// Fits reports whether n more bytes can be added, in any way.
func (b *Batch) Fits(n int) bool {
	return len(b.parts) < maxParts && len(b.mappings) < MaxBatchMappings && (b.copied == 0 || b.copied+n <= MaxCopies)
}

// Parts returns what was added, in order. It must not be used after Release.
func (b *Batch) Parts() [][]byte { return b.parts }

// Copied returns all that was added if CopyAll is set. It may be changed.
func (b *Batch) Copied() []byte {
	if b.chunk == nil {
		return nil
	}
	return b.chunk[:b.copied]
}

// Add adds the bytes of a block of the torrent without the first skip bytes. They must
// fit.
func (b *Batch) Add(c *Content, want Block, skip int64) error {
	spans := c.spans(want, skip)
	for s, ok := spans.next(); ok; s, ok = spans.next() {
		if err := b.addSpan(c, s); err != nil {
			return err
		}
	}
	return nil
}

// addSpan adds bytes of one file, or the zeros of a gap or pad file.
func (b *Batch) addSpan(c *Content, s metainfo.Span) error {
	if c.isZero(s) {
		for ; s.Length > 0; s.Length -= min(s.Length, int64(len(zeros))) {
			b.putZeros(zeros[:min(s.Length, int64(len(zeros)))])
		}
		return nil
	}
	if c.isSmall(s.File) {
		return b.copySmall(c, s)
	}
	for s.Length > 0 {
		at := s.Offset % mappingLength
		m, err := b.mapping(mappingKey{c, s.File, s.Offset / mappingLength})
		if err != nil {
			return err
		}
		n := min(s.Length, mappingLength-at)
		if m.bytes == nil || b.CopyAll {
			err = m.copyTo(b.room(int(n)), at)
		} else {
			b.Put(m.bytes[at : at+n])
		}
		if err != nil {
			return err
		}
		s.Offset += n
		s.Length -= n
	}
	return nil
}

// copySmall adds bytes of a small file. Its mapping is released at once, since a
// block may have bytes of hundreds of files.
func (b *Batch) copySmall(c *Content, s metainfo.Span) error {
	m, err := c.cache.acquire(mappingKey{c, s.File, 0})
	if err != nil {
		return err
	}
	defer c.cache.release(m)
	if err := m.copyTo(b.room(int(s.Length)), s.Offset); err != nil {
		return err
	}
	return m.check()
}

// Put adds a part, which must not change until the batch is released.
func (b *Batch) Put(p []byte) {
	switch {
	case len(p) == 0:
	case b.CopyAll:
		copy(b.room(len(p)), p)
	default:
		b.parts, b.joins = append(b.parts, p), false
	}
}

// putZeros adds zeros. There may be some between any two files.
func (b *Batch) putZeros(p []byte) {
	if len(p) < smallGap {
		copy(b.room(len(p)), p)
	} else {
		b.Put(p)
	}
}

// room adds n bytes, and returns them for the caller to fill.
func (b *Batch) room(n int) []byte {
	if b.chunk == nil {
		b.chunk = chunks.Get()
	}
	p := b.chunk[b.copied : b.copied+n]
	b.copied += n
	if last := len(b.parts) - 1; b.joins { // extend the last part
		b.parts[last] = b.parts[last][:len(b.parts[last])+n]
	} else {
		b.parts = append(b.parts, p)
	}
	b.joins = true
	return p
}

// mapping acquires a mapping, which in most cases the batch already has.
func (b *Batch) mapping(key mappingKey) (*mapping, error) {
	for i := len(b.mappings) - 1; i >= 0; i-- {
		if b.mappings[i].key == key {
			return b.mappings[i], nil
		}
	}
	m, err := key.content.cache.acquire(key)
	if err == nil {
		b.mappings = append(b.mappings, m)
	}
	return m, err
}

// Check fails if one of the mapped files has changed since it was checked.
func (b *Batch) Check() error {
	for _, m := range b.mappings {
		if err := m.check(); err != nil {
			return err
		}
	}
	return nil
}

// check fails if the file has changed since it was checked.
func (m *mapping) check() error {
	if m.isIntact() {
		return nil
	}
	c := m.key.content
	c.cache.outdate(m)
	return fmt.Errorf("%s: %w", c.tree.Path(m.key.file), ErrChanged)
}

// Release releases the mappings and empties the batch.
func (b *Batch) Release() {
	for _, m := range b.mappings {
		m.key.content.cache.release(m)
	}
	if b.chunk != nil {
		chunks.Put(b.chunk)
	}
	clear(b.parts)
	clear(b.mappings)
	*b = Batch{parts: b.parts[:0], mappings: b.mappings[:0]}
}
