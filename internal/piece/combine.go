package piece

import (
	"context"
	"crypto/sha1"
	"errors"
	"io"
	"math"
	"sync"

	"bt/internal/metainfo"
)

// A Choice is a range of a piece, and the candidates for its bytes.
type Choice struct {
	Length int64
	From   []io.ReaderAt // each has the bytes of the range from offset 0; nil means zeros
}

// Combine finds the bytes of a piece of which the hash does not show which of its files
// is wrong: it hashes combinations of candidates, one candidate for each range, and
// returns the indexes of those whose SHA-1 is want. It returns nil if there is none among
// the first most combinations. The first of them has the first candidate of each range;
// then the candidates of the first ranges change most often.
//
// An error of a candidate excludes the combinations with it. The error is the cause of
// ctx.
func Combine(ctx context.Context, ranges []Choice, want [sha1.Size]byte, most, jobs int) ([]int, error) {
	var length int64
	count := 1
	for _, r := range ranges {
		length += r.Length
		if len(r.From) == 0 {
			return nil, nil
		}
		count = min(count*len(r.From), most)
	}
	if length == 0 || length > MaxStreamPiece {
		return nil, nil
	}
	c := combinations{ranges: ranges, length: length, indexes: make([]int, len(ranges)), failed: make(map[int]bool)}
	total := min(int64(count), math.MaxInt64/length) * length
	layout, err := metainfo.NewLayout(length, []int64{total}, metainfo.AlignmentPacked)
	if err != nil {
		return nil, err
	}
	job := Job{Layout: layout, V1: true, Jobs: jobs}
	found := -1
	_, err = job.RunStream(ctx, io.LimitReader(&c, total), func(r Result) error {
		if r.SHA1 == want && !c.hasFailed(r.Index) {
			found = r.Index
			return errFound
		}
		return nil
	})
	switch {
	case found >= 0:
		return c.indexesOf(found), nil
	case err != nil && !errors.Is(err, errFound):
		return nil, err
	}
	return nil, nil
}

var errFound = errors.New("found")

// combinations reads all combinations, one after the other.
type combinations struct {
	ranges  []Choice
	length  int64 // of the piece
	number  int   // of the current combination
	indexes []int // the candidates of the current combination
	k       int   // the current range
	at      int64 // in the range

	mu     sync.Mutex
	failed map[int]bool // combinations with an error; they are read as zeros
}

func (c *combinations) fail() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failed[c.number] = true
}

func (c *combinations) hasFailed(number int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failed[number]
}

func (c *combinations) indexesOf(number int) []int {
	indexes := make([]int, len(c.ranges))
	for k, r := range c.ranges {
		indexes[k] = number % len(r.From)
		number /= len(r.From)
	}
	return indexes
}

// Read implements io.Reader. It never ends: its reader knows how many bytes there are.
func (c *combinations) Read(p []byte) (int, error) {
	for c.at == c.ranges[c.k].Length {
		c.at = 0
		if c.k++; c.k == len(c.ranges) {
			c.k, c.number = 0, c.number+1
			c.indexes = c.indexesOf(c.number)
		}
	}
	r := &c.ranges[c.k]
	p = p[:min(int64(len(p)), r.Length-c.at)]
	from := r.From[c.indexes[c.k]]
	n := len(p)
	if from == nil {
		clear(p)
	} else if m, _ := from.ReadAt(p, c.at); m < n {
		c.fail()
		clear(p)
	}
	c.at += int64(n)
	return n, nil
}
