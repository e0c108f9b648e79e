// Package term formats output for terminals: safe printing of untrusted text, colours,
// units, tables, trees and progress.
//
// Its rules:
//
//   - Text that the user did not write (names, comments, tracker messages) is passed
//     through Safe.
//   - Colours are used if the user asks for them, or on a terminal unless the
//     environment disables them. Without colours, output has the same information.
//   - A table fits the width of the terminal. Names that are too long lose their
//     middle. If there is no room for a column, the least important one is left out;
//     numbers are never cut.
//   - Redrawn output uses the current size of the window, and leaves nothing behind
//     when the window gets narrower.
//   - In a locale without UTF-8, all drawing characters are ASCII; names don't change.
//   - Names are in natural order: Release.2 before Release.10.
//   - A progress bar is only shown on terminals and for jobs longer than half a second,
//     and is cleared before the result is printed. Elsewhere a line is printed every ten
//     seconds.
//   - The package writes only to the writer that it is given, and never exits.
package term

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Safe returns untrusted text in a form that is safe to print. It escapes everything
// that could move the cursor, or reorder or hide text: control characters (C0, DEL,
// C1), format characters (Unicode Cf: bidi controls, tags, invisible joiners), line and
// paragraph separators, noncharacters, and invalid UTF-8. It keeps ZWNJ and ZWJ, which
// Persian, Indic scripts and emoji need.
//
// Escapes are those of Go: \n, \x1b, \u202e, \U000e0001, and \xff for an invalid byte.
// Backslashes are kept, as names contain them, so the result can't be unescaped.
//
// If nothing is escaped, Safe returns text without copying it.
func Safe(s string) string {
	return escape(s, false)
}

// SafeJoin returns the safe components of a path, joined with "/". A "/" inside a
// component is escaped as \x2f, so that it does not look like a directory. Components
// that are too long for any file system are cut.
func SafeJoin(path []string) string {
	if len(path) == 1 {
		return safeComponent(path[0])
	}
	var b strings.Builder
	for i, c := range path {
		if i > 0 {
			b.WriteByte('/')
		}
		b.WriteString(safeComponent(c))
	}
	return b.String()
}

// SafeJSON escapes in a JSON document everything that Safe would escape, except white
// space between tokens. It uses JSON escapes, so that the document keeps its meaning.
func SafeJSON(doc []byte) []byte {
	var out []byte // nil until the first change
	start := 0
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		if r == '\n' || showable(r, size, false) || r == utf8.RuneError && size == 1 {
			i += size
			continue
		}
		out = append(out, doc[start:i]...)
		if r1, r2 := utf16.EncodeRune(r); r >= 0x10000 {
			out = fmt.Appendf(out, `\u%04x\u%04x`, r1, r2)
		} else {
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		i += size
		start = i
	}
	if out == nil {
		return doc
	}
	return append(out, doc[start:]...)
}

func safeComponent(c string) string {
	const longest = 1000 // bytes; file systems take 255
	if len(c) > longest {
		return escape(c[:longest], true) + "..."
	}
	return escape(c, true)
}

// Shorten returns the safe form of a text, cut after 500 bytes with a note of its
// length. The note ends with all, if that is not empty, which says where the whole is.
func (p Palette) Shorten(s, all string) string {
	const longest = 500
	if len(s) <= longest {
		return Safe(s)
	}
	end := longest
	for end > longest-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	note := plural(int64(len(s)), "byte")
	if all != "" {
		note += "; " + all
	}
	return Safe(s[:end]) + p.Ellipsis() + " (" + note + ")"
}

// Parts yields a text in parts of about size bytes. It does not split characters.
func Parts(s string, size int) iter.Seq[string] {
	return func(yield func(string) bool) {
		for len(s) > 0 {
			n := min(len(s), size)
			for n < min(len(s), size+utf8.UTFMax) && !utf8.RuneStart(s[n]) {
				n++
			}
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

func escape(s string, slash bool) string {
	start := 0
	for start < len(s) {
		r, size := utf8.DecodeRuneInString(s[start:])
		if !showable(r, size, slash) {
			break
		}
		start += size
	}
	if start == len(s) {
		return s
	}

	var b strings.Builder
	b.Grow(len(s) + 8)
	b.WriteString(s[:start])
	for i := start; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case showable(r, size, slash):
			b.WriteString(s[i : i+size])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case r == '\r':
			b.WriteString(`\r`)
		case size == 1: // ASCII, or a byte that is not UTF-8
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			fmt.Fprintf(&b, `\U%08x`, r)
		}
		i += size
	}
	return b.String()
}

// showable reports whether a rune, decoded from size bytes, is safe to print.
func showable(r rune, size int, slash bool) bool {
	switch {
	case r >= 0x20 && r < 0x7f:
		return r != '/' || !slash
	case r < 0xa0:
		return false
	case r == utf8.RuneError && size == 1:
		return false
	case r == '\u200c' || r == '\u200d':
		return true
	case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe: // noncharacters
		return false
	}
	return !unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp)
}
