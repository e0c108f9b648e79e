package bencode

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"
)

// AppendJSON appends the whole document to dst as lossless JSON, on one line:
// [FromJSON] tells from the text the input, to the byte.
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
func (d *Document) AppendJSON(dst []byte) []byte {
	w := jsonWriter{buf: dst}
	if len(d.Trailing()) == 0 {
		w.value(d.Root())
		return w.buf
	}
	w.buf = append(w.buf, `{"$document":`...)
	w.value(d.Root())
	w.buf = append(w.buf, `,"$trailing":"`...)
	w.buf = hex.AppendEncode(w.buf, d.Trailing())
	return append(w.buf, `"}`...)
}

type jsonWriter struct{ buf []byte }

func (w *jsonWriter) text(s string) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false) // URLs stay readable
	if err := e.Encode(s); err != nil {
		panic(err) // a string always encodes
	}
	w.buf = append(w.buf, bytes.TrimSuffix(b.Bytes(), []byte("\n"))...)
}

func (w *jsonWriter) tagged(tag string, b []byte) {
	w.buf = append(w.buf, `{"`...)
	w.buf = append(w.buf, tag...)
	w.buf = append(w.buf, `":"`...)
	w.buf = hex.AppendEncode(w.buf, b)
	w.buf = append(w.buf, `"}`...)
}

// value recurses as deep as the parser allowed the input to be.
func (w *jsonWriter) value(v Value) {
	switch v.Kind() {
	case Integer:
		digits := string(v.Raw()[1 : len(v.Raw())-1])
		if canonicalInt(digits) {
			w.buf = append(w.buf, digits...)
		} else {
			w.tagged("$raw", v.Raw())
		}
	case String:
		switch b := v.Bytes(); {
		case !canonicalString(v):
			w.tagged("$raw", v.Raw())
		case !utf8.Valid(b):
			w.tagged("$hex", b)
		default:
			w.text(string(b))
		}
	case List:
		w.buf = append(w.buf, '[')
		first := true
		for item := range v.Items() {
			w.comma(&first)
			w.value(item)
		}
		w.buf = append(w.buf, ']')
	case Dict:
		if hasDuplicates(v) {
			w.pairs(v)
			return
		}
		w.buf = append(w.buf, '{')
		first := true
		for k, val := range v.Entries() {
			w.comma(&first)
			w.text(jsonKey(k))
			w.buf = append(w.buf, ':')
			w.value(val)
		}
		w.buf = append(w.buf, '}')
	}
}

func (w *jsonWriter) pairs(v Value) {
	w.buf = append(w.buf, `{"$pairs":[`...)
	first := true
	for k, val := range v.Entries() {
		w.comma(&first)
		w.buf = append(w.buf, '[')
		w.value(k)
		w.buf = append(w.buf, ',')
		w.value(val)
		w.buf = append(w.buf, ']')
	}
	w.buf = append(w.buf, ']', '}')
}

func (w *jsonWriter) comma(first *bool) {
	if !*first {
		w.buf = append(w.buf, ',')
	}
	*first = false
}

func jsonKey(k Value) string {
	switch b := k.Bytes(); {
	case !canonicalString(k):
		return "$raw:" + hex.EncodeToString(k.Raw())
	case !utf8.Valid(b):
		return "$hex:" + hex.EncodeToString(b)
	case strings.HasPrefix(string(b), "$"):
		return "$" + string(b)
	default:
		return string(b)
	}
}

func canonicalInt(digits string) bool {
	return digits == "0" || digits[0] != '0' && !strings.HasPrefix(digits, "-0")
}

func canonicalString(v Value) bool {
	return len(v.Raw()) == len(strconv.Itoa(len(v.Bytes())))+1+len(v.Bytes())
}

func hasDuplicates(dict Value) bool {
	if dict.doc.irregularCount == 0 {
		return false
	}
	seen := make(map[string]bool)
	for k := range dict.Entries() {
		if seen[string(k.Bytes())] {
			return true
		}
		seen[string(k.Bytes())] = true
	}
	return false
}
