package term

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNatural(t *testing.T) {
	want := []string{
		"", " ", "-1", "001", "01", "1", "1.5", "1a", "2", "010", "10", "10 b", "99999999999999999999", "100000000000000000000",
		"Release", "Release.1", "Release.2", "Release.2.1", "Release.2.10", "Release.10", "Release.10.a", "Release2", "Release10",
		"S01E02", "S1E10", "S02E01", "a", "a0", "a00", "a0b", "a1", "b", "é2", "é10", "\xff",
	}
	for i, a := range want {
		for k, b := range want {
			got, wanted := Natural(a, b), 0
			switch {
			case i < k:
				wanted = -1
			case i > k:
				wanted = 1
			}
			if got != wanted {
				t.Errorf("Natural(%q, %q) = %d, want %d", a, b, got, wanted)
			}
		}
	}
}

func TestNaturalPath(t *testing.T) {
	want := []string{"a", "a/2", "a/2/9", "a/10", "a b/1", "a2/x", "a10", "b"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, NaturalPath)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// It is a strict weak order, as sort functions require.
func FuzzNatural(f *testing.F) {
	f.Add("a2", "a10", "a010")
	f.Add("2", "x", "10")
	f.Add("0a", "00", "0")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		for _, compare := range []func(a, b string) int{Natural, NaturalPath} {
			if (compare(a, b) == 0) != (a == b) {
				t.Errorf("%q, %q: equal only by this order", a, b)
			}
			if compare(a, b) != -compare(b, a) {
				t.Errorf("%q, %q: not the same the other way", a, b)
			}
			if compare(a, b) <= 0 && compare(b, c) <= 0 && compare(a, c) > 0 {
				t.Errorf("%q <= %q <= %q, but not the first and the last", a, b, c)
			}
		}
	})
}

// Names of one number of digits each are sorted as their bytes are.
func TestNaturalOfOrdinaryNames(t *testing.T) {
	for _, pair := range [][2]string{{"a", "b"}, {"file 01.mkv", "file 02.mkv"}, {"A", "a"}} {
		if Natural(pair[0], pair[1]) != strings.Compare(pair[0], pair[1]) {
			t.Errorf("%q is not before %q", pair[0], pair[1])
		}
	}
}
