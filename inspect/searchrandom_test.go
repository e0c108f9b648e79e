package inspect_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/testenv"
	"bt/maketorrent"
)

var searchSeed = flag.Uint64("searchseed", 0, "test only the random tree with this seed")

// Random trees are renamed, moved, damaged and scattered over three directories. The
// hashes can prove some of the files: an oracle, which knows the content, says which. All
// of those are found and no others, and a torrent of which everything was found is ok
// with the files where they are.
func TestSearchRandomTrees(t *testing.T) { searchRandomTrees(t, 60) }

// More of them have enough of each kind.
func TestSearchManyRandomTrees(t *testing.T) {
	testenv.Large(t)
	found, maybe, whole := searchRandomTrees(t, 240)
	if *searchSeed == 0 && (found < 400 || maybe < 50 || whole < 20) {
		t.Error("the random trees test too little")
	}
}

// searchRandomTrees tests the trees with the seeds up to last. It returns how many files
// were found and how many ambiguous, and how many of the trees were whole.
func searchRandomTrees(t *testing.T, last uint64) (found, maybe, whole int) {
	t.Helper()
	first := uint64(1)
	if *searchSeed != 0 {
		first, last = *searchSeed, *searchSeed
	}
	for seed := first; seed <= last; seed++ {
		s := newScattered(t, seed)
		f, m, ok := s.check(t)
		found, maybe = found+f, maybe+m
		if ok {
			whole++
		}
		if t.Failed() {
			t.Fatalf("seed %d, %s: %s", seed, s.format, s.log.String())
		}
	}
	t.Logf("%d files found, %d ambiguous, %d of the trees whole", found, maybe, whole)
	return found, maybe, whole
}

// A scattered is a torrent whose files are scattered over three directories.
type scattered struct {
	rand    *rand.Rand
	format  string
	torrent *inspect.Torrent
	content *inspect.Content
	files   [][]byte // the content; nil for a pad file
	dirs    []string // the first holds the content
	log     strings.Builder
	taken   map[string]bool
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func newScattered(t *testing.T, seed uint64) *scattered {
	s := &scattered{rand: rand.New(rand.NewPCG(seed, 7)), taken: make(map[string]bool)}
	for range 3 {
		s.dirs = append(s.dirs, t.TempDir())
	}
	root := filepath.Join(s.dirs[0], "release")
	must(t, os.Mkdir(root, 0o755))
	sizes := []int{0, 1, 300, 5000, 16384, 20000, 40000, 70000}
	data := make(map[string][]byte)
	var all [][]byte // of data, in the order of the files: that of a map is random
	for i := range 3 + s.rand.IntN(10) {
		path := fmt.Sprintf("%sf%d.%s", s.pick("", "", "one/", "two/deep/"), i, s.pick("a", "b"))
		size := sizes[s.rand.IntN(len(sizes))]
		if s.rand.IntN(3) == 0 {
			size = s.rand.IntN(90000)
		}
		b := s.bytes(size)
		switch s.rand.IntN(10) {
		case 0:
			b = make([]byte, size)
		case 1: // equal files
			if len(all) > 0 {
				b = all[s.rand.IntN(len(all))]
			}
		}
		data[path], all = b, append(all, b)
		s.write(t, filepath.Join(root, path), b)
	}
	o := maketorrent.Options{Path: root, PieceLength: 16384}
	switch s.format = s.pick("v1", "v1", "v1", "aligned", "v2", "hybrid"); s.format {
	case "aligned":
		o.Align = true
	case "v2":
		o.Format = maketorrent.FormatV2
	case "hybrid":
		o.Format = maketorrent.FormatHybrid
	}
	made, err := maketorrent.Make(t.Context(), o)
	must(t, err)
	s.torrent = made.Torrent
	s.content, err = s.torrent.Content()
	must(t, err)
	for i := range s.content.Files {
		f := &s.content.Files[i]
		s.files = append(s.files, nil)
		if !f.Pad {
			path := strings.Join(f.Path(), "/")
			s.files[i] = data[path]
			s.scatter(t, filepath.Join(root, path), data[path])
		}
	}
	return s
}

func (s *scattered) pick(list ...string) string { return list[s.rand.IntN(len(list))] }

func (s *scattered) bytes(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(s.rand.Uint32())
	}
	return b
}

func (s *scattered) write(t *testing.T, path string, b []byte) {
	t.Helper()
	must(t, os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, b, 0o644))
}

// damaged returns b with some bytes changed, at an end or anywhere.
func (s *scattered) damaged(b []byte) []byte {
	if b = slices.Clone(b); len(b) > 0 {
		b[[]int{0, len(b) - 1, s.rand.IntN(len(b))}[s.rand.IntN(3)]] ^= 1
	}
	return b
}

