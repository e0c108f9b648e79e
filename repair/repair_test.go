package repair

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
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
	"bt/maketorrent"
)

// A sample is a torrent, its damaged data at dir/content, and a whole copy at
// copy/content.
type sample struct {
	dir, copy string
	tor       *inspect.Torrent
	original  content
}

// newSample makes a torrent of files a, b, c and sub/d. Their pieces of 16 KiB are, in
// v1, a 0-1, b 1-3, c 3, sub/d 3-4.
func newSample(t *testing.T, o maketorrent.Options) *sample {
	t.Helper()
	r := rand.New(rand.NewPCG(7, 7))
	s := &sample{dir: t.TempDir(), copy: t.TempDir(), original: content{
		"a": randomBytes(r, 20_000), "b": randomBytes(r, 30_000), "c": randomBytes(r, 100), "sub/d": randomBytes(r, 25_000),
	}}
	s.original.write(t, s.path(""))
	s.original.write(t, filepath.Join(s.copy, "content"))
	s.tor = makeTorrent(t, s.dir, o)
	return s
}

func (s *sample) path(name string) string { return filepath.Join(s.dir, "content", name) }

// flip changes one byte of a file.
func flip(t *testing.T, path string, offset int64) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var b [1]byte
	_, err = f.ReadAt(b[:], offset)
	b[0] ^= 1
	if _, err2 := f.WriteAt(b[:], offset); err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
}

