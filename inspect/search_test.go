package inspect

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/metainfo"
)

// A searchSample is a v1 torrent with pieces of 100 bytes, and directories on disk.
type searchSample struct {
	t    *testing.T
	dir  string // the content is in content, other files are in other directories
	meta *Torrent
}

// A named is a file of a torrent.
type named struct {
	path string
	data string
}

// random returns n bytes that depend on a name.
func random(name string, n int) string {
	r := rand.New(rand.NewPCG(uint64(len(name)), uint64(sha1.Sum([]byte(name))[0])<<8|uint64(sha1.Sum([]byte(name))[1])))
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

// newSearchSample makes a torrent of files that are not on disk.
func newSearchSample(t *testing.T, dir string, files ...named) *searchSample {
	t.Helper()
	b := metainfo.Builder{V1: true, Name: "content", PieceLength: pieceLength}
	var all []byte
	for _, f := range files {
		b.Files = append(b.Files, metainfo.BuildFile{Path: strings.Split(f.path, "/"), Length: int64(len(f.data))})
		all = append(all, f.data...)
	}
	for p := range slices.Chunk(all, pieceLength) {
		sum := sha1.Sum(p)
		b.Pieces = append(b.Pieces, sum[:]...)
	}
	out, err := b.Build()
	if err != nil {
		t.Fatal(err)
	}
	s := &searchSample{t: t, dir: dir}
	if s.meta, err = metainfo.Parse(out); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *searchSample) write(path, data string) {
	s.t.Helper()
	path = filepath.Join(s.dir, path)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(data), 0o644)); err != nil {
		s.t.Fatal(err)
	}
}

func (s *searchSample) search(dirs ...string) *Search {
	s.t.Helper()
	for i := range dirs {
		dirs[i] = filepath.Join(s.dir, dirs[i])
	}
	search, errs, err := NewSearch(s.t.Context(), dirs, 0, nil)
	if err := errors.Join(append(errs, err)...); err != nil {
		s.t.Fatal(err)
	}
	return search
}

// verify returns the statuses of the files that are not ok, what was found and what may
// be.
func (s *searchSample) verify(search *Search) string {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Join(s.dir, "content"), 0o755); err != nil {
		s.t.Fatal(err)
	}
	v, err := Verify(s.t.Context(), s.meta, filepath.Join(s.dir, "content"), VerifyOptions{Search: search})
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for f := range v.Files {
		if f.Status != StatusOK {
			list = append(list, f.Path+" "+string(f.Status))
		}
	}
	short := func(path string) string { return strings.TrimPrefix(path, s.dir+"/") }
	for _, f := range v.Found {
		say := fmt.Sprintf("%s at %s by %s", f.Path, short(f.At), f.Proof)
		if f.Unproven > 0 {
			say += fmt.Sprintf(" but %d", f.Unproven)
		}
		list = append(list, say)
	}
	for _, m := range v.Maybe {
		say := fmt.Sprintf("%s may be %d (%s)", m.Path, m.Count, m.Reason)
		for _, at := range m.At[:min(len(m.At), 3)] {
			say += " " + short(at)
		}
		list = append(list, say)
	}
	for _, err := range v.SearchErrs {
		list = append(list, "error: "+strings.ReplaceAll(err.Error(), s.dir+"/", ""))
	}
	return strings.Join(list, "; ")
}

