package partial

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"bt/internal/metainfo"
	"bt/internal/peer"
	"bt/internal/piece"
	"bt/maketorrent"
)

// A recorder records the changes of a disk in the order in which they are made.
type recorder struct {
	mu  sync.Mutex
	ops []op
}

func (r *recorder) trace(o op, do func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := do()
	if err == nil {
		r.ops = append(r.ops, o)
	}
	return err
}

// states returns how often the state was written.
func (r *recorder) states() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, o := range r.ops {
		if o.kind == opRename && strings.HasSuffix(o.to, stateSuffix) {
			n++
		}
	}
	return n
}

// A crash says what is on disk of what was not synced, when the system ends.
type crash uint8

const (
	crashKill  crash = iota // everything: only the process was killed
	crashPower              // nothing
	crashSome               // some of it
)

func (c crash) String() string { return [...]string{"kill", "power", "some"}[c] }

// An inode is a file of an image.
type inode struct {
	cached, durable []byte
	unsynced        []op
}

func (n *inode) apply(b []byte, o op) []byte {
	size := o.size
	if o.kind == opWrite {
		size = max(int64(len(b)), o.offset+int64(len(o.data)))
	}
	b = append(slices.Clone(b), make([]byte, max(0, size-int64(len(b))))...)[:size]
	copy(b[o.offset:], o.data)
	return b
}

// entries are the names in all directories. A directory is nil.
type entries map[string]*inode

// apply makes a change of a directory.
func (e entries) apply(o op, made *inode) {
	to := path.Join(path.Dir(o.path), o.to)
	switch o.kind {
	case opMkdir, opCreate:
		e[o.path] = made
	case opLink:
		if n, ok := e[o.path]; ok {
			e[to] = n
		}
	case opRename:
		if n, ok := e[o.path]; ok {
			e[to] = n
			delete(e, o.path)
		}
	case opRemove:
		delete(e, o.path)
	}
}

// An image is a file system after some changes.
type image struct {
	cached, durable entries
	unsynced        []change // of directories
}

type change struct {
	op   op
	made *inode
}

// replay returns the image after changes.
func replay(ops []op) *image {
	m := &image{make(entries), make(entries), nil}
	for _, o := range ops {
		switch o.kind {
		case opWrite, opTruncate:
			n := m.cached[o.path]
			n.cached, n.unsynced = n.apply(n.cached, o), append(n.unsynced, o)
		case opSync:
			n := m.cached[o.path]
			n.durable, n.unsynced = n.cached, nil
		case opSyncDir:
			m.syncDir(o.path)
		default:
			var made *inode
			if o.kind == opCreate {
				made = new(inode)
			}
			m.cached.apply(o, made)
			m.unsynced = append(m.unsynced, change{o, made})
		}
	}
	return m
}

func (m *image) syncDir(dir string) {
	m.unsynced = slices.DeleteFunc(m.unsynced, func(c change) bool {
		in := path.Dir(c.op.path) == dir || path.Dir(c.op.path) == "." && dir == ""
		if in {
			m.durable.apply(c.op, c.made)
		}
		return in
	})
}

// A file is one on disk after a crash.
type file struct {
	bytes []byte
	inode *inode
}

// after returns the files that are on disk after a crash, by path.
func (m *image) after(c crash, random *rand.Rand) map[string]file {
	names := m.durable
	switch c {
	case crashKill:
		names = m.cached
	case crashSome:
		names = maps.Clone(m.durable)
		for _, u := range m.unsynced {
			if random.IntN(2) == 0 {
				names.apply(u.op, u.made)
			}
		}
	}
	files := make(map[string]file)
	for name, n := range names {
		if n == nil || !names.hasParents(name) {
			continue
		}
		b := n.durable
		switch c {
		case crashKill:
			b = n.cached
		case crashSome:
			for _, o := range n.unsynced {
				if random.IntN(2) == 0 {
					b = n.apply(b, o)
				}
			}
		}
		files[name] = file{b, n}
	}
	return files
}

func (e entries) hasParents(name string) bool {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := e[dir]; !ok {
			return false
		}
	}
	return true
}

// Wherever the sequence of changes ends, and whatever is lost of those that were not
// synced, the state says nothing that is wrong, and a second run finishes. In the worst
// case the identities of the files don't show what was lost, so they are made to match.
func TestReplay(t *testing.T) {
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: format, PieceLength: 16 << 10}, map[string]int{"a": 50_000, "b": 3, "d/c": 70_000, "d/e": 9000})
			var r recorder
			c := s.open(t, Options{Dir: t.TempDir(), trace: r.trace, saveBytes: 1})
			for n, p := range rand.New(rand.NewPCG(3, 3)).Perm(s.content.Layout.Pieces()) {
				before := r.states()
				s.feed(t, c, p)
				for n%2 == 1 && r.states() == before && c.Err() == nil {
					select {
					case <-c.Done():
						before = -1
					case <-time.After(time.Millisecond):
					}
				}
			}
			await(t, c)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			random := rand.New(rand.NewPCG(1, 1))
			states := 0
			for n := range len(r.ops) + 1 {
				for _, kind := range []crash{crashKill, crashPower, crashSome} {
					if s.resume(t, replay(r.ops[:n]).after(kind, random)) {
						states++
					}
					if t.Failed() {
						t.Fatalf("after %d of %d changes, crash %v", n, len(r.ops), kind)
					}
				}
			}
			t.Logf("%d changes, %d states that say something", len(r.ops), states)
			if states < 20 {
				t.Errorf("only %d states say something", states)
			}
		})
	}
}

