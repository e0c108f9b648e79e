package repair

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
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

// indexes returns the indexes of the files of a torrent by their paths.
func indexes(tor *inspect.Torrent) map[string]int {
	m := make(map[string]int)
	for i := range tor.Files {
		if !tor.Files[i].Pad {
			m[pathIn(tor, i)] = i
		}
	}
	return m
}

// shuffled puts the files of a tree at the places of others, at random: names are swapped,
// in cycles and chains, and some files have other names.
func shuffled(r *rand.Rand, c content) (now content, at map[string]string) {
	now, at = content{}, map[string]string{}
	places := slices.Sorted(maps.Keys(c))
	paths := slices.Clone(places)
	for i := range 3 {
		places = append(places, fmt.Sprintf("away/%d", i))
	}
	r.Shuffle(len(places), func(i, k int) { places[i], places[k] = places[k], places[i] })
	for i, path := range paths {
		now[places[i]], at[path] = c[path], places[i]
	}
	return now, at
}

// Files at the places of each other are put at their own, and the bytes of none are lost,
// also if the repair ends anywhere.
func TestFilesAtPlacesOfOthers(t *testing.T) {
	for seed := range uint64(40) {
		r := rand.New(rand.NewPCG(seed, 77))
		dir := t.TempDir()
		root := filepath.Join(dir, "content")
		original := randomContent(r)
		original["another"], original["large"] = randomBytes(r, 5), randomBytes(r, 300_000)
		original.write(t, root)
		tor := makeTorrent(t, dir, maketorrent.Options{Format: []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2, maketorrent.FormatHybrid}[seed%3]})
		before, at := shuffled(r, original)
		if err := os.RemoveAll(root); err != nil {
			t.Fatal(err)
		}
		before.write(t, root)
		files := make(map[int]string)
		for path, i := range indexes(tor) {
			files[i] = filepath.Join(root, at[path])
		}
		_, bad := verify(t, tor, root)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o := Options{}
		if stop := r.IntN(40); seed%2 == 0 {
			o.Progress = func(Step, int64, int64) {
				if stop--; stop < 0 {
					cancel()
				}
			}
		}
		report, err := Repair(ctx, tor, root, bad, []Source{{Files: files}}, o)
		if err != nil && !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		now := read(t, root)
		for path, b := range original {
			if !slices.ContainsFunc(slices.Collect(maps.Values(now)), func(c []byte) bool { return bytes.Equal(b, c) }) {
				t.Errorf("seed %d: the bytes of %s are lost (%v)", seed, path, err)
			}
			if err == nil && !bytes.Equal(now[path], b) {
				t.Errorf("seed %d: %s is not mended: %+v", seed, path, report)
			}
		}
		for path := range before {
			if _, ok := now[path]; !ok {
				t.Errorf("seed %d: %s is gone", seed, path)
			}
		}
	}
}

// The bytes of a file are at the place of another, and its own place is refused: that other
// file stays, as nothing else has these bytes.
func TestBytesAreKept(t *testing.T) {
	for _, format := range []maketorrent.Format{maketorrent.FormatV1, maketorrent.FormatV2} {
		s := newSample(t, maketorrent.Options{Format: format})
		index := indexes(s.tor)
		// The bytes of b are at a, and the place of b is a link.
		if err := errors.Join(os.Rename(s.path("b"), s.path("a")), os.Symlink("nowhere", s.path("b"))); err != nil {
			testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
		}
		found := Source{Files: map[int]string{index["b"]: s.path("a")}}
		r := s.repair(t, Options{}, found, Source{Files: map[int]string{index["a"]: filepath.Join(s.copy, "content", "a")}})
		got := s.refusals(r)
		if _, ok := errors.AsType[*LinkError](got["b"]); !ok || !errors.Is(got["a"], ErrNeeded) {
			t.Errorf("%v: refused: %v", format, got)
		}
		if b, err := os.ReadFile(s.path("a")); err != nil || !bytes.Equal(b, s.original["b"]) {
			t.Errorf("%v: the bytes of b are lost (%v)", format, err)
		}
		// With a place for b, both are mended.
		if err := os.Remove(s.path("b")); err != nil {
			t.Fatal(err)
		}
		s.repair(t, Options{}, found, Source{Path: s.copy})
		if !s.isWhole(t) {
			t.Errorf("%v: it is not whole", format)
		}
	}
}

// Files that are not what the caller says are reported, and mend nothing.
func TestChangedFiles(t *testing.T) {
	s := newSample(t, maketorrent.Options{Format: maketorrent.FormatV2})
	index := indexes(s.tor)
	files := make(map[int]string)
	for name, i := range index {
		files[i] = filepath.Join(s.copy, "content", name)
		if err := os.Remove(s.path(name)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(os.Remove(files[index["a"]]), os.Truncate(files[index["b"]], 29_999)); err != nil {
		t.Fatal(err)
	}
	flip(t, files[index["sub/d"]], 20_000)
	want := []int{index["a"], index["b"], index["sub/d"]}
	slices.Sort(want)
	for _, dry := range []bool{true, false} {
		r := s.repair(t, Options{DryRun: dry}, Source{Files: files})
		if !slices.Equal(r.Sources[0].Changed, want) {
			t.Errorf("changed: %v, want %v", r.Sources[0].Changed, want)
		}
	}
}

// Allow refuses changes, with the pieces that need them.
func TestAllow(t *testing.T) {
	s := newSample(t, maketorrent.Options{})
	flip(t, s.path("a"), 0)      // piece 0
	flip(t, s.path("a"), 19_000) // piece 1, which has bytes of b
	flip(t, s.path("b"), 20_000) // piece 2
	if err := os.Remove(s.path("c")); err != nil {
		t.Fatal(err)
	}
	mine := errors.New("not this one")
	asked := map[string][]Range{}
	r := s.repair(t, Options{Allow: func(file int, path string, changes iter.Seq[Range]) error {
		name := pathIn(s.tor, file)
		asked[name] = slices.Collect(changes)
		if path != s.path(name) {
			t.Errorf("the path of %s is %s", name, path)
		}
		if name == "b" {
			return mine
		}
		return nil
	}})
	if got := s.refusals(r); len(got) != 1 || got["b"] != mine {
		t.Errorf("refused: %v", got)
	}
	want := map[string][]Range{"a": {{0, 1}, {19_000, 1}}, "b": {{20_000, 1}}, "c": {{0, 100}}}
	if !maps.EqualFunc(asked, want, slices.Equal) {
		t.Errorf("asked for %v, want %v", asked, want)
	}
}
