package inspect

import (
	"errors"
	"slices"

	"bt/internal/piece"
)

const (
	maxCombinations = 1 << 14
	maxPieceBytes   = 1 << 30 // of all combinations of a piece
	maxPieceOpens   = 1 << 16 // of files, for a piece

	// Limits for all pieces of a torrent.
	maxBytes = 64 << 30
	maxOpens = 1 << 20
)

// distinct groups sources by their bytes in a range of the file.
func (f *finder) distinct(list []*source, s span) ([]class, error) {
	var classes []class
	if len(list) < 2 {
		for _, one := range list {
			classes = append(classes, class{one})
		}
		return classes, nil
	}
	index := make(map[[20]byte]int)
	f.opens -= int64(len(list))
	content := &assembly{n: len(list), of: func(i int) []chunk { return []chunk{{list[i], s.Offset, s.Length}} }}
	err := f.stream(s.Length, content, func(i int, sum [20]byte) error {
		if list[i].broken.Load() {
			return nil
		}
		n, ok := index[sum]
		if !ok {
			n = len(classes)
			index[sum] = n
			classes = append(classes, nil)
		}
		classes[n] = append(classes[n], list[i])
		return nil
	})
	return classes, err
}

// errSolved ends a stream.
var errSolved = errors.New("solved")

// combine returns the combination that has the hash of the piece, or nil.
func (f *finder) combine(p int, spans []span, parts [][]class) (pick []int, limited bool, err error) {
	length := int64(0)
	counts := make([]int, len(parts))
	useful := false // zeros alone prove no file
	for i, classes := range parts {
		length += spans[i].Length
		counts[i] = len(classes)
		useful = useful || slices.ContainsFunc(classes, func(c class) bool { return c[0].place || c[0].candidate != nil })
	}
	limit := int(min(maxCombinations, min(maxPieceBytes, f.bytes)/length, min(maxPieceOpens, f.opens)/int64(len(parts))))
	if length > piece.MaxStreamPiece {
		limit = 0
	}
	if !useful {
		return nil, false, nil
	}
	picks, limited := combinations(counts, limit)
	f.bytes -= int64(len(picks)) * length
	f.opens -= int64(len(picks) * len(parts))
	content := &assembly{n: len(picks), of: func(i int) []chunk {
		list := make([]chunk, len(spans))
		for k, s := range spans {
			list[k] = chunk{parts[k][picks[i][k]][0], s.Offset, s.Length}
		}
		return list
	}}
	expected := [20]byte(f.content.Pieces[p*20:])
	err = f.stream(length, content, func(i int, sum [20]byte) error {
		for k := range parts {
			if parts[k][picks[i][k]][0].broken.Load() {
				return nil
			}
		}
		if sum == expected {
			pick = picks[i]
			return errSolved
		}
		return nil
	})
	return pick, limited, err
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