// elsewhere returns a new path with another name, or the same name in another directory.
func (s *scattered) elsewhere(path string) string {
	for {
		name := filepath.Base(path)
		if s.rand.IntN(2) == 0 {
			name = fmt.Sprintf("x%d.%s", s.rand.IntN(1000), s.pick("a", "b"))
		}
		to := filepath.Join(s.dirs[s.rand.IntN(3)], s.pick("", "one", "two", "other"), name)
		if !s.taken[to] {
			s.taken[to] = true
			return to
		}
	}
}

func (s *scattered) scatter(t *testing.T, path string, b []byte) {
	to := s.elsewhere(path)
	say := func(what string) { fmt.Fprintf(&s.log, "\n%s (%d bytes): %s %s", path, len(b), what, to) }
	switch s.rand.IntN(14) {
	case 0, 1, 2, 3:
		say("moved")
		must(t, os.MkdirAll(filepath.Dir(to), 0o755), os.Rename(path, to))
	case 4:
		say("copied")
		s.write(t, to, b)
	case 5:
		say("linked")
		must(t, os.MkdirAll(filepath.Dir(to), 0o755), os.Link(path, to))
	case 6:
		say("damaged, copy at")
		s.write(t, to, b)
		s.write(t, path, s.damaged(b))
	case 7:
		say("removed")
		must(t, os.Remove(path))
	case 8:
		say("moved and damaged")
		must(t, os.Remove(path))
		s.write(t, to, s.damaged(b))
	case 9:
		say("two damaged copies")
		must(t, os.Remove(path))
		s.write(t, to, s.damaged(b))
		s.write(t, s.elsewhere(path), s.damaged(b))
	case 10:
		say("moved, and a damaged copy")
		must(t, os.Remove(path))
		s.write(t, to, b)
		s.write(t, s.elsewhere(path), s.damaged(b))
	case 11:
		say("truncated, copy at")
		s.write(t, to, b)
		s.write(t, path, b[:len(b)/2])
	case 12:
		say("a directory")
		must(t, os.Remove(path), os.Mkdir(path, 0o755))
		s.write(t, to, s.bytes(len(b)))
	case 13:
		say("kept; decoy")
		s.write(t, to, s.bytes(len(b)))
	}
}

// An oracle knows the content of all files on disk.
type oracle struct {
	*scattered
	disk   map[string][]byte
	places [][]byte // by file; nil: missing
	paths  []string
}

func (s *scattered) oracle(t *testing.T) *oracle {
	o := &oracle{scattered: s, disk: make(map[string][]byte), places: make([][]byte, len(s.files)), paths: make([]string, len(s.files))}
	for _, dir := range s.dirs {
		must(t, filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				o.disk[path], err = os.ReadFile(path)
			}
			return err
		}))
	}
	for i := range s.files {
		if f := &s.content.Files[i]; !f.Pad {
			o.paths[i] = filepath.Join(append([]string{s.dirs[0], "release"}, f.Path()...)...)
			o.places[i] = o.disk[o.paths[i]]
		}
	}
	return o
}

// inside returns the range of file i that is in whole pieces.
func (o *oracle) inside(i int) (from, to int64) {
	l := o.content.Layout
	start, end, n := l.Offset(i), l.Offset(i)+l.Length(i), l.PieceLength()
	from, to = (start+n-1)/n*n-start, end/n*n-start
	if o.content.V2 {
		from, to = 0, l.Length(i)
	}
	if to <= from {
		return 0, 0
	}
	return from, to
}

// candidates returns the paths elsewhere that have the inside of file i.
func (o *oracle) candidates(i int) (list []string) {
	from, to := o.inside(i)
	place, err := os.Stat(o.paths[i])
	for path, b := range o.disk {
		other, _ := os.Stat(path)
		if path == o.paths[i] || len(b) != len(o.files[i]) || err == nil && os.SameFile(place, other) {
			continue
		}
		if to == from || bytes.Equal(b[from:to], o.files[i][from:to]) {
			list = append(list, path)
		}
	}
	slices.Sort(list)
	return list
}

// right reports whether b, which zeros follow, has the bytes of a span.
func (o *oracle) right(b []byte, s inspect.Span) bool {
	filled := make([]byte, s.Offset+s.Length)
	copy(filled, b)
	return bytes.Equal(filled[s.Offset:], o.files[s.File][s.Offset:s.Offset+s.Length])
}

// provable reports whether a piece can be put together from what is on disk.
func (o *oracle) provable(p int) bool {
	for _, s := range o.content.Layout.Spans(p, p) {
		if o.files[s.File] == nil {
			continue
		}
		ok := o.right(o.places[s.File], s)
		for _, path := range o.candidates(s.File) {
			ok = ok || o.right(o.disk[path], s)
		}
		if !ok {
			return false
		}
	}
	return true
}

