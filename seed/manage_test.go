package seed

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"bt/internal/known"
	"bt/internal/peer"
	"bt/internal/piece"
	"bt/internal/store"
	"bt/maketorrent"
)

// A torrent stops when its data changes, and starts again when the data is back.
func TestDataChanges(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(path string) error{
		"truncated": func(path string) error { return os.Truncate(path, 1000) },
		"removed":   os.Remove,
		"replaced": func(path string) error {
			return errors.Join(os.WriteFile(path+".new", make([]byte, 300_000), 0o644), os.Rename(path+".new", path))
		},
		"overwritten": func(path string) error { return os.WriteFile(path, make([]byte, 300_000), 0o644) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatV1, 300_000)
			path := filepath.Join(root, "a")
			good, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			r := start(t, Options{recheckEvery: 20 * time.Millisecond}, Input{Torrent: meta, Path: root})
			hash := meta.InfoHashV1
			l := r.dial(t, hash, meta.PieceCount(), peer.FeatureFast)
			l.send(peer.Message{ID: peer.IDInterested})
			l.await(peer.IDUnchoke)
			if err := change(path); err != nil {
				t.Fatal(err)
			}
			e := awaitEvent(t, r, func(EventFailed) bool { return true })
			if !errors.Is(e.Err, store.ErrChanged) {
				t.Errorf("%v", e.Err)
			}
			for { // to the end of the connection
				if m, err := l.read(); err != nil {
					break
				} else if m.ID == peer.IDPiece {
					t.Error("a block of what has changed")
				}
			}
			if err := os.WriteFile(path, good, 0o644); err != nil {
				t.Fatal(err)
			}
			awaitEvent(t, r, func(e EventSeeding) bool { return e.Pieces == meta.PieceCount() })
			l = r.dial(t, hash, meta.PieceCount(), peer.FeatureFast)
			l.send(peer.Message{ID: peer.IDInterested})
			l.await(peer.IDUnchoke)
			tt := r.find(hash)
			for i, got := range l.download(loadedOf(t, tt).lengthOf, 0, 1, 2, 3, 4) {
				if !bytes.Equal(got, expected(t, meta, root, i)) {
					t.Errorf("piece %d is not what is in the file", i)
				}
			}
		})
	}
}

// Of partial data the available pieces are served, and no others are advertised.
func TestPartial(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 200_000, 200_000, 200_000)
	if err := os.Remove(filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	r := start(t, Options{recheckEvery: 20 * time.Millisecond}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	l := r.dial(t, meta.InfoHashV1, meta.PieceCount(), peer.FeatureFast)
	have, err := peer.ParseBitfield(bytes.Clone(l.await(peer.IDBitfield).Payload), meta.PieceCount())
	if err != nil {
		t.Fatal(err)
	}
	// Pieces of 64 KiB: b is from byte 200,000 to 400,000, in the pieces 3 to 6.
	for i := range meta.PieceCount() {
		if want := i < 3 || i > 6; have.Has(i) != want {
			t.Errorf("piece %d: %v", i, have.Has(i))
		}
	}
	if want := int64(4 * 64 << 10); tt.left.Load() != want {
		t.Errorf("left %d, want %d", tt.left.Load(), want)
	}
	l.send(peer.Message{ID: peer.IDInterested})
	l.await(peer.IDUnchoke)
	l.send(peer.Message{ID: peer.IDRequest, Index: 4, Length: 16 << 10})
	l.await(peer.IDReject)
	if got := l.download(loadedOf(t, tt).lengthOf, 7)[7]; !bytes.Equal(got, expected(t, meta, root, 7)) {
		t.Error("piece 7 is not what is in the file")
	}
}

// The result of a check is reused until a file changes in any respect.
func TestKnown(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 200_000)
	path := filepath.Join(root, "a")
	time.Sleep(piece.Resolution + 100*time.Millisecond) // files just written are not remembered
	known := filepath.Join(t.TempDir(), "known")
	seeded := func() EventSeeding {
		t.Helper()
		r := start(t, Options{KnownDir: known}, Input{Torrent: meta, Path: root})
		defer r.stop()
		return awaitEvent(t, r, func(EventSeeding) bool { return true })
	}
	for i, want := range []bool{false, true, true} {
		if e := seeded(); e.Known != want || e.Pieces != meta.PieceCount() {
			t.Errorf("start %d: %+v", i, e)
		}
	}
	// If the content is missing for a while, the result of its check is not lost.
	if err := os.Rename(root, root+".away"); err != nil {
		t.Fatal(err)
	}
	func() {
		r := startWith(t, Options{KnownDir: known}, func(*Seeder) {})
		defer r.stop()
		if _, err := r.Add(Input{Torrent: meta, Path: root}); err != nil {
			t.Fatal(err)
		}
		awaitEvent(t, r, func(e EventFailed) bool { return errors.Is(e.Err, errNoData) })
	}()
	if err := os.Rename(root+".away", root); err != nil {
		t.Fatal(err)
	}
	if e := seeded(); !e.Known || e.Pieces != meta.PieceCount() {
		t.Errorf("after it was away: %+v", e)
	}
	// Another byte, with the old size and time of modification.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	if e := seeded(); e.Known || e.Pieces != meta.PieceCount()-1 {
		t.Errorf("after a change: %+v", e)
	}
	if err := os.RemoveAll(known); err != nil {
		t.Fatal(err)
	}
	if e := seeded(); e.Known {
		t.Errorf("%+v", e)
	}
}

