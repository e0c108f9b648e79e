package term

import (
	"math"
	"strings"
	"testing"
)

func TestBar(t *testing.T) {
	for _, tt := range []struct {
		n, most        int64
		limit          int
		unicode, ascii string
	}{
		{0, 10, 10, "", ""},
		{10, 10, 4, "████", "####"},
		{5, 10, 4, "██", "##"},
		{1, 16, 4, "▎", "#"},
		{3, 8, 2, "▊", "#"},
		{1, math.MaxInt64, 10, "▏", "#"},
		{math.MaxInt64, math.MaxInt64, 3, "███", "###"},
		{20, 10, 3, "███", "###"},
		{1, 1, 0, "", ""},
		{1, 0, 5, "", ""},
		{-1, 5, 5, "", ""},
	} {
		if got := (Palette{}).Bar(tt.n, tt.most, tt.limit); got != tt.unicode {
			t.Errorf("%d of %d in %d columns: %q, want %q", tt.n, tt.most, tt.limit, got, tt.unicode)
		}
		if got := (Palette{}).ASCII().Bar(tt.n, tt.most, tt.limit); got != tt.ascii {
			t.Errorf("%d of %d in %d columns of ASCII: %q, want %q", tt.n, tt.most, tt.limit, got, tt.ascii)
		}
	}
	// A bar never passes its limit, and a greater number never has a shorter bar.
	for limit := 1; limit < 30; limit++ {
		before := 0
		for n := range int64(200) {
			bar, length := (Palette{}).Bar(n, 199, limit), 0
			for _, r := range bar {
				length += 1 + strings.IndexRune(string(eighths), r)/len("█")
			}
			if w := width(bar); w > limit || length < before || length > 8*limit {
				t.Fatalf("%d of 199 in %d columns: %q", n, limit, bar)
			}
			before = length
		}
	}
}
