package term

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// Each item belongs to a cell, or each cell to an item, in order, and Mark and Items
// agree.
func TestCells(t *testing.T) {
	for n := 1; n <= 40; n++ {
		for total := int64(1); total <= 90; total++ {
			next := int64(0)
			for cell := range n {
				first, end := NewCells(n).Items(cell, total)
				if first != next && (total >= int64(n) || first != next-1) || end <= first {
					t.Fatalf("%d items in %d cells: cell %d has items %d to %d, after %d", total, n, cell, first, end, next)
				}
				next = end
			}
			if next != total {
				t.Fatalf("%d items in %d cells: the last cell ends with %d", total, n, next)
			}
			for range 20 {
				first := rand.Int64N(total)
				end := first + 1 + rand.Int64N(total-first)
				c := NewCells(n)
				c.Mark(first, end, total, 3)
				c.Mark(first, end, total, 1)
				for cell := range c {
					a, b := c.Items(cell, total)
					want := uint8(0)
					if a < end && first < b {
						want = 3
					}
					if c[cell] != want {
						t.Fatalf("items %d to %d of %d in %d cells: %d", first, end, total, n, c)
					}
				}
			}
		}
	}
}

func TestCellsLarge(t *testing.T) {
	const pieces = 1_000_000
	c := NewCells(640)
	c.Mark(777_777, 777_778, pieces, 2)
	seen := 0
	for i, state := range c {
		if first, end := c.Items(i, pieces); state == 2 {
			seen++
			if first > 777_777 || end <= 777_777 {
				t.Errorf("the bad item is in the cell of items %d to %d", first, end)
			}
		}
	}
	if seen != 1 {
		t.Errorf("one bad item of a million is in %d cells", seen)
	}
	c = NewCells(math.MaxInt16)
	c.Mark(math.MaxInt64-1, math.MaxInt64, math.MaxInt64, 1)
	c.Mark(0, 1, math.MaxInt64, 1)
	if c[0] != 1 || c[len(c)-1] != 1 || strings.Count(string(c), "\x01") != 2 {
		t.Error("the first and the last byte are not in the first and the last cell")
	}
}

func TestDrawCells(t *testing.T) {
	glyphs := []Glyph{{"█", "#", Palette.Green}, {"?", "?", nil}, {"X", "X", Palette.Red}}
	c := Cells{0, 0, 2, 1, 1, 0}
	for want, p := range map[string]Palette{
		"██X??█": {},
		"##X??#": Palette{}.ASCII(),
		"\x1b[32m██\x1b[0m\x1b[31mX\x1b[0m??\x1b[32m█\x1b[0m": NewPalette(true),
	} {
		if got := p.Cells(c, glyphs); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

func TestFlow(t *testing.T) {
	items := []string{NewPalette(true).Red("X") + " 3 bad", "? 12 in doubt", "█ 1 good"}
	for limit, want := range map[int]string{
		0:  "X 3 bad  ? 12 in doubt  █ 1 good",
		32: "X 3 bad  ? 12 in doubt  █ 1 good",
		31: "X 3 bad  ? 12 in doubt\n█ 1 good",
		22: "X 3 bad  ? 12 in doubt\n█ 1 good",
		21: "X 3 bad\n? 12 in doubt\n█ 1 good",
		3:  "X 3 bad\n? 12 in doubt\n█ 1 good",
	} {
		t.Run(fmt.Sprint(limit), func(t *testing.T) {
			if got := plainText(Flow(items, limit)); got != want {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
