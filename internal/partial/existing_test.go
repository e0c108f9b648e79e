package partial

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/internal/metainfo"
	"bt/internal/piece"
	"bt/maketorrent"
)

// fail opens a download, which must not succeed or change anything.
func (s *sample) fail(t *testing.T, o Options) error {
	t.Helper()
	before := tree(t, o.Dir)
	o.Torrent = s.tor
	c, err := Open(t.Context(), o)
	if err == nil {
		c.Close()
		t.Fatal("no error")
	}
	if diff := cmp.Diff(before, tree(t, o.Dir)); diff != "" {
		t.Error(diff)
	}
	return err
}

// Files with final names that don't prove are an error, and stay. With Force they are
// replaced when the others are complete, and what they have of the torrent is used.
func TestExisting(t *testing.T) {
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: format}, smallSizes)
			dir := t.TempDir()
			a := append([]byte(nil), s.files["data/a"]...)
			a[50_000] ^= 1
			put(t, filepath.Join(dir, "data/a"), a)
			put(t, filepath.Join(dir, "data/j"), []byte("something else"))
			put(t, filepath.Join(dir, "data/c/d"), []byte("not empty"))
			put(t, filepath.Join(dir, "data/g"), s.files["data/g"])
			exists, ok := errors.AsType[*ExistsError](s.fail(t, Options{Dir: dir}))
			want := []string{filepath.Join(dir, "data/a"), filepath.Join(dir, "data/c/d"), filepath.Join(dir, "data/j")}
			if !ok || !cmp.Equal(exists.Paths, want) {
				t.Fatal(exists)
			}
			var l log
			c := s.open(t, Options{Dir: dir, Force: true, Event: l.add})
			s.checkHave(t, c)
			before := c.Have().Count()
			if before < 6 { // of a and g
				t.Errorf("only %d pieces are there", before)
			}
			if got := tree(t, dir); got["data/a"] != string(a) || got["data/j"] != "something else" {
				t.Error("a file was replaced too early")
			}
			if n := s.feedAll(t, c); n != s.content.Layout.Pieces()-before {
				t.Errorf("%d pieces were fed", n)
			}
			await(t, c)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			s.checkTree(t, dir)
		})
	}
}

// A complete file shares a piece with files that are missing: it is only read, and the
// piece is written to the others.
func TestSharedPiece(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 50_000, "b": 50_000, "c": 50_000})
	for _, link := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "data/b")
		if link { // of the user
			path = filepath.Join(t.TempDir(), "elsewhere")
			if err := os.Mkdir(filepath.Join(dir, "data"), 0o777); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(path, filepath.Join(dir, "data/b")); err != nil {
				t.Fatal(err)
			}
		}
		put(t, path, s.files["data/b"])
		before, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		c := s.open(t, Options{Dir: dir})
		if got := c.Have().Count(); got != 1 {
			t.Errorf("%d pieces are there", got)
		}
		s.feedAll(t, c)
		await(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if after, err := os.Stat(path); err != nil || piece.Identify(after) != piece.Identify(before) {
			t.Errorf("the file was written: %v", err)
		}
		if !link {
			s.checkTree(t, dir)
		}
	}
}

// The bytes of such a file turn out to be wrong.
func TestSharedPieceWrong(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 50_000, "b": 50_000, "c": 50_000})
	b := append([]byte(nil), s.files["data/b"]...)
	b[3] ^= 1
	dir := t.TempDir()
	path := filepath.Join(dir, "data/b")
	put(t, path, b)
	var l log
	c := s.open(t, Options{Dir: dir, Event: l.add})
	var exists *ExistsError
	start := 1 * s.content.Layout.PieceLength()
	for begin := int64(0); begin < c.Length(1); begin += metainfo.BlockLength {
		if err := c.Write(1, begin, s.stream[start+begin:][:metainfo.BlockLength]); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.Close(); !errors.As(err, &exists) || exists.Paths[0] != path {
		t.Errorf("%v", err)
	}
	if e := events[EventError](&l); len(e) != 1 || !errors.As(e[0].Err, &exists) {
		t.Errorf("%v", e)
	}
	if got := tree(t, dir); got["data/b"] != string(b) || got["data/a.part"] != "" {
		t.Error("something was written")
	}
	c = s.open(t, Options{Dir: dir, Force: true})
	s.feedAll(t, c)
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
}