// The result of a check is not remembered if a file may have changed unnoticed since
// it was identified.
func TestRememberRacy(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 200_000, 100_000)
	r := start(t, Options{KnownDir: t.TempDir()}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	m := loadedOf(t, tt)
	newest := time.Unix(0, m.data.Tree().ID(1).ModTime)
	have := peer.NewBitfield(tt.pieces) // differs from the result of the check
	have.Set(1)
	for _, test := range []struct {
		after time.Duration
		want  bool
	}{{0, false}, {piece.Resolution / 2, false}, {time.Hour, true}} {
		m.found = newest.Add(test.after)
		tt.remember(m, have)
		got, ok := tt.known(m)
		if ok = ok && bytes.Equal(got, have); ok != test.want {
			t.Errorf("identified %v after the change: remembered: %v", test.after, ok)
		}
	}
}

// A check that an earlier version stored without change times is known, and is stored
// with them.
func TestKnownWithoutChangeTimes(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatV1, 200_000)
	later := time.Now().Add(time.Hour) // racy, so the check is not remembered
	if err := os.Chtimes(filepath.Join(root, "a"), later, later); err != nil {
		t.Fatal(err)
	}
	r := start(t, Options{KnownDir: t.TempDir()}, Input{Torrent: meta, Path: root})
	tt := r.find(meta.InfoHashV1)
	m := loadedOf(t, tt)
	m.found = later.Add(time.Hour)
	have := peer.NewBitfield(tt.pieces) // differs from the result of the check
	have.Set(1)
	if err := r.known.Add(keyOf(tt, m.root), known.State{Root: m.root, Identity: m.data.Tree().Digest().String(), Have: have, Pieces: 1}); err != nil {
		t.Fatal(err)
	}
	if got, ok := tt.known(m); !ok || !bytes.Equal(got, have) {
		t.Errorf("%x, %v", got, ok)
	}
	if got, ok := r.known.Find(keyOf(tt, m.root), m.root, m.data.Tree().StrictDigest().String()); !ok || !bytes.Equal(got, have) {
		t.Errorf("stored with change times: %x, %v", got, ok)
	}
}

