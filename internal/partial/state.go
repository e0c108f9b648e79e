package partial

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path/filepath"

	"bt/internal/atomicfile"
	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
)

// A state is what a run knows of the files. All numbers are in little-endian:
//
//	"btP1"
//	info-hash of v1, 20 bytes | info-hash of v2, 32 bytes    zeros if there is none
//	number of files, 4 bytes | number of pieces, 4 bytes
//	bitfield of the proven pieces (BEP 3)
//	number of identities, 4 bytes
//	identities, in the order of the files: file, 4 bytes | 5 fields of 8 bytes
//	CRC-32C of all before, 4 bytes
type state struct {
	have peer.Bitfield
	ids  map[int]piece.Identity // of files that have bytes of proven pieces
}

const (
	stateMagic    = "btP1"
	stateHead     = len(stateMagic) + 20 + 32 + 4 + 4
	identityBytes = 4 + 5*8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("damaged")

// appendHead appends the part of the state that the torrent decides.
func appendHead(b []byte, t *metainfo.Torrent, l *metainfo.Layout) []byte {
	b = append(b, stateMagic...)
	b = append(b, t.InfoHashV1[:]...)
	b = append(b, t.InfoHashV2[:]...)
	b = binary.LittleEndian.AppendUint32(b, uint32(l.Files()))
	return binary.LittleEndian.AppendUint32(b, uint32(l.Pieces()))
}

// stateSize returns the size of a state with n identities.
func stateSize(l *metainfo.Layout, n int) int64 {
	return int64(stateHead) + int64((l.Pieces()+7)/8) + 4 + int64(n)*int64(identityBytes) + 4
}

// appendState appends a state of a torrent. ids are by file, and those without a size are left
// out.
func appendState(b []byte, t *metainfo.Torrent, l *metainfo.Layout, have peer.Bitfield, ids []piece.Identity) []byte {
	start := len(b)
	b = append(appendHead(b, t, l), have...)
	count := len(b)
	b = binary.LittleEndian.AppendUint32(b, 0)
	n := uint32(0)
	for i := range ids {
		if ids[i].Size > 0 {
			b = ids[i].Append(binary.LittleEndian.AppendUint32(b, uint32(i)))
			n++
		}
	}
	binary.LittleEndian.PutUint32(b[count:], n)
	return appendSum(b, start)
}

// appendSum appends the checksum of the bytes from start on.
func appendSum(b []byte, start int) []byte {
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli))
}

// parseState parses a state of a torrent.
func parseState(b []byte, t *metainfo.Torrent, l *metainfo.Layout) (*state, error) {
	if int64(len(b)) < stateSize(l, 0) {
		return nil, errDamaged
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errDamaged
	}
	rest, ok := bytes.CutPrefix(body, appendHead(nil, t, l))
	if !ok {
		return nil, errors.New("of another torrent or version")
	}
	n := (l.Pieces() + 7) / 8
	have, err := peer.ParseBitfield(rest[:n:n], l.Pieces())
	if err != nil {
		return nil, err
	}
	count := int64(binary.LittleEndian.Uint32(rest[n:]))
	if count > int64(l.Files()) || int64(len(b)) != stateSize(l, int(count)) {
		return nil, errDamaged
	}
	s := &state{have, make(map[int]piece.Identity, count)}
	last := -1
	for record := rest[n+4:]; len(record) > 0; record = record[identityBytes:] {
		i := int(binary.LittleEndian.Uint32(record))
		if i <= last || i >= l.Files() {
			return nil, errDamaged
		}
		s.ids[i], last = parseIdentity(record[4:]), i
	}
	return s, nil
}

// parseIdentity parses what piece.Identity.Append appends.
func parseIdentity(b []byte) piece.Identity {
	n := func(i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }
	return piece.Identity{Size: int64(n(0)), ModTime: int64(n(1)), ChangeTime: int64(n(2)), Dev: n(3), Ino: n(4)}
}

// readState reads the state of an earlier run. One that is damaged is not used.
func (k *checker) readState() error {
	name := []string{k.ownName(stateSuffix)}
	path := k.disk.path(name)
	switch _, err := k.disk.lstatRegular(name); {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	}
	k.owned = true
	if k.options.Recheck {
		return nil
	}
	l := k.content.Layout
	b, err := atomicfile.Read(path, stateSize(l, l.Files()))
	if err == nil {
		k.old, err = parseState(b, k.torrent, l)
	}
	if err != nil {
		k.event(EventWarning{fmt.Errorf("the state of an earlier run is not used, and all files are checked: %s: %w", path, err)})
	}
	return nil
}

// writeState writes the state. The pieces must be synced.
func (c *Content) writeState(have peer.Bitfield) error {
	l := c.content.Layout
	b := appendState(make([]byte, 0, stateSize(l, min(l.Files(), 1<<10))), c.torrent, l, have, c.ids)
	return c.disk.replace(c.ownName(stateSuffix), b)
}

// removeState removes the state and the torrent, when all files are complete.
func (c *Content) removeState() error {
	for _, suffix := range []string{stateSuffix, metadataSuffix, tempSuffix} {
		if err := c.disk.remove([]string{c.ownName(suffix)}); err != nil {
			return err
		}
	}
	return c.disk.syncDirs()
}

// writeMetadata stores the torrent, unless that was done.
func (c *Content) writeMetadata() error {
	if c.isWhole() {
		return nil
	}
	name := c.ownName(metadataSuffix)
	if old, err := readMetadata(c.options.Dir, c.names.hash); err == nil && bytes.Equal(old.Bytes(), c.torrent.Bytes()) {
		return nil
	}
	return c.disk.replace(name, c.torrent.Bytes())
}

// readMetadata reads a stored torrent, and proves it by its info-hash.
func readMetadata(dir string, hash [20]byte) (*metainfo.Torrent, error) {
	b, err := atomicfile.Read(filepath.Join(dir, ownName(hash, metadataSuffix)), metainfo.MaxSize)
	if err != nil {
		return nil, err
	}
	t, err := metainfo.Parse(b)
	if err == nil && t.ShortInfoHash() != hash && !(t.V2 && [20]byte(t.InfoHashV2[:]) == hash) {
		err = errDamaged
	}
	return t, err
}

// isWhole reports whether all files of the torrent are complete and have their names.
func (c *Content) isWhole() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.content.Files {
		f := &c.content.Files[i]
		if f.Pad {
			continue
		}
		if c.left[i] > 0 || !f.IsLink() && c.files.place(i) != placeFinal || f.IsLink() && !c.wants(i) {
			return false
		}
	}
	return true
}
