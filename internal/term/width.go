package term

import (
	"strings"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// width returns the number of terminal columns of s, escape sequences left out.
// It is the measure of tablewriter, or the columns of the two would drift apart.
func width(s string) int {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return twwidth.WidthNoCache(s)
		}
	}
	return len(s)
}

// sequence returns the escape sequence (CSI) that s begins with, if any.
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

// CutMiddle makes s fit into limit columns by taking out its middle. The style
// stays what it was, since every escape sequence is kept.
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
		// What has no width, a combining mark, goes where its base went.
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

// portOf is the port that s ends in, with its colon, and with one behind it: it
// tells addresses apart. "" if s ends in none, or has styles.
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

// WrapAfter returns a beginning, which may have styles, with a text behind it that
// is broken into lines of at most limit columns at blanks. Words that are longer
// are left to the terminal: they are paths and URLs, for copying. A limit of 0 is
// none.
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

// Wrap breaks a text without styles into lines of at most limit columns: at blanks,
// and words that are longer where they must be. Nothing of it is lost.
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

// fit makes every line of a cell fit into limit columns: it breaks lines at
// blanks, and cuts the middle out of words that are too long for a line. A
// style that spans lines is ended and begun again at each, or it would run into
// the next column.
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
				// The blanks at which a line was broken do not begin the next.
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

// styleAfter returns the escape sequences in force after s, where style was in
// force before it.
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
