// Package known is a cache of the results of hashing, so that files that have not
// changed since need not be hashed again. All of it may be deleted at any time. A
// [Store] remembers which pieces of the content of torrents were good, and [Sums] the
// hashes of pieces.
//
// A Store is one file with a line of JSON for each state of some content, in the
// order in which they were added. Lines are appended in batches and without a sync;
// damaged lines are skipped. Only the positions of the lines are kept in memory.
// Several processes may append to the file. Each sees the lines that existed when it
// loaded the file and those that it has added.
package known

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash/maphash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"bt/internal/atomicfile"
)

const (
	// maxStates is the maximum number of states per key. With several, the result for
	// a volume survives while the volume is not mounted.
	maxStates = 4

	// maxFile is the size in bytes above which the file is started anew.
	maxFile = 256 << 20

	// minFile is the size in bytes above which the file is compacted if more than
	// half of it is obsolete.
	minFile = 1 << 20

	// batchTime is how long lines may wait to be written together.
	batchTime = time.Second
)

// A Key identifies some content by what it should be and where.
type Key [16]byte

// A State is the result of hashing some content.
type State struct {
	Root     string    // path of the content
	Identity string    // of all files together; changes when a file does
	Have     []byte    // good pieces, as a bitfield
	Pieces   int       // number of good pieces
	Checked  time.Time // time of the check
}

// A line is the JSON form of a State in the file.
type line struct {
	Key      string    `json:"key"` // hex
	Root     string    `json:"root"`
	Identity string    `json:"identity"`
	Have     []byte    `json:"have"`
	Pieces   int       `json:"pieces"`
	Checked  time.Time `json:"checked"`
}

// A Store is a cache in a directory of which pieces were good. Its methods may be called by several goroutines.
type Store struct {
	dir  string
	seed maphash.Seed

	mu      sync.Mutex
	loaded  bool
	places  map[Key][]place // latest first
	old     map[Key]bool    // keys that have a file of an earlier version
	waiting []waiting       // lines to be written
	written time.Time
}

// A place is the position of a line in the file.
type place struct {
	offset   int64
	length   int32
	pieces   int32
	identity uint64 // hash
}

// A waiting is a line to be written.
type waiting struct {
	key  Key
	at   place // except offset
	text []byte
}

// New returns a store in directory dir, which is created when needed. If dir is "",
// the store is always empty.
func New(dir string) *Store {
	return &Store{dir: dir, seed: maphash.MakeSeed(), places: make(map[Key][]place), old: make(map[Key]bool)}
}

func (s *Store) path() string { return filepath.Join(s.dir, "known.jsonl") }

// Find returns the pieces that were good when the content at root had the given
// identity.
func (s *Store) Find(key Key, root, identity string) (have []byte, ok bool) {
	if s.dir == "" {
		return nil, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.convert(key)
	if slices.ContainsFunc(s.waiting, func(w waiting) bool { return w.key == key }) {
		_ = s.flush() // a line that can't be written is not found
	}
	i := slices.IndexFunc(s.places[key], func(p place) bool { return p.identity == s.hash(identity) })
	if i < 0 {
		return nil, false
	}
	l, err := s.read(s.places[key][i])
	if err != nil || l.Key != hex.EncodeToString(key[:]) || l.Root != root || l.Identity != identity {
		return nil, false
	}
	return l.Have, true
}

// Add adds a state. It may be written later, by another Add, by Find or by Flush, so
// the returned error may be about states added before.
func (s *Store) Add(key Key, state State) error {
	if s.dir == "" {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.load()
	s.convert(key)
	if err := s.wait(key, state); err != nil {
		return err
	}
	if time.Since(s.written) < batchTime {
		return nil
	}
	return s.flush()
}

// Flush writes the states that wait. States that can't be written are dropped.
func (s *Store) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.flush()
}

func (s *Store) wait(key Key, state State) error {
	text, err := json.Marshal(line{hex.EncodeToString(key[:]), state.Root, state.Identity, state.Have, state.Pieces, state.Checked})
	if err != nil {
		return err
	}
	text = append(text, '\n')
	s.waiting = append(s.waiting, waiting{key, place{length: int32(len(text)), pieces: int32(state.Pieces), identity: s.hash(state.Identity)}, text})
	return nil
}

func (s *Store) flush() error {
	if len(s.waiting) == 0 {
		return nil
	}
	lines := s.waiting
	s.waiting, s.written = nil, time.Now()
	b := []byte{'\n'} // ends an incomplete last line
	for _, w := range lines {
		b = append(b, w.text...)
	}
	end, err := s.append(b)
	if err != nil {
		return err
	}
	offset := end - int64(len(b)) + 1
	for _, w := range lines {
		w.at.offset = offset
		offset += int64(len(w.text))
		s.note(w.key, w.at)
	}
	return nil
}

// append appends b to the file, and returns the new end of the file.
func (s *Store) append(b []byte) (end int64, err error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return 0, err
	}
	return appendTo(s.path(), b)
}

