package maketorrent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"bt/internal/metainfo"
	"bt/internal/testenv"
)

// globsOf returns the globs that match nothing, according to the findings.
func globsOf(r *Result) []string {
	var list []string
	for _, f := range r.Findings {
		if f.Code == metainfo.CodeUnmatchedGlob {
			list = append(list, strings.Split(f.Message, `"`)[1])
		}
	}
	return list
}

func TestGlobs(t *testing.T) {
	names := []string{"Extras/e.mkv", "Extras/n.nfo", "f.nfo", "a,b", "sub/Extras/x", "sub/deep/y", "link -> sub/deep"}
	all := []string{"Extras/e.mkv", "Extras/n.nfo", "a,b", "f.nfo", "link/y", "sub/Extras/x", "sub/deep/y"}
	without := func(left ...string) []string {
		return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(left, s) })
	}
	top := without("Extras/e.mkv", "Extras/n.nfo")
	everywhere := without("Extras/e.mkv", "Extras/n.nfo", "sub/Extras/x")
	for _, tt := range []struct {
		exclude   []string
		want      []string
		unmatched []string
	}{
		{[]string{"Extras"}, everywhere, nil},
		{[]string{"Extras/"}, everywhere, nil},
		{[]string{"./Extras"}, top, nil},
		{[]string{"./Extras/"}, top, nil},
		{[]string{"././Extras"}, top, nil},
		{[]string{"/Extras"}, top, nil},
		{[]string{"Extras/*"}, top, nil},
		{[]string{"./Extras/**"}, top, nil},
		{[]string{"root/Extras"}, top, nil},
		{[]string{"root/Extras/"}, top, nil},
		{[]string{"./root/Extras"}, top, nil},
		{[]string{"root/sub/Extras"}, without("sub/Extras/x"), nil},
		{[]string{"ROOT/Extras"}, top, nil}, // ROOT stands for the path
		{[]string{"ROOT/sub/*"}, without("sub/Extras/x", "sub/deep/y"), nil},
		{[]string{"a,b"}, without("a,b"), nil},
		{[]string{"*.nfo,*.mkv"}, all, []string{"*.nfo,*.mkv"}},
		{[]string{"nosuch", "extras", "other/Extras", "Extras/none"}, all, []string{"nosuch", "extras", "other/Extras", "Extras/none"}},
		{[]string{"root", ".", "", "./", "ROOT", "root/"}, all, []string{"root", ".", "", "./", "ROOT", "root/"}},
		{[]string{"f.nfo", "*.nfo"}, without("f.nfo", "Extras/n.nfo"), nil}, // the second takes no more of its own
		{[]string{"*.nfo", "f.nfo"}, without("f.nfo", "Extras/n.nfo"), nil},
		{[]string{"*.nfo", "*.nfo", "nosuch"}, without("f.nfo", "Extras/n.nfo"), []string{"nosuch"}},
		// Files in excluded directories count as matched, too.
		{[]string{"Extras", "Extras/e.mkv", "*.mkv", "**/x", "nosuch"}, everywhere, []string{"nosuch"}},
		{[]string{"sub", "deep", "sub/deep/y", "sub/deep/z"}, without("sub/Extras/x", "sub/deep/y"), []string{"sub/deep/z"}},
		{[]string{"link", "link/y", "link/z"}, without("link/y"), []string{"link/z"}},
	} {
		root := tree(t, names...)
		for i := range tt.exclude {
			tt.exclude[i] = strings.Replace(tt.exclude[i], "ROOT", root, 1)
		}
		for i := range tt.unmatched {
			tt.unmatched[i] = strings.Replace(tt.unmatched[i], "ROOT", root, 1)
		}
		r, err := Make(context.Background(), Options{Path: root, Exclude: tt.exclude})
		if err != nil {
			t.Errorf("%q: %v", tt.exclude, err)
			continue
		}
		if got := paths(r); !slices.Equal(got, tt.want) {
			t.Errorf("%q: %q is left, want %q", tt.exclude, got, tt.want)
		}
		if got := globsOf(r); !slices.Equal(got, tt.unmatched) {
			t.Errorf("%q: %q match nothing, want %q", tt.exclude, got, tt.unmatched)
		}
	}
}