func (s *sample) repair(t *testing.T, o Options, sources ...Source) *Report {
	t.Helper()
	_, bad := verify(t, s.tor, s.dir)
	if sources == nil {
		sources = []Source{{Path: s.copy}}
	}
	r, err := Repair(t.Context(), s.tor, s.path(""), bad, sources, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (s *sample) isWhole(t *testing.T) bool {
	t.Helper()
	v, _ := verify(t, s.tor, s.dir)
	return v.OK && maps.EqualFunc(read(t, s.path("")), s.original, bytes.Equal)
}

// refusals returns the errors of a report by the names of their files.
func (s *sample) refusals(r *Report) map[string]error {
	m := make(map[string]error)
	for _, refused := range r.Refused {
		m[pathIn(s.tor, refused.Index)] = refused.Err
	}
	return m
}

func TestHardLinks(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	other := filepath.Join(s.dir, "other")
	if err := os.Link(s.path("b"), other); err != nil {
		testenv.Missing(t, fmt.Sprint("hard links: ", err))
	}
	flip(t, s.path("a"), 0)      // piece 0
	flip(t, s.path("b"), 20_000) // piece 2
	r := s.repair(t, Options{})
	if got := s.refusals(r); len(got) != 1 || !errors.Is(got["b"], ErrHardLinks) {
		t.Errorf("refused: %v", got)
	}
	if r.Pieces != 1 || len(r.Files) != 1 || r.Files[0].Index != 0 {
		t.Errorf("the report is %+v", r)
	}
	now := read(t, s.path(""))
	if !bytes.Equal(now["a"], s.original["a"]) || bytes.Equal(now["b"], s.original["b"]) {
		t.Error("not a, or also b, is mended")
	}
	if r = s.repair(t, Options{InPlace: true}); len(r.Refused) > 0 || !s.isWhole(t) {
		t.Errorf("in place: %+v", r)
	}
	a, err := os.Stat(s.path("b"))
	if b, err2 := os.Stat(other); err != nil || err2 != nil || !os.SameFile(a, b) {
		t.Error("the names are different files now", err, err2)
	}
	// Too short and too long.
	if err := os.Truncate(other, 40_000); err != nil {
		t.Fatal(err)
	}
	if r = s.repair(t, Options{InPlace: true}); !s.isWhole(t) || !r.Files[0].Cut {
		t.Errorf("too long: %+v", r)
	}
	if err := os.Truncate(other, 10); err != nil {
		t.Fatal(err)
	}
	if r = s.repair(t, Options{InPlace: true}); !s.isWhole(t) {
		t.Errorf("too short: %+v", r)
	}
}

// A file that is two files of the torrent can't be written for one of them.
func TestSharedFile(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	if err := os.Remove(s.path("c")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(s.path("b"), s.path("c")); err != nil {
		testenv.Missing(t, fmt.Sprint("hard links: ", err))
	}
	r := s.repair(t, Options{InPlace: true})
	if got := s.refusals(r); len(got) != 1 || !errors.Is(got["c"], ErrShared) {
		t.Errorf("refused: %v", got)
	}
	if now := read(t, s.path("")); !bytes.Equal(now["b"], s.original["b"]) {
		t.Error("the good file was changed")
	}
}

func TestSymbolicLinks(t *testing.T) {
	for name, test := range map[string]struct {
		link   func(s *sample) error // replaces a file or directory by a link
		file   string                // that is refused
		inside string                // the link
	}{
		"a file": {func(s *sample) error {
			return errors.Join(os.Rename(s.path("b"), filepath.Join(s.dir, "real")), os.Symlink("../real", s.path("b")))
		}, "b", "b"},
		"a file inside": {func(s *sample) error {
			return errors.Join(os.Rename(s.path("b"), s.path("real")), os.Symlink("real", s.path("b")))
		}, "b", "b"},
		"a directory": {func(s *sample) error {
			return errors.Join(os.Rename(s.path("sub"), filepath.Join(s.dir, "real")), os.Symlink("../real", s.path("sub")))
		}, "sub/d", "sub"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
			if err := test.link(s); err != nil {
				testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
			}
			flip(t, s.path("a"), 0)
			flip(t, s.path(test.file), 20_000)
			before, err := os.ReadFile(s.path(test.file))
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range []Options{{}, {InPlace: true}} {
				r := s.repair(t, o)
				refused := s.refusals(r)
				link, ok := errors.AsType[*LinkError](refused[test.file])
				if len(refused) != 1 || !ok || link.Path != s.path(test.inside) {
					t.Errorf("refused: %v", refused)
				}
			}
			after, err := os.ReadFile(s.path(test.file))
			if info, err2 := os.Lstat(s.path(test.inside)); err != nil || err2 != nil || info.Mode()&fs.ModeSymlink == 0 || !bytes.Equal(after, before) {
				t.Error("what the link leads to was changed", err, err2)
			}
			if b, err := os.ReadFile(s.path("a")); !bytes.Equal(b, s.original["a"]) {
				t.Error("the other file was not mended", err)
			}
		})
	}
}

// The directory of the content may be a link: the user named it.
func TestRootIsALink(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	real := filepath.Join(s.dir, "real")
	if err := errors.Join(os.Rename(s.path(""), real), os.Symlink("real", s.path(""))); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	flip(t, s.path("a"), 0)
	if r := s.repair(t, Options{}); len(r.Refused) > 0 || !maps.EqualFunc(read(t, real), s.original, bytes.Equal) {
		t.Errorf("%+v", r)
	}
}

// Of a piece of several files, a file whose bytes are right is not written: it may be a
// link.
func TestGoodPartOfABadPieceIsNotWritten(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	if err := os.Link(s.path("a"), filepath.Join(s.dir, "other")); err != nil {
		testenv.Missing(t, fmt.Sprint("hard links: ", err))
	}
	flip(t, s.path("b"), 0) // piece 1, with bytes of a
	if r := s.repair(t, Options{}); len(r.Refused) > 0 || len(r.Files) != 1 || !s.isWhole(t) {
		t.Errorf("%+v", r)
	}
}

func TestDirectoryInThePlaceOfAFile(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
	if err := errors.Join(os.Remove(s.path("b")), os.MkdirAll(s.path("b/x"), 0o755), os.Remove(s.path("sub/d")), os.Remove(s.path("sub"))); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path("sub"), []byte("a file"), 0o644); err != nil {
		t.Fatal(err)
	}
	got := s.refusals(s.repair(t, Options{}))
	if len(got) != 2 || !errors.Is(got["b"], ErrNotAFile) || got["sub/d"] == nil {
		t.Errorf("refused: %v", got)
	}
	if b, err := os.ReadFile(s.path("sub")); string(b) != "a file" {
		t.Error("the file was replaced", err)
	}
	if _, err := os.Stat(s.path("b/x")); err != nil {
		t.Error(err)
	}
}

// All of it is missing, also the directory.
func TestNothingIsThere(t *testing.T) {
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid} {
		s := newSample(t, maketorrent.Options{Format: format})
		all := make([]int, s.tor.PieceCount())
		for i := range all {
			all[i] = i
		}
		if err := os.RemoveAll(s.path("")); err != nil {
			t.Fatal(err)
		}
		r, err := Repair(t.Context(), s.tor, s.path(""), all, []Source{{Path: s.copy}}, Options{})
		if err != nil || len(r.Files) != 4 || !s.isWhole(t) {
			t.Errorf("%v: %+v (%v)", format, r, err)
		}
	}
}

