package metainfo

import (
	"encoding/hex"
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

// IsMagnet reports whether s appears to be a magnet link, perhaps with other characters
// around it; see TrimMagnet.
func IsMagnet(s string) bool {
	_, _, ok := findMagnet(s)
	return ok
}

// TrimMagnet removes characters around a magnet link: white space, a byte order mark,
// quotes, <> or (). It returns any other text unchanged.
func TrimMagnet(s string) string {
	if start, end, ok := findMagnet(s); ok {
		return s[start:end]
	}
	return s
}

// closers maps opening quotes and brackets around a link to the closing ones. A closing
// one is only removed after an opening one, as a name may end in a bracket.
var closers = map[rune]string{'"': `"`, '\'': `'`, '`': "`", '<': ">", '(': ")", '[': "]", '“': "”", '‘': "’", '«': "»"}

// findMagnet returns the position of the link in s.
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

// lineBreaks are removed anywhere in a link, as browsers do.
const lineBreaks = "\t\r\n"

// cutPair cuts the first parameter from a query. If references is set, the link has
// HTML character references, which are decoded: the & between two parameters, or a
// character in one.
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

// characterReference decodes the HTML character reference at the start of s, such as
// &amp; or &#38; or &#x26;. If there is none, size is 0.
func characterReference(s string) (text string, size int) {
	const longest = 10 // longer names are not of characters in a link
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

// unescape decodes percent escapes. It keeps a % that begins no escape, and returns
// false.
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

// unescapeQuery is unescape, but + is a blank.
func unescapeQuery(s string) (text string, ok bool) {
	return unescape(strings.ReplaceAll(s, "+", " "))
}
