package term

import (
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// width returns the number of terminal columns of s, without escape sequences. It uses
// the same measure as tablewriter, so that they agree.
func width(s string) int {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return twwidth.WidthNoCache(s)
		}
	}
	return len(s)
}

// Width returns the number of terminal columns of a line, without escape sequences.
func Width(line string) int { return width(line) }

// sequence returns the escape sequence (CSI) at the start of s, if any.
func sequence(s string) string {
	if !strings.HasPrefix(s, "\x1b[") {
		return ""
	}
	for i := 2; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 0x40 && c <= 0x7e:
			return s[:i+1]
		case c < 0x20 || c > 0x3f:
			return ""
		}
	}
	return ""
}

// CutMiddle cuts the middle of s so that it fits into limit columns. It keeps all
// escape sequences, so that the style at the end does not change.
func (p Palette) CutMiddle(s string, limit int) string {
	total := width(s)
	if total <= limit {
		return s
	}
	ellipsis := p.Ellipsis()
	keep := limit - width(ellipsis)
	if keep < 0 {
		return strings.Repeat(".", max(limit, 0))
	}
	tail := keep / 2
	if port := len(portOf(s)); port > 0 && port <= keep {
		tail = port
	}
	headEnd, tailStart := keep-tail, total-tail

	var b strings.Builder
	cut, kept := false, true
	for pos := 0; s != ""; {
		if seq := sequence(s); seq != "" {
			b.WriteString(seq)
			s = s[len(seq):]
			continue
		}
		_, size := utf8.DecodeRuneInString(s)
		// Combining marks, which have no width, are removed with their base character.
		if w := width(s[:size]); w > 0 {
			kept = !cut && pos+w <= headEnd || pos >= tailStart
			pos += w
		}
		if kept {
			b.WriteString(s[:size])
		} else if !cut {
			b.WriteString(ellipsis)
			cut = true
		}
		s = s[size:]
	}
	return b.String()
}

// portOf returns the port at the end of s, with its colon and the colon after it, if
// any, because it distinguishes addresses. It returns "" if there is none, or if s has
// styles.
func portOf(s string) string {
	i := strings.LastIndexByte(strings.TrimSuffix(s, ":"), ':')
	if i < 0 {
		return ""
	}
	if n := digits(s[i+1:]); n == 0 || n < len(strings.TrimSuffix(s[i+1:], ":")) {
		return ""
	}
	return s[i:]
}

// WrapAfter returns beginning, which may have styles, followed by a text that is
// wrapped at blanks into lines of at most limit columns. Longer words, such as paths
// and URLs, are not split, so that they can be copied. A limit of 0 means none.
func WrapAfter(beginning, s string, limit int) string {
	var b strings.Builder
	b.WriteString(beginning)
	used := width(beginning)
	for i, word := range strings.Split(s, " ") {
		w := width(word)
		switch {
		case i == 0:
		case limit <= 0 || used+1+w <= limit:
			b.WriteByte(' ')
			used++
		default:
			b.WriteByte('\n')
			used = 0
		}
		b.WriteString(word)
		used += w
	}
	return b.String()
}

// Wrap wraps a text into lines of at most limit columns. It splits words that are longer,
// and keeps all text. A style extends to the lines below.
func Wrap(s string, limit int) string {
	limit = max(limit, 2) // room for a wide character
	var b strings.Builder
	used := 0
	for i, word := range strings.Split(s, " ") {
		switch {
		case i == 0:
		case used+1+width(word) <= limit:
			b.WriteByte(' ')
			used++
		default:
			b.WriteByte('\n')
			used = 0
		}
		for word != "" {
			if seq := sequence(word); seq != "" {
				b.WriteString(seq)
				word = word[len(seq):]
				continue
			}
			_, size := utf8.DecodeRuneInString(word)
			w := width(word[:size])
			if used+w > limit {
				b.WriteByte('\n')
				used = 0
			}
			b.WriteString(word[:size])
			used += w
			word = word[size:]
		}
	}
	return b.String()
}

// WrapHanging is Wrap with an indentation before all lines but the first, if that leaves
// room. A limit of 0 means none.
func WrapHanging(s, indent string, limit int) string {
	if limit <= 0 || width(s) <= limit {
		return s
	}
	first, _, more := strings.Cut(Wrap(s, limit), "\n")
	room := limit - width(indent)
	if !more || room < 2 {
		return Wrap(s, limit)
	}
	rest := Wrap(strings.TrimPrefix(s[len(first):], " "), room)
	return first + "\n" + indent + strings.ReplaceAll(rest, "\n", "\n"+indent)
}

// fit makes each line of a cell fit into limit columns: it wraps lines at blanks, and
// cuts the middle of longer words. It ends a style at the end of each line and begins
// it again, so that it does not extend into the next column.
func (p Palette) fit(cell string, limit int) string {
	if !strings.Contains(cell, "\n") && width(cell) <= limit {
		return cell
	}
	var b strings.Builder
	style := ""
	newline := func() {
		if style != "" {
			b.WriteString(resetStyle)
		}
		b.WriteByte('\n')
		b.WriteString(style)
	}
	for i, line := range strings.Split(cell, "\n") {
		if i > 0 {
			newline()
		}
		used, wrapped := 0, false
		for j, word := range strings.Split(line, " ") {
			word = p.CutMiddle(word, limit)
			w := width(word)
			switch {
			case j == 0:
			case wrapped && used == 0:
				// The blanks at the end of a wrapped line do not begin the next.
			case used+1+w <= limit:
				b.WriteByte(' ')
				used++
			case w > 0:
				newline()
				used, wrapped = 0, true
			}
			b.WriteString(word)
			used += w
			style = styleAfter(style, word)
		}
	}
	return b.String()
}

// styleAfter returns the escape sequences in effect after s, given those before s.
func styleAfter(style, s string) string {
	for {
		i := strings.IndexByte(s, '\x1b')
		if i < 0 {
			return style
		}
		seq := sequence(s[i:])
		switch seq {
		case resetStyle:
			style = ""
		default:
			style += seq
		}
		s = s[i+max(len(seq), 1):]
	}
}
