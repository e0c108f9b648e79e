package partial

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"bt/internal/metainfo"
	"bt/maketorrent"
)

// A sample is a torrent with its data.
type sample struct {
	tor     *metainfo.Torrent
	content *metainfo.Content
	files   map[string][]byte // by path with slashes
	stream  []byte            // the bytes that pieces are cut from, with gaps
}

// Write passes a block to Take.
func (g *gatherer) Write(piece int, begin int64, b []byte) error {
	return g.Take(NewBlock(piece, begin, b, nil))
}

var formats = []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid}

func newSample(t testing.TB, o maketorrent.Options, sizes map[string]int) *sample {
	t.Helper()
	random := rand.New(rand.NewPCG(uint64(len(sizes)), 7))
	dir := filepath.Join(t.TempDir(), "data")
	s := &sample{files: make(map[string][]byte)}
	for _, name := range slices.Sorted(maps.Keys(sizes)) {
		b := make([]byte, sizes[name])
		for i := range b {
			b[i] = byte(random.Uint32())
		}
		s.files["data/"+name] = b
		put(t, filepath.Join(dir, name), b)
	}
	o.Path = dir
	if o.PieceLength == 0 {
		o.PieceLength = 32 << 10
	}
	made, err := maketorrent.Make(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	s.use(t, made.Torrent)
	return s
}

func (s *sample) use(t testing.TB, tor *metainfo.Torrent) {
	t.Helper()
	var err error
	s.tor = tor
	if s.content, err = tor.Content(); err != nil {
		t.Fatal(err)
	}
	l := s.content.Layout
	s.stream = make([]byte, int64(l.Pieces())*l.PieceLength())
	for i := range s.content.Files {
		if f := &s.content.Files[i]; !f.Pad {
			copy(s.stream[l.Offset(i):], s.files[s.name(i)])
		}
	}
}

func (s *sample) name(i int) string {
	if s.content.Single {
		return s.content.Name
	}
	return s.content.Name + "/" + strings.Join(s.content.Files[i].Path(), "/")
}

func put(t testing.TB, path string, b []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// smallSizes have files smaller than a block, and pieces of many files.
var smallSizes = map[string]int{
	"a": 100_000, "b": 10, "c/d": 0, "c/e": 32 << 10, "c/f": 5, "g": 200_001, "h": 1, "i": 16 << 10, "j": 70_000,
}

// open opens a download, and closes it at the end of the test.
func (s *sample) open(t testing.TB, o Options) *Content {
	t.Helper()
	o.Torrent = s.tor
	c, err := Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A writer takes blocks: a Content or a Stream.
type writer interface {
	Write(piece int, begin int64, b []byte) error
	HavePiece(piece int) bool
	Length(piece int) int64
}

// feed writes a piece, and waits for room if there is none.
func (s *sample) feed(t testing.TB, c writer, piece int) {
	t.Helper()
	start := int64(piece) * s.content.Layout.PieceLength()
	for begin := int64(0); begin < c.Length(piece); begin += metainfo.BlockLength {
		b := s.stream[start+begin:][:min(c.Length(piece)-begin, metainfo.BlockLength)]
		for {
			err := c.Write(piece, begin, b)
			if errors.Is(err, ErrFull) {
				time.Sleep(time.Millisecond)
				continue
			}
			if err != nil {
				t.Fatalf("piece %d at %d: %v", piece, begin, err)
			}
			break
		}
	}
}

// feedAll writes all missing wanted pieces in random order, and returns how many.
func (s *sample) feedAll(t testing.TB, c *Content) (n int) {
	t.Helper()
	for _, p := range rand.Perm(s.content.Layout.Pieces()) {
		if c.Wanted().Has(p) && !c.HavePiece(p) {
			s.feed(t, c, p)
			n++
		}
	}
	return n
}

// await waits for the end of a download.
func await(t testing.TB, c interface{ Done() <-chan struct{} }) {
	t.Helper()
	select {
	case <-c.Done():
	case <-time.After(time.Minute):
		t.Fatal("the download did not end")
	}
}

// tree returns the files below a directory, with their contents, and links as their targets.
func tree(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		name, _ := filepath.Rel(dir, path)
		if d.Type()&fs.ModeSymlink != 0 {
			target, err := os.Readlink(path)
			files[filepath.ToSlash(name)] = "-> " + target
			return err
		}
		b, err := os.ReadFile(path)
		files[filepath.ToSlash(name)] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// checkTree compares the files below a directory with those of the torrent.
func (s *sample) checkTree(t testing.TB, dir string) {
	t.Helper()
	got := tree(t, dir)
	for name, want := range s.files {
		if b, ok := got[name]; !ok || b != string(want) {
			t.Errorf("%s is wrong or missing", name)
		}
		delete(got, name)
	}
	for name := range got {
		t.Errorf("there is another file: %s", name)
	}
}

// A log collects events.
type log struct {
	mu     sync.Mutex
	events []Event
}

func (l *log) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

func events[E Event](l *log) (list []E) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e, ok := e.(E); ok {
			list = append(list, e)
		}
	}
	return list
}

// A download writes the files of the torrent, and leaves nothing else.
func TestDownload(t *testing.T) {
	for _, format := range formats {
		for _, length := range []int64{16 << 10, 32 << 10, 128 << 10, 1 << 20} {
			t.Run(fmt.Sprint(format, " ", length), func(t *testing.T) {
				s := newSample(t, maketorrent.Options{Format: format, PieceLength: length}, smallSizes)
				var l log
				dir := t.TempDir()
				c := s.open(t, Options{Dir: dir, Event: l.add})
				if pieces, _ := c.Left(); pieces != c.Wanted().Count() {
					t.Errorf("%d pieces are left", pieces)
				}
				s.feedAll(t, c)
				await(t, c)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				s.checkTree(t, dir)
				files := make(map[int]bool)
				for _, e := range events[EventFile](&l) {
					if files[e.File] || e.Path != filepath.Join(dir, filepath.FromSlash(s.name(e.File))) {
						t.Errorf("%+v", e)
					}
					files[e.File] = true
				}
				if len(files) != len(smallSizes) {
					t.Errorf("events of the files %v", files)
				}
				if n := len(events[EventPiece](&l)); n != c.Wanted().Count() {
					t.Errorf("events of %d pieces, want %d", n, c.Wanted().Count())
				}
				c = s.open(t, Options{Dir: dir}) // all is found
				await(t, c)
				if err := c.Close(); err != nil {
					t.Fatal(err)
				}
				s.checkTree(t, dir)
			})
		}
	}
}

func TestSingleFile(t *testing.T) {
	for _, format := range formats {
		data := bytes.Repeat([]byte("0123456789"), 20_001)
		dir := t.TempDir()
		put(t, filepath.Join(dir, "x.bin"), data)
		made, err := maketorrent.Make(t.Context(), maketorrent.Options{Path: filepath.Join(dir, "x.bin"), Format: format, PieceLength: 32 << 10})
		if err != nil {
			t.Fatal(err)
		}
		s := &sample{files: map[string][]byte{"x.bin": data}}
		s.use(t, made.Torrent)
		to := filepath.Join(t.TempDir(), "new", "directory")
		c := s.open(t, Options{Dir: to})
		s.feedAll(t, c)
		await(t, c)
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		s.checkTree(t, to)
	}
}

// A second run goes on where the first one ended, and does not hash what the state knows.
func TestResume(t *testing.T) {
	for _, format := range formats {
		t.Run(format.String(), func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: format}, smallSizes)
			dir := t.TempDir()
			c := s.open(t, Options{Dir: dir})
			for p := range s.content.Layout.Pieces() {
				if p%2 == 0 {
					s.feed(t, c, p)
				}
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			want := c.Have()
			if want.Count() != (s.content.Layout.Pieces()+1)/2 {
				t.Errorf("%d pieces are there", want.Count())
			}
			hashed := int64(-1)
			progress := func(done, total int64) { hashed = max(hashed, total) }
			c = s.open(t, Options{Dir: dir, Progress: progress})
			if diff := cmp.Diff(want, c.Have()); diff != "" {
				t.Error(diff)
			}
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			all := s.content.Layout.Bytes()
			if hashed > all/2 {
				t.Errorf("%d bytes of %d were hashed again", hashed, all)
			}
			for _, recheck := range []bool{true, false} {
				c = s.open(t, Options{Dir: dir, Recheck: recheck})
				if diff := cmp.Diff(want, c.Have()); diff != "" {
					t.Error(diff)
				}
				if recheck {
					if err := c.Close(); err != nil {
						t.Fatal(err)
					}
				}
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
