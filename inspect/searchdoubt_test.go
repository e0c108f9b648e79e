package inspect

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// doubtful returns the numbers of the pieces in doubt, with ! those that were not decided.
func (s *searchSample) doubtful(o VerifyOptions) string {
	s.t.Helper()
	v, err := Verify(s.t.Context(), s.meta, s.dir, o)
	if err != nil {
		s.t.Fatal(err)
	}
	var list []string
	for p := range v.BadPieces {
		text := fmt.Sprint(p.Index)
		if p.Undecided {
			text += "!"
		}
		if p.Cause == CauseUnverifiable {
			list = append(list, text)
		} else if p.Undecided {
			list = append(list, text+" "+p.Cause.String())
		}
	}
	return strings.Join(list, " ")
}

// Where there are too many combinations to try all, the piece is said to be not decided;
// where all were tried, it is not.
func TestSearchUndecided(t *testing.T) {
	for _, test := range []struct {
		missing, copies int
		zeros           bool // the missing files are zeros
		want            string
	}{
		{1, 0, false, "0"},
		{1, 500, false, "0"},
		{2, 200, false, "0"},
		{2, 400, false, "0!"},
		{3, 30, false, "0"},
		{3, 100, false, "0!"},
		{9, 1, false, "0"},
		{9, 20, false, "0!"},
		{9, 20, true, ""},
		{3, 100, true, ""},
		{1, 500, true, ""},
	} {
		files := []named{{"there", random("there", 8)}}
		for i := range test.missing {
			data := random(fmt.Sprint(i), 10)
			if test.zeros {
				data = strings.Repeat("\x00", 10)
			}
			files = append(files, named{fmt.Sprint(i), data})
		}
		s := newSearchSample(t, t.TempDir(), files...)
		s.write("content/there", files[0].data)
		for i := range test.copies {
			s.write(fmt.Sprintf("d/%d", i), string([]byte{byte(i), byte(i >> 8), 1, 2, 3, 4, 5, 6, 7, 8}))
		}
		s.write("d/none", "")
		for _, doubtOnly := range []bool{false, true} {
			search := s.search("d")
			search.DoubtOnly = doubtOnly
			if got := s.doubtful(VerifyOptions{Search: search}); got != test.want {
				t.Errorf("%+v, in doubt only: %v: pieces %q are in doubt", test, doubtOnly, got)
			}
		}
	}
}

// Pieces that chosen files share with others are tried with zeros, and with files of the
// sizes of the others.
func TestSearchOnly(t *testing.T) {
	// Pieces of 100: a 0-1, b 1, zero 1, c 1-3.
	a, b, c, zero := random("a", 130), random("b", 20), random("c", 220), strings.Repeat("\x00", 10)
	files := []named{{"a", a}, {"b", b}, {"zero", zero}, {"c", c}}
	for _, test := range []struct {
		name string
		disk map[string]string
		only string
		want string // of the chosen files, without and with a search
		with string
	}{
		{"zeros", map[string]string{"content/a": a, "content/b": b, "content/c": c}, "a", "a ok", "a ok"},
		{"zeros, of a file that is short", map[string]string{"content/a": a, "content/b": b, "content/zero": zero[:3], "content/c": c}, "ac", "a ok; c ok", "a ok; c ok"},
		{"a file elsewhere", map[string]string{"content/a": a, "d/1": b, "content/c": c}, "a", "a unverifiable", "a ok"},
		{"a file elsewhere, with a damaged one", map[string]string{"content/a": a, "d/1": b, "d/2": c[:200] + random("x", 20)}, "a", "a unverifiable", "a ok"},
		{"other bytes elsewhere", map[string]string{"content/a": a, "d/1": a[:20], "content/c": c}, "ac", "a unverifiable; c unverifiable", "a unverifiable; c unverifiable"},
		{"chosen files are found, others are not", map[string]string{"d/a": a, "d/b": b, "d/c": c}, "ab", "a missing; b missing", "a missing; b missing; a at d/a; b at d/b"},
		{"not chosen, and bad", map[string]string{"content/a": a, "content/b": b, "content/zero": zero, "content/c": c[:150] + "x" + c[151:]}, "ab", "a ok; b ok", "a ok; b ok"},
		{"beside one that is bad there", map[string]string{"content/a": a, "content/b": b, "content/zero": zero, "content/c": "x" + c[1:], "d/c": c}, "a", "a corrupt", "a ok"},
	} {
		s := newSearchSample(t, t.TempDir(), files...)
		s.write("d/none", "")
		for path, data := range test.disk {
			s.write(path, data)
		}
		for _, search := range []*Search{nil, s.search("d")} {
			v, err := Verify(t.Context(), s.meta, s.dir, VerifyOptions{Search: search, Only: func(i int) bool {
				return strings.Contains(test.only, files[i].path)
			}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			if ok := v.Statuses[StatusOK] == v.FileCount; ok != v.OK || ok && v.Pieces.Good != v.Pieces.Total {
				t.Errorf("%s, search: %v: ok is %v, of %+v", test.name, search != nil, v.OK, v.Pieces)
			}
			for f := range v.Files {
				got = append(got, f.Path+" "+string(f.Status))
			}
			for _, f := range v.Found {
				got = append(got, f.Path+" at "+strings.TrimPrefix(f.At, s.dir+"/"))
			}
			want := test.want
			if search != nil {
				want = test.with
			}
			if !slices.Equal(got, strings.Split(want, "; ")) {
				t.Errorf("%s, search: %v: got %q, want %q", test.name, search != nil, got, want)
			}
		}
	}
}
