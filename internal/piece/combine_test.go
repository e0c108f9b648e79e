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
	}{
		{"the first", []Choice{{2, texts("ab", "xx")}, {1, texts("c", "x")}}, "abc", 9, []int{0, 0}},
		{"the last", []Choice{{2, texts("xx", "ab")}, {1, texts("x", "y", "c")}}, "abc", 9, []int{1, 2}},
		{"none", []Choice{{2, texts("xx", "ab")}, {1, texts("x", "y")}}, "abc", 9, nil},
		{"beyond the limit", []Choice{{2, texts("xx", "ab")}, {1, texts("x", "y", "c")}}, "abc", 5, nil},
		{"zeros", []Choice{{2, texts("ab")}, {3, texts("xyz", "0")}}, "ab\x00\x00\x00", 9, []int{0, 1}},
		{"one range", []Choice{{3, texts("xxx", "yyy", "abc")}}, "abc", 9, []int{2}},
		{"an empty range", []Choice{{0, texts("")}, {3, texts("xxx", "abc")}, {0, texts("")}}, "abc", 9, []int{0, 1, 0}},
		{"no candidate", []Choice{{2, texts("ab")}, {1, nil}}, "abc", 9, nil},
		{"no bytes", []Choice{{0, texts("")}}, "", 9, nil},
		// The zeros of a candidate that can't be read are not taken for its bytes.
		{"an error", []Choice{{2, texts("a", "ab")}, {1, texts("c")}}, "abc", 9, []int{1, 0}},
		{"an error like zeros", []Choice{{2, texts("", "\x00\x00")}, {1, texts("c")}}, "\x00\x00c", 9, []int{1, 0}},
		{"only errors", []Choice{{2, texts("", "x")}, {1, texts("c")}}, "\x00\x00c", 9, nil},
	} {
		got, err := Combine(t.Context(), test.ranges, sha1.Sum([]byte(test.piece)), test.most, 1)
		if err != nil || !slices.Equal(got, test.want) {
			t.Errorf("%s: %v (%v), want %v", test.name, got, err, test.want)
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
			got, err := Combine(t.Context(), ranges, sha1.Sum(all), 5000, 2)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%v (%v), want %v", got, err, want)
			}
		})
	}
}

func TestCombineEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := Combine(ctx, []Choice{{2, texts("ab")}}, sha1.Sum([]byte("ab")), 1, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", got, err)
	}
}