func TestSearch(t *testing.T) {
	// Pieces of 100:  a 0-2   b 2   zero 2   c 2-4   e none
	a, b, c, zero := random("a", 230), random("b", 20), random("c", 220), strings.Repeat("\x00", 10)
	files := []named{{"dir/a.x", a}, {"dir/b.y", b}, {"zero", zero}, {"c.z", c}, {"e", ""}}
	flip := func(s string, at int) string { return s[:at] + string([]byte{s[at] ^ 1}) + s[at+1:] }
	type disk map[string]string
	for _, test := range []struct {
		name string
		disk disk
		do   func(dir string) error
		want string
	}{
		{"all at their places", disk{"content/dir/a.x": a, "content/dir/b.y": b, "content/zero": zero, "content/c.z": c, "content/e": ""}, nil, ""},
		{"nothing", nil, nil, "dir/a.x missing; dir/b.y missing; zero missing; c.z missing; e missing"},
		{"all elsewhere", disk{"d/1": a, "d/2": b, "d/3": zero, "d/4": c, "d/5": ""}, nil,
			"dir/a.x missing; dir/b.y missing; zero missing; c.z missing; e missing; " +
				"dir/a.x at d/1 by shared; dir/b.y at d/2 by shared; zero at d/3 by shared; c.z at d/4 by shared; e at d/5 by empty"},
		{"beside zeros", disk{"content/dir/a.x": a, "content/c.z": c, "content/e": "", "d/b": b}, nil,
			"dir/b.y missing; zero missing; dir/b.y at d/b by shared"},
		{"zeros, without a search result", disk{"content/dir/a.x": a, "content/dir/b.y": b, "content/c.z": c, "content/e": ""}, nil, "zero missing"},
		{"the rest of a short file is zeros", disk{"content/dir/a.x": a, "content/dir/b.y": b, "content/zero": zero[:4], "content/c.z": c, "content/e": ""}, nil, "zero short"},
		{"a file that is too long", disk{"content/dir/a.x": a, "content/dir/b.y": b + "more", "content/zero": zero, "content/c.z": c, "content/e": "", "d/b": b}, nil,
			"dir/b.y long; dir/b.y at d/b by shared"},
		{"a directory at its place", disk{"content/dir/a.x": a, "content/dir/b.y/x": "", "content/zero": zero, "content/c.z": c, "content/e": "", "d/b": b}, nil,
			"dir/b.y not-a-file; dir/b.y at d/b by shared"},
		{"an end that is damaged at its place", disk{"content/dir/a.x": flip(a, 229), "content/dir/b.y": b, "content/zero": zero, "content/c.z": c, "content/e": "", "d/a": a}, nil,
			"dir/a.x corrupt; dir/a.x at d/a by shared"},
		{"an end that can't be proven", disk{"d/1": a, "content/c.z": c}, nil,
			"dir/b.y missing; zero missing; e missing; dir/a.x missing; c.z unverifiable; dir/a.x at d/1 by pieces but 30"},
		{"ends that differ", disk{"d/1": a, "d/2": flip(a, 229), "content/zero": zero, "content/c.z": c, "content/e": ""}, nil,
			"dir/a.x missing; dir/b.y missing; zero unverifiable; c.z unverifiable; dir/a.x may be 2 (differ) d/1 d/2"},
		{"ends that differ, and are proven", disk{"d/2": a, "d/1": flip(a, 229), "content/zero": zero, "content/c.z": c, "content/e": "", "d/b": b}, nil,
			"dir/a.x missing; dir/b.y missing; dir/a.x at d/2 by shared; dir/b.y at d/b by shared"},
		{"a small file beside a missing one", disk{"d/b": b, "d/x": random("x", 20), "content/zero": zero, "content/c.z": c, "content/e": ""}, nil,
			"dir/a.x missing; dir/b.y missing; zero unverifiable; c.z unverifiable; dir/b.y may be 2 (shared) d/b d/x"},
		{"damaged copies only", disk{"d/a": flip(a, 50), "d/c": flip(c, 100), "content/dir/b.y": b, "content/zero": zero, "content/e": ""}, nil,
			"dir/a.x missing; dir/b.y unverifiable; zero unverifiable; c.z missing"},
		{"the likest name of equal files", disk{"d/1/z": b, "d/dir/other": b, "d/dir/n.y": b, "d/x/b.y": b, "d/x/c.y": b, "content/dir/a.x": a, "content/zero": zero, "content/c.z": c, "content/e": ""}, nil,
			"dir/b.y missing; dir/b.y at d/x/b.y by shared"},
		{"the likest directory", disk{"d/1/z": b, "d/dir/other": b, "d/dir/n.y": b, "d/x/c.y": b, "content/dir/a.x": a, "content/zero": zero, "content/c.z": c, "content/e": ""}, nil,
			"dir/b.y missing; dir/b.y at d/dir/n.y by shared"},
		{"the likest suffix", disk{"d/1/a": b, "d/2/z.y": b, "content/dir/a.x": a, "content/zero": zero, "content/c.z": c, "content/e": ""}, nil,
			"dir/b.y missing; dir/b.y at d/2/z.y by shared"},
		{"the first path, if none is like it", disk{"d/3/q": b, "d/1/r": b, "d/2/s": b, "content/dir/a.x": a, "content/zero": zero, "content/c.z": c, "content/e": ""}, nil,
			"dir/b.y missing; dir/b.y at d/1/r by shared"},
		{"the likest of several hard links", disk{"d/1": b, "content/dir/a.x": a, "content/zero": zero, "content/c.z": c, "content/e": ""},
			func(dir string) error {
				return errors.Join(os.Link(dir+"/d/1", dir+"/d/2"), os.Link(dir+"/d/1", dir+"/d/b.y"))
			}, "dir/b.y missing; dir/b.y at d/b.y by shared"},
		{"a symbolic link to a file", disk{"away/b": b, "content/dir/a.x": a, "content/zero": zero, "content/c.z": c, "content/e": ""},
			func(dir string) error {
				return errors.Join(os.Mkdir(dir+"/d", 0o755), os.Symlink("../away/b", dir+"/d/link"))
			}, "dir/b.y missing; dir/b.y at d/link by shared"},
		{"a hard link of the file at its place", disk{"content/dir/a.x": a, "d/x": "", "content/zero": zero, "content/c.z": c, "content/e": ""},
			func(dir string) error {
				return errors.Join(os.Link(dir+"/content/dir/a.x", dir+"/d/a.x"), os.Symlink("../content/c.z", dir+"/d/c.z"))
			}, "dir/a.x unverifiable; dir/b.y missing; zero unverifiable; c.z unverifiable"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSearchSample(t, t.TempDir(), files...)
			if err := os.Mkdir(filepath.Join(s.dir, "empty"), 0o755); err != nil {
				t.Fatal(err)
			}
			for path, data := range test.disk {
				s.write(path, data)
			}
			if test.do != nil {
				if err := test.do(s.dir); err != nil {
					t.Fatal(err)
				}
			}
			dirs := []string{"empty"}
			if isDir(filepath.Join(s.dir, "d")) {
				dirs = append(dirs, "d", "d") // the same twice
			}
			got := strings.Split(s.verify(s.search(dirs...)), "; ")
			want := strings.Split(test.want, "; ")
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("got  %q\nwant %q", got, want)
			}
		})
	}
}