func TestSingleFile(t *testing.T) {
	for _, damage := range []func(path string){
		func(path string) { os.Remove(path) },
		func(path string) { os.Truncate(path, 5) },
		func(path string) { os.Truncate(path, 90_000) },
		func(path string) { flip(t, path, 17_000) },
	} {
		r := rand.New(rand.NewPCG(1, 1))
		dir, other := t.TempDir(), t.TempDir()
		data := randomBytes(r, 50_000)
		for _, d := range []string{dir, other} {
			if err := os.WriteFile(filepath.Join(d, "content"), data, 0o640); err != nil {
				t.Fatal(err)
			}
		}
		tor := makeTorrent(t, dir, maketorrent.Options{})
		damage(filepath.Join(dir, "content"))
		_, bad := verify(t, tor, dir)
		if _, err := Repair(t.Context(), tor, filepath.Join(dir, "content"), bad, []Source{{Path: filepath.Join(other, "content")}}, Options{}); err != nil {
			t.Fatal(err)
		}
		if b, err := os.ReadFile(filepath.Join(dir, "content")); !bytes.Equal(b, data) {
			t.Errorf("%d bytes (%v)", len(b), err)
		}
	}
}

// The data of another torrent: files are found by their hash, or by size and name.
func TestOtherTorrent(t *testing.T) {
	for name, test := range map[string]struct{ ours, theirs maketorrent.Format }{
		"by root": {maketorrent.FormatV2, maketorrent.FormatHybrid},
		"by name": {maketorrent.FormatV1, maketorrent.FormatV2},
	} {
		s := newSample(t, maketorrent.Options{Format: test.ours})
		other := t.TempDir()
		theirs := content{"x/a": s.original["a"], "x/new": []byte("new"), "b": s.original["b"], "d": s.original["sub/d"]}
		theirs.write(t, filepath.Join(other, "content"))
		tor := makeTorrent(t, other, maketorrent.Options{Format: test.theirs, PieceLength: 32 << 10})
		flip(t, s.path("a"), 0)
		flip(t, s.path("a"), 19_000)
		flip(t, s.path("sub/d"), 24_000)
		r := s.repair(t, Options{}, Source{Path: other, Torrent: tor})
		if !s.isWhole(t) {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

func TestFilesFoundElsewhere(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	if err := os.Remove(s.path("b")); err != nil {
		t.Fatal(err)
	}
	found := filepath.Join(s.copy, "content", "renamed")
	if err := os.Rename(filepath.Join(s.copy, "content", "b"), found); err != nil {
		t.Fatal(err)
	}
	index := slices.IndexFunc(s.tor.Files, func(f inspect.Entry) bool { return f.Path()[0] == "b" })
	if r := s.repair(t, Options{}, Source{Files: map[int]string{index: found}}); !s.isWhole(t) {
		t.Errorf("%+v", r)
	}
}

// A report says which sources gave bytes of a file.
func TestSourcesOfAFile(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	none, whole := filepath.Join(t.TempDir(), "none"), filepath.Join(t.TempDir(), "whole")
	if err := errors.Join(os.Mkdir(none, 0o755), os.CopyFS(whole, os.DirFS(s.copy))); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(s.copy, "content", "a"), 19_000) // the second piece
	flip(t, s.path("a"), 0)
	flip(t, s.path("a"), 19_000)
	flip(t, s.path("sub/d"), 24_000)
	for _, o := range []Options{{DryRun: true}, {}} {
		r := s.repair(t, o, Source{Path: none}, Source{Path: s.copy}, Source{Path: whole})
		got := make(map[string][]int)
		for _, f := range r.Files {
			got[filepath.Base(f.Path)] = f.Sources
		}
		if len(got) != 2 || !slices.Equal(got["a"], []int{1, 2}) || !slices.Equal(got["d"], []int{1}) {
			t.Errorf("the sources are %v", got)
		}
	}
	if !s.isWhole(t) {
		t.Error("it is not whole")
	}
}

// The symbolic links and executable files of a torrent (BEP 47).
func TestAttributes(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	if err := os.Symlink("../a", s.path("sub/link")); err != nil {
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	if err := os.Chmod(s.path("b"), 0o755); err != nil {
		t.Fatal(err)
	}
	s.tor = makeTorrent(t, s.dir, maketorrent.Options{Symlinks: maketorrent.SymlinksStore, Attributes: true})
	if err := errors.Join(os.Remove(s.path("sub/link")), os.Remove(s.path("b"))); err != nil {
		t.Fatal(err)
	}
	if r := s.repair(t, Options{}); !s.isWhole(t) {
		t.Errorf("%+v", r)
	}
	if target, err := os.Readlink(s.path("sub/link")); target != filepath.Join("..", "a") {
		t.Errorf("the link leads to %q (%v)", target, err)
	}
	if info, err := os.Stat(s.path("b")); err != nil || info.Mode()&0o100 == 0 {
		t.Errorf("b is not executable: %v", err)
	}
}

// Mode and owner stay, and no other file changes.
func TestModeStays(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	if err := os.Chmod(s.path("a"), 0o444); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(s.copy, "content", "b"), 0) // not needed
	if err := os.Chmod(s.path("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	flip(t, s.path("a"), 0)
	if err := os.Chmod(s.path("a"), 0o440); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(s.path("b"))
	if err != nil {
		t.Fatal(err)
	}
	s.repair(t, Options{})
	if !s.isWhole(t) {
		t.Error("it is not whole")
	}
	a, err := os.Stat(s.path("a"))
	if err != nil || a.Mode().Perm() != 0o440 {
		t.Errorf("the mode is %v (%v)", a.Mode(), err)
	}
	if after, err := os.Stat(s.path("b")); err != nil || !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) {
		t.Error("a good file was changed", err)
	}
}

// The data itself is no source.
func TestSameData(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	_, err := Repair(t.Context(), s.tor, s.path(""), []int{0}, []Source{{Path: s.dir}}, Options{})
	if _, ok := errors.AsType[*SameError](err); !ok {
		t.Errorf("the error is %v", err)
	}
	if _, err = Repair(t.Context(), s.tor, s.path(""), []int{0}, []Source{{Path: filepath.Join(s.dir, "none")}}, Options{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v", err)
	}
}

// Wherever a repair is interrupted, each file is as it was or mended, and no temporary
// file stays.
func TestInterrupted(t *testing.T) {
	for n := range 12 {
		s := newSample(t, maketorrent.Options{Format: maketorrent.FormatHybrid})
		flip(t, s.path("a"), 0)
		flip(t, s.path("b"), 0)
		if err := os.Remove(s.path("sub/d")); err != nil {
			t.Fatal(err)
		}
		before := read(t, s.path(""))
		_, bad := verify(t, s.tor, s.dir)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		steps := 0
		o := Options{Progress: func(Step, int64, int64) {
			if steps++; steps == n {
				cancel()
			}
		}}
		_, err := Repair(ctx, s.tor, s.path(""), bad, []Source{{Path: s.copy}}, o)
		if n > 0 && n <= steps && err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("after %d steps: %v", n, err)
		}
		for path, b := range read(t, s.path("")) {
			if !bytes.Equal(b, before[path]) && !bytes.Equal(b, s.original[path]) {
				t.Errorf("after %d steps %s is neither the old nor the mended file", n, path)
			}
			if err == nil && !bytes.Equal(b, s.original[path]) {
				t.Errorf("after %d steps %s is not mended, and there is no error", n, path)
			}
		}
	}
}

// A source that changes after it was proven: nothing of it is kept.
func TestSourceChanges(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
	flip(t, s.path("a"), 0)
	flip(t, s.path("b"), 0)
	before := read(t, s.path(""))
	changed := false
	r := s.repair(t, Options{Progress: func(step Step, _, _ int64) {
		if step == StepWrite && !changed {
			// The first file, a, is written. The time of b stays, as after an error of the disk.
			changed = true
			path := filepath.Join(s.copy, "content", "b")
			info, err := os.Stat(path)
			if err != nil {
				t.Fatal(err)
			}
			flip(t, path, 1)
			if err := os.Chtimes(path, info.ModTime(), info.ModTime()); err != nil {
				t.Fatal(err)
			}
		}
	}})
	got := s.refusals(r)
	if len(got) != 1 || !errors.Is(got["b"], ErrUnproven) {
		t.Errorf("refused: %v", got)
	}
	now := read(t, s.path(""))
	if !bytes.Equal(now["a"], s.original["a"]) || !bytes.Equal(now["b"], before["b"]) {
		t.Error("a is not mended, or b was changed")
	}
}

// The data changes while it is mended: it is kept.
func TestDataChanges(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
	flip(t, s.path("a"), 0)
	changed := false
	r := s.repair(t, Options{Progress: func(step Step, _, _ int64) {
		if step == StepWrite && !changed {
			changed = true
			if err := os.WriteFile(s.path("a"), []byte("new"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}})
	got := s.refusals(r)
	if _, ok := errors.AsType[*ChangedError](got["a"]); len(got) != 1 || !ok {
		t.Errorf("refused: %v", got)
	}
	if now := read(t, s.path("")); string(now["a"]) != "new" {
		t.Error("the new file was replaced")
	}
}

// What a killed repair left is removed, also beside the content, whose directory it made.
func TestKilledRepair(t *testing.T) {
	const run = ".bt-12345678901234567890"
	s := newSample(t, maketorrent.Options{})
	for _, name := range []string{"", "content/"} {
		left := content{name + run + ".tmp/lock": []byte("content\x00content/sub\x00"), name + run + ".tmp/0/3": []byte("fetched")}
		if name != "" {
			left[name+run+".tmp/lock"] = []byte("\x00sub\x00")
		}
		left["content/"+run+"1.tmp"], left["content/sub/"+run+"2.tmp"] = []byte("x"), []byte("y")
		left.write(t, s.dir)
		if r := s.repair(t, Options{DryRun: true}); len(r.Files) > 0 {
			t.Fatalf("%+v", r)
		}
		for path := range left {
			if _, err := os.Stat(filepath.Join(s.dir, path)); err != nil {
				t.Error("a dry run has removed something: ", err)
			}
		}
		s.repair(t, Options{})
		read(t, s.dir) // reports temporary files
		if !s.isWhole(t) {
			t.Error("it is not whole")
		}
	}
}
