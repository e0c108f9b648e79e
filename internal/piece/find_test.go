package piece

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"bt/internal/bencode"
	"bt/internal/metainfo"
	"bt/internal/testenv"
)

const (
	composed   = "Bj\u00f6rk"
	decomposed = "Bjo\u0308rk"
	gbk        = "\xd6\xd0" // 中
)

// An entry is a file of a torrent, of 5 bytes.
type entry struct {
	path string // with slashes
	utf8 string // path.utf-8, if not empty
}

// contentOf returns what a torrent says of files in a directory called name, or of
// one file if there are no entries.
func contentOf(t testing.TB, encoding, name string, entries ...entry) *metainfo.Content {
	t.Helper()
	var e bencode.Encoder
	e.Dict()
	if encoding != "" {
		e.Key("encoding")
		e.String(encoding)
	}
	e.Key("info")
	e.Dict()
	if len(entries) > 0 {
		e.Key("files")
		e.List()
		for _, f := range entries {
			e.Dict()
			e.Key("length")
			e.Int(5)
			for _, path := range [][2]string{{"path", f.path}, {"path.utf-8", f.utf8}} {
				if path[1] == "" {
					continue
				}
				e.Key(path[0])
				e.List()
				for c := range strings.SplitSeq(path[1], "/") {
					e.String(c)
				}
				e.End()
			}
			e.End()
		}
		e.End()
	} else {
		e.Key("length")
		e.Int(5)
	}
	e.Key("name")
	e.String(name)
	e.Key("piece length")
	e.Int(16384)
	e.Key("pieces")
	e.Blob(make([]byte, 20*((5*max(len(entries), 1)-1)/16384+1)))
	e.End()
	e.End()
	tor, err := metainfo.Parse(e.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	c, err := tor.Content()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// lay puts files of 5 bytes, or of 3 if they end in "<", into a new directory. What
// ends in a slash is a directory.
func lay(t testing.TB, paths ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range paths {
		data := "hello"
		if short, ok := strings.CutSuffix(path, "<"); ok {
			path, data = short, "hel"
		}
		full := filepath.Join(dir, path)
		if strings.HasSuffix(path, "/") {
			if err := os.MkdirAll(full, 0o755); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestFind(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "a file system that keeps names byte for byte")
	}
	files := func(paths ...string) (list []entry) {
		for _, p := range paths {
			list = append(list, entry{path: p})
		}
		return list
	}
	for _, tt := range []struct {
		what     string
		encoding string
		name     string
		entries  []entry // none: a single file
		disk     []string
		path     string // that the user names
		want     string // where the files are, "-" if not, with blanks between
	}{
		// Which content is meant.
		{"in a directory of its name", "", "n", files("a", "d/b"), []string{"n/a", "n/d/b"}, "", "n/a n/d/b"},
		{"the directory itself", "", "n", files("a", "d/b"), []string{"n/a", "n/d/b"}, "n", "n/a n/d/b"},
		{"a directory that holds one of its own name", "", "n", files("n/a", "b"), []string{"n/n/a", "n/b"}, "n", "n/n/a n/b"},
		{"the same from above", "", "n", files("n/a", "b"), []string{"n/n/a", "n/b"}, "", "n/n/a n/b"},
		{"the inner one is the content", "", "n", files("a", "b"), []string{"n/n/a", "n/n/b", "n/a"}, "n", "n/n/a n/n/b"},
		{"the outer one is the content", "", "n", files("a", "b"), []string{"n/n/a", "n/a", "n/b"}, "n", "n/a n/b"},
		{"a tie", "", "n", files("a", "b"), []string{"n/n/a", "n/b"}, "n", "n/n/a -"},
		{"files of the right size count", "", "n", files("a", "b"), []string{"n/n/a<", "n/n/b<", "n/b"}, "n", "- n/b"},
		{"files of the wrong size, and nothing", "", "n", files("a", "b"), []string{"n/n/", "n/a<"}, "n", "n/a -"},
		{"no directory", "", "n", files("a"), []string{"n"}, "n", "-"},
		{"nothing", "", "n", files("a"), nil, "", "-"},
		{"no such path", "", "n", files("a"), nil, "x", "-"},
		{"a single file", "", "n", nil, []string{"n"}, "", "n"},
		{"the file itself", "", "n", nil, []string{"x"}, "x", "x"},
		{"a single file in a directory of its name", "", "n", nil, []string{"n/n"}, "", "n/n"},
		{"the same from inside", "", "n", nil, []string{"n/n"}, "n", "n/n"},
		{"a short single file there", "", "n", nil, []string{"n/n<"}, "", "n/n"},
		{"a directory where the file should be", "", "n", nil, []string{"n/x"}, "", "-"},
		{"a single file of an unsafe name", "", "a/b", nil, []string{"x"}, "x", "x"},
		{"the same, in a directory", "", "..", nil, []string{"x/y"}, "x", "-"},
		{"files below an unsafe name", "", "a/b", files("f"), []string{"x/f"}, "x", "x/f"},
		{"an unsafe name is not used", "", "..", files("f"), []string{"f", "x/"}, "x", "-"},

		// Unicode forms.
		{"made on a Mac", "", "n", files(decomposed), []string{"n/" + composed}, "", "n/" + composed},
		{"copied from a Mac", "", "n", files(composed), []string{"n/" + decomposed}, "", "n/" + decomposed},
		{"a directory", "", "n", files(decomposed + "/a"), []string{"n/" + composed + "/a"}, "", "n/" + composed + "/a"},
		{"the name of the torrent", "", decomposed, files("a"), []string{composed + "/a"}, "", composed + "/a"},
		{"the name of a single file", "", composed, nil, []string{decomposed}, "", decomposed},
		{"a name of both forms", "", "n", files(composed + decomposed), []string{"n/" + decomposed + decomposed}, "", "n/" + decomposed + decomposed},
		{"Hangul", "", "n", files("\ud55c\uae00"), []string{"n/\u1112\u1161\u11ab\u1100\u1173\u11af"}, "", "n/\u1112\u1161\u11ab\u1100\u1173\u11af"},
		{"both files, both on disk", "", "n", files(composed, decomposed), []string{"n/" + composed, "n/" + decomposed}, "", "n/" + composed + " n/" + decomposed},
		{"both files, one on disk", "", "n", files(composed, decomposed), []string{"n/" + decomposed}, "", "- n/" + decomposed},
		{"both files, another form on disk", "", "n", files(composed+composed, decomposed+decomposed), []string{"n/" + composed + decomposed}, "", "n/" + composed + decomposed + " -"},
		{"one file, both on disk", "", "n", files(decomposed), []string{"n/" + composed, "n/" + decomposed}, "", "n/" + decomposed},
		{"both directories on disk", "", "n", files(composed+"/a", composed+"/b"), []string{"n/" + composed + "/a", "n/" + decomposed + "/b"}, "", "n/" + composed + "/a n/" + decomposed + "/b"},
		{"both directories in the torrent", "", "n", files(composed+"/a", decomposed+"/a"), []string{"n/" + composed + "/a"}, "", "n/" + composed + "/a -"},
		{"both roots, the other holds more", "", composed, files("a", "b"), []string{composed + "/a", decomposed + "/a", decomposed + "/b"}, "", decomposed + "/a " + decomposed + "/b"},
		{"a directory is no file", "", "n", files(composed), []string{"n/" + decomposed + "/"}, "", "-"},

		// Encodings.
		{"a code page in the torrent", "GBK", "n", files(gbk + "/a"), []string{"n/中/a"}, "", "n/中/a"},
		{"a code page on disk", "GBK", "n", files("中"), []string{"n/" + gbk}, "", "n/" + gbk},
		{"path.utf-8 on disk", "", "n", []entry{{gbk, "中"}}, []string{"n/中"}, "", "n/中"},
		{"path on disk", "", "n", []entry{{gbk + "/a", "中/a"}}, []string{"n/" + gbk + "/a"}, "", "n/" + gbk + "/a"},
		{"a directory in one and a file in the other", "", "n", []entry{{gbk + "/" + gbk, "中/中"}}, []string{"n/" + gbk + "/中"}, "", "n/" + gbk + "/中"},
		{"the name in a code page", "GBK", gbk, files("a"), []string{"中/a"}, "", "中/a"},
		{"a single file in a code page", "GBK", gbk, nil, []string{"中"}, "", "中"},
		{"path and path.utf-8 of two files", "", "n", []entry{{"x", "a"}, {"a", "b"}}, []string{"n/a"}, "", "n/a -"},

		// Odd components, backslashes.
		{"an empty component left out", "", "n", files("d//a"), []string{"n/d/a"}, "", "n/d/a"},
		{"an empty component kept", "", "n", files("d//a"), []string{"n/d/_/a"}, "", "n/d/_/a"},
		{"an empty component first", "", "n", files("/a"), []string{"n/_/a"}, "", "n/_/a"},
		{"a dot", "", "n", files("d/./a"), []string{"n/d/a"}, "", "n/d/a"},
		{"a backslash", "", "n", files(`AC\DC`), []string{`n/AC\DC`}, "", `n/AC\DC`},
		{"a backslash left out", "", "n", files(`AC\DC`), []string{"n/ACDC"}, "", "n/ACDC"},

		// Unfinished files.
		{"Transmission", "", "n", files("a", "b"), []string{"n/a.part", "n/b"}, "", "n/a.part n/b"},
		{"qBittorrent, uTorrent, BitComet", "", "n", files("a", "b", "c"), []string{"n/a.!qB", "n/b.!ut", "n/c.bc!"}, "", "n/a.!qB n/b.!ut n/c.bc!"},
		{"a single file", "", "n", nil, []string{"n.!qB"}, "", "n.!qB"},
		{"the finished one first", "", "n", files("a"), []string{"n/a", "n/a.part"}, "", "n/a"},
		{"a file of that name", "", "n", files("a", "a.part"), []string{"n/a.part"}, "", "- n/a.part"},
		{"a directory has no suffix", "", "n", files("d/a"), []string{"n/d.part/a"}, "", "-"},
		{"with another form", "", "n", files(decomposed), []string{"n/" + composed + ".part"}, "", "n/" + composed + ".part"},
	} {
		c := contentOf(t, tt.encoding, tt.name, tt.entries...)
		dir := lay(t, tt.disk...)
		tree, err := Find(context.Background(), c, filepath.Join(dir, tt.path), 1)
		if err != nil {
			t.Errorf("%s: %v", tt.what, err)
			continue
		}
		var got []string
		for i := range tree.Files {
			at := "-"
			if tree.Files[i].Cause == CauseFine {
				at, _ = filepath.Rel(dir, tree.Path(i))
			}
			got = append(got, at)
			at, renamed := tree.At(i)
			if path := filepath.Join(c.Files[i].Path()...); renamed && (at == path || !strings.HasSuffix(tree.Path(i), at)) {
				t.Errorf("%s: file %q is said to be at %q", tt.what, path, at)
			} else if !renamed && !c.Single && tree.Path(i) != filepath.Join(tree.Root, path) {
				t.Errorf("%s: file %q is at %q, and that is not said", tt.what, path, tree.Path(i))
			}
		}
		if got := strings.Join(got, " "); got != tt.want {
			t.Errorf("%s:\n got %q\nwant %q", tt.what, got, tt.want)
		}
	}
}

// What is at the names of a torrent is never outside of the place that the user
// named, and never one file for two.
func FuzzFind(f *testing.F) {
	if runtime.GOOS != "linux" {
		f.Skip("needs a file system that keeps names byte for byte")
	}
	f.Add("GBK", "n", "a|"+gbk+"/中|d//b", "n/a|n/中/"+gbk+"|n/d/_/b")
	f.Add("", decomposed, composed+"|"+decomposed, decomposed+"/"+composed+".part|"+composed+"/x")
	f.Add("", "n", "a|a.part|a.part.part", "n/a.part.part|n/a.!qB")
	f.Add("utf-16le", "a/b", "\x00|.|..", "..")
	f.Fuzz(func(t *testing.T, encoding, name, torrent, disk string) {
		if len(torrent)+len(disk) > 500 {
			return
		}
		var entries []entry
		for path := range strings.SplitSeq(torrent, "|") {
			raw, utf8, _ := strings.Cut(path, "=")
			entries = append(entries, entry{raw, utf8})
		}
		c := tryContentOf(encoding, name, entries)
		if c == nil {
			return
		}
		dir := t.TempDir()
		place := filepath.Join(dir, "place")
		if err := os.Mkdir(place, 0o755); err != nil {
			t.Fatal(err)
		}
		outside := filepath.Join(dir, "outside")
		if err := os.WriteFile(outside, []byte("hello"), 0o644); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(place)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		for path := range strings.SplitSeq(disk, "|") {
			_ = root.MkdirAll(filepath.Dir(path), 0o755) // the names may be none
			_ = root.WriteFile(path, []byte("hello"), 0o644)
		}
		tree, err := Find(context.Background(), c, place, 1)
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[Identity]string)
		for i := range tree.Files {
			if tree.Files[i].Cause != CauseFine || tree.Files[i].Pad {
				continue
			}
			path := tree.Path(i)
			rel, err := filepath.Rel(place, path)
			if err != nil || !filepath.IsLocal(rel) || path != filepath.Join(place, rel) {
				t.Fatalf("%q is at %q", c.Files[i].Path(), path)
			}
			id := tree.ID(i)
			if other, ok := seen[id]; ok {
				t.Fatalf("%q is at %q, which is there for %q", c.Files[i].Path(), path, other)
			}
			seen[id] = fmt.Sprint(c.Files[i].Path())
		}
	})
}

func tryContentOf(encoding, name string, entries []entry) *metainfo.Content {
	// Only errors of the torrent end in a panic.
	c := (*metainfo.Content)(nil)
	func() {
		defer func() { _ = recover() }()
		c = contentOf(failer{}, encoding, name, entries...)
	}()
	return c
}

// A failer panics where a test would fail.
type failer struct{ testing.TB }

func (failer) Helper()           {}
func (failer) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Each of many files in one directory is found by its other form.
func TestFindMany(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "a file system that keeps names byte for byte")
	}
	var entries []entry
	var disk []string
	for i := range 300 {
		entries = append(entries, entry{path: fmt.Sprintf("%s/%s%d", decomposed, decomposed, i)})
		disk = append(disk, fmt.Sprintf("n/%s/%s%d", composed, composed, i))
	}
	c := contentOf(t, "", "n", entries...)
	tree, err := Find(context.Background(), c, lay(t, disk...), 0)
	if err != nil {
		t.Fatal(err)
	}
	missing := slices.ContainsFunc(tree.Files, func(s Source) bool { return s.Cause != CauseFine })
	if first, at, n := tree.Renamed(); missing || first != 0 || at != composed+"/"+composed+"0" || n != 300 {
		t.Errorf("missing: %t; %d files, the first %d at %q", missing, n, first, at)
	}
}