// A recheck of unchanged files does not read the torrent again. If no file is missing, it
// does not search for files.
func TestLook(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		missing string // when the torrent is checked
		change  func(root string) error
		changed string
	}{
		"unchanged":            {},
		"touched":              {change: func(root string) error { return os.Chtimes(filepath.Join(root, "b"), time.Now(), time.Unix(1, 0)) }, changed: "b"},
		"removed":              {change: func(root string) error { return os.Remove(filepath.Join(root, "c")) }, changed: "c"},
		"a hard link":          {change: func(root string) error { return os.Link(filepath.Join(root, "b"), root+".link") }},
		"partial":              {missing: "b"},
		"partial, and touched": {missing: "b", change: func(root string) error { return os.Chtimes(filepath.Join(root, "c"), time.Now(), time.Unix(1, 0)) }, changed: "c"},
		"partial, then whole":  {missing: "b", change: func(root string) error { return os.Rename(root+".b", filepath.Join(root, "b")) }, changed: "b"},
		"found by another name": {missing: "b", change: func(root string) error {
			return os.Rename(root+".b", filepath.Join(root, "b.part"))
		}, changed: "b.part"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			meta, root := makeContent(t, maketorrent.FormatHybrid, 200_000, 100_000, 70_000)
			if test.missing != "" {
				if err := os.Rename(filepath.Join(root, test.missing), root+"."+test.missing); err != nil {
					t.Fatal(err)
				}
			}
			var reads atomic.Int64
			r := startWith(t, Options{recheckEvery: time.Hour}, func(*Seeder) {}, Input{
				Torrent: meta, Path: root, Read: func() (*Metainfo, error) { reads.Add(1); return meta, nil },
			})
			tt := r.find(meta.InfoHashV1)
			served, err := tt.enter(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			before := reads.Load()
			if test.change != nil {
				if err := test.change(root); err != nil {
					t.Fatal(err)
				}
			}
			m, err := tt.look(t.Context())
			if n := reads.Load() - before; n != 0 {
				t.Errorf("the torrent was read %d times", n)
			}
			if test.changed == "" && err != nil {
				t.Error(err)
			}
			if want := filepath.Join(root, test.changed) + ": "; test.changed != "" && (!errors.Is(err, store.ErrChanged) || !strings.HasPrefix(err.Error(), want)) {
				t.Errorf("%v, want %q", err, want)
			}
			if again := test.missing != "" || test.changed != ""; (m != served) != again {
				t.Errorf("the files were found again: %v", !again)
			}
		})
	}
}

// If the cache can't be written, there is one warning, not one per torrent.
func TestKnownUnwritable(t *testing.T) {
	t.Parallel()
	dir, blocked := t.TempDir(), filepath.Join(t.TempDir(), "file")
	whole(t, blocked, nil)
	var inputs []Input
	for i := range 3 {
		e := newTestTorrent(t, strconv.Itoa(i), i, 50_000)
		path := filepath.Join(dir, e.Name)
		whole(t, path, e.data)
		old := time.Now().Add(-time.Hour)
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
		inputs = append(inputs, Input{Torrent: e.Metainfo, Path: dir})
	}
	time.Sleep(piece.Resolution + 100*time.Millisecond) // files just written are not remembered
	r := start(t, Options{KnownDir: filepath.Join(blocked, "known")}, inputs...)
	r.stop()
	warnings := 0
	for _, d := range r.events {
		if e, ok := d.event.(EventWarning); ok && strings.Contains(e.Err.Error(), "are not remembered") {
			warnings++
		}
	}
	if warnings != 1 {
		t.Errorf("%d warnings%s", warnings, story(r.events))
	}
}

// A torrent made from a directory finds its data there, also if the directory
// contains an entry of the same name.
func TestMadeOfNamesake(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "content")
	if err := os.MkdirAll(filepath.Join(root, "content"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "content/b"} {
		if err := os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), make([]byte, 100_000), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: root, PieceLength: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, Options{}, Input{Torrent: made.Torrent, Path: made.Content, Hashed: true})
	l := r.join(t, r.find(made.Torrent.InfoHashV1))
	l.send(request(0, 0, 16<<10))
	l.await(peer.IDPiece)
}

// Pad files do not count as missing.
func TestLeftOfHybrid(t *testing.T) {
	t.Parallel()
	meta, root := makeContent(t, maketorrent.FormatHybrid, 10, 10, 10, 10)
	for _, name := range []string{"b", "c"} {
		if err := os.Remove(filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	r := start(t, Options{}, Input{Torrent: meta, Path: root})
	if left := r.Status().Torrents[0].Left; left != 20 {
		t.Errorf("%d of %d are left", left, meta.Size())
	}
}
