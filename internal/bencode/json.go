package bencode

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"slices"
	"unicode/utf8"
)

// WriteJSON writes the whole document as lossless JSON, on one line: [FromJSON]
// tells from the text the input, to the byte. It is written as it goes, in parts
// that end with a character: the text may be many times as long as the input.
//
//	integer                   42                  any number of digits
//	string of UTF-8           "text"
//	string of other bytes     {"$hex": "ff00"}
//	list                      [...]
//	dict                      {"key": value, ...} in file order
//	dict with duplicate keys  {"$pairs": [[key, value], ...]}
//	irregular scalar          {"$raw": "hex"}     as it stands in the input: i007e, 04:spam
//	bytes after the end       {"$document": root, "$trailing": "hex"}
//
// A key that is no UTF-8 is written "$hex:ff00", an irregular one "$raw:hex",
// and one that itself begins with "$" gets a second one in front, so a "$"
// never means two things. Strings need none of this, nor do the keys in
// "$pairs", which are written as the strings that they are.
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

// AppendJSON appends to dst what WriteJSON writes.
func (d *Document) AppendJSON(dst []byte) []byte {
	b := bytes.NewBuffer(dst)
	_ = d.WriteJSON(b) // a Buffer makes no errors
	return b.Bytes()
}

// A jsonWriter goes over the input once, from byte to byte: to ask each list for
// its end would go over what is nested once for each level.
type jsonWriter struct {
	doc *Document
	buf []byte
	out io.Writer
	err error // of out; the first
}

// jsonPart is about how long a part is that is written at once.
const jsonPart = 32 << 10

func (w *jsonWriter) flush() {
	if w.err == nil && len(w.buf) > 0 {
		_, w.err = w.out.Write(w.buf)
	}
	w.buf = w.buf[:0]
}

// raw writes what is JSON already.
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

// text writes a string of JSON, with prefix before s.
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

// appendText appends what stands between the quotes of a string of JSON.
func appendText(dst, s []byte) []byte {
	if !bytes.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		return append(dst, s...)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // URLs stay readable
	if err := e.Encode(string(s)); err != nil {
		panic(err) // a string always encodes
	}
	return append(dst, b.Bytes()[1:b.Len()-2]...) // without quotes and the end of the line
}

func (w *jsonWriter) tagged(tag string, b []byte) {
	w.raw(`{"` + tag + `":"`)
	w.hex(b)
	w.raw(`"}`)
}

// value writes the value at off and returns where it ends. It recurses as deep as
// the parser allowed the input to be.
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

// key writes the key at off as that of an object.
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
