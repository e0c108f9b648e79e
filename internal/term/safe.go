// Package term is the terminal: safe printing of untrusted text, colour,
// units, tables, trees and progress.
//
// The rules of the terminal:
//
//   - Text that the user did not write (names, comments, tracker messages)
//     passes through Safe before it is shown.
//   - Colour only where it was asked for, or on a terminal that did not refuse
//     it; the text alone says everything the colour says.
//   - A table fits the width of the terminal, and a name that must be cut keeps
//     its head and its tail. What there is no room for is left out whole, what is
//     needed least first; no figure is cut.
//   - What is redrawn asks for the size of the window each time, and leaves nothing
//     behind in one that got narrower.
//   - In a locale without UTF-8 everything is drawn in ASCII; names stay as they are.
//   - Names stand in natural order: Release.2 before Release.10.
//   - A bar is for terminals and for jobs longer than half a second, and it is
//     gone when the result is printed. Elsewhere: a line every ten seconds.
//   - The package writes to the writer it is given, and never exits.
package term

import (
	"fmt"
	"iter"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Safe returns untrusted text as it may be shown. What could move the cursor,
// reorder or hide text is escaped: control characters (C0, DEL, C1), format
// characters (Unicode Cf: bidi controls, tags, invisible joiners), line and
// paragraph separators, noncharacters, and bytes that are not UTF-8. ZWNJ and
// ZWJ stay, since Persian, Indic scripts and emoji are spelled with them.
//
// Escapes look as in Go: \n, \x1b, \u202e, \U000e0001, and \xff for a byte that
// is not UTF-8. Backslashes are left alone: names hold them, and nothing is
// decided by this text, so it need not be reversible.
//
// A text without any of these is returned itself.
func Safe(s string) string {
	return escape(s, false)
}

// SafeJoin returns the components of a path made safe and joined with "/". A
// "/" inside a component is shown as \x2f, or a forged component would look
// like a directory. One that is longer than any file system takes is cut.
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

// SafeJSON returns a JSON document with everything that Safe would escape, but
// for white space between its tokens, escaped in JSON's own way: it means the
// same, and may be shown.
func SafeJSON(doc []byte) []byte {
	var out []byte // nil until something differs
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

// Shorten returns the beginning of a long text, made safe, with a note of how long
// it is; all, if not empty, says where the whole of it is. A text of up to 500
// bytes is whole.
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

// Parts yields a text in parts of about size bytes, each of which ends with a
// character.
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

// showable tells of a rune decoded from size bytes whether it is shown as it is.
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
