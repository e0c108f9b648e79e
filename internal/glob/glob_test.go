package glob

import (
	"slices"
	"strings"
	"testing"
)

func TestGlobs(t *testing.T) {
	paths := []string{"a.nfo", "b,c", "Extras/n.nfo", "Extras/e.mkv", "sub/Extras/x", "sub/deep/y"}
	for _, tt := range []struct {
		globs     []string
		want      []string
		unmatched []string
	}{
		{[]string{"*.nfo"}, []string{"a.nfo", "Extras/n.nfo"}, nil},
		{[]string{"/*.nfo"}, []string{"a.nfo"}, nil},
		{[]string{"Extras"}, []string{"Extras/n.nfo", "Extras/e.mkv", "sub/Extras/x"}, nil},
		{[]string{"Extras/"}, []string{"Extras/n.nfo", "Extras/e.mkv", "sub/Extras/x"}, nil},
		{[]string{"/Extras"}, []string{"Extras/n.nfo", "Extras/e.mkv"}, nil},
		{[]string{"Extras/*"}, []string{"Extras/n.nfo", "Extras/e.mkv"}, nil},
		{[]string{"**/Extras"}, []string{"Extras/n.nfo", "Extras/e.mkv", "sub/Extras/x"}, nil},
		{[]string{"sub/**/y"}, []string{"sub/deep/y"}, nil},
		{[]string{"b,c"}, []string{"b,c"}, nil},
		{[]string{"*.{mkv,nfo}"}, []string{"a.nfo", "Extras/n.nfo", "Extras/e.mkv"}, nil},
		{[]string{"[x-z]"}, []string{"sub/Extras/x", "sub/deep/y"}, nil},
		{[]string{"?.nfo"}, []string{"a.nfo", "Extras/n.nfo"}, nil},
		{[]string{"**"}, paths, nil},
		{[]string{"extras", "*.nfo,*.mkv", "", "a"}, nil, []string{"extras", "*.nfo,*.mkv", "", "a"}},
		{[]string{"*.nfo", "a.nfo"}, []string{"a.nfo", "Extras/n.nfo"}, nil}, // the second matches no more of its own
	} {
		var globs []*Glob
		for _, text := range tt.globs {
			if !IsValid(text) {
				t.Errorf("%q is not valid", text)
			}
			globs = append(globs, New(text, text))
		}
		var got, unmatched []string
		for _, path := range paths {
			if MatchAny(globs, strings.Split(path, "/")) {
				got = append(got, path)
			}
		}
		for _, g := range Unmatched(globs) {
			unmatched = append(unmatched, g.Text)
		}
		if !slices.Equal(got, tt.want) || !slices.Equal(unmatched, tt.unmatched) {
			t.Errorf("%q: %q, and %q match nothing; want %q and %q", tt.globs, got, unmatched, tt.want, tt.unmatched)
		}
	}
	for _, text := range []string{"[a", "{a", `a\`} {
		if IsValid(text) {
			t.Errorf("%q is valid", text)
		}
	}
}
