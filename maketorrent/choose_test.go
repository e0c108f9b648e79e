package maketorrent

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// skippedFor returns the paths that were skipped for a reason.
func skippedFor(r *Result, reason SkipReason) []string {
	var list []string
	for _, s := range r.Skipped {
		if s.Reason == reason {
			list = append(list, s.Path)
		}
	}
	return list
}

func TestJunkNames(t *testing.T) {
	for name, want := range map[string]bool{
		".DS_Store": true, "._a": true, "._.DS_Store": true, "Thumbs.db": true, "thumbs.db": true, "THUMBS.DB": true,
		"desktop.ini": true, "Desktop.ini": true, "@eaDir": true,
		".ds_store": false, "DS_Store": false, ".DS_Store.txt": false, "._": false, ".a": false, "a._b": false,
		"Thumbs.db.txt": false, "MyThumbs.db": false, "thumbs": false, "desktop.ini.bak": false, "my desktop.ini": false,
		"@eadir": false, "@eaDir2": false, "eaDir": false, "Thumbs db": false,
	} {
		if got := isJunk(name); got != want {
			t.Errorf("isJunk(%q) is %v", name, got)
		}
	}
}

func TestLeaveOutByName(t *testing.T) {
	names := []string{"a", ".b", ".c/d", "e/.f", "e/g", ".DS_Store", "e/._g", "e/Thumbs.db", "@eaDir/x/y"}
	for _, tt := range []struct {
		o            Options
		want         string
		hidden, junk string
	}{
		{Options{}, ".b .c/d a e/.f e/g", "", ".DS_Store @eaDir e/._g e/Thumbs.db"},
		{Options{NoHidden: true}, "a e/g", ".b .c e/.f", ".DS_Store @eaDir e/._g e/Thumbs.db"},
		{Options{KeepJunk: true}, ".DS_Store .b .c/d @eaDir/x/y a e/._g e/.f e/Thumbs.db e/g", "", ""},
		{Options{KeepJunk: true, NoHidden: true}, "@eaDir/x/y a e/Thumbs.db e/g", ".DS_Store .b .c e/._g e/.f", ""},
		{Options{Include: []string{"e", ".DS_Store"}}, "e/.f e/g", "", ".DS_Store @eaDir e/._g e/Thumbs.db"},
		{Options{Exclude: []string{"@eaDir", "e/._g", "y"}}, ".b .c/d a e/.f e/g", "", ".DS_Store e/Thumbs.db"},
		{Options{Exclude: []string{"x"}, NoHidden: true}, "a e/g", ".b .c e/.f", ".DS_Store @eaDir e/._g e/Thumbs.db"},
		{Options{Only: []string{"e", ".DS_Store", ".c/d"}}, ".c/d e/.f e/g", "", ".DS_Store e/._g e/Thumbs.db"},
	} {
		tt.o.Path = tree(t, names...)
		r, err := Make(t.Context(), tt.o)
		if err != nil {
			t.Errorf("%+v: %v", tt.o, err)
			continue
		}
		for what, pair := range map[string][2]string{
			"files":  {strings.Join(paths(r), " "), tt.want},
			"hidden": {strings.Join(skippedFor(r, SkipHidden), " "), tt.hidden},
			"junk":   {strings.Join(skippedFor(r, SkipJunk), " "), tt.junk},
		} {
			if pair[0] != pair[1] {
				t.Errorf("%+v: %s %q, want %q", tt.o, what, pair[0], pair[1])
			}
		}
		if globs := globsOf(r); len(globs) > 0 {
			t.Errorf("%+v: the globs %q match nothing", tt.o, globs)
		}
	}
	// What the caller names is taken, whatever its name is.
	for _, name := range []string{".DS_Store", "Thumbs.db", "._x"} {
		root := tree(t, name)
		if r, err := Make(t.Context(), Options{Path: filepath.Join(root, name), NoHidden: true}); err != nil || r.Torrent.Name != name {
			t.Errorf("%s: %v", name, err)
		}
		if r, err := Make(t.Context(), Options{Inputs: []string{filepath.Join(root, name), tree(t, "f")}, Name: "n", NoHidden: true}); err != nil || len(r.Skipped) > 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestOnly(t *testing.T) {
	root := tree(t, "a", "b/c", "b/d/e", "b/d/f", "g/h", "i j", "k\n", "l -> b", "up/m -> ../b/d")
	outside := tree(t, "a", "x")
	link := filepath.Join(outside, "link")
	if err := os.Symlink(root, link); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		only []string
		want string // the files, or the error
	}{
		{[]string{"a"}, "a"},
		{[]string{"a", "a", "./a", "a/", "b/../a"}, "a"},
		{[]string{"b"}, "b/c b/d/e b/d/f"},
		{[]string{"b/d/"}, "b/d/e b/d/f"},
		{[]string{"b/d/f", "g"}, "b/d/f g/h"},
		{[]string{"b/d", "b/d/f"}, "b/d/e b/d/f"},
		{[]string{"b/d/f", "b/d"}, "b/d/e b/d/f"},
		{[]string{".", "nosuch"}, "a b/c b/d/e b/d/f g/h i j k\n l/c l/d/e l/d/f up/m/e up/m/f"},
		{[]string{"i j", "k\n"}, "i j k\n"},
		{[]string{"l/c"}, "l/c"},
		{[]string{"up/m/e"}, "up/m/e"},
		{[]string{"up/m/../c"}, "b/c"}, // the system finds it there
		{[]string{filepath.Join(root, "b/c")}, "b/c"},
		{[]string{root + "/b/./c"}, "b/c"},
		{[]string{filepath.Join(link, "b/c")}, "b/c"},
		{[]string{filepath.Join(link, "g"), "a"}, "a g/h"},
		{[]string{root}, "a b/c b/d/e b/d/f g/h i j k\n l/c l/d/e l/d/f up/m/e up/m/f"},

		{[]string{}, "the list of paths is empty"},
		{[]string{""}, `"" is not in ROOT`},
		{[]string{"../root2"}, `"../root2" is not in ROOT`},
		{[]string{"b/../../x"}, `"b/../../x" is not in ROOT`},
		{[]string{"l/../../x"}, `"l/../../x" is not in ROOT`},
		{[]string{"/"}, `"/" is not in ROOT`},
		{[]string{root + "2/a"}, `"ROOT2/a" is not in ROOT`},
		{[]string{"a", filepath.Join(outside, "a")}, fmt.Sprintf("%q is not in ROOT", filepath.Join(outside, "a"))},
		{[]string{"nosuch"}, "ROOT/nosuch: is in the list of paths, but does not exist"},
		{[]string{"a", "b/nosuch"}, "ROOT/b/nosuch: is in the list of paths, but does not exist"},
		{[]string{"b/nosuch/x/y"}, "ROOT/b/nosuch/x/y: is in the list of paths, but does not exist"},
		{[]string{"n1", "n2/a", "a"}, "ROOT/n1: is in the list of paths, but does not exist (and 1 more)"},
		{[]string{"a/x"}, "ROOT/a/x: not a directory"},
		{[]string{"A"}, "ROOT/A: is in the list of paths, but does not exist"},
	} {
		r, err := Make(t.Context(), Options{Path: root, Only: tt.only})
		got := ""
		if err != nil {
			got = strings.ReplaceAll(err.Error(), root, "ROOT")
		} else {
			got = strings.Join(paths(r), " ")
		}
		if got != tt.want {
			t.Errorf("%q: %q, want %q", tt.only, got, tt.want)
		}
	}
	if _, err := Make(t.Context(), Options{Path: filepath.Join(root, "a"), Only: []string{"a"}}); err == nil || !strings.Contains(err.Error(), "a list of paths needs a directory") {
		t.Error(err)
	}
	r, err := Make(t.Context(), Options{Path: root, Only: []string{"b", "a"}, Exclude: []string{"d"}})
	if err != nil || strings.Join(paths(r), " ") != "a b/c" {
		t.Errorf("with an exclusion: %q, %v", paths(r), err)
	}
}

func TestInputs(t *testing.T) {
	one, two := tree(t, "d/x", "d/y", "f", "z"), tree(t, "c/x", "d/q", "e")
	in := func(root string, names ...string) (list []string) {
		for _, name := range names {
			list = append(list, filepath.Join(root, name))
		}
		return list
	}
	for _, tt := range []struct {
		name    string
		inputs  []string
		o       Options
		want    string // the files, or the error
		content string
	}{
		{"files and directories are sorted", append(in(one, "f", "d"), in(two, "e", "c")...), Options{Name: "n"}, "c/x d/x d/y e f", ""},
		{"the directory that holds them", in(one, "f", "d"), Options{Name: "root"}, "d/x d/y f", one},
		{"of another name", in(one, "f", "d"), Options{Name: "roots"}, "d/x d/y f", ""},
		{"one of two directories", append(in(one, "d"), in(two, "e")...), Options{Name: "root"}, "d/x d/y e", ""},
		{"a glob below an input", in(one, "f", "d"), Options{Name: "n", Exclude: []string{"d/x"}}, "d/y f", ""},
		{"a glob with a path", in(one, "f", "d"), Options{Name: "n", Exclude: []string{one + "/d/x"}}, "d/y f", ""},
		{"a glob of a name", append(in(one, "f", "d"), in(two, "c")...), Options{Name: "n", Exclude: []string{"x"}}, "d/y f", ""},
		{"an input that a glob leaves out", in(one, "f", "d"), Options{Name: "n", Exclude: []string{"d"}}, "f", ""},
		{"a list", append(in(one, "f", "d"), in(two, "c", "e")...), Options{Name: "n", Only: []string{"d/x", "e", filepath.Join(two, "c")}}, "c/x d/x e", ""},
		{"a listed path that is in no input", in(one, "f", "d"), Options{Name: "n", Only: []string{"e"}}, `"e" is not in the 2 inputs`, ""},
		{"a listed path outside", in(one, "f", "d"), Options{Name: "n", Only: []string{filepath.Join(one, "z")}}, `"ONE/z" is not in the 2 inputs`, ""},
		{"the same name twice", append(in(one, "f", "d"), in(two, "d")...), Options{Name: "n"}, "ONE/d and TWO/d would both be called d in the torrent", ""},
		{"the same path twice", in(one, "f", "f"), Options{Name: "n"}, "ONE/f and ONE/f would both be called f in the torrent", ""},
		{"no name", in(one, "f", "d"), Options{}, `the name "" is empty`, ""},
		{"an input that does not exist", in(one, "f", "nosuch"), Options{Name: "n"}, "stat ONE/nosuch: no such file or directory", ""},
	} {
		for name, format := range formats {
			o := tt.o
			o.Inputs, o.Format = tt.inputs, format
			r, err := Make(t.Context(), o)
			got := ""
			if err != nil {
				got = strings.NewReplacer(one, "ONE", two, "TWO").Replace(err.Error())
			} else {
				got = strings.Join(paths(r), " ")
				if r.Content != tt.content || r.Torrent.Name != o.Name || r.Torrent.Single {
					t.Errorf("%s, %s: content %q, name %q", tt.name, name, r.Content, r.Torrent.Name)
				}
			}
			if got != tt.want {
				t.Errorf("%s, %s: %q, want %q", tt.name, name, got, tt.want)
			}
		}
	}
	// The torrent is that of a directory with these entries.
	dir := tree(t, "d/x", "d/y", "f")
	whole, err := Make(t.Context(), Options{Path: dir, Name: "n"})
	if err != nil {
		t.Fatal(err)
	}
	parts, err := Make(t.Context(), Options{Inputs: in(one, "f", "d"), Name: "n"})
	if err != nil || parts.Torrent.HexV1() != whole.Torrent.HexV1() {
		t.Errorf("another torrent than that of the directory: %v", err)
	}
}

func TestStoredLinks(t *testing.T) {
	for _, tt := range []struct {
		link string
		want string // the target, or the error after the path
	}{
		{"l -> f", "f"},
		{"l -> ./f", "f"},
		{"l -> d/g", "d/g"},
		{"l -> d", "d"},
		{"l -> d/", "d"},
		{"l -> d/.", "d"},
		{"l -> d/e/..", "d"},
		{"d/l -> g", "d/g"},
		{"d/l -> ../f", "f"},
		{"d/l -> ../d/g", "d/g"},
		{"d/l -> ../d", "d"},
		{"d/e/l -> ..", "d"},
		{"d/e/l -> .", "d/e"},
		{"d/l -> ../../root/f", "f"},
		{"l -> other", "other"},           // a link again, which is stored too
		{"l -> dirlink/g", "d/g"},         // a link on the way is followed
		{"l -> dirlink/../f", "f"},        // ".." is that of its target
		{"l -> deeplink/../g", "d/g"},     // "
		{"d/l -> ../deeplink/h", "d/e/h"}, // "
		{"l -> deeplink", "deeplink"},

		{"l -> nosuch", "that leads nowhere"},
		{"l -> f/x", "that leads nowhere"},
		{"l -> l", "that leads back to itself"},
		{"l -> ROOT/f", "to an absolute path, which other computers do not have: ROOT/f"},
		{"l -> /", "to an absolute path, which other computers do not have: /"},
		{"l -> ..", "that leads out of the content: .."},
		{"l -> ../outside", "that leads out of the content: ../outside"},
		{"d/l -> ../../outside", "that leads out of the content: ../../outside"},
		{"l -> .", "to the whole content, which a torrent can't hold: ."},
		{"d/l -> ..", "to the whole content, which a torrent can't hold: .."},
		{"l -> ../root", "to the whole content, which a torrent can't hold: ../root"},
		{"l -> left", "to what is not in the torrent: left"},
		{"l -> empty", "to what is not in the torrent: empty"},
		{"l -> .DS_Store", "to what is not in the torrent: .DS_Store"},
	} {
		root := tree(t, "f", "d/g", "d/e/h", "left", "empty/", ".DS_Store", "other -> f", "dirlink -> d", "deeplink -> d/e")
		if err := os.WriteFile(filepath.Join(filepath.Dir(root), "outside"), []byte("o"), 0o644); err != nil {
			t.Fatal(err)
		}
		name, to, _ := strings.Cut(tt.link, " -> ")
		if err := os.Symlink(strings.ReplaceAll(to, "ROOT", root), filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
		for formatName, format := range formats {
			r, err := Make(t.Context(), Options{Path: root, Format: format, Symlinks: SymlinksStore, Exclude: []string{"left"}})
			got := ""
			if err != nil {
				got = strings.ReplaceAll(strings.TrimPrefix(err.Error(), filepath.Join(root, name)+": is a symbolic link "), root, "ROOT")
				if _, ok := errors.AsType[*LinkError](err); !ok {
					t.Errorf("%s: %T", tt.link, err)
				}
			} else {
				for i := range r.Torrent.Files {
					f := &r.Torrent.Files[i]
					if display(f.Path()) != name {
						continue
					}
					got = display(f.Symlink())
					if f.Attr() != "l" || f.Length != 0 {
						t.Errorf("%s: attr %q, length %d", tt.link, f.Attr(), f.Length)
					}
				}
			}
			if got != tt.want {
				t.Errorf("%s, %s: %q, want %q", tt.link, formatName, got, tt.want)
			}
		}
	}
	// Inputs that lie side by side may link to each other.
	root := tree(t, "a/l -> ../b/f", "b/f", "c")
	r, err := Make(t.Context(), Options{Inputs: []string{root + "/a", root + "/b"}, Name: "n", Symlinks: SymlinksStore})
	if err != nil || !slices.Equal(r.Torrent.Files[0].Symlink(), []string{"b", "f"}) {
		t.Errorf("between inputs: %v", err)
	}
	if _, err := Make(t.Context(), Options{Inputs: []string{root + "/a", root + "/c"}, Name: "n", Symlinks: SymlinksStore}); err == nil {
		t.Error("a link to what is no input is stored")
	}
	root = tree(t, "d/f", "l -> d", "g")
	if _, err := Make(t.Context(), Options{Path: root, Only: []string{"g", "l/f"}, Symlinks: SymlinksStore}); err == nil || !strings.Contains(err.Error(), "that is stored") {
		t.Errorf("a file below a stored link: %v", err)
	}
}

func TestAttributes(t *testing.T) {
	root := tree(t, "run", "text", "others")
	for name, mode := range map[string]os.FileMode{"run": 0o744, "others": 0o655} {
		if err := os.Chmod(filepath.Join(root, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, format := range formats {
		r, err := Make(t.Context(), Options{Path: root, Format: format, Attributes: true})
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Torrent.Files {
			f := &r.Torrent.Files[i]
			if want := map[string]string{"run": "x"}[display(f.Path())]; !f.Pad && f.Attr() != want {
				t.Errorf("%s: %s has the attributes %q, want %q", name, f.Path(), f.Attr(), want)
			}
		}
		plain, err := Make(t.Context(), Options{Path: root, Format: format})
		if err != nil || plain.Torrent.HexV1()+plain.Torrent.HexV2() == r.Torrent.HexV1()+r.Torrent.HexV2() {
			t.Errorf("%s: the attributes are stored without being asked for, %v", name, err)
		}
		r, err = Make(t.Context(), Options{Path: filepath.Join(root, "run"), Format: format, Attributes: true})
		if err != nil || r.Torrent.Files[0].Attr() != "x" {
			t.Errorf("%s: a single file: %v", name, err)
		}
	}
}

// Aligned v1 has the piece sums of the v1 half of a hybrid.
func TestAlign(t *testing.T) {
	root := tree(t, "a", "b/c", "d")
	if err := os.WriteFile(filepath.Join(root, "large"), make([]byte, 50_000), 0o644); err != nil {
		t.Fatal(err)
	}
	var pieces [][]byte
	for _, o := range []Options{{Align: true}, {Format: FormatHybrid}} {
		o.Path, o.PieceLength = root, 16384
		r, err := Make(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		pieces = append(pieces, r.Torrent.Pieces)
		for i := range r.Torrent.Files {
			if f := &r.Torrent.Files[i]; !f.Pad && r.Torrent.Layout().Offset(i)%16384 != 0 {
				t.Errorf("%s does not begin a piece", f.Path())
			}
		}
	}
	if !slices.Equal(pieces[0], pieces[1]) || len(pieces[0]) != 7*20 {
		t.Errorf("other sums than those of a hybrid: %x, %x", pieces[0], pieces[1])
	}
}

// Torrents for which other files are chosen don't share their content.
func TestMakeAllChoices(t *testing.T) {
	root := tree(t, "a", ".b", ".DS_Store", "c/d", "l -> a")
	if err := os.Chmod(filepath.Join(root, "a"), 0o755); err != nil {
		t.Fatal(err)
	}
	all := []Options{
		{Path: root}, {Path: root, NoHidden: true}, {Path: root, KeepJunk: true}, {Path: root, Symlinks: SymlinksStore}, {Path: root, Symlinks: SymlinksSkip},
		{Path: root, Attributes: true}, {Path: root, Only: []string{"c"}}, {Path: root, Only: []string{"a", "c"}},
		{Inputs: []string{root + "/a", root + "/c"}, Name: "root"}, {Inputs: []string{root + "/a", root + "/c"}, Name: "other"},
	}
	for i, made := range MakeAll(t.Context(), all) {
		alone, err := Make(t.Context(), all[i])
		if err != nil || made.Err != nil {
			t.Fatalf("%+v: %v, alone %v", all[i], made.Err, err)
		}
		if made.Result.Torrent.HexV1() != alone.Torrent.HexV1() || made.Result.Content != alone.Content || len(made.Result.Skipped) != len(alone.Skipped) {
			t.Errorf("%+v: %q of %s, alone %q of %s", all[i], paths(made.Result), made.Result.Content, paths(alone), alone.Content)
		}
	}
	for i, made := range MakeAll(t.Context(), []Options{{Path: root, Only: []string{}}, {Path: root}}) {
		if (made.Err != nil) != (i == 0) {
			t.Errorf("%d: %v", i, made.Err)
		}
	}
}
