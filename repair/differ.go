package repair

import (
	"iter"
	"maps"
	"slices"

	"bt/internal/piece"
)

// writesByFile returns the ranges to write by file, in order, if they are asked for.
func (p *placement) writesByFile() map[int][]write {
	writes := make(map[int][]write)
	if p.o.Allow == nil {
		return writes
	}
	for _, index := range slices.Sorted(maps.Keys(p.writes)) {
		for _, w := range p.writes[index] {
			writes[w.File] = append(writes[w.File], w)
		}
	}
	return writes
}

// differStep is the number of bytes that are compared at once. Of each step that differs,
// the range from the first to the last byte that does counts.
const differStep = 4 << 10

// differences yields the ranges of writes whose bytes differ from those that are there.
func (p *placement) differences(writes []write) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		for _, w := range writes {
			if p.tree.Files[w.File].Cause != piece.CauseFine {
				if !yield(Range{w.Offset, w.Length}) {
					return
				}
				continue
			}
			old, wanted := p.at(own, w.Span), p.at(w.source, w.Span)
			var one, two [differStep]byte
			for at := int64(0); at < w.Length; at += differStep {
				n := min(differStep, w.Length-at)
				k, _ := old.ReadAt(one[:n], at)
				m, _ := wanted.ReadAt(two[:n], at)
				first, last := difference(one[:k], two[:m], int(n))
				if first < last && !yield(Range{w.Offset + at + int64(first), int64(last - first)}) {
					return
				}
			}
		}
	}
}

// difference returns the range in which a and b differ, of n bytes. What one of them lacks
// differs.
func difference(a, b []byte, n int) (first, last int) {
	both := min(len(a), len(b))
	for first < both && a[first] == b[first] {
		first++
	}
	if last = n; both < n {
		return first, last
	}
	for last > first && a[last-1] == b[last-1] {
		last--
	}
	return first, last
}
