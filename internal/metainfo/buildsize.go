package metainfo

import "bt/internal/bencode"

// Measure returns the exact size in bytes of the torrent, before it is hashed, and the
// number of its values and keys. If files of a v2 torrent have the same content, they
// share a piece layer, and the torrent is smaller.
func (b *Builder) Measure(l *Layout) (size int64, values int) {
	e := bencode.NewCounter()
	b.write(e, l)
	return e.Size(), e.Values()
}
