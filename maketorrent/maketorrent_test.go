package maketorrent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/testenv"
)

// tree writes files that contain their own name. A name that ends in a slash is a
// directory, and "a -> b" a link.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root := filepath.Join(t.TempDir(), "root")
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		link, target, isLink := strings.Cut(name, " -> ")
		path := filepath.Join(root, filepath.FromSlash(link))
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		switch {
		case isLink:
			err = errors.Join(err, os.Symlink(target, path))
		case strings.HasSuffix(name, "/"):
			err = errors.Join(err, os.MkdirAll(path, 0o755))
		default:
			err = errors.Join(err, os.WriteFile(path, []byte(name), 0o644))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// paths returns the files of a torrent as text, without pad files.
func paths(r *Result) []string {
	var list []string
	for _, f := range r.Torrent.Files {
		if !f.Pad {
			list = append(list, display(f.Path()))
		}
	}
	return list
}

func TestOrder(t *testing.T) {
	root := tree(t, "b.bin", "b/x", "a.txt", "a/x", "a b/x", "a/b/c", "a/b.c", "Z", "é", "ß", "empty/")
	// Component by component: a/... before "a b/...", although ' ' sorts before '/'.
	want := []string{"Z", "a/b/c", "a/b.c", "a/x", "a b/x", "a.txt", "b/x", "b.bin", "ß", "é"}
	for name, format := range formats {
		r, err := Make(context.Background(), Options{Path: root, Format: format})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got := paths(r); !slices.Equal(got, want) {
			t.Errorf("%s: order %q, want %q", name, got, want)
		}
		if r.Torrent.Name != "root" || r.Torrent.Single || len(r.Torrent.Findings) > 0 {
			t.Errorf("%s: name %q, single %v, findings %v", name, r.Torrent.Name, r.Torrent.Single, r.Torrent.Findings)
		}
	}
}

func TestSelection(t *testing.T) {
	names := []string{"a.txt", "a.tmp", "sub/b.txt", "sub/b.tmp", "sub/deep/c.txt", "other/d.txt"}
	for _, tt := range []struct {
		name             string
		include, exclude []string
		want             []string
	}{
		{"all", nil, nil, []string{"a.tmp", "a.txt", "other/d.txt", "sub/b.tmp", "sub/b.txt", "sub/deep/c.txt"}},
		{"a name everywhere", nil, []string{"*.tmp"}, []string{"a.txt", "other/d.txt", "sub/b.txt", "sub/deep/c.txt"}},
		{"a path", nil, []string{"sub/*.txt"}, []string{"a.tmp", "a.txt", "other/d.txt", "sub/b.tmp", "sub/deep/c.txt"}},
		{"a path at any depth", nil, []string{"sub/**/*.txt"}, []string{"a.tmp", "a.txt", "other/d.txt", "sub/b.tmp"}},
		{"a directory", nil, []string{"sub/"}, []string{"a.tmp", "a.txt", "other/d.txt"}},
		{"a directory below", nil, []string{"deep"}, []string{"a.tmp", "a.txt", "other/d.txt", "sub/b.tmp", "sub/b.txt"}},
		{"only", []string{"*.txt"}, nil, []string{"a.txt", "other/d.txt", "sub/b.txt", "sub/deep/c.txt"}},
		{"only a directory", []string{"sub"}, nil, []string{"sub/b.tmp", "sub/b.txt", "sub/deep/c.txt"}},
		{"only but", []string{"sub", "a.*"}, []string{"*.tmp", "deep"}, []string{"a.txt", "sub/b.txt"}},
	} {
		r, err := Make(context.Background(), Options{Path: tree(t, names...), Include: tt.include, Exclude: tt.exclude})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		if got := paths(r); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
		if len(r.Skipped) == 0 && len(tt.want) < len(names) {
			t.Errorf("%s: nothing said of what was left out", tt.name)
		}
	}
	if _, err := Make(context.Background(), Options{Path: tree(t, names...), Include: []string{"none"}}); !errors.Is(err, ErrEmpty) {
		t.Errorf("nothing included: %v", err)
	}
	var bad *OptionError
	if _, err := Make(context.Background(), Options{Path: tree(t, names...), Exclude: []string{"[a"}}); !errors.As(err, &bad) {
		t.Errorf("a broken glob: %v", err)
	}
}

func TestLinks(t *testing.T) {
	outside := tree(t, "x", "d/y")
	names := []string{"f", "d -> " + filepath.Join(outside, "d"), "l -> f", "x -> " + filepath.Join(outside, "x")}
	for _, tt := range []struct {
		how  Symlinks
		want []string // nil: refused
	}{
		{SymlinksFollow, []string{"d/y", "f", "l", "x"}},
		{SymlinksSkip, []string{"f"}},
		{SymlinksRefuse, nil},
	} {
		r, err := Make(context.Background(), Options{Path: tree(t, names...), Symlinks: tt.how})
		var problems Problems
		if tt.want == nil {
			if !errors.As(err, &problems) || len(problems) != 3 {
				t.Errorf("%v: %v, want three links named", tt.how, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%v: %v", tt.how, err)
		} else if got := paths(r); !slices.Equal(got, tt.want) {
			t.Errorf("%v: %q, want %q", tt.how, got, tt.want)
		}
	}
	for name, names := range map[string][]string{
		"that leads back to a directory above it": {"f", "sub/up -> .."},
		"that leads back to itself":               {"f", "a -> a"},
		"leads back to itself":                    {"f", "a -> b", "b -> a"},
		"that leads nowhere":                      {"f", "a -> none"},
		"leads nowhere":                           {"f", "a -> f/x"},
		"nowhere":                                 {"f", "a -> none/x/y"},
	} {
		var problems Problems
		var link *LinkError
		if _, err := Make(context.Background(), Options{Path: tree(t, names...)}); !errors.As(err, &problems) || !errors.As(problems[0], &link) || !strings.HasSuffix(link.Error(), name) {
			t.Errorf("a link %s: %v", name, err)
		}
		if r, err := Make(context.Background(), Options{Path: tree(t, names...), Symlinks: SymlinksSkip}); err != nil || !slices.Equal(paths(r), []string{"f"}) {
			t.Errorf("a link %s, skipped: %v", name, err)
		}
	}
	// The same directory twice is not a loop.
	if r, err := Make(context.Background(), Options{Path: tree(t, "d/f", "a -> d", "b -> d")}); err != nil || len(r.Torrent.Files) != 3 {
		t.Errorf("two links to one directory: %v", err)
	}
}

// Invalid options are refused without content.
func TestCheck(t *testing.T) {
	for _, o := range []Options{
		{Name: ".."}, {Name: "a/b"}, {Include: []string{"[a"}}, {Exclude: []string{"a", "{b"}},
		{PieceLength: 1 << 30}, {PieceLength: 3 << 20, Format: FormatV2}, {PieceLength: 1 << 13, Format: FormatHybrid},
	} {
		var bad *OptionError
		if err := o.Check(); !errors.As(err, &bad) {
			t.Errorf("%+v: %v", o, err)
		}
	}
	for _, o := range []Options{{}, {Name: "a", Include: []string{"*"}, PieceLength: 3 << 20}, {PieceLength: 1 << 14, Format: FormatV2}} {
		if err := o.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestProblemsAreAllListed(t *testing.T) {
	root := tree(t, "f", "around -> around", "sub/gone -> nowhere", "sub/up -> ..")
	_, err := Make(context.Background(), Options{Path: root})
	var problems Problems
	if !errors.As(err, &problems) || len(problems) != 3 {
		t.Fatalf("%v, want three problems", err)
	}
	for i, name := range []string{"around", "gone", "up"} {
		if !strings.Contains(problems[i].Error(), name) {
			t.Errorf("problem %d is %v, want %s", i, problems[i], name)
		}
	}
}

func TestOwnFiles(t *testing.T) {
	plain, err := Make(context.Background(), Options{Path: tree(t, "f")})
	if err != nil {
		t.Fatal(err)
	}
	own := func(path string, _ fs.FileInfo) string {
		return map[string]string{"x.torrent": "output", ".tmp-1": "temporary"}[filepath.Base(path)]
	}
	root := tree(t, "f", "x.torrent", ".tmp-1", "sub/x.torrent", "_____padding_file_3_if you see this file, please update____")
	r, err := Make(context.Background(), Options{Path: root, Own: own})
	if err != nil {
		t.Fatal(err)
	}
	if r.Torrent.InfoHashV1 != plain.Torrent.InfoHashV1 || len(r.Skipped) != 4 {
		t.Errorf("files %q, want f alone; skipped %v", paths(r), r.Skipped)
	}
	var bad *OptionError
	if _, err := Make(context.Background(), Options{Path: filepath.Join(root, "x.torrent"), Own: own}); !errors.As(err, &bad) {
		t.Error("the content would be replaced by its torrent")
	}
}

// Content whose torrent could not be parsed is refused before hashing.
func TestTooLarge(t *testing.T) {
	root := tree(t, "a", "b")
	for _, name := range []string{"a", "b"} {
		if err := os.Truncate(filepath.Join(root, name), 1<<40); err != nil {
			testenv.Missing(t, fmt.Sprint("sparse files: ", err))
		}
	}
	var bad *OptionError
	if _, err := Make(context.Background(), Options{Path: root, PieceLength: 16 << 10}); !errors.As(err, &bad) {
		t.Errorf("2 TiB in pieces of 16 KiB: %v", err)
	}
	if _, err := Make(context.Background(), Options{Path: root, PieceLength: 1 << 30}); !errors.As(err, &bad) {
		t.Errorf("pieces of 1 GiB: %v", err)
	}
}

func TestResolve(t *testing.T) {
	root := tree(t, "sub/f")
	t.Chdir(filepath.Join(root, "sub"))
	for path, want := range map[string]string{
		".": "sub", "./": "sub", "..": "root", "../sub": "sub", "f": "f", "../sub/": "sub", "../sub/.": "sub",
	} {
		if _, name, err := Resolve(path, ""); name != want || err != nil {
			t.Errorf("%s has the name %q, %v, want %q", path, name, err, want)
		}
	}
	var bad *OptionError
	if _, _, err := Resolve("/", ""); !errors.As(err, &bad) {
		t.Errorf("/ : %v", err)
	}
	if _, _, err := Resolve("f", "a/b"); !errors.As(err, &bad) {
		t.Errorf("a name with a slash: %v", err)
	}
	if _, name, err := Resolve("/", "all"); name != "all" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
}

func TestAutoPieceLength(t *testing.T) {
	const k, m, g = 1 << 10, 1 << 20, 1 << 30
	for _, tt := range []struct{ size, limit, want int64 }{
		{1, 0, 16 * k},
		{2000 * 16 * k, 0, 16 * k},
		{2000*16*k + 1, 0, 32 * k},
		{350 * m, 0, 256 * k},
		{4 * g, 0, 4 * m},
		{2000 * 16 * m, 0, 16 * m},
		{2000*16*m + 1, 0, 16 * m},
		{65535 * 16 * m, 0, 16 * m},
		{65535*16*m + 1, 0, 32 * m},
		{65535 * 128 * m, 0, 128 * m},
		{16 << 40, 0, 128 * m},
		{1<<63 - 1, 0, 128 * m},
		{4 * g, 1 * m, 1 * m},
		{4 * g, 3 * m, 2 * m},
		{16 << 40, 16 * m, 16 * m},
		{4 * g, 16 * k, 16 * k},
	} {
		if got := AutoPieceLength(tt.size, tt.limit); got != tt.want {
			t.Errorf("%d bytes, at most %d: %d, want %d", tt.size, tt.limit, got, tt.want)
		}
	}
	for size := int64(33 * m); size < 30*g; size = size*5/4 + 1 {
		n := AutoPieceLength(size, 0)
		if count := (size-1)/n + 1; count < 1000 || count > 2000 {
			t.Errorf("%d bytes by %d: %d pieces", size, n, count)
		}
	}
}

func TestFindings(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{}, ""},
		{Options{PieceLength: 20000}, "odd-piece-length"},
		{Options{PieceLength: 8}, "small-pieces"},
		{Options{PieceLength: 20}, "odd-piece-length small-pieces"},
		{Options{PieceLength: 128 << 20}, ""},
		{Options{PieceLength: 256 << 20}, "large-pieces"},
		{Options{Format: FormatV2}, "one-file"},
		{Options{Format: FormatHybrid}, ""},
		{Options{Exclude: []string{"nosuch"}}, "unmatched-glob"},
		{Options{Trackers: [][]string{{"http://t.example/a"}, {"http://T.example:80/a"}}}, "duplicate-tracker"},
		{Options{WebSeeds: []string{"http://w.example/", "http://w.example"}}, "duplicate-web-seed"},
		{Options{Nodes: []Node{{Host: "a", Port: 1}, {Host: "a", Port: 1}}}, "duplicate-node"},
		{Options{Name: "x.torrent"}, ""},
		{Options{Private: true}, "private-without-tracker"},
		{Options{Private: true, Trackers: [][]string{{"http://t.example/announce"}}}, ""},
		{Options{Name: "what?"}, "windows-name"},
	} {
		tt.o.Path = tree(t, "f")
		r, err := Make(context.Background(), tt.o)
		if err != nil {
			t.Error(err)
			continue
		}
		var got []string
		for _, f := range r.Findings {
			got = append(got, string(f.Code))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: found %q, want %q", tt.o, got, tt.want)
		}
	}
}

func TestEntropy(t *testing.T) {
	root := tree(t, "f")
	seen := make(map[[20]byte]bool)
	for range 3 {
		r, err := Make(context.Background(), Options{Path: root, Entropy: true})
		if err != nil {
			t.Fatal(err)
		}
		seen[r.Torrent.InfoHashV1] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d info-hashes of 3 torrents", len(seen))
	}
}

func TestEmpty(t *testing.T) {
	root := filepath.Join(t.TempDir(), "root")
	if err := errors.Join(os.Mkdir(root, 0o755), os.WriteFile(filepath.Join(root, "a"), nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{root, filepath.Join(root, "a")} {
		if _, err := Make(context.Background(), Options{Path: path}); !errors.Is(err, ErrEmpty) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := Make(context.Background(), Options{Path: filepath.Join(root, "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no such path: %v", err)
	}
}

func TestSymlinksString(t *testing.T) {
	if got := fmt.Sprint(SymlinksFollow, SymlinksSkip, SymlinksRefuse); got != "follow skip refuse" {
		t.Error(got)
	}
}
