package bencode

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"unicode/utf8"
)

// WriteJSON writes the document as lossless JSON, on one line. [FromJSON] converts it
// back to the same bytes. WriteJSON does not buffer the JSON, which may be many times
// as long as the input. It never splits a character between two calls of Write.
//
//	integer                   42                  any number of digits
//	string of UTF-8           "text"
//	string of other bytes     {"$hex": "ff00"}
//	list                      [...]
//	dict                      {"key": value, ...} in the order of the input
//	dict with duplicate keys  {"$pairs": [[key, value], ...]}
//	irregular scalar          {"$raw": "hex"}     bytes of the input: i007e, 04:spam
//	bytes after the end       {"$document": root, "$trailing": "hex"}
//
// A key that is not UTF-8 is written "$hex:ff00", an irregular key "$raw:hex". A key
// that begins with "$" gets a second "$" in front, so that it is never ambiguous.
// Strings, and the keys in "$pairs", which are written as strings, don't need that.
func (d *Document) WriteJSON(out io.Writer) error {
	w := jsonWriter{doc: d, out: out}
	if len(d.Trailing()) == 0 {
		w.value(0)
	} else {
		w.raw(`{"$document":`)
		w.value(0)
		w.raw(`,"$trailing":"`)
		w.hex(d.Trailing())
		w.raw(`"}`)
	}
	w.flush()
	return w.err
}

// AppendJSON appends the JSON of WriteJSON to dst.
func (d *Document) AppendJSON(dst []byte) []byte {
	b := bytes.NewBuffer(dst)
	_ = d.WriteJSON(b) // writing to a Buffer never fails
	return b.Bytes()
}

// A jsonWriter scans the input once. Asking each nested list for its end would scan it
// once per level.
type jsonWriter struct {
	doc *Document
	buf []byte
	out io.Writer
	err error // the first error of out
}

// jsonPart is the approximate length of the parts in which the JSON is written.
const jsonPart = 32 << 10

func (w *jsonWriter) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// raw writes text that is JSON already.
func (w *jsonWriter) raw(s string) {
	if w.buf = append(w.buf, s...); len(w.buf) >= jsonPart {
		w.flush()
	}
}

func (w *jsonWriter) hex(b []byte) {
	for part := range slices.Chunk(b, jsonPart) {
		w.buf = hex.AppendEncode(w.buf, part)
		w.flush()
	}
}

// text writes a JSON string of prefix and s.
func (w *jsonWriter) text(prefix string, s []byte) {
	w.raw(`"`)
	w.raw(prefix)
	for len(s) > 0 {
		n := min(len(s), jsonPart)
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n++
		}
		w.buf = appendText(w.buf, s[:n])
		s = s[n:]
		w.raw("")
	}
	w.raw(`"`)
}

// appendText appends s as in a JSON string, without the quotes.
func appendText(dst, s []byte) []byte {
	if !bytes.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return append(dst, s...)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // don't escape & in URLs
	if err := e.Encode(string(s)); err != nil {
		panic(err) // a string can always be encoded
	}
	return append(dst, b.Bytes()[1:b.Len()-2]...) // without the quotes and the newline
}

func (w *jsonWriter) tagged(tag string, b []byte) {
	w.raw(`{"` + tag + `":"`)
	w.hex(b)
	w.raw(`"}`)
}

// value writes the value at off and returns where it ends. Its recursion is limited by
// the parser's MaxDepth.
func (w *jsonWriter) value(off uint32) (end uint32) {
	src := w.doc.src
	switch src[off] {
	case 'i':
		end = w.doc.endOf(off, false)
		if digits := src[off+1 : end-1]; canonicalInt(digits) {
			w.number(digits)
		} else {
			w.tagged("$raw", src[off:end])
		}
		return end
	case 'l':
		w.raw("[")
		for off++; src[off] != 'e'; {
			if off = w.value(off); src[off] != 'e' {
				w.raw(",")
			}
		}
		w.raw("]")
		return off + 1
	case 'd':
		if _, twice := slices.BinarySearch(w.doc.twice, off); twice {
			return w.pairs(off)
		}
		w.raw("{")
		for off++; src[off] != 'e'; {
			off = w.key(off)
			w.raw(":")
			if off = w.value(off); src[off] != 'e' {
				w.raw(",")
			}
		}
		w.raw("}")
		return off + 1
	}
	end = w.doc.endOf(off, false)
	switch raw := src[off:end]; {
	case !canonicalString(raw):
		w.tagged("$raw", raw)
	case !utf8.Valid(payload(raw)):
		w.tagged("$hex", payload(raw))
	default:
		w.text("", payload(raw))
	}
	return end
}

func (w *jsonWriter) number(digits []byte) {
	for part := range slices.Chunk(digits, jsonPart) {
		w.buf = append(w.buf, part...)
		w.raw("")
	}
}

func (w *jsonWriter) pairs(off uint32) (end uint32) {
	w.raw(`{"$pairs":[`)
	for off++; w.doc.src[off] != 'e'; {
		w.raw("[")
		off = w.value(off)
		w.raw(",")
		off = w.value(off)
		w.raw("]")
		if w.doc.src[off] != 'e' {
			w.raw(",")
		}
	}
	w.raw("]}")
	return off + 1
}

// key writes the key at off as a key of an object.
func (w *jsonWriter) key(off uint32) (end uint32) {
	end = w.doc.endOf(off, false)
	switch raw := w.doc.src[off:end]; {
	case !canonicalString(raw):
		w.raw(`"$raw:`)
		w.hex(raw)
		w.raw(`"`)
	case !utf8.Valid(payload(raw)):
		w.raw(`"$hex:`)
		w.hex(payload(raw))
		w.raw(`"`)
	case bytes.HasPrefix(payload(raw), []byte("$")):
		w.text("$", payload(raw))
	default:
		w.text("", payload(raw))
	}
	return end
}

func canonicalInt(digits []byte) bool {
	return string(digits) == "0" || digits[0] != '0' && !bytes.HasPrefix(digits, []byte("-0"))
}

func canonicalString(raw []byte) bool {
	n := bytes.IndexByte(raw, ':')
	return raw[0] != '0' || n == 1
}
