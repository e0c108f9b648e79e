package main

import (
	"cmp"
	"encoding/hex"
	"maps"
	"math"
	"math/bits"
	"slices"
	"strings"

	"bt/inspect"
	"bt/internal/term"
)

// A tally counts how often values occur, of at most maxTally different values. The zero
// tally is ready to use.
type tally[K comparable] struct {
	counts map[K]int
	more   int // how often values occurred that are not counted
}

const (
	maxTally     = 10_000
	longestTally = 256 // bytes of a text that is counted
)

func (t *tally[K]) add(value K) {
	n, known := t.counts[value]
	switch {
	case known:
	case len(t.counts) >= maxTally:
		t.more++
		return
	case t.counts == nil:
		t.counts = make(map[K]int)
	}
	t.counts[value] = n + 1
}

// addText adds a text, which a torrent owns: only what is counted is copied.
func addText(t *tally[string], text string) {
	switch _, known := t.counts[text]; {
	case known:
		t.counts[text]++
	case len(text) > longestTally:
		t.more++
	default:
		t.add(strings.Clone(text))
	}
}

// A tallied is a value and how often it occurs.
type tallied[K any] struct {
	value K
	count int
}

// sorted returns the values in an order.
func (t *tally[K]) sorted(order func(a, b tallied[K]) int) []tallied[K] {
	list := make([]tallied[K], 0, len(t.counts))
	for value, n := range t.counts {
		list = append(list, tallied[K]{value, n})
	}
	slices.SortFunc(list, order)
	return list
}

// ranked orders texts by their number, the most frequent first.
func ranked(a, b tallied[string]) int {
	return cmp.Or(cmp.Compare(b.count, a.count), term.Natural(a.value, b.value), strings.Compare(a.value, b.value))
}

// ascending orders numbers.
func ascending[K cmp.Ordered](a, b tallied[K]) int { return cmp.Compare(a.value, b.value) }

// addSizes adds numbers of bytes. If the sum overflows, it is math.MaxInt64.
func addSizes(a, b int64) int64 {
	if b > math.MaxInt64-a {
		return math.MaxInt64
	}
	return a + b
}

// The steps of the histogram of sizes are powers of four from leastStep on.
const leastStep = 1 << 10

// sizeStep returns the step of a size: the size at most.
func sizeStep(size int64) int64 {
	if size <= leastStep {
		return leastStep
	}
	n := bits.Len64(uint64(size - 1)) // the size is at most 2^n
	if n += n % 2; n >= 63 {
		return math.MaxInt64
	}
	return 1 << n
}

// sizeSteps returns the histogram of sizes, from the first step that occurs to the last.
func sizeSteps(sizes map[int64]int) []sizeCount {
	list := []sizeCount{}
	if len(sizes) == 0 {
		return list
	}
	last := slices.Max(slices.Collect(maps.Keys(sizes)))
	for step := slices.Min(slices.Collect(maps.Keys(sizes))); ; {
		list = append(list, sizeCount{step, sizes[step]})
		if step == last {
			return list
		}
		step = sizeStep(step + 1)
	}
}

// infoHash returns the info-hash of 20 bytes by which trackers and peers know a torrent.
func infoHash(f *inspect.Facts) (hash [20]byte) {
	b, _ := hex.DecodeString(cmp.Or(f.InfoHashV1, f.InfoHashV2)) // Facts has valid hex
	copy(hash[:], b)
	return hash
}
