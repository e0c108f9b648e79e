package bencode

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A JSONError reports JSON that can't be converted to bencode.
type JSONError struct {
	Line, Column int // from 1; columns count characters
	Msg          string
}

func (e *JSONError) Error() string {
	return fmt.Sprintf("line %d, column %d of the JSON: %s", e.Line, e.Column, e.Msg)
}

// FromJSON is the inverse of [Document.WriteJSON]: it converts lossless JSON to
// bencode. For JSON that WriteJSON wrote, the result is equal to the original input.
// The JSON may also be indented, edited or written by hand. Dicts keep the order of the
// JSON.
//
// FromJSON also accepts some forms that WriteJSON does not write: any escape in a
// string, hex in upper case, a tag where the plain form is enough, "$document" without
// "$trailing", and a byte order mark at the start.
//
// It returns an error for JSON that has no equivalent in bencode, or is ambiguous: a
// number that is not a plain integer; true, false and null; a duplicate key in an
// object; a key that begins with an unknown "$" tag; invalid UTF-8; half a surrogate
// pair, such as \ud800; and input that a Parser with the default limits would reject.
// Every error is a *JSONError.
func FromJSON(text []byte) ([]byte, error) {
	r := jsonReader{
		text:     bytes.TrimPrefix(text, []byte("\ufeff")),
		maxItems: DefaultMaxItems,
		maxSize:  DefaultMaxSize,
	}
	return r.read()
}

// A jsonReader parses JSON. After a failure it continues from the end of the text,
// where all loops and recursion end; only the first failure is returned. encoding/json
// is not usable, as it replaces invalid UTF-8 by U+FFFD.
type jsonReader struct {
	text              []byte
	maxItems, maxSize int

	pos      int
	items    int
	str      []byte // the latest string
	out      []byte
	trailing []byte
	err      *JSONError
}

func (r *jsonReader) read() ([]byte, error) {
	r.document()
	if r.peek(); r.pos < len(r.text) {
		r.fail(r.pos, "expected the end of the text, found %s", r.found())
	}
	r.out = append(r.out, r.trailing...)
	r.checkSize(len(r.text))
	if r.err != nil {
		return nil, r.err
	}
	return r.out, nil
}

func (r *jsonReader) fail(off int, format string, args ...any) {
	if r.err == nil {
		line := bytes.LastIndexByte(r.text[:off], '\n') + 1
		r.err = &JSONError{
			Line:   1 + bytes.Count(r.text[:line], []byte("\n")),
			Column: 1 + utf8.RuneCount(r.text[line:off]),
			Msg:    fmt.Sprintf(format, args...),
		}
	}
	r.pos = len(r.text)
}

