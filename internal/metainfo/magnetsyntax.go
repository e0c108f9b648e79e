package metainfo

import (
	"encoding/hex"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsMagnet reports whether s is meant as a magnet link, also with something
// around it; see TrimMagnet.
func IsMagnet(s string) bool {
	_, _, ok := findMagnet(s)
	return ok
}

// TrimMagnet returns a magnet link without what stands around it where it was
// copied: blanks, line ends, a byte order mark, quotes, <> or (). A text that
// is no magnet link stays as it is.
func TrimMagnet(s string) string {
	if start, end, ok := findMagnet(s); ok {
		return s[start:end]
	}
	return s
}

// closers are the marks that people and programs write around a link, by the
// one that opens it. A mark that closes is only removed after one that opens: a
// name may end in a bracket.
var closers = map[rune]string{'"': `"`, '\'': `'`, '`': "`", '<': ">", '(': ")", '[': "]", '“': "”", '‘': "’", '«': "»"}

// findMagnet finds the link in s.
func findMagnet(s string) (start, end int, ok bool) {
	const scheme = "magnet:"
	isBlank := func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }
	end = len(s)
	for {
		end = start + len(strings.TrimRightFunc(s[start:end], isBlank))
		start = end - len(strings.TrimLeftFunc(s[start:end], isBlank))
		if end-start >= len(scheme) && strings.EqualFold(s[start:start+len(scheme)], scheme) {
			return start, end, true
		}
		mark, size := utf8.DecodeRuneInString(s[start:end])
		closer, ok := closers[mark]
		if !ok {
			return 0, 0, false
		}
		start += size
		end = start + len(strings.TrimSuffix(s[start:end], closer))
	}
}

// lineBreaks are left out wherever they stand, as browsers do.
const lineBreaks = "\t\r\n"

// cutPair splits off the first parameter of a query. In a link that was copied
// out of HTML a character reference is what it stands for: the & between two
// parameters, or a character of one.
func cutPair(s string) (pair string, size int, references bool) {
	decode := false
	for i := 0; ; {
		end := until(s, i, "&")
		text, n := "&", min(1, len(s)-end)
		if end < len(s) {
			if t, size := characterReference(s[end:]); size > 0 {
				text, n, references = t, size, true
			}
		}
		if text != "&" {
			i, decode = end+n, true
			continue
		}
		pair, size = s[:end], end+n
		for references && strings.HasPrefix(s[size:], "amp;") { // it was escaped twice
			size += len("amp;")
		}
		if decode {
			pair = html.UnescapeString(pair)
		}
		return pair, size, references
	}
}

// characterReference reads a character reference of HTML, &amp; or &#38; or
// &#x26;, that s begins with. No size: there is none.
func characterReference(s string) (text string, size int) {
	const longest = 10 // with 8 or more letters HTML names nothing that a link has
	end := strings.IndexByte(s[:min(longest, len(s))], ';')
	if end < 0 {
		return "", 0
	}
	text = html.UnescapeString(s[:end+1])
	if text == s[:end+1] || utf8.RuneCountInString(text) > 2 { // some names need no semicolon: then more is left
		return "", 0
	}
	return text, end + 1
}

func withoutLineBreaks(s string) string {
	if !strings.ContainsAny(s, lineBreaks) {
		return s
	}
	return strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
}

// unescape decodes percent escapes. A % that begins no escape stays as it is, and
// ok is false.
func unescape(s string) (text string, ok bool) {
	if !strings.Contains(s, "%") {
		return s, true
	}
	ok = true
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' {
			if x, err := hex.DecodeString(s[i+1 : min(i+3, len(s))]); err == nil && len(x) == 1 {
				b = append(b, x[0])
				i += 2
				continue
			}
			ok = false
		}
		b = append(b, s[i])
	}
	return string(b), ok
}

// unescapeQuery is unescape where + is a blank.
func unescapeQuery(s string) (text string, ok bool) {
	return unescape(strings.ReplaceAll(s, "+", " "))
}