// appendTo appends b to a file by one write, and returns the new end of the file.
func appendTo(path string, b []byte) (end int64, err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NONBLOCK, 0o600)
	if err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "write", Path: path, Err: atomicfile.ErrNotRegular}
	}
	if err == nil {
		_, err = f.Write(b)
	}
	if err == nil {
		end, err = f.Seek(0, io.SeekCurrent) // not by the size: another process may have appended
	}
	return end, errors.Join(err, f.Close())
}

// note records the place of the latest line of a key. If there are more than
// maxStates, it drops the one with the fewest pieces, which is cheapest to hash
// again, or the oldest of these.
func (s *Store) note(key Key, at place) {
	list := slices.DeleteFunc(s.places[key], func(p place) bool { return p.identity == at.identity })
	list = slices.Insert(list, 0, at)
	if len(list) > maxStates {
		least := len(list) - 1
		for i := least; i > 0; i-- {
			if list[i].pieces < list[least].pieces {
				least = i
			}
		}
		list = slices.Delete(list, least, least+1)
	}
	s.places[key] = list
}

// load reads the file, unless that was done. What can't be read is ignored.
func (s *Store) load() {
	if s.loaded {
		return
	}
	s.loaded = true
	size := s.scan()
	var live int64
	for _, list := range s.places {
		for _, p := range list {
			live += int64(p.length)
		}
	}
	switch {
	case size > maxFile:
		_ = os.Remove(s.path())
		clear(s.places)
	case size > minFile && live < size/2:
		s.compact()
	}
	s.findOld()
}

// scan records the places of all lines, and returns the size of the file.
func (s *Store) scan() (size int64) {
	f, err := atomicfile.Open(s.path())
	if err != nil {
		return 0
	}
	defer f.Close()
	in := bufio.NewReaderSize(f, 64<<10)
	for size <= maxFile {
		text, err := in.ReadBytes('\n')
		var l line
		if id, ok := parse(text, &l); ok {
			s.note(id, place{offset: size, length: int32(len(text)), pieces: int32(l.Pieces), identity: s.hash(l.Identity)})
		}
		size += int64(len(text))
		if err != nil {
			break
		}
	}
	return size
}

// parse parses a line.
func parse(text []byte, l *line) (key Key, ok bool) {
	if json.Unmarshal(text, l) != nil || len(l.Key) != 2*len(key) {
		return key, false
	}
	_, err := hex.Decode(key[:], []byte(l.Key))
	return key, err == nil
}

// read reads the line at a place.
func (s *Store) read(at place) (l line, err error) {
	f, err := atomicfile.Open(s.path())
	if err != nil {
		return l, err
	}
	defer f.Close()
	text := make([]byte, at.length)
	if _, err := f.ReadAt(text, at.offset); err != nil && err != io.EOF {
		return l, err
	}
	return l, json.Unmarshal(text, &l)
}

// compact rewrites the file without obsolete lines.
func (s *Store) compact() {
	b, err := atomicfile.Read(s.path(), maxFile)
	if err != nil {
		return
	}
	var all []place
	for _, list := range s.places {
		all = append(all, list...)
	}
	slices.SortFunc(all, func(a, b place) int { return int(a.offset - b.offset) })
	var out bytes.Buffer
	for _, p := range all {
		out.Write(b[p.offset:min(p.offset+int64(p.length), int64(len(b)))])
	}
	if atomicfile.WriteCache(s.path(), out.Bytes()) == nil {
		clear(s.places)
		s.scan()
	}
}

func (s *Store) hash(identity string) uint64 { return maphash.String(s.seed, identity) }