func TestIncludeGlobs(t *testing.T) {
	names := []string{"Extras/e.mkv", "Extras/n.nfo", "f.nfo", "sub/y", "empty/"}
	for _, tt := range []struct {
		include, exclude []string
		want, unmatched  []string
	}{
		{[]string{"*.nfo", "nosuch"}, nil, []string{"Extras/n.nfo", "f.nfo"}, []string{"nosuch"}},
		{[]string{"./sub", "root/Extras/*.mkv"}, nil, []string{"Extras/e.mkv", "sub/y"}, nil},
		{[]string{"sub", "*.mkv"}, []string{"Extras"}, []string{"sub/y"}, nil}, // matched, although excluded
		{[]string{"sub", "f.nfo"}, []string{"f.nfo"}, []string{"sub/y"}, nil},
		{[]string{"sub", "empty"}, nil, []string{"sub/y"}, nil},
		{[]string{"f.nfo", "Extras/none"}, []string{"Extras", "Sub"}, []string{"f.nfo"}, []string{"Extras/none", "Sub"}},
	} {
		r, err := Make(context.Background(), Options{Path: tree(t, names...), Include: tt.include, Exclude: tt.exclude})
		if err != nil {
			t.Errorf("%q: %v", tt.include, err)
			continue
		}
		if got := paths(r); !slices.Equal(got, tt.want) {
			t.Errorf("%q but %q: %q, want %q", tt.include, tt.exclude, got, tt.want)
		}
		if got := globsOf(r); !slices.Equal(got, tt.unmatched) {
			t.Errorf("%q but %q: %q match nothing, want %q", tt.include, tt.exclude, got, tt.unmatched)
		}
	}
}

// A directory in the content with the content's name takes precedence.
func TestGlobsOfTheOwnName(t *testing.T) {
	r, err := Make(context.Background(), Options{Path: tree(t, "root/Extras/a", "Extras/b"), Exclude: []string{"root/Extras"}})
	if err != nil || !slices.Equal(paths(r), []string{"Extras/b"}) {
		t.Errorf("%q, %v", paths(r), err)
	}
}

// The path may have any form.
func TestGlobsOfThePath(t *testing.T) {
	root := tree(t, "Extras/a", "b")
	t.Chdir(root)
	if err := os.Mkdir("../other", 0o755); err != nil {
		t.Fatal(err)
	}
	for path, globs := range map[string][]string{
		".":                          {"Extras", "./Extras", "root/Extras", root + "/Extras"},
		"../root":                    {"../root/Extras", "./Extras"},
		"../other/../root/":          {"root/Extras", "../root/Extras"},
		filepath.Dir(root) + "/root": {root + "/Extras", "root/Extras/"},
	} {
		for _, g := range globs {
			r, err := Make(context.Background(), Options{Path: path, Exclude: []string{g}})
			if err != nil || !slices.Equal(paths(r), []string{"b"}) || len(globsOf(r)) > 0 {
				t.Errorf("%s without %s: %v, %v", path, g, r, err)
			}
		}
	}
}

// Nothing is reported about globs if an excluded directory is too large to search.
func TestManyUnseen(t *testing.T) {
	root := tree(t, "a", "out/")
	for i := range maxUnseen + 1 {
		if err := os.Link(filepath.Join(root, "a"), filepath.Join(root, "out", fmt.Sprint(i))); err != nil {
			if errors.Is(err, errors.ErrUnsupported) || i > 1000 {
				testenv.Missing(t, fmt.Sprint("many hard links: ", err))
			}
			t.Fatal(err)
		}
	}
	r, err := Make(context.Background(), Options{Path: root, Exclude: []string{"out", "nosuch"}})
	if err != nil || len(globsOf(r)) > 0 {
		t.Errorf("%v, %v", r.Findings, err)
	}
}

func TestEmptyDirectories(t *testing.T) {
	names := []string{"f", "a/", "b/c/d/", "b/c/e", "b/x/y/", "only/f", "z/"}
	for _, tt := range []struct {
		include, exclude []string
		want             []string // skipped, as empty directories
		message          string
	}{
		{nil, nil, []string{"a", "b/c/d", "b/x/y", "z"}, "4 empty directories are left out, for a torrent has files only; the first is a"},
		{nil, []string{"only/f", "b"}, []string{"a", "z"}, "2 empty directories are left out, for a torrent has files only; the first is a"},
		{nil, []string{"a", "b"}, []string{"z"}, "an empty directory is left out, for a torrent has files only: z"},
		{nil, []string{"a", "b", "z"}, nil, ""},
		{[]string{"f", "e"}, nil, nil, ""},
		{[]string{"f", "a"}, nil, []string{"a"}, "an empty directory is left out, for a torrent has files only: a"},
	} {
		r, err := Make(context.Background(), Options{Path: tree(t, names...), Include: tt.include, Exclude: tt.exclude})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, s := range r.Skipped {
			if s.Reason == SkipEmptyDirectory {
				got = append(got, s.Path)
			}
		}
		message := ""
		for _, f := range r.Findings {
			if f.Code == metainfo.CodeEmptyDirectory {
				message += f.Message
			}
		}
		if !slices.Equal(got, tt.want) || message != tt.message {
			t.Errorf("%q but %q: %q, %q", tt.include, tt.exclude, got, message)
		}
	}
}
