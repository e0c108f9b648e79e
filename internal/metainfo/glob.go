package metainfo

import (
	"slices"
	"unicode"
	"unicode/utf8"
)

// A glob is a parsed pattern of MatchURL.
type glob []globPart

// A globPart is a star, or one character: any in the ranges or, if negated, any other.
type globPart struct {
	star   bool
	not    bool
	ranges [][2]rune
}

// parseGlob parses a pattern, in which ? is any character or a question mark.
func parseGlob(pattern string, anyByQuestion bool) glob {
	var g glob
	text := characters(pattern)
	for len(text) > 0 {
		part, n := globPart{ranges: [][2]rune{{text[0], text[0]}}}, 1
		switch {
		case text[0] == '*':
			part = globPart{star: true}
		case text[0] == '?' && anyByQuestion:
			part = globPart{not: true}
		case text[0] == '[':
			if class, length := parseClass(text); length > 0 {
				part, n = class, length
			}
		}
		g, text = append(g, part), text[n:]
	}
	return g
}

// parseClass parses the character class at the start of text. It returns length 0 if
// there is none.
func parseClass(text []rune) (class globPart, length int) {
	first := 1
	if len(text) > first && (text[first] == '^' || text[first] == '!') {
		class.not = true
		first++
	}
	if len(text) <= first {
		return class, 0
	}
	end := slices.Index(text[first+1:], ']') // the first character may be "]" itself
	if end < 0 {
		return class, 0
	}
	end += first + 1
	if slices.Contains(text[:end], ':') {
		return class, 0
	}
	for i := first; i < end; i++ {
		r := [2]rune{text[i], text[i]}
		if i+2 < end && text[i+1] == '-' {
			i += 2
			r[1] = text[i]
		}
		class.ranges = append(class.ranges, r)
	}
	return class, end + 1
}

// match reports whether the glob matches all of s. It only backtracks to the last star,
// which is enough, so its time is at most proportional to the product of the lengths.
func (g glob) match(s string) bool {
	text := characters(s)
	star, from := -1, 0 // the last star, and where in s the parts after it were tried
	for i, j := 0, 0; ; {
		switch {
		case i < len(g) && g[i].star:
			star, from = i, j
			i++
		case i < len(g) && j < len(text) && g[i].has(text[j]):
			i++
			j++
		case i == len(g) && j == len(text):
			return true
		case star >= 0 && from < len(text):
			from++
			i, j = star+1, from
		default:
			return false
		}
	}
}

func (p globPart) has(c rune) bool {
	in := slices.ContainsFunc(p.ranges, func(r [2]rune) bool { return r[0] <= c && c <= r[1] })
	return in != p.not
}

// characters splits a text into characters. A byte of invalid UTF-8 is a character of
// its own, with a value above those of Unicode.
func characters(s string) []rune {
	var list []rune
	for i, r := range s {
		if _, size := utf8.DecodeRuneInString(s[i:]); r == utf8.RuneError && size == 1 {
			r = unicode.MaxRune + 1 + rune(s[i])
		}
		list = append(list, r)
	}
	return list
}