// Of files that share a piece, only those are called wrong that are: by their size, or by
// other pieces. Without either it may be any.
func TestSharedPieceBlame(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 80_000, "b": 80_000, "c": 80_000})
	for name, test := range map[string]struct {
		change func(b []byte) []byte // of file b
		want   []string
	}{
		"size":         {func([]byte) []byte { return []byte("bad") }, []string{"b"}},
		"middle":       {func(b []byte) []byte { b[40_000] ^= 1; return b }, []string{"b"}},
		"all":          {func(b []byte) []byte { clear(b); return b }, []string{"b"}},
		"shared piece": {func(b []byte) []byte { b[3] ^= 1; return b }, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, file := range []string{"a", "b", "c"} {
				b := append([]byte(nil), s.files["data/"+file]...)
				if file == "b" {
					b = test.change(b)
				}
				put(t, filepath.Join(dir, "data", file), b)
			}
			var want []string
			for _, file := range test.want {
				want = append(want, filepath.Join(dir, "data", file))
			}
			exists, ok := errors.AsType[*ExistsError](s.fail(t, Options{Dir: dir}))
			if !ok || !cmp.Equal(exists.Paths, want) {
				t.Errorf("%v, want %v", exists, want)
			}
			c := s.open(t, Options{Dir: dir, Force: true})
			s.feedAll(t, c)
			await(t, c)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			s.checkTree(t, dir)
		})
	}
}

// Only some files are wanted. What their pieces have of others is kept beside them, so that
// it proves in a second run, which may want all.
func TestWanted(t *testing.T) {
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: format}, smallSizes)
			dir := t.TempDir()
			wanted := func(i int) bool { return strings.HasSuffix(s.name(i), "/g") || strings.HasSuffix(s.name(i), "/e") }
			for run := range 2 {
				c := s.open(t, Options{Dir: dir, Wanted: wanted})
				if run == 1 {
					if pieces, bytes := c.Left(); pieces != 0 || bytes != 0 {
						t.Errorf("%d pieces of %d bytes are left", pieces, bytes)
					}
				}
				if n := c.Wanted().Count(); n == 0 || n == s.content.Layout.Pieces() {
					t.Errorf("%d pieces are wanted", n)
				}
				s.feedAll(t, c)
				await(t, c)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				for name, b := range tree(t, dir) {
					want, ok := s.files[name]
					switch {
					case ok && b == string(want) && wanted(s.index(name)):
					case !ok && (strings.HasSuffix(name, partSuffix) || strings.HasPrefix(name, ownPrefix)):
						if _, ok := s.files[strings.TrimSuffix(name, partSuffix)]; format != maketorrent.FormatV1 && ok {
							t.Errorf("%s was made, and no piece needs it", name)
						}
					default:
						t.Errorf("%s was made", name)
					}
				}
			}
			c := s.open(t, Options{Dir: dir})
			s.checkHave(t, c)
			if c.Have().Count() == 0 {
				t.Error("nothing is there")
			}
			s.feedAll(t, c)
			await(t, c)
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			s.checkTree(t, dir)
		})
	}
}

func (s *sample) index(name string) int {
	for i := range s.content.Files {
		if !s.content.Files[i].Pad && s.name(i) == name {
			return i
		}
	}
	return -1
}

// No link is followed for writing, and other things are not files.
func TestLinks(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	outside := t.TempDir()
	victim := filepath.Join(outside, "victim")
	put(t, victim, []byte("precious"))
	inside := func(t *testing.T, name, target string) string {
		dir := t.TempDir()
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, path); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	state := ownName(s.tor.ShortInfoHash(), stateSuffix)
	metadata := ownName(s.tor.ShortInfoHash(), metadataSuffix)
	lockName := ownName(s.tor.ShortInfoHash(), lockSuffix)
	for _, test := range []struct{ name, target string }{
		{"data", outside}, {"data/c", outside}, {"data/a.part", victim}, {"data/g.part", "a"}, {"data/c/e.part", "nothing"},
		{state, victim}, {metadata, victim}, {lockName, victim}, {"data/c", "."},
	} {
		dir := inside(t, test.name, test.target)
		err := s.fail(t, Options{Dir: dir})
		if link, ok := errors.AsType[*LinkError](err); !ok || link.Path != filepath.Join(dir, test.name) {
			t.Errorf("%s -> %s: %v", test.name, test.target, err)
		}
	}
	// A temporary name of the state is replaced, and not followed.
	dir := inside(t, ownName(s.tor.ShortInfoHash(), tempSuffix), victim)
	c := s.open(t, Options{Dir: dir})
	s.feedAll(t, c)
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
	// A directory where a file should be, and a file where a directory should be.
	dir = t.TempDir()
	put(t, filepath.Join(dir, "data/a/x"), nil)
	if _, ok := errors.AsType[*ExistsError](s.fail(t, Options{Dir: dir, Force: true})); !ok {
		t.Error("a directory in place of a file is no error")
	}
	dir = t.TempDir()
	put(t, filepath.Join(dir, "data/c"), nil)
	s.fail(t, Options{Dir: dir, Force: true})
	dir = t.TempDir()
	put(t, filepath.Join(dir, "data/a.part/x"), nil)
	s.fail(t, Options{Dir: dir, Force: true})
	if got := tree(t, outside); got["victim"] != "precious" || len(got) != 1 {
		t.Errorf("outside: %q", got)
	}
}

