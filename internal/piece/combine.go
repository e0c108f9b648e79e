package piece

import (
	"context"
	"crypto/sha1"
	"errors"
	"io"
	"slices"
	"sync"

	"bt/internal/metainfo"
)

// A Choice is a range of a piece, and the candidates for its bytes, the likeliest first.
type Choice struct {
	Length int64
	From   []io.ReaderAt // each has the bytes of the range from offset 0; nil means zeros
}

// Combine finds the bytes of a piece of which the hash does not show which of its files
// is wrong: it hashes combinations of candidates, one candidate for each range, and
// returns the indexes of those whose SHA-1 is want. It tries at most the given number of
// combinations, those with the least sums of indexes first. If it finds none, more
// reports that there are others.
//
// An error of a candidate excludes the combinations with it. The error is the cause of
// ctx.
func Combine(ctx context.Context, ranges []Choice, want [sha1.Size]byte, most, jobs int) (indexes []int, more bool, err error) {
	var length int64
	counts := make([]int, len(ranges))
	for i, r := range ranges {
		length += r.Length
		if counts[i] = len(r.From); counts[i] == 0 {
			return nil, false, nil
		}
	}
	if length == 0 {
		return nil, false, nil
	}
	if length > MaxStreamPiece {
		return nil, true, nil
	}
	a := &assembly{ranges: ranges}
	if a.picks, more = combinations(counts, most); len(a.picks) == 0 {
		return nil, more, nil
	}
	found := -1
	err = a.hash(ctx, length, jobs, func(i int, sum [sha1.Size]byte) error {
		if sum == want && !a.hasFailed(i) {
			found = i
			return errFound
		}
		return nil
	})
	switch {
	case found >= 0:
		return a.picks[found], false, nil
	case err != nil:
		return nil, false, err
	}
	return nil, more, nil
}

var errFound = errors.New("found")

// Distinct groups the indexes of candidates that have the same bytes, in the order of the
// first of each group. Those that can't be read are in none. A single candidate is not
// read. The error is the cause of ctx.
func Distinct(ctx context.Context, c Choice, jobs int) (groups [][]int, err error) {
	if len(c.From) < 2 {
		for i := range c.From {
			groups = append(groups, []int{i})
		}
		return groups, nil
	}
	// A long range is hashed in parts of one length, the last one with zeros after it.
	part := max(min(c.Length, maxSequentialBytes), 1)
	parts := max(int((c.Length+part-1)/part), 1)
	a := &assembly{ranges: []Choice{c, {int64(parts)*part - c.Length, []io.ReaderAt{nil}}}}
	for i := range c.From {
		a.picks = append(a.picks, []int{i, 0})
	}
	index := make(map[string]int)
	var sums []byte // of the parts of one candidate
	err = a.hash(ctx, part, jobs, func(i int, sum [sha1.Size]byte) error {
		if sums = append(sums, sum[:]...); (i+1)%parts != 0 {
			return nil
		}
		i, key := i/parts, string(sums)
		sums = sums[:0]
		if a.hasFailed(i) {
			return nil
		}
		n, ok := index[key]
		if !ok {
			n = len(groups)
			index[key], groups = n, append(groups, nil)
		}
		groups[n] = append(groups[n], i)
		return nil
	})
	return groups, err
}

// An assembly reads combinations of candidates, one after the other.
type assembly struct {
	ranges []Choice
	picks  [][]int // the candidate of each range, for each combination
	number int     // of the current combination
	k      int     // the current range
	at     int64   // in the range

	mu     sync.Mutex
	failed map[int]bool // combinations with an error; zeros are read instead
}

// hash hashes the bytes of all combinations, in parts of a length that divides theirs.
func (a *assembly) hash(ctx context.Context, part int64, jobs int, yield func(i int, sum [sha1.Size]byte) error) error {
	var length int64
	for _, r := range a.ranges {
		length += r.Length
	}
	layout, err := metainfo.NewLayout(part, []int64{length * int64(len(a.picks))}, metainfo.AlignmentPacked)
	if err != nil {
		return err
	}
	job := Job{Layout: layout, V1: true, Jobs: jobs}
	_, err = job.RunStream(ctx, a, func(r Result) error { return yield(r.Index, r.SHA1) })
	return err
}

// Read implements io.Reader.
func (a *assembly) Read(p []byte) (int, error) {
	for a.number < len(a.picks) && a.at == a.ranges[a.k].Length {
		a.at = 0
		if a.k++; a.k == len(a.ranges) {
			a.k, a.number = 0, a.number+1
		}
	}
	if a.number == len(a.picks) {
		return 0, io.EOF
	}
	r := &a.ranges[a.k]
	p = p[:min(int64(len(p)), r.Length-a.at)]
	from := r.From[a.picks[a.number][a.k]]
	if from == nil {
		clear(p)
	} else if n, _ := from.ReadAt(p, a.at); n < len(p) {
		a.fail()
		clear(p)
	}
	a.at += int64(len(p))
	return len(p), nil
}

func (a *assembly) fail() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.failed == nil {
		a.failed = make(map[int]bool)
	}
	a.failed[a.number] = true
}

func (a *assembly) hasFailed(number int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.failed[number]
}

// Combinations returns how many combinations of numbers below counts have a sum of at most
// most, or limit if they are more.
func Combinations(counts []int, most, limit int) int {
	if slices.Contains(counts, 0) {
		return 0
	}
	ways := make([]int, most+1) // by the sum
	ways[0] = 1
	total := 1
	for _, n := range counts {
		next := make([]int, most+1)
		total = 0
		for sum := range next {
			for k := 0; k < n && k <= sum; k++ {
				next[sum] += ways[sum-k]
			}
			total += next[sum]
		}
		ways = next
		if total >= limit { // the other ranges make them no fewer
			return limit
		}
	}
	return min(total, limit)
}

// combinations returns at most limit combinations of numbers below counts, those with the
// least sums first. limited reports that there are more.
func combinations(counts []int, limit int) (list [][]int, limited bool) {
	var open []int // the positions with a choice
	most := 0
	for i, n := range counts {
		if n > 1 {
			open = append(open, i)
			most += n - 1
		}
	}
	pick := make([]int, len(counts))
	// fill returns false when the limit is reached.
	var fill func(open []int, sum, most int) bool
	fill = func(open []int, sum, most int) bool {
		if len(open) == 0 {
			if limited = len(list) >= limit; !limited {
				list = append(list, slices.Clone(pick))
			}
			return !limited
		}
		i := open[0]
		most -= counts[i] - 1 // of the others
		for n := max(0, sum-most); n < counts[i] && n <= sum; n++ {
			pick[i] = n
			if !fill(open[1:], sum-n, most) {
				return false
			}
		}
		return true
	}
	for sum := 0; sum <= most && fill(open, sum, most); sum++ {
	}
	return list, limited
}
