package known

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"bt/internal/atomicfile"
)

const (
	// maxSums is the size in bytes above which a file of sums is started anew.
	maxSums = 64 << 20

	// maxAllSums is the size in bytes of all files of sums above which those that
	// were not used for the longest time are deleted.
	maxAllSums = 1 << 30

	// sumsTime is how long sums may wait to be written, and so about how much work is
	// lost if the process is killed.
	sumsTime = time.Second / 4

	sumsSuffix = ".sums"
)

// A SumKey identifies the bytes of a piece by the identities of the files that they
// are in. It is a hash.
type SumKey [16]byte

// A Sum is the SHA-1 of a piece, followed by zeros, or the root of its hash tree.
type Sum [32]byte

// Sums is a cache of the sums of pieces of content at one place. The nil *Sums is
// always empty. Find may be called during Add; otherwise its methods must not be called
// concurrently.
//
// The file is a sequence of blocks, each appended by one write:
//
//	"btS1" | number of records, 4 bytes | CRC-32C of the records, 4 bytes | records
//
// The numbers are in little-endian. A record is a key of 16 bytes and a sum of 32.
// Several processes may append to the file. The first damaged block and what follows
// it are ignored, and the next process that writes replaces them.
type Sums struct {
	path    string
	records []byte   // those of the file
	index   []uint32 // a hash table: the index of a record plus 1, or 0
	damaged bool     // the file has more than records

	added   []byte // records that are not written yet
	size    int64  // of all records
	written time.Time
	changed bool  // the file was written
	err     error // of writing; no more sums are added
}

const (
	sumsMagic  = "btS1"
	sumsHeader = len(sumsMagic) + 4 + 4
	recordSize = len(SumKey{}) + len(Sum{})
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// OpenSums returns the cache in directory dir for content at a place, such as its
// path. If dir is "", it returns nil. What can't be read is not in the cache.
func OpenSums(dir, place string) *Sums {
	if dir == "" {
		return nil
	}
	name := sha256.Sum256([]byte(place))
	s := &Sums{path: filepath.Join(dir, hex.EncodeToString(name[:16])+sumsSuffix), written: time.Now()}
	b, err := atomicfile.Read(s.path, maxSums)
	s.damaged = err != nil && !errors.Is(err, fs.ErrNotExist)
	s.load(b)
	return s
}

// load reads the blocks of a file. It moves the records together in b, which may be
// large.
func (s *Sums) load(b []byte) {
	s.records = b[:0]
	for len(b) > 0 {
		records, rest, ok := cutBlock(b)
		if !ok {
			s.damaged = true
			break
		}
		s.records = append(s.records, records...)
		b = rest
	}
	n := len(s.records) / recordSize
	size := 16
	for size < 2*n {
		size *= 2
	}
	s.size, s.index = int64(len(s.records)), make([]uint32, size)
	for i := range n {
		s.index[s.slot(SumKey(s.records[i*recordSize:]))] = uint32(i + 1)
	}
}

// cutBlock returns the records of the block that b begins with, and the rest of b.
func cutBlock(b []byte) (records, rest []byte, ok bool) {
	if len(b) < sumsHeader || string(b[:len(sumsMagic)]) != sumsMagic {
		return nil, nil, false
	}
	n := int64(binary.LittleEndian.Uint32(b[4:])) * int64(recordSize)
	sum := binary.LittleEndian.Uint32(b[8:])
	if b = b[sumsHeader:]; n > int64(len(b)) || crc32.Checksum(b[:n], castagnoli) != sum {
		return nil, nil, false
	}
	return b[:n], b[n:], true
}

// block returns a block of records.
func block(records []byte) []byte {
	b := append(make([]byte, 0, sumsHeader+len(records)), sumsMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(records)/recordSize))
	b = binary.LittleEndian.AppendUint32(b, crc32.Checksum(records, castagnoli))
	return append(b, records...)
}

// slot returns the position in the index of a key, or the free one for it.
func (s *Sums) slot(key SumKey) int {
	mask := len(s.index) - 1
	i := int(binary.LittleEndian.Uint64(key[:])) & mask
	for s.index[i] != 0 && SumKey(s.records[int(s.index[i]-1)*recordSize:]) != key {
		i = (i + 1) & mask
	}
	return i
}

// Find returns the sum of a piece that was in the cache when it was opened.
func (s *Sums) Find(key SumKey) (sum Sum, ok bool) {
	if s == nil {
		return sum, false
	}
	i := int(s.index[s.slot(key)])
	if i == 0 {
		return sum, false
	}
	return Sum(s.records[(i-1)*recordSize+len(key):]), true
}

// Add adds the sum of a piece. It is written soon, by another Add or by Close, which
// returns the error.
func (s *Sums) Add(key SumKey, sum Sum) {
	if s == nil || s.err != nil || s.size+int64(recordSize) > maxSums {
		return
	}
	s.size += int64(recordSize)
	s.added = append(append(s.added, key[:]...), sum[:]...)
	if time.Since(s.written) >= sumsTime {
		s.err = s.flush()
	}
}

func (s *Sums) flush() error {
	added := s.added
	s.added, s.written = nil, time.Now()
	if len(added) == 0 {
		return nil
	}
	s.changed = true
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return err
	}
	if s.damaged {
		s.damaged = false
		return atomicfile.WriteCache(s.path, block(slices.Concat(s.records, added)))
	}
	_, err := appendTo(s.path, block(added))
	return err
}

// Close writes the sums that wait, and returns the first error of writing. If the Sums changed the file, it deletes the caches that
// were not used for the longest time, if all together are too large.
func (s *Sums) Close() error {
	if s == nil {
		return nil
	}
	if s.err == nil {
		s.err = s.flush()
	}
	// The time of the latest use. A file whose time can't be set is deleted sooner.
	_ = os.Chtimes(s.path, time.Time{}, time.Now())
	if s.changed {
		prune(filepath.Dir(s.path), maxAllSums)
	}
	return s.err
}

// prune deletes the oldest files of sums in dir while all together are larger than limit.
func prune(dir string, limit int64) {
	entries, _ := os.ReadDir(dir) // an unreadable directory counts as empty
	var files []fs.FileInfo
	var total int64
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || filepath.Ext(e.Name()) != sumsSuffix || !info.Mode().IsRegular() {
			continue
		}
		files = append(files, info)
		total += info.Size()
	}
	slices.SortFunc(files, func(a, b fs.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= limit {
			return
		}
		if os.Remove(filepath.Join(dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}