func BenchmarkFindMissing(b *testing.B) {
	var entries []entry
	for i := range 100_000 {
		entries = append(entries, entry{path: fmt.Sprintf("d/file %d", i)})
	}
	c := contentOf(b, "", "n", entries...)
	dir := lay(b, "n/d/other")
	for b.Loop() {
		if _, err := Find(context.Background(), c, dir, 0); err != nil {
			b.Fatal(err)
		}
	}
}

// Links that lead back make as many paths as there are forms of each component,
// to the power of their number.
func TestFindIsBounded(t *testing.T) {
	if runtime.GOOS != "linux" {
		testenv.Missing(t, "a file system that keeps names byte for byte")
	}
	deep := strings.Repeat("/x", 30)
	utf8 := strings.Repeat("/y", 30)
	c := contentOf(t, "", "n", entry{"d" + deep, "d" + utf8})
	dir := lay(t, "n/d/")
	for _, link := range []string{"x", "y"} {
		if err := os.Symlink(".", filepath.Join(dir, "n", "d", link)); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := Find(ctx, c, dir, 1)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-ctx.Done():
		t.Fatal("it tries all paths")
	}
}

// A directory that can't be read is where the content is: its files are not missing.
func TestFindUnreadable(t *testing.T) {
	dir := t.TempDir()
	if err := os.Symlink("n", filepath.Join(dir, "n")); err != nil { // it leads to itself
		testenv.Missing(t, fmt.Sprint("symbolic links: ", err))
	}
	tree, err := Find(context.Background(), contentOf(t, "", "n", entry{path: "a"}, entry{path: "d/b"}), dir, 1)
	if err != nil {
		t.Fatal(err)
	}
	for i := range tree.Files {
		if tree.Files[i].Cause != CauseUnreadable || tree.Err(i) == nil {
			t.Errorf("%s is %v: %v", tree.Path(i), tree.Files[i].Cause, tree.Err(i))
		}
	}
}
