package piece

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// texts returns candidates; "0" is zeros.
func texts(list ...string) (from []io.ReaderAt) {
	for _, s := range list {
		switch s {
		case "0":
			from = append(from, nil)
		default:
			from = append(from, strings.NewReader(s))
		}
	}
	return from
}

func TestCombine(t *testing.T) {
	for _, test := range []struct {
		name   string
		ranges []Choice
		piece  string
		most   int
		want   []int
		more   bool
	}{
		{"the first", []Choice{{2, texts("ab", "xx")}, {1, texts("c", "x")}}, "abc", 9, []int{0, 0}, false},
		{"the last", []Choice{{2, texts("xx", "ab")}, {1, texts("x", "y", "c")}}, "abc", 9, []int{1, 2}, false},
		{"none", []Choice{{2, texts("xx", "ab")}, {1, texts("x", "y")}}, "abc", 9, nil, false},
		{"beyond the limit", []Choice{{2, texts("xx", "ab")}, {1, texts("x", "y", "c")}}, "abc", 5, nil, true},
		{"zeros", []Choice{{2, texts("ab")}, {3, texts("xyz", "0")}}, "ab\x00\x00\x00", 9, []int{0, 1}, false},
		{"one range", []Choice{{3, texts("xxx", "yyy", "abc")}}, "abc", 9, []int{2}, false},
		{"an empty range", []Choice{{0, texts("")}, {3, texts("xxx", "abc")}, {0, texts("")}}, "abc", 9, []int{0, 1, 0}, false},
		{"no candidate", []Choice{{2, texts("ab")}, {1, nil}}, "abc", 9, nil, false},
		{"no bytes", []Choice{{0, texts("")}}, "", 9, nil, false},
		// The zeros of a candidate that can't be read are not taken for its bytes.
		{"an error", []Choice{{2, texts("a", "ab")}, {1, texts("c")}}, "abc", 9, []int{1, 0}, false},
		{"an error like zeros", []Choice{{2, texts("", "\x00\x00")}, {1, texts("c")}}, "\x00\x00c", 9, []int{1, 0}, false},
		{"only errors", []Choice{{2, texts("", "x")}, {1, texts("c")}}, "\x00\x00c", 9, nil, false},
	} {
		got, more, err := Combine(t.Context(), test.ranges, sha1.Sum([]byte(test.piece)), test.most, 1)
		if err != nil || !slices.Equal(got, test.want) || more != test.more {
			t.Errorf("%s: %v, more %v (%v), want %v", test.name, got, more, err, test.want)
		}
	}
}

// Long pieces and many combinations, more than a batch.
func TestCombineRandomly(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i := range 20 {
		var ranges []Choice
		var want []int
		var all []byte
		for range 1 + r.IntN(6) {
			c := Choice{Length: int64(1 + r.IntN(100_000))}
			n := 1 + r.IntN(4)
			want = append(want, r.IntN(n))
			for j := range n {
				b := make([]byte, c.Length)
				for k := range b {
					b[k] = byte(r.Uint32())
				}
				if j == want[len(want)-1] {
					all = append(all, b...)
				}
				c.From = append(c.From, bytes.NewReader(b))
			}
			ranges = append(ranges, c)
		}
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			got, _, err := Combine(t.Context(), ranges, sha1.Sum(all), 5000, 2)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v (%v), want %v", got, err, want)
			}
		})
	}
}

func TestCombineEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, _, err := Combine(ctx, []Choice{{2, texts("ab")}}, sha1.Sum([]byte("ab")), 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", got, err)
	}
}

// A piece that is too long for a stream is not tried.
func TestCombineTooLong(t *testing.T) {
	got, more, err := Combine(t.Context(), []Choice{{MaxStreamPiece + 1, texts("ab")}}, sha1.Sum(nil), 1, 1)
	if got != nil || !more || err != nil {
		t.Errorf("%v, more %v, %v", got, more, err)
	}
}

func TestCombinations(t *testing.T) {
	for _, test := range []struct {
		counts []int
		limit  int
		want   string
		more   bool
	}{
		{nil, 5, "[[]]", false},
		{[]int{1, 1}, 5, "[[0 0]]", false},
		{[]int{2, 1, 2}, 9, "[[0 0 0] [0 0 1] [1 0 0] [1 0 1]]", false},
		{[]int{2, 1, 2}, 4, "[[0 0 0] [0 0 1] [1 0 0] [1 0 1]]", false},
		{[]int{3, 2}, 3, "[[0 0] [0 1] [1 0]]", true},
		{[]int{3, 2}, 0, "[]", true},
		{[]int{1}, -1, "[]", true},
		{[]int{3, 3}, 100, "[[0 0] [0 1] [1 0] [0 2] [1 1] [2 0] [1 2] [2 1] [2 2]]", false},
		{[]int{1 << 20, 1 << 20, 1 << 20}, 4, "[[0 0 0] [0 0 1] [0 1 0] [1 0 0]]", true},
	} {
		got, more := combinations(test.counts, test.limit)
		if fmt.Sprint(got) != test.want || more != test.more {
			t.Errorf("%v, %d: %v, %v", test.counts, test.limit, got, more)
		}
	}
}

func TestNumberOfCombinations(t *testing.T) {
	for _, counts := range [][]int{{}, {1}, {4}, {2, 2}, {3, 1, 2}, {2, 5, 3}, {1, 1, 1}, {2, 2, 2, 2, 2, 2}} {
		all, _ := combinations(counts, 1<<20)
		for most := range 9 {
			n := 0
			for _, pick := range all {
				sum := 0
				for _, k := range pick {
					sum += k
				}
				if sum <= most {
					n++
				}
			}
			for _, limit := range []int{1, 2, 5, 1 << 20} {
				if got, want := Combinations(counts, most, limit), min(n, limit); got != want {
					t.Errorf("%v with sums to %d, limit %d: %d, want %d", counts, most, limit, got, want)
				}
			}
		}
	}
	if got := Combinations(slices.Repeat([]int{1 << 20}, 1<<14), 3, 1<<16); got != 1<<16 {
		t.Errorf("of many: %d", got)
	}
	if got := Combinations([]int{3, 0, 2}, 3, 10); got != 0 {
		t.Errorf("without a candidate for a range: %d", got)
	}
}

func TestDistinct(t *testing.T) {
	long := strings.Repeat("x", 2*maxSequentialBytes)
	for name, test := range map[string]struct {
		choice Choice
		want   string
	}{
		"none":           {Choice{2, nil}, "[]"},
		"one, not read":  {Choice{2, texts("")}, "[[0]]"},
		"several":        {Choice{2, texts("ab", "cd", "ab", "0", "cd", "ef")}, "[[0 2] [1 4] [3] [5]]"},
		"longer ones":    {Choice{2, texts("abc", "abd", "b")}, "[[0 1]]"},
		"errors":         {Choice{2, texts("", "ab", "a", "0")}, "[[1] [3]]"},
		"no bytes":       {Choice{0, texts("a", "b")}, "[[0 1]]"},
		"several parts":  {Choice{int64(len(long)) + 1, texts(long+"a", long+"b", long+"a", long)}, "[[0 2] [1]]"},
		"the first part": {Choice{int64(len(long)), texts(long, "y"+long[1:], long)}, "[[0 2] [1]]"},
	} {
		got, err := Distinct(t.Context(), test.choice, 2)
		if err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%s: %v (%v), want %s", name, got, err, test.want)
		}
	}
}
