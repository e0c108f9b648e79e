package main

import (
	"encoding/hex"
	"fmt"

	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"bt/inspect"
	"bt/internal/term"
)

// printFieldsOf prints fields of one torrent on one line, separated by tabs. Texts are
// escaped, so that they can't break the line. On a terminal long values are cut, except
// the magnet link, which users copy.
func printFieldsOf(u *ui, x infoInput, doc *infoDocument, fields []fieldPath) error {
	for i, f := range fields {
		if i > 0 {
			u.out.WriteByte('\t')
		}
		if !u.env.stdoutTerminal || f.isMagnet() {
			w := fieldWriter{write: func(s string) {
				for part := range term.Parts(s, jsonPart) {
					u.out.WriteString(term.Safe(part))
				}
			}}
			w.field(x, doc, f)
			continue
		}
		var b strings.Builder
		w := fieldWriter{write: func(s string) { b.WriteString(s) }}
		w.field(x, doc, f)
		text := b.String()
		if f[0] == infoField { // the document is masked already
			text = u.shownText(text)
		}
		u.out.WriteString(u.pal.Shorten(text, "--json has all of it"))
	}
	return u.out.WriteByte('\n')
}

func (f fieldPath) isMagnet() bool { return f[0] == "magnet" }

// withFields adds to a document the lists that the fields are in.
func (doc *infoDocument) withFields(x infoInput, fields []fieldPath) *infoDocument {
	has := func(name string) bool {
		return slices.ContainsFunc(fields, func(f fieldPath) bool { return f[0] == name })
	}
	if has("files") {
		doc.Files = fileDocuments(x.facts.Files)
	}
	if has("pieces") && x.torrent != nil && len(x.torrent.Pieces) > 0 {
		doc.Pieces = pieceHashes(x.torrent.Pieces)
	}
	return doc
}

// A fieldWriter writes the values of a field, with blanks between the items of lists.
type fieldWriter struct {
	write func(string)
	items int // items of a list that were written
}

// field writes the values of one field.
func (w *fieldWriter) field(x infoInput, doc *infoDocument, f fieldPath) {
	switch {
	case f[0] != infoField:
		w.value(reflect.ValueOf(doc), f, false)
	case x.torrent != nil:
		w.bencode(x.torrent.InfoBytes(), f[1:], false)
	}
}

// value writes what a field leads to, below a value of the JSON. inList reports whether
// it is an item of a list, or below one.
func (w *fieldWriter) value(v reflect.Value, parts []string, inList bool) {
	switch t := v.Type(); {
	case t.Kind() == reflect.Pointer && v.IsNil():
		w.absent(inList)
	case t.Kind() == reflect.Pointer:
		w.value(v.Elem(), parts, inList)
	case isJSONList(t) && len(parts) > 0 && isIndex(parts[0]):
		w.nth(v, parts, inList)
	case isJSONList(t):
		eachItem(v, func(item reflect.Value) bool {
			w.value(item, parts, true)
			return true
		})
	case len(parts) > 0:
		for _, f := range jsonFieldsOf(t) {
			if f.name() == parts[0] {
				if x := v.Field(f.index); f.omitEmpty && isEmptyJSON(x) {
					w.absent(inList)
				} else {
					w.value(x, parts[1:], inList)
				}
			}
		}
	case hasJSONKeys(t):
		w.separate(inList)
		e := jsonEncoder{w: writerFunc(w.write)}
		e.value(v)
		e.flush()
	default:
		w.text(plain(v), inList)
	}
}

// nth writes what a field leads to below an item of a list, by its index.
func (w *fieldWriter) nth(list reflect.Value, parts []string, inList bool) {
	left, err := strconv.Atoi(parts[0])
	found := false
	if err == nil {
		eachItem(list, func(item reflect.Value) bool {
			if left--; left >= 0 {
				return true
			}
			found = true
			w.value(item, parts[1:], inList)
			return false
		})
	}
	if !found {
		w.absent(inList)
	}
}

// eachItem calls visit with the items of a list, until it returns false.
func eachItem(list reflect.Value, visit func(item reflect.Value) bool) {
	if list.IsNil() {
		return
	}
	if list.Kind() == reflect.Func {
		list.Seq()(visit)
		return
	}
	for i := range list.Len() {
		if !visit(list.Index(i)) {
			return
		}
	}
}

// plain returns a text, number or time as text.
func plain(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case string: // not by Sprint, which would copy a text of many megabytes twice
		return x
	case time.Time:
		return x.Format(time.RFC3339)
	case hexText:
		return hex.EncodeToString([]byte(x))
	}
	return fmt.Sprint(v.Interface())
}

// bencode writes what a field leads to, below a value of the info dict.
func (w *fieldWriter) bencode(v inspect.Value, parts []string, inList bool) {
	if v == nil {
		w.absent(inList)
		return
	}
	switch v[0] {
	case 'l':
		w.bencodeList(v, parts, inList)
	case 'd':
		if len(parts) > 0 {
			w.bencode(v.Get(parts[0]), parts[1:], inList)
			return
		}
		w.separate(inList)
		_ = v.WriteJSON(writerFunc(w.write)) // writing to w does not fail
	default:
		if len(parts) > 0 {
			w.absent(inList)
			return
		}
		w.text(scalar(v), inList)
	}
}

func (w *fieldWriter) bencodeList(v inspect.Value, parts []string, inList bool) {
	items, _ := v.Items()
	if len(parts) == 0 || !isIndex(parts[0]) {
		for item := range items {
			w.bencode(item, parts, true)
		}
		return
	}
	left, err := strconv.Atoi(parts[0])
	if err == nil {
		for item := range items {
			if left--; left < 0 {
				w.bencode(item, parts[1:], inList)
				return
			}
		}
	}
	w.absent(inList)
}

// scalar returns an integer as its digits, a text as it is, and other bytes in hex.
func scalar(v inspect.Value) string {
	text, ok := v.Text()
	switch {
	case !ok:
		return string(v[1 : len(v)-1])
	case !utf8.ValidString(text):
		return hex.EncodeToString([]byte(text))
	}
	return text
}

// separate writes the blank before an item of a list.
func (w *fieldWriter) separate(inList bool) {
	if inList {
		if w.items++; w.items > 1 {
			w.write(" ")
		}
	}
}

// absent writes what a torrent has not: nothing, or as an item of a list "", so that
// the items of two fields stay in step.
func (w *fieldWriter) absent(inList bool) { w.text("", inList) }

// text writes a text. An item of a list is quoted if it is empty or has blanks or quotes.
func (w *fieldWriter) text(s string, inList bool) {
	w.separate(inList)
	if inList && (s == "" || strings.ContainsAny(s, " \"")) {
		s = `"` + strings.ReplaceAll(strings.ReplaceAll(s, `\`, `\\`), `"`, `\"`) + `"`
	}
	w.write(s)
}

// A writerFunc is a function that implements io.Writer.
type writerFunc func(string)

func (f writerFunc) Write(p []byte) (int, error) {
	f(string(p))
	return len(p), nil
}
