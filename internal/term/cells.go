package term

import (
	"math/bits"
	"strings"
)

// Cells is a picture of a long row of items, such as the pieces of a torrent or the
// bytes of a file, in fewer cells: each cell has the greatest state of its items.
type Cells []uint8

// NewCells returns a picture of n cells, all with state 0.
func NewCells(n int) Cells { return make(Cells, max(n, 1)) }

// Mark marks the items from first to before end, of total items, with a state. end is
// greater than first, and at most total.
func (c Cells) Mark(first, end, total int64, state uint8) {
	n := int64(len(c))
	from, to := scale(first, n, total, false), scale(end-1, n, total, false)+1
	if total < n { // an item has several cells
		from, to = scale(first, n, total, true), scale(end, n, total, true)
	}
	for i := from; i < to; i++ {
		c[i] = max(c[i], state)
	}
}

// Items returns the items, of total items, that a cell stands for: from first to before
// end.
func (c Cells) Items(cell int, total int64) (first, end int64) {
	n := int64(len(c))
	if total < n {
		first = scale(int64(cell), total, n, false)
		return first, first + 1
	}
	return scale(int64(cell), total, n, true), scale(int64(cell)+1, total, n, true)
}

// scale returns i*n/total, rounded down, or up. The product may overflow an int64.
func scale(i, n, total int64, up bool) int64 {
	hi, lo := bits.Mul64(uint64(i), uint64(n))
	if up {
		var carry uint64
		lo, carry = bits.Add64(lo, uint64(total-1), 0)
		hi += carry
	}
	q, _ := bits.Div64(hi, lo, uint64(total))
	return int64(q)
}

// A Glyph draws the cells of one state. Each state has another character, so that the
// picture can be read without colours.
type Glyph struct {
	Unicode, ASCII string                       // one column wide
	Color          func(Palette, string) string // such as Palette.Red; nil for none
}

// Glyph returns n cells of a glyph.
func (p Palette) Glyph(g Glyph, n int) string {
	s := strings.Repeat(p.either(g.Unicode, g.ASCII), n)
	if g.Color != nil {
		s = g.Color(p, s)
	}
	return s
}

// Cells draws a row of cells, by the glyphs of their states.
func (p Palette) Cells(c Cells, glyphs []Glyph) string {
	var b strings.Builder
	for i := 0; i < len(c); {
		n := 1
		for i+n < len(c) && c[i+n] == c[i] {
			n++
		}
		b.WriteString(p.Glyph(glyphs[c[i]], n))
		i += n
	}
	return b.String()
}

// Flow joins items, which may have styles, with two blanks, in lines of at most limit
// columns. It does not split items. A limit of 0 means none.
func Flow(items []string, limit int) string {
	var b strings.Builder
	used := 0
	for i, item := range items {
		w := width(item)
		switch {
		case i == 0:
		case limit <= 0 || used+gap+w <= limit:
			b.WriteString(strings.Repeat(" ", gap))
			used += gap
		default:
			b.WriteByte('\n')
			used = 0
		}
		b.WriteString(item)
		used += w
	}
	return b.String()
}