// A link that leads nowhere is in the way before the download, and is replaced by force.
func TestDeadLink(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	dir := t.TempDir()
	path := filepath.Join(dir, "data/a")
	if err := os.Mkdir(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path); err != nil {
		t.Fatal(err)
	}
	exists, ok := errors.AsType[*ExistsError](s.fail(t, Options{Dir: dir}))
	if !ok || !cmp.Equal(exists.Paths, []string{path}) {
		t.Fatal(exists)
	}
	c := s.open(t, Options{Dir: dir, Force: true})
	s.feedAll(t, c)
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
}

// A link that appears during the download is not followed either.
func TestLinkMeanwhile(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2}, map[string]int{"a": 50_000, "b": 3})
	outside := t.TempDir()
	dir := t.TempDir()
	var l log
	c := s.open(t, Options{Dir: dir, Event: l.add})
	if err := os.Symlink(outside, filepath.Join(dir, "data")); err != nil {
		t.Fatal(err)
	}
	s.feed(t, c, 0)
	err := c.Close()
	if _, ok := errors.AsType[*LinkError](err); !ok {
		t.Errorf("%v", err)
	}
	if got := tree(t, outside); len(got) != 0 {
		t.Errorf("outside: %q", got)
	}
}

// An unfinished file of something else is not overwritten, unless it has a piece of the
// torrent.
func TestForeignPart(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	dir := t.TempDir()
	put(t, filepath.Join(dir, "data/g.part"), []byte("of another program"))
	if _, ok := errors.AsType[*ExistsError](s.fail(t, Options{Dir: dir})); !ok {
		t.Error("no ExistsError")
	}
	for _, force := range []bool{true, false} {
		if !force {
			put(t, filepath.Join(dir, "data/g.part"), append(s.files["data/g"][:150_000:150_000], make([]byte, 100_000)...))
		}
		c := s.open(t, Options{Dir: dir, Force: force})
		if got := c.Have().Count(); force != (got == 0) {
			t.Errorf("%d pieces are there", got)
		}
		s.feedAll(t, c)
		await(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		s.checkTree(t, dir)
		if err := os.RemoveAll(filepath.Join(dir, "data")); err != nil {
			t.Fatal(err)
		}
	}
}

// Names that are those of other files.
func TestNames(t *testing.T) {
	long := strings.Repeat("x", 253)
	s := newSample(t, maketorrent.Options{}, map[string]int{
		"a": 40_000, "a.part": 40_000, "d/b": 40_000, "d/B.PART": 40_000, "e": 40_000, "e.part/x": 40_000, long: 40_000,
	})
	dir := t.TempDir()
	for _, stop := range []bool{true, false} {
		c := s.open(t, Options{Dir: dir})
		if stop {
			for p := range s.content.Layout.Pieces() - 1 {
				s.feed(t, c, p)
			}
		} else {
			s.checkHave(t, c)
			if n := s.feedAll(t, c); n != 1 {
				t.Errorf("%d pieces were fed", n)
			}
			await(t, c)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	s.checkTree(t, dir)
	for _, name := range []string{".bt-x", "c/.BT-0000.state/x"} {
		s := newSample(t, maketorrent.Options{}, map[string]int{name: 1, "other": 1})
		if _, ok := errors.AsType[*NameError](s.fail(t, Options{Dir: t.TempDir()})); !ok {
			t.Errorf("%s is no error", name)
		}
	}
}

// Two downloads of a torrent to one directory exclude each other.
func TestLock(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	dir := t.TempDir()
	c := s.open(t, Options{Dir: dir})
	if _, err := Open(t.Context(), Options{Torrent: s.tor, Dir: dir}); !errors.As(err, new(*LockedError)) {
		t.Errorf("%v", err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(dir, ownName(s.tor.ShortInfoHash(), lockSuffix)), nil) // of a killed process
	if err := s.open(t, Options{Dir: dir}).Close(); err != nil {
		t.Fatal(err)
	}
}

// A damaged state is a warning, and all is hashed again.
func TestDamagedState(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	dir := t.TempDir()
	c := s.open(t, Options{Dir: dir})
	s.feed(t, c, 5)
	s.feed(t, c, 7)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	want := c.Have()
	name := filepath.Join(dir, ownName(s.tor.ShortInfoHash(), stateSuffix))
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, damaged := range [][]byte{nil, b[:len(b)-1], append(b, b...), make([]byte, len(b)), make([]byte, 1<<20)} {
		put(t, name, damaged)
		var l log
		c := s.open(t, Options{Dir: dir, Event: l.add})
		if diff := cmp.Diff(want, c.Have()); diff != "" {
			t.Error(diff)
		}
		if w := events[EventWarning](&l); len(w) != 1 {
			t.Errorf("warnings: %v", w)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that has changed since the state was written is hashed again.
func TestChangedFile(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, smallSizes)
	dir := t.TempDir()
	c := s.open(t, Options{Dir: dir})
	for p := range s.content.Layout.Pieces() - 1 {
		s.feed(t, c, p)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	before := c.Have().Count()
	part := filepath.Join(dir, "data/j.part")
	info, err := os.Stat(part)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("damage"), 20_000); err != nil {
		t.Fatal(err)
	}
	f.Close()
	time.Sleep(20 * time.Millisecond)                                        // until another tick of the file system's clock
	if err := os.Chtimes(part, info.ModTime(), info.ModTime()); err != nil { // only the change time shows it
		t.Fatal(err)
	}
	c = s.open(t, Options{Dir: dir})
	s.checkHave(t, c)
	if got := c.Have().Count(); got != before-1 {
		t.Errorf("%d pieces are there, before %d", got, before)
	}
	s.feedAll(t, c)
	await(t, c)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	s.checkTree(t, dir)
}

// Files of an older release are used after proof.
func TestAdopt(t *testing.T) {
	for _, format := range formats {
		s := newSample(t, maketorrent.Options{Format: format}, smallSizes)
		old := t.TempDir()
		for name, b := range s.files {
			b = append([]byte(nil), b...)
			if name == "data/a" {
				b[70_000] ^= 1
			}
			if name != "data/j" {
				put(t, filepath.Join(old, name), b)
			}
		}
		dir := t.TempDir()
		c := s.open(t, Options{Dir: dir, Memory: 1})
		if err := c.Adopt(t.Context(), old); err != nil {
			t.Fatal(err)
		}
		s.checkHave(t, c)
		missing := s.content.Layout.Pieces() - c.Have().Count()
		if most := 6; missing > most {
			t.Errorf("%d pieces are missing", missing)
		}
		if n := s.feedAll(t, c); n != missing {
			t.Errorf("%d pieces were fed", n)
		}
		await(t, c)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := c.Adopt(ctx, old); !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		s.checkTree(t, dir)
	}
}

// Close leaves the memory of a piece alone that Adopt is reading into. Adopt frees it, and ends.
func TestAdoptClosed(t *testing.T) {
	s := newSample(t, maketorrent.Options{}, map[string]int{"a": 100_000})
	old := t.TempDir()
	for name, b := range s.files {
		put(t, filepath.Join(old, name), b)
	}
	c := s.open(t, Options{Dir: t.TempDir()})
	tree, err := piece.Find(t.Context(), s.content, old, 1)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.reserve(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	r := reader{index: -1}
	defer r.close()
	if err := c.fill(b, tree, &r); err != nil {
		t.Error(err)
	}
	if err := c.hand(b); !errors.Is(err, ErrClosed) {
		t.Errorf("%v", err)
	}
}

// The torrent is there for a second run by magnet link, until all is complete.
func TestTorrent(t *testing.T) {
	for _, format := range formats {
		s := newSample(t, maketorrent.Options{Format: format}, smallSizes)
		dir := t.TempDir()
		if _, err := Torrent(dir, s.tor.Magnet()); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v", err)
		}
		c := s.open(t, Options{Dir: dir})
		got, err := Torrent(dir, s.tor.Magnet())
		if err != nil || string(got.Bytes()) != string(s.tor.Bytes()) {
			t.Errorf("%v", err)
		}
		s.feedAll(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Pieces of zeros are found in the holes of an unfinished file, and nothing else is.
func TestHoles(t *testing.T) {
	for _, format := range formats {
		s := newSample(t, maketorrent.Options{Format: format}, map[string]int{"a": 1 << 20, "b": 100_000})
		clear(s.files["data/a"][200_000:700_000])
		data := t.TempDir()
		for name, b := range s.files {
			put(t, filepath.Join(data, name), b)
		}
		made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: filepath.Join(data, "data"), Format: format, PieceLength: 32 << 10})
		if err != nil {
			t.Fatal(err)
		}
		s.use(t, made.Torrent)
		dir := t.TempDir()
		part := filepath.Join(dir, "data/a.part")
		put(t, part, nil)
		if err := os.Truncate(part, 1<<20); err != nil {
			t.Fatal(err)
		}
		c := s.open(t, Options{Dir: dir})
		s.checkHave(t, c)
		if got, want := c.Have().Count(), 700_000>>15-(200_000>>15+1); got != want {
			t.Errorf("%v: %d pieces are there, want %d", format, got, want)
		}
		s.feedAll(t, c)
		await(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		s.checkTree(t, dir)
	}
}