// resume opens a download with files on disk, and finishes it.
func (s *sample) resume(t *testing.T, files map[string]file) (said bool) {
	dir := t.TempDir()
	made := make(map[*inode]string)
	for name, f := range files {
		name = filepath.Join(dir, name)
		if twin, ok := made[f.inode]; ok {
			if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.Link(twin, name)); err != nil {
				t.Fatal(err)
			}
			continue
		}
		made[f.inode] = name
		put(t, name, f.bytes)
	}
	state := ownName(s.tor.ShortInfoHash(), stateSuffix)
	if f, ok := files[state]; ok && len(f.bytes) > 0 {
		said = s.match(t, dir, filepath.Join(dir, state), f.bytes)
	}
	c := s.open(t, Options{Dir: dir})
	s.checkHave(t, c)
	s.feedAll(t, c)
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
	return said
}

// match gives a state the identities of the files that are there now. It reports whether the
// state has a piece.
func (s *sample) match(t *testing.T, dir, name string, b []byte) bool {
	old, err := parseState(b, s.tor, s.content.Layout)
	if err != nil {
		t.Fatalf("the state: %v", err)
	}
	n, err := newNames(s.content, s.tor.ShortInfoHash())
	if err != nil {
		t.Fatal(err)
	}
	ids := make([]piece.Identity, len(s.content.Files))
	for i := range old.ids {
		for _, path := range [][]string{n.final(i), n.part(i)} {
			if info, err := os.Stat(filepath.Join(dir, filepath.Join(path...))); err == nil {
				ids[i] = piece.Identify(info)
				break
			}
		}
	}
	put(t, name, appendState(nil, s.tor, s.content.Layout, old.have, ids))
	return old.have.Count() > 0
}

// checkHave compares the pieces that a Content has with the files.
func (s *sample) checkHave(t *testing.T, c *Content) {
	t.Helper()
	l := s.content.Layout
	for p := range l.Pieces() {
		if !c.HavePiece(p) {
			continue
		}
		b := make([]byte, c.Length(p))
		if err := c.ReadAt(p, 0, b); err != nil {
			t.Errorf("piece %d: %v", p, err)
		} else if string(b) != string(s.stream[int64(p)*l.PieceLength():][:len(b)]) {
			t.Errorf("piece %d is wrong", p)
		}
	}
}

// The state survives its encoding, and another one is refused.
func TestState(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	l := s.content.Layout
	have := peer.NewBitfield(l.Pieces())
	have.Set(3)
	ids := make([]piece.Identity, l.Files())
	ids[0] = piece.Identity{Size: 1, ModTime: -2, ChangeTime: 3, Dev: 4, Ino: 1 << 63}
	ids[5] = piece.Identity{Size: 6}
	b := appendState(nil, s.tor, l, have, ids)
	got, err := parseState(b, s.tor, l)
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]piece.Identity{0: ids[0], 5: ids[5]}
	if !maps.Equal(got.ids, want) || string(got.have) != string(have) {
		t.Errorf("%+v", got)
	}
	for n := range b {
		if _, err := parseState(b[:n], s.tor, l); err == nil {
			t.Errorf("the first %d bytes are no error", n)
		}
		wrong := slices.Clone(b)
		wrong[n] ^= 1
		if _, err := parseState(wrong, s.tor, l); err == nil {
			t.Errorf("a wrong byte %d is no error", n)
		}
	}
	other := newSample(t, maketorrent.Options{PieceLength: 64 << 10}, smallSizes)
	if _, err := parseState(b, other.tor, other.content.Layout); err == nil || !strings.Contains(err.Error(), "another torrent") {
		t.Errorf("that of another torrent: %v", err)
	}
}

func FuzzState(f *testing.F) {
	layout, err := metainfo.NewLayout(16<<10, []int64{5, 40_000, 0, 16 << 10}, metainfo.AlignmentPacked)
	if err != nil {
		f.Fatal(err)
	}
	tor := new(metainfo.Torrent)
	f.Add(appendState(nil, tor, layout, peer.NewBitfield(layout.Pieces()), make([]piece.Identity, 4)))
	f.Add(appendState(nil, tor, layout, peer.FullBitfield(layout.Pieces()), []piece.Identity{{Size: 5}, {}, {}, {Size: 1, Ino: 9}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		b = withSum(b)
		s, err := parseState(b, tor, layout)
		if err != nil {
			return
		}
		ids := make([]piece.Identity, layout.Files())
		for i, id := range s.ids {
			if id.Size <= 0 {
				return // not written
			}
			ids[i] = id
		}
		if got := appendState(nil, tor, layout, s.have, ids); string(got) != string(b) {
			t.Errorf("%x is written as %x", b, got)
		}
	})
}

// withSum corrects the checksum at the end of a state.
func withSum(b []byte) []byte {
	if len(b) < 4 {
		return b
	}
	return appendSum(slices.Clone(b[:len(b)-4]), 0)
}

// FuzzMetadata reads a stored torrent that may be anything.
func FuzzMetadata(f *testing.F) {
	f.Add([]byte("d4:infod6:lengthi1e4:name1:x12:piece lengthi16384e6:pieces20:01234567890123456789ee"))
	f.Fuzz(func(t *testing.T, b []byte) {
		dir := t.TempDir()
		m := &metainfo.Magnet{HasV1: true, V1: [20]byte{1}}
		put(t, filepath.Join(dir, ownName(m.V1, metadataSuffix)), b)
		if tor, err := Torrent(dir, m); err == nil {
			t.Errorf("%v has another info-hash", fmt.Sprint(tor.HexV1()))
		}
	})
}
