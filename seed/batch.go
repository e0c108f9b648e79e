package seed

import (
	"fmt"

	"bt/internal/metainfo"
	"bt/internal/peer"
)

const (
	// maxBatch is the maximum number of bytes of blocks in a batch, maxBatchBlocks of
	// blocks, maxBatchParts of parts, and maxBatchMappings of mappings, each of which
	// has a descriptor.
	maxBatch         = 1 << 20
	maxBatchBlocks   = 128
	maxBatchParts    = 512
	maxBatchMappings = 8

	// maxCopies is the maximum number of bytes of a batch that are copied.
	maxCopies = 256 << 10

	// smallFile is the length below which files are copied: there may be too many to
	// map.
	smallFile = 64 << 10

	// smallGap is the length below which gaps and pad files are copied, to keep the
	// number of parts low.
	smallGap = 1 << 10
)

// A batch is a list of byte slices to write at once: the headers of piece messages
// and, between them, file contents, either mapped or copied into chunk. headers and
// chunk don't move, so parts may point into them.
//
// A peer has a batch only while it has its turn (see sendTurns), and never while it
// waits for the peer. Bytes that the socket did not accept are put into the next
// batch again.
type batch struct {
	headers  [maxBatchBlocks * peer.PieceHeaderLength]byte
	headed   int // bytes used of headers
	blocks   int
	chunk    *[maxCopies]byte // nil: nothing is copied yet
	copied   int              // bytes used of chunk
	joins    bool             // the last part ends where the next copied bytes begin
	copyAll  bool             // copy mapped bytes too, for encryption
	parts    [][]byte
	mappings []*mapping // in use
	bytes    int64      // of blocks
}

// fits reports whether the block want can be added within limit bytes of blocks. The
// first block always fits.
func (b *batch) fits(want block, limit int64) bool {
	if b.blocks == 0 {
		return true
	}
	length := int64(want.length)
	return b.blocks < maxBatchBlocks && len(b.parts) < maxBatchParts && len(b.mappings) < maxBatchMappings &&
		b.bytes+length <= limit && (b.copied == 0 || b.copied+peer.PieceHeaderLength+int(length) <= maxCopies)
}

// add adds a piece message, without the first sent bytes. The block is in the
// torrent, and fits.
func (b *batch) add(c *content, want block, sent int64) error {
	start := b.headed
	header := peer.AppendPieceHeader(b.headers[:start], want.piece, want.begin, int(want.length))
	b.headed = len(header)
	b.put(header[start+int(min(sent, peer.PieceHeaderLength)):])
	b.blocks++
	sent = max(0, sent-peer.PieceHeaderLength)

	cursor := c.layout.Cursor(int(want.piece))
	skip, left := int64(want.begin)+sent, int64(want.length)-sent
	b.bytes += left
	for left > 0 {
		span, ok := cursor.Next()
		if !ok { // after the end of a v2 file
			span, skip = metainfo.Span{File: metainfo.Gap, Length: left}, 0
		}
		if skip >= span.Length {
			skip -= span.Length
			continue
		}
		span.Offset, span.Length = span.Offset+skip, min(span.Length-skip, left)
		skip = 0
		left -= span.Length
		if err := b.addSpan(c, span); err != nil {
			return err
		}
	}
	return nil
}

// addSpan adds bytes of one file, or the zeros of a gap or pad file.
func (b *batch) addSpan(c *content, s metainfo.Span) error {
	if s.File == metainfo.Gap || c.tree.Files[s.File].Pad {
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
		if m.bytes == nil || b.copyAll {
			err = m.copyTo(b.room(int(n)), at)
		} else {
			b.put(m.bytes[at : at+n])
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
func (b *batch) copySmall(c *content, s metainfo.Span) error {
	m, err := c.mappings.acquire(mappingKey{c, s.File, 0})
	if err != nil {
		return err
	}
	defer c.mappings.release(m)
	if err := m.copyTo(b.room(int(s.Length)), s.Offset); err != nil {
		return err
	}
	return m.check()
}

// put adds a part, which must not change until the batch is released.
func (b *batch) put(p []byte) {
	switch {
	case len(p) == 0:
	case b.copyAll:
		copy(b.room(len(p)), p)
	default:
		b.parts, b.joins = append(b.parts, p), false
	}
}

// putZeros adds zeros. There may be some between any two files.
func (b *batch) putZeros(p []byte) {
	if len(p) < smallGap {
		copy(b.room(len(p)), p)
	} else {
		b.put(p)
	}
}

// room adds n bytes, and returns them for the caller to fill.
func (b *batch) room(n int) []byte {
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
func (b *batch) mapping(key mappingKey) (*mapping, error) {
	for i := len(b.mappings) - 1; i >= 0; i-- {
		if b.mappings[i].key == key {
			return b.mappings[i], nil
		}
	}
	m, err := key.content.mappings.acquire(key)
	if err == nil {
		b.mappings = append(b.mappings, m)
	}
	return m, err
}

// check fails if one of the mapped files has changed since it was checked.
func (b *batch) check() error {
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
	c.mappings.outdate(m)
	return fmt.Errorf("%s: %w", c.tree.Path(m.key.file), errChanged)
}

// length returns the number of bytes in the batch.
func (b *batch) length() (n int64) {
	for _, p := range b.parts {
		n += int64(len(p))
	}
	return n
}

// release releases the mappings and empties the batch.
func (b *batch) release() {
	for _, m := range b.mappings {
		m.key.content.mappings.release(m)
	}
	if b.chunk != nil {
		chunks.Put(b.chunk)
	}
	clear(b.parts)
	clear(b.mappings)
	b.headed, b.blocks, b.chunk, b.copied, b.joins, b.copyAll = 0, 0, nil, 0, false, false
	b.parts, b.mappings, b.bytes = b.parts[:0], b.mappings[:0], 0
}
