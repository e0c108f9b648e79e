package inspect

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Of many files of one size, no more are read than there are combinations to try; of a
// few, or of equal ones, all are.
func TestSearchReadsFew(t *testing.T) {
	dir := t.TempDir()
	sourcesOf := func(ranges, files int, equal bool) (spans []span, lists [][]*source) {
		for r := range ranges {
			var list []*source
			for i := range files {
				data, path := fmt.Sprintf("%08d", i), filepath.Join(dir, fmt.Sprintf("%t-%d", equal, i))
				if equal {
					data = "the same"
				}
				if r == 0 { // the others have the same candidates
					if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				list = append(list, &source{candidate: &candidate{}, path: path, have: 8})
			}
			spans, lists = append(spans, span{File: r, Length: 8}), append(lists, append(list, &source{}))
		}
		return spans, lists
	}
	for _, test := range []struct {
		ranges, files int
		equal         bool
		most          int64 // that are read
		classes       int   // of each range
		cut           bool
	}{
		{1, 300, false, 1000, 301, false},
		{2, 100, false, 600, 101, false},
		{100, 40, false, 100 * 6, 4, true}, // sums of up to 3 are too many
		{400, 10, false, 400 * 6, 4, true},
		{5, 100, true, 5 * 300, 2, false},
	} {
		f := finder{ctx: t.Context(), options: &VerifyOptions{}, bytes: maxBytes, opens: maxOpens}
		spans, lists := sourcesOf(test.ranges, test.files, test.equal)
		parts, cut, err := f.classes(spans, lists)
		if err != nil || cut != test.cut || len(parts) != test.ranges {
			t.Fatalf("%+v: %d ranges, cut %v, %v", test, len(parts), cut, err)
		}
		for i := range parts {
			if len(parts[i]) != test.classes || !parts[i][1][0].isZeros() {
				t.Fatalf("%+v: %d classes of range %d", test, len(parts[i]), i)
			}
		}
		if n := maxOpens - f.opens; n > test.most {
			t.Errorf("%+v: %d files were read", test, n)
		}
	}
}
