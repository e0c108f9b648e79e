package term

import (
	"cmp"
	"strings"
)

// Natural compares names in natural order: digits by the number that they represent, so
// that Release.2 is before Release.10, and everything else by its bytes. Names that
// differ only in leading zeros are compared by their bytes.
func Natural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		p, q := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
		if c := cmp.Or(cmp.Compare(len(p), len(q)), strings.Compare(p, q)); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), strings.Compare(a, b))
}

// digits returns the number of digits at the start of s.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// NaturalPath compares paths component by component, with Natural.
func NaturalPath(a, b string) int {
	for {
		x, restA, moreA := strings.Cut(a, "/")
		y, restB, moreB := strings.Cut(b, "/")
		switch c := Natural(x, y); {
		case c != 0:
			return c
		case !moreA || !moreB:
			return cmp.Compare(len(a), len(b))
		}
		a, b = restA, restB
	}
}
