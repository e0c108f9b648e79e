package inspect

import (
	"bytes"
	"math"
	"os"
	"slices"
	"syscall"

	"bt/internal/piece"
)

const (
	maxCombinations = 1 << 16
	maxPieceBytes   = 1 << 30 // of all combinations of a piece
	maxPieceOpens   = 1 << 16 // of files, for a piece
	maxHeldBytes    = 64 << 20

	// Limits for all pieces of a torrent. One combination of a piece is always tried.
	maxBytes      = 64 << 30
	maxDoubtBytes = 4 << 30 // without a search for files
	maxOpens      = 1 << 20
)

// classes groups the sources of each range of a piece by their bytes. It compares no more of
// the likeliest than combine can try; cut reports that there are others. classes is nil if
// a range has no source that can be read.
func (f *finder) classes(spans []span, lists [][]*source) (parts [][]class, cut bool, err error) {
	parts = make([][]class, len(spans))
	open := make([]int, len(spans)) // ranges with further sources
	for i := range open {
		open[i] = i
	}
	for most := 2; len(open) > 0; most *= 2 {
		var more []int
		for _, i := range open {
			list, few := lists[i], min(most, f.affordable(spans[i]))
			if len(list) > few {
				list = append(slices.Clone(list[:few-1]), list[len(list)-1]) // which may be zeros
			}
			if parts[i], err = f.distinct(list, spans[i]); err != nil {
				return nil, false, err
			}
			zerosSecond(parts[i])
			switch {
			case len(list) == len(lists[i]) && len(parts[i]) == 0:
				return nil, false, nil
			case len(list) == len(lists[i]):
			case few < most:
				cut = true
			default:
				more = append(more, i)
			}
		}
		if open = more; len(open) > 0 && piece.Combinations(countsOf(parts), most-1, maxCombinations) == maxCombinations {
			return parts, true, nil
		}
	}
	return parts, cut, nil
}

func countsOf(parts [][]class) (counts []int) {
	for _, classes := range parts {
		counts = append(counts, len(classes))
	}
	return counts
}

// affordable returns how many sources of a range may still be compared, at least two.
func (f *finder) affordable(s span) int {
	return int(max(min(f.bytes/max(s.Length, 1), f.opens), 2))
}

// distinct groups sources by their bytes in a range of the file.
func (f *finder) distinct(list []*source, s span) (classes []class, err error) {
	c := piece.Choice{Length: s.Length}
	for _, one := range list {
		c.From = append(c.From, sourceRange{one, s.Offset})
	}
	if n := int64(len(list)); n > 1 {
		f.opens -= n
		f.bytes -= n * s.Length
	}
	groups, err := piece.Distinct(f.ctx, c, f.options.Jobs)
	for _, group := range groups {
		var same class
		for _, i := range group {
			same = append(same, list[i])
		}
		classes = append(classes, same)
	}
	return classes, err
}

// combine returns the combination that has the hash of the piece, or nil.
func (f *finder) combine(p int, spans []span, parts [][]class) (pick []int, limited bool, err error) {
	length, all, opens := int64(0), int64(0), int64(0) // of one combination, and of all sources
	count := 1.0                                       // of combinations
	var ranges []piece.Choice
	useful := false // zeros alone prove no file
	for i, classes := range parts {
		c := piece.Choice{Length: spans[i].Length}
		for _, same := range classes {
			c.From = append(c.From, sourceRange{same[0], spans[i].Offset})
			useful = useful || same[0].place || same[0].candidate != nil
		}
		ranges = append(ranges, c)
		length += c.Length
		all += c.Length * int64(len(classes))
		opens += int64(len(classes))
		count *= float64(len(classes))
	}
	if !useful {
		return nil, false, nil
	}
	limit := min(maxCombinations, min(maxPieceBytes, f.bytes)/length)
	held := count > 1 && all <= maxHeldBytes
	if !held {
		limit = min(limit, min(maxPieceOpens, f.opens)/int64(len(parts)))
	}
	limit = max(limit, 1)
	if tried := int64(math.Min(count, float64(limit))); held {
		hold(ranges)
		f.bytes -= tried * length
		f.opens -= opens
	} else if tried > 1 {
		f.bytes -= tried * length
		f.opens -= tried * int64(len(parts))
	}
	expected := [20]byte(f.content.Pieces[p*20:])
	return piece.Combine(f.ctx, ranges, expected, int(limit), f.options.Jobs)
}

// hold reads the bytes of all sources once, instead of once for each combination. Those
// that can't be read now are tried again then.
func hold(ranges []piece.Choice) {
	for _, r := range ranges {
		for i, from := range r.From {
			b := make([]byte, r.Length)
			if n, _ := from.ReadAt(b, 0); int64(n) == r.Length {
				r.From[i] = bytes.NewReader(b)
			}
		}
	}
}

// A sourceRange reads the bytes of a source from an offset. It opens the file for each
// read: a piece may have bytes of more files than a process may open.
type sourceRange struct {
	*source
	offset int64
}

// ReadAt implements io.ReaderAt.
func (r sourceRange) ReadAt(b []byte, at int64) (int, error) {
	at += r.offset
	n := int(min(max(r.have-at, 0), int64(len(b))))
	clear(b[n:])
	if n == 0 {
		return len(b), nil
	}
	// O_NONBLOCK, in case the file was replaced by a FIFO without a writer.
	file, err := os.OpenFile(r.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	if n, err := piece.ReadAt(file, b[:n], at); err != nil {
		return n, err
	}
	return len(b), nil
}