// verdict returns the paths at which file i is found, or those that may be it.
func (o *oracle) verdict(i int) (status string, paths []string, unproven int64) {
	from, to := o.inside(i)
	place := o.places[i]
	_, err := os.Stat(o.paths[i])
	ok := err == nil && (place != nil || len(o.files[i]) == 0) && len(place) == len(o.files[i]) && bytes.Equal(place[from:to], o.files[i][from:to])
	if info, err := os.Stat(o.paths[i]); err != nil || !info.Mode().IsRegular() {
		ok = false
	}
	asGood := ok // but for ends that can't be proven
	alive, inside := o.candidates(i), to > from
	var open []inspect.Span
	first, last, any := o.content.Layout.FilePieces(i)
	for p := first; any && p <= last && !o.content.V2; p++ {
		parts := 0
		var own inspect.Span
		for _, s := range o.content.Layout.Spans(p, p) {
			if o.files[s.File] != nil {
				parts++
			}
			if s.File == i {
				own = s
			}
		}
		if own.Offset >= from && own.Offset+own.Length <= to {
			continue
		}
		if !o.provable(p) {
			ok = false
			open = append(open, own)
			unproven += own.Length
			continue
		}
		inside = inside || parts == 1
		ok, asGood = ok && o.right(place, own), asGood && o.right(place, own)
		alive = slices.DeleteFunc(alive, func(path string) bool { return !o.right(o.disk[path], own) })
	}
	switch {
	case ok:
		return "ok", nil, 0
	case len(alive) == 0, asGood:
		return "missing", nil, 0
	case len(o.files[i]) == 0 || o.content.V2 || len(open) == 0:
		return "found", alive, 0
	case !inside:
		return "maybe", alive, 0
	}
	for _, s := range open {
		for _, path := range alive {
			if !bytes.Equal(o.disk[path][s.Offset:s.Offset+s.Length], o.disk[alive[0]][s.Offset:s.Offset+s.Length]) {
				return "maybe", alive, 0
			}
		}
	}
	return "found", alive, unproven
}

// check compares the verdict with that of the oracle. It returns how many files were
// found and are ambiguous, and whether everything is there and proven.
func (s *scattered) check(t *testing.T) (found, maybe int, whole bool) {
	o := s.oracle(t)
	search, errs, err := inspect.NewSearch(t.Context(), s.dirs, 0, nil)
	must(t, append(errs, err)...)
	v, err := inspect.Verify(t.Context(), s.torrent, filepath.Join(s.dirs[0], "release"), inspect.VerifyOptions{Search: search})
	must(t, err)
	must(t, v.SearchErrs...)
	places := make(map[int]string)
	whole = true
	for i := range s.files {
		if s.files[i] == nil {
			continue
		}
		status, paths, unproven := o.verdict(i)
		f := slices.IndexFunc(v.Found, func(f inspect.Found) bool { return f.Index == i })
		m := slices.IndexFunc(v.Maybe, func(m inspect.Maybe) bool { return m.Index == i })
		got := v.File(i)
		say := func(format string, args ...any) {
			t.Errorf("%s: the oracle says %s %q: %s", got.Path, status, paths, fmt.Sprintf(format, args...))
		}
		if (got.Status == inspect.StatusOK) != (status == "ok") {
			say("status %s", got.Status)
		}
		if (f >= 0) != (status == "found") || (m >= 0) != (status == "maybe") {
			say("found %v, ambiguous %v", f >= 0, m >= 0)
		}
		switch {
		case f >= 0:
			found++
			places[i] = v.Found[f].At
			whole = whole && unproven == 0
			if !slices.Contains(paths, v.Found[f].At) || v.Found[f].Unproven != unproven {
				say("found %+v", v.Found[f])
			}
		case m >= 0:
			maybe++
			at := slices.Clone(v.Maybe[m].At)
			if slices.Sort(at); !isSubset(at, paths) {
				say("candidates %+v", v.Maybe[m])
			}
		}
		whole = whole && (status == "ok" || status == "found")
	}
	s.checkPlan(t, v)
	o.checkOnly(t, v)
	if whole {
		v, err := inspect.Verify(t.Context(), s.torrent, filepath.Join(s.dirs[0], "release"), inspect.VerifyOptions{Places: places})
		must(t, err)
		if !v.OK {
			t.Errorf("not ok with the files where they were found: %v", v.Statuses)
		}
	}
	return found, maybe, whole
}

// isSubset reports whether list, of which a file has one path per inode, is part of all.
func isSubset(list, all []string) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(all, s) })
}