// Many files of one size in one piece: the likest combination is tried first, and where
// nothing helps, the verdict reports the limit.
func TestSearchLimits(t *testing.T) {
	s := newSearchSample(t, t.TempDir(), named{"1.a", random("1", 30)}, named{"2.a", random("2", 30)}, named{"3.a", random("3", 40)}, named{"4.a", random("4", 100)})
	s.write("content/4.a", random("4", 100))
	for i := range 60 {
		for _, n := range []int{30, 40} {
			s.write(fmt.Sprintf("d/%d/%d", n, i), random(fmt.Sprint("x", i), n))
		}
	}
	s.write("d/30/a", random("1", 30))
	s.write("d/30/b", random("2", 30))
	s.write("d/40/c", random("3", 40))
	missing := "1.a missing; 2.a missing; 3.a missing; "
	if got, want := s.verify(s.search("d")), missing+"1.a may be 62 (limit) d/30/0 d/30/1 d/30/10; 2.a may be 62 (limit) d/30/0 d/30/1 d/30/10; 3.a may be 61 (limit) d/40/0 d/40/1 d/40/10"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	for _, name := range []string{"1.a", "2.a", "3.a"} {
		s.write("d/named/"+name, random(name[:1], map[string]int{"1.a": 30, "2.a": 30, "3.a": 40}[name]))
	}
	if got, want := s.verify(s.search("d")), missing+"1.a at d/named/1.a by shared; 2.a at d/named/2.a by shared; 3.a at d/named/3.a by shared"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What others have proven makes combinations few enough.
func TestSearchFixpoint(t *testing.T) {
	// Pieces of 100: k, l and m in the first, m and n in the second, n and o in the third.
	s := newSearchSample(t, t.TempDir(), named{"k", random("k", 30)}, named{"l", random("l", 30)}, named{"m", random("m", 70)}, named{"n", random("n", 100)}, named{"o", random("o", 70)})
	s.write("content/o", random("o", 70))
	for i := range 40 {
		for _, n := range []int{30, 70, 100} {
			s.write(fmt.Sprintf("d/%d/%02d", n, i), random(fmt.Sprint("x", i), n))
		}
	}
	s.write("d/30/x", random("k", 30))
	s.write("d/30/z", random("l", 30))
	s.write("d/70/m'", random("m", 70))
	s.write("d/100/n'", random("n", 100))
	got := s.verify(s.search("d"))
	if want := "k missing; l missing; m missing; n missing; k at d/30/x by shared; l at d/30/z by shared; m at d/70/m' by shared; n at d/100/n' by shared"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// A candidate that disappears or changes after the scan is not used.
func TestSearchChanges(t *testing.T) {
	a := random("a", 250)
	for name, change := range map[string]func(path string) error{
		"removed":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 10) },
		"changed":   func(path string) error { return os.WriteFile(path, []byte(random("b", 250)), 0o644) },
		"directory": func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) },
	} {
		s := newSearchSample(t, t.TempDir(), named{"a", a})
		s.write("d/x", a)
		search := s.search("d")
		if err := change(filepath.Join(s.dir, "d/x")); err != nil {
			t.Fatal(err)
		}
		if got := s.verify(search); got != "a missing" {
			t.Errorf("%s: %s", name, got)
		}
	}
	// While it is searched for: its hash is known, but it is no more.
	s := newSearchSample(t, t.TempDir(), named{"a", a})
	s.write("d/x", a)
	search := s.search("d")
	if got := s.verify(search); got != "a missing; a at d/x by pieces" {
		t.Error(got)
	}
	if err := os.Chtimes(filepath.Join(s.dir, "d/x"), time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if got := s.verify(search); got != "a missing; error: d/x: changed while it was hashed" {
		t.Error(got)
	}
	// Small files that are read for combinations.
	for name, change := range map[string]func(path string) error{
		"removed":   os.Remove,
		"truncated": func(path string) error { return os.Truncate(path, 10) },
	} {
		s := newSearchSample(t, t.TempDir(), named{"a", a}, named{"b", random("b", 20)})
		s.write("content/a", a)
		s.write("d/1", random("b", 20))
		s.write("d/2", random("x", 20))
		search := s.search("d")
		if got := s.verify(search); got != "b missing; b at d/1 by shared" {
			t.Errorf("%s: before: %s", name, got)
		}
		if err := change(filepath.Join(s.dir, "d/1")); err != nil {
			t.Fatal(err)
		}
		if got := s.verify(search); strings.Contains(got, "b at") {
			t.Errorf("%s: %s", name, got)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Verify(ctx, s.meta, s.dir, VerifyOptions{Search: search}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of ctx: %v", err)
	}
}

// The content of a torrent that was added helps other torrents, before or after it is
// verified itself, unless it has changed since.
func TestSearchAdded(t *testing.T) {
	dir := t.TempDir()
	x, y, z := random("x", 350), random("y", 30), random("z", 200)
	first := newSearchSample(t, dir, named{"x", x})
	first.write("content/x", x)
	at := func(name string) *searchSample {
		s := newSearchSample(t, filepath.Join(dir, name), named{"moved", x}, named{"y", y}, named{"z", z})
		s.write("content/y", y)
		s.write("content/z", z)
		return s
	}
	search := first.search()
	if got := at("before").verify(search); got != "moved missing; y unverifiable; z unverifiable" {
		t.Errorf("before: %s", got)
	}
	if err := search.Add(t.Context(), first.meta, dir, VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
	want := "moved missing; moved at " + dir + "/content/x by shared"
	if got := at("added").verify(search); got != want {
		t.Errorf("added: %s, want %s", got, want)
	}
	if got := first.verify(search); got != "" {
		t.Fatal(got)
	}
	if got := at("after").verify(search); got != want {
		t.Errorf("after: %s, want %s", got, want)
	}
	first.write("content/x", random("other", 350))
	if got, want := at("changed").verify(search), "moved missing; y unverifiable; z unverifiable; error: "+dir+"/content/x: changed while it was hashed"; got != want {
		t.Errorf("changed: %s", got)
	}
	if got := at("again").verify(search); got != "moved missing; y unverifiable; z unverifiable" {
		t.Errorf("again: %s", got)
	}
}

// Each candidate is hashed once for all torrents that want its size.
func TestSearchHashesOnce(t *testing.T) {
	for _, p := range []promise{{}, {hybrid: true}, {layerless: "a"}} {
		s := newSampleV2(t, p, 3*v2Piece+5, 100, v2Piece)
		dir := filepath.Join(t.TempDir(), "elsewhere")
		if err := os.Rename(filepath.Join(s.dir, "content"), dir); err != nil {
			t.Fatal(err)
		}
		for i := range 3 { // other files of the same sizes; the first begins alike
			b, err := os.ReadFile(filepath.Join(dir, name(i)))
			if err != nil {
				t.Fatal(err)
			}
			b = bytes.Clone(b)
			b[len(b)-1] ^= 1
			if err := os.WriteFile(filepath.Join(dir, name(i)+"x"), b, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		search, _, err := NewSearch(t.Context(), []string{dir}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		hashed := int64(0)
		search.Progress = func(done, total int64) {
			if done == total {
				hashed += done
			}
		}
		for i := range 2 {
			hashed = 0
			v, err := Verify(t.Context(), s.t, s.dir, VerifyOptions{Search: search})
			if err != nil {
				t.Fatal(err)
			}
			if len(v.Found) != 3 || len(v.Maybe) > 0 || v.Found[0].At != filepath.Join(dir, "a") || v.Found[0].Proof != ProofRoot || v.Found[0].Unproven != 0 {
				t.Errorf("%+v: found %+v, %+v", p, v.Found, v.Maybe)
			}
			if (hashed > 0) != (i == 0) {
				t.Errorf("%+v: %d bytes hashed in run %d", p, hashed, i)
			}
		}
	}
}

// A hybrid whose v1 hashes are of other data than its root: the file is not taken for
// proven.
func TestSearchForgedHybrid(t *testing.T) {
	for _, p := range []promise{{v1: flipped("a", 5)}, {v1: flipped("a", 2*v2Piece+9)}, {v1: flipped("b", 3)}} {
		p.hybrid = true
		s := newSampleV2(t, p, 2*v2Piece+50, 100, 200)
		dir := filepath.Join(t.TempDir(), "elsewhere")
		if err := os.Rename(filepath.Join(s.dir, "content"), dir); err != nil {
			t.Fatal(err)
		}
		search, _, err := NewSearch(t.Context(), []string{dir}, 0, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Verify(t.Context(), s.t, s.dir, VerifyOptions{Search: search})
		if err != nil {
			t.Fatal(err)
		}
		if len(v.Found) != 2 || len(v.Maybe) != 1 || v.Maybe[0].Reason != ReasonDisagree || v.Maybe[0].Count != 1 {
			t.Errorf("found %+v, %+v", v.Found, v.Maybe)
		}
	}
}

// One file of many in a piece is missing, and many files on disk have the sizes of all of
// them: those at their places come first, so there are few combinations.
func TestSearchKeepsTheFilesAtTheirPlaces(t *testing.T) {
	var files []named
	for i := range 10 {
		files = append(files, named{fmt.Sprint(i), random(fmt.Sprint(i), 8)})
	}
	s := newSearchSample(t, t.TempDir(), files...)
	for i, f := range files {
		if i != 4 && i != 7 {
			s.write("content/"+f.path, f.data)
		}
	}
	for i := range 40 {
		s.write(fmt.Sprintf("disk/%02d", i), random("other", 8+i)[i:])
	}
	s.write("disk/zz", files[4].data)
	s.write("disk/zzz", files[7].data)
	want := "4 missing; 7 missing; 4 at disk/zz by shared; 7 at disk/zzz by shared"
	if got := s.verify(s.search("disk")); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}