// peek skips white space and returns the next byte, or 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.pos < len(r.text); r.pos++ {
		switch c := r.text[r.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// found describes the text at r.pos for an error.
func (r *jsonReader) found() string {
	switch c, size := utf8.DecodeRune(r.text[r.pos:]); {
	case size == 0:
		return "the end of the text"
	case c == utf8.RuneError && size == 1:
		return char(r.text[r.pos])
	default:
		return strconv.QuoteRune(c)
	}
}

// expect reads the first of chars. An error says that any of them is allowed.
func (r *jsonReader) expect(chars string) {
	if r.peek() != chars[0] {
		r.fail(r.pos, "expected '%s', found %s", strings.Join(strings.Split(chars, ""), "' or '"), r.found())
		return
	}
	r.pos++
}

// each reads an array or object: elements separated by commas, in brackets.
func (r *jsonReader) each(brackets string, element func()) {
	r.expect(brackets[:1])
	if r.peek() != brackets[1] {
		for element(); r.peek() == ','; element() {
			r.pos++
		}
	}
	r.expect(brackets[1:] + ",")
}

// jsonTags are the keys with a special meaning. Other keys that begin with "$" are
// escaped.
var jsonTags = []string{"$hex", "$raw", "$pairs", "$document", "$trailing"}

// tag looks ahead. If the next value is an object that begins with a tag, it returns
// the tag and where it ends.
func (r *jsonReader) tag() (tag string, end int) {
	if r.peek() != '{' {
		return "", 0
	}
	start := r.pos
	r.pos++
	if r.peek() == '"' {
		if key := r.string(); bytes.HasPrefix(key, []byte("$")) && slices.Contains(jsonTags, string(key)) {
			tag, end = string(key), r.pos
		}
	}
	if r.err == nil {
		r.pos = start
	}
	return tag, end
}

// document reads the root value and any bytes after it.
func (r *jsonReader) document() {
	tag, end := r.tag()
	if tag != "$document" {
		r.value(0)
		return
	}
	r.pos = end
	r.expect(":")
	r.value(0)
	if r.peek() == ',' {
		r.pos++
		r.peek()
		if off := r.pos; string(r.string()) != "$trailing" {
			r.fail(off, `only "$trailing" can stand beside "$document"`)
		}
		r.expect(":")
		r.trailing = r.hex()
	}
	r.expect("}")
}

// value reads a value inside depth lists and dicts.
func (r *jsonReader) value(depth int) {
	c := r.peek()
	switch off := r.pos; {
	case c == '"':
		r.addString(off, r.string())
	case c == '[':
		r.open('l', off, depth)
		r.each("[]", func() { r.value(depth + 1) })
		r.out = append(r.out, 'e')
	case c == '{':
		r.object(depth)
	case c == '-', '0' <= c && c <= '9':
		r.integer()
	default:
		for _, word := range []string{"true", "false", "null"} {
			if bytes.HasPrefix(r.text[off:], []byte(word)) {
				r.fail(off, "bencode has no %s", word)
			}
		}
		r.fail(off, "expected a value, found %s", r.found())
	}
}

func (r *jsonReader) integer() {
	off := r.pos
	rest := bytes.TrimLeft(r.text[off:], "0123456789+-.eE")
	r.pos = len(r.text) - len(rest)
	number := r.text[off:r.pos]
	digits := bytes.TrimPrefix(number, []byte("-"))
	switch {
	case len(digits) == 0 || len(bytes.TrimLeft(digits, "0123456789")) > 0:
		r.fail(off, "%.40s is not an integer, and bencode has no other numbers", number)
	case !canonicalInt(number):
		r.fail(off, `%.40s is not a regular integer; an irregular one is written {"$raw": "..."} with the hex of i%.40[1]se`, number)
	}
	r.out = append(r.out, 'i')
	r.out = append(r.out, number...)
	r.out = append(r.out, 'e')
	r.count(off)
}

func (r *jsonReader) object(depth int) {
	tag, end := r.tag()
	if tag == "" {
		r.dict(depth)
		return
	}
	off := r.pos
	r.pos = end
	r.expect(":")
	switch tag {
	case "$hex":
		r.addString(off, r.hex())
	case "$raw":
		r.addRaw(off, r.hex())
	case "$pairs":
		r.open('d', off, depth)
		r.each("[]", func() { r.pair(depth + 1) })
		r.out = append(r.out, 'e')
	default:
		r.fail(off, `{"$document": ..., "$trailing": "..."} can stand only around the whole text`)
	}
	if r.peek() == ',' {
		r.fail(r.pos, "nothing can stand beside %q", tag)
	}
	r.expect("}")
}

func (r *jsonReader) pair(depth int) {
	r.expect("[")
	r.peek()
	off, key := r.pos, len(r.out)
	r.value(depth)
	r.mustBeKey(off, key)
	r.expect(",")
	r.value(depth)
	r.expect("]")
}

func (r *jsonReader) dict(depth int) {
	r.open('d', r.pos, depth)
	seen := make(map[string]bool)
	r.each("{}", func() {
		r.peek()
		off := r.pos
		key := string(r.key())
		if seen[key] {
			r.fail(off, `the key %.40q stands twice; {"$pairs": [[key, value], ...]} is the way to have that`, key)
		}
		seen[key] = true
		r.expect(":")
		r.value(depth + 1)
	})
	r.out = append(r.out, 'e')
}

// key reads the key of an object, and returns the bytes that it represents.
func (r *jsonReader) key() []byte {
	off, start := r.pos, len(r.out)
	s := r.string()
	has := func(prefix string) bool { return bytes.HasPrefix(s, []byte(prefix)) }
	switch {
	case !has("$"):
		r.addString(off, s)
	case has("$$"):
		r.addString(off, s[1:])
	case has("$hex:"):
		r.addString(off, r.unhex(s[5:], off+6))
	case has("$raw:"):
		r.addRaw(off, r.unhex(s[5:], off+6))
		r.mustBeKey(off, start)
	case slices.Contains(jsonTags, string(s)):
		r.fail(off, "%q can't stand beside other keys", s)
	default:
		r.fail(off, `there is no tag %.40q; a key that begins with "$" is written with one more in front`, s)
	}
	return payload(r.out[start:])
}

// mustBeKey fails unless the bencode from start on, for the JSON at off, is a string.
func (r *jsonReader) mustBeKey(off, start int) {
	if r.err == nil && (r.out[start] < '0' || r.out[start] > '9') {
		r.fail(off, "the key of a dict is a string")
	}
}

// hex reads a string of hex digits.
func (r *jsonReader) hex() []byte {
	r.peek()
	off := r.pos + 1
	return r.unhex(r.string(), off)
}

// unhex decodes hex digits at off in the JSON.
func (r *jsonReader) unhex(digits []byte, off int) []byte {
	b, err := hex.AppendDecode(nil, digits)
	if err != nil {
		if bad := bytes.TrimLeft(digits, "0123456789abcdefABCDEF"); len(bad) > 0 {
			c, _ := utf8.DecodeRune(bad)
			r.fail(off+len(digits)-len(bad), "%q is not a hex digit", c)
		}
		r.fail(off, "hex needs an even number of digits")
	}
	return b
}

// string reads a string. The next string reuses its memory.
func (r *jsonReader) string() []byte {
	r.str = r.str[:0]
	if r.peek() != '"' {
		r.fail(r.pos, "expected a string, found %s", r.found())
		return nil
	}
	start := r.pos
	for r.pos++; r.pos < len(r.text); {
		switch c := r.text[r.pos]; {
		case c == '"':
			r.pos++
			return r.str
		case c == '\\':
			r.escape()
		case c < ' ':
			r.fail(r.pos, `%q in a string, which JSON has only as an escape like \u%04x`, c, c)
		case c < utf8.RuneSelf:
			r.str = append(r.str, c)
			r.pos++
		default:
			_, size := utf8.DecodeRune(r.text[r.pos:])
			if size == 1 {
				r.fail(r.pos, `%s is not UTF-8; {"$hex": "..."} can have any bytes`, char(c))
				return nil
			}
			r.str = append(r.str, r.text[r.pos:r.pos+size]...)
			r.pos += size
		}
	}
	r.fail(start, "the string that begins here has no end")
	return nil
}

// escape reads an escape sequence.
func (r *jsonReader) escape() {
	if r.pos+1 < len(r.text) {
		if i := strings.IndexByte(`"\/bfnrt`, r.text[r.pos+1]); i >= 0 {
			r.str = append(r.str, "\"\\/\b\f\n\r\t"[i])
			r.pos += 2
			return
		}
	}
	c, size := r.codeUnit(r.pos), 6
	if utf16.IsSurrogate(c) {
		c, size = utf16.DecodeRune(c, r.codeUnit(r.pos+6)), 12
		if c == utf8.RuneError {
			r.fail(r.pos, `%s is half a surrogate pair, which no text can hold; {"$hex": "..."} can have any bytes`, r.text[r.pos:r.pos+6])
			return
		}
	}
	if c < 0 {
		r.fail(r.pos, "JSON has no such escape")
		return
	}
	r.str = utf8.AppendRune(r.str, c)
	r.pos += size
}

// codeUnit returns the value of \u and four hex digits at off, or -1.
func (r *jsonReader) codeUnit(off int) rune {
	if digits, ok := bytes.CutPrefix(r.text[off:], []byte(`\u`)); ok && len(digits) >= 4 {
		if n, err := strconv.ParseUint(string(digits[:4]), 16, 16); err == nil {
			return rune(n)
		}
	}
	return -1
}

// open begins a list or dict, at off in the JSON, inside depth others.
func (r *jsonReader) open(c byte, off, depth int) {
	if depth >= DefaultMaxDepth {
		r.fail(off, "nested deeper than %d levels", DefaultMaxDepth)
	}
	r.out = append(r.out, c)
	r.count(off)
}

func (r *jsonReader) addString(off int, b []byte) {
	r.out = strconv.AppendInt(r.out, int64(len(b)), 10)
	r.out = append(r.out, ':')
	r.out = append(r.out, b...)
	r.count(off)
}

// addRaw appends an irregular scalar to the bencode, unchanged.
func (r *jsonReader) addRaw(off int, raw []byte) {
	doc, err := Parse(raw)
	if err != nil || len(doc.Trailing()) > 0 || doc.Root().Kind() != KindInteger && doc.Root().Kind() != KindString {
		r.fail(off, "$raw must be the hex of exactly one bencode integer or string")
	}
	r.out = append(r.out, raw...)
	r.count(off)
}

// count counts the value or key at off in the JSON, after its first byte was written.
func (r *jsonReader) count(off int) {
	if r.items++; r.items > r.maxItems {
		r.fail(off, "more than %d items", r.maxItems)
	}
	r.checkSize(off)
}

func (r *jsonReader) checkSize(off int) {
	if len(r.out) > r.maxSize {
		r.fail(off, "more than %d bytes of bencode", r.maxSize)
	}
}
