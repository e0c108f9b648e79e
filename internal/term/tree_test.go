package term

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type treeFile struct {
	Path []string
	Note string
}

func treeFilesOf(list []treeFile) TreeFiles {
	return TreeFiles{
		func(yield func(int) bool) {
			for i := range list {
				if !yield(i) {
					return
				}
			}
		},
		func(i int) []string { return list[i].Path },
		func(i int) string { return list[i].Note },
	}
}

func treeText(t *testing.T, p Palette, root string, files []treeFile, limit int) string {
	t.Helper()
	var b strings.Builder
	if err := Tree(&b, p, root, treeFilesOf(files), limit, 0); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func files(paths ...string) []treeFile {
	var list []treeFile
	for _, p := range paths {
		list = append(list, treeFile{Path: strings.Split(p, "/")})
	}
	return list
}

func TestTree(t *testing.T) {
	tests := []struct {
		name  string
		files []treeFile
		limit int
		want  string
	}{
		{"no files", nil, 0, "root/ (0 files)\n"},
		{"one file", files("a"), 0, "root/ (1 file)\n└── a\n"},
		{
			"gathered, in natural order", files("z/10", "b", "a/x/1", "z/2", "a/y", "a/x/0"), 0,
			"root/ (6 files)\n" +
				"├── a/ (3 files)\n" +
				"│   ├── x/ (2 files)\n" +
				"│   │   ├── 0\n" +
				"│   │   └── 1\n" +
				"│   └── y\n" +
				"├── b\n" +
				"└── z/ (2 files)\n" +
				"    ├── 2\n" +
				"    └── 10\n",
		},
		{
			"notes", []treeFile{
				{[]string{"d", "long name"}, "1.0 KiB"},
				{[]string{"日本"}, "12 B"},
				{[]string{"bare"}, ""},
				{[]string{"d", strings.Repeat("x", 60)}, "7 B"},
			}, 0,
			"root/ (4 files)\n" +
				"├── bare\n" +
				"├── d/ (2 files)\n" +
				"│   ├── long name  1.0 KiB\n" +
				"│   └── " + strings.Repeat("x", 60) + "      7 B\n" +
				"└── 日本              12 B\n",
		},
		{
			"hostile names", []treeFile{
				{[]string{"a/b", "\x1b[2J"}, ""},
				{[]string{"..", "\u202ecod"}, ""},
				{nil, ""},
				{[]string{""}, ""},
			}, 0,
			"root/ (4 files)\n" +
				"├── \n" +
				"├── \n" +
				"├── ../ (1 file)\n" +
				"│   └── \\u202ecod\n" +
				"└── a\\x2fb/ (1 file)\n" +
				"    └── \\x1b[2J\n",
		},
		{
			"a name that is both, and twice", files("a", "a/b", "a/b/c", "a/b"), 0,
			"root/ (4 files)\n" +
				"├── a\n" +
				"└── a/ (3 files)\n" +
				"    ├── b\n" +
				"    ├── b\n" +
				"    └── b/ (1 file)\n" +
				"        └── c\n",
		},
		{
			"limit", files("e/3", "d/2", "d/1", "f"), 2,
			"root/ (4 files)\n" +
				"├── d/ (2 files)\n" +
				"│   ├── 1\n" +
				"│   └── 2\n" +
				"… and 2 more files\n",
		},
		{"limit, one more", files("1", "2"), 1, "root/ (2 files)\n├── 1\n… and 1 more file\n"},
		{"limit of all", files("1", "2"), 2, "root/ (2 files)\n├── 1\n└── 2\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, treeText(t, Palette{}, "root", tt.files, tt.limit)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTreeColour(t *testing.T) {
	got := treeText(t, NewPalette(true), "r", files("d/1"), 0)
	want := "" +
		"\x1b[1mr/\x1b[0m \x1b[2m(1 file)\x1b[0m\n" +
		"\x1b[2m└── \x1b[0m\x1b[1md/\x1b[0m \x1b[2m(1 file)\x1b[0m\n" +
		"\x1b[2m    └── \x1b[0m1\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// The output must grow with the input, not with the square of its depth.
func TestTreeDeep(t *testing.T) {
	deep := make([]string, 10_000)
	for i := range deep {
		deep[i] = "d"
	}
	list := []treeFile{{Path: deep}, {Path: deep[:9_999]}, {Path: []string{"last"}}}
	got := treeText(t, Palette{}, "root", list, 0)
	if len(got) > 50_000 {
		t.Errorf("%d bytes for 20,000 components", len(got))
	}
	if n := strings.Count(got, "d/ (2 files)\n"); n != maxTreeDepth {
		t.Errorf("%d directories are drawn, want %d", n, maxTreeDepth)
	}
	if n := strings.Count(got, "d"); n != 2*10_000-1-maxTreeDepth {
		t.Errorf("%d components are shown", n)
	}
	if !strings.HasSuffix(got, "\n└── last\n") {
		t.Errorf("ends with %q", got[len(got)-50:])
	}
}

// Of a long list only the drawn part is stored, and the result is the same.
func TestTreeLimit(t *testing.T) {
	for _, dirs := range []int{1, 3, 250, 1000} {
		var list []treeFile
		for i := range 5000 {
			list = append(list, treeFile{Path: []string{fmt.Sprint("d", i%dirs), fmt.Sprint("e", i%7), fmt.Sprint(i)}})
		}
		all := strings.Split(treeText(t, Palette{}, "root", list, 0), "\n")
		for _, limit := range []int{1, 2, 199, 200, 4999, 5000, 5001} {
			got := strings.Split(treeText(t, Palette{}, "root", list, limit), "\n")
			for i, line := range got {
				more := fmt.Sprintf("… and %s more file", Count(int64(5000-limit)))
				if line != "" && line != all[i] && !strings.HasPrefix(line, more) {
					t.Fatalf("%d directories, limit %d: line %d is %q, without a limit %q", dirs, limit, i, line, all[i])
				}
			}
		}
	}
}

func TestTreeReportsWriteErrors(t *testing.T) {
	want := errors.New("disk full")
	if err := Tree(failingWriter{want}, Palette{}, "root", treeFilesOf(nil), 0, 0); !errors.Is(err, want) {
		t.Errorf("Tree = %v, want %v", err, want)
	}
}

func BenchmarkTree(b *testing.B) {
	for _, n := range []int{10_000, 100_000, 1_000_000} {
		list := make([]treeFile, n)
		for i := range list {
			list[i] = treeFile{[]string{fmt.Sprint("dir ", i%1000), fmt.Sprint("sub ", i%7), fmt.Sprintf("file %d.mkv", i)}, Size(int64(i) * 1000)}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := Tree(io.Discard, NewPalette(true), "root", treeFilesOf(list), 0, 0); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// No line of a tree is wider than the terminal, whatever the names and notes are.
func TestTreeColumns(t *testing.T) {
	list := []treeFile{
		{[]string{"a directory with a long name in it", "and", "a", "file", strings.Repeat("long", 30)}, "1.0 GiB"},
		{[]string{strings.Repeat("日本", 40)}, "12 B"},
		{append(strings.Split(strings.Repeat("d/", 50), "/"), "deep"), "link -> " + strings.Repeat("target", 30) + "  0 B"},
		{[]string{"short"}, ""},
	}
	for _, columns := range []int{20, 40, 80, 200} {
		var b strings.Builder
		if err := Tree(&b, Palette{}, strings.Repeat("root", 60), treeFilesOf(list), 0, columns); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(b.String()) {
			if w := width(strings.TrimSuffix(line, "\n")); w > columns {
				t.Errorf("a line of %d columns in %d: %s", w, columns, line)
			}
		}
		if n := strings.Count(b.String(), "1.0 GiB"); n != 1 {
			t.Errorf("%d columns: the size is shown %d times\n%s", columns, n, &b)
		}
	}
}
