package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"sync"

	"bt/internal/term"
)

// JSON that is as long as a torrent, or longer, is written as it goes: lists item
// by item, and long texts in parts. What it says is what encoding/json would say.

// A jsonStream writes documents to stdout: one, or the items of a list.
type jsonStream struct {
	u     *ui
	list  bool // else one document, or with --jsonl one a line
	items int
	enc   jsonEncoder
	out   io.Writer // below it the document is indented, and made safe to be shown
}

// newJSON begins the JSON of a command.
func (u *ui) newJSON(list bool) *jsonStream {
	s := &jsonStream{u: u, list: list && !u.jsonl, out: safeWriter{u.out}}
	if !u.jsonl {
		s.out = &indenter{w: s.out}
	}
	s.enc.w = s.out
	return s
}

// item writes a document, or one of the list.
func (s *jsonStream) item(v any) error {
	switch {
	case s.list && s.items == 0:
		s.enc.raw("[")
	case s.list:
		s.enc.raw(",")
	}
	s.items++
	s.enc.value(reflect.ValueOf(v))
	if !s.list {
		s.enc.raw("\n")
	}
	return s.flush()
}

// end ends the list.
func (s *jsonStream) end() error {
	if !s.list {
		return nil
	}
	if s.items == 0 {
		s.enc.raw("[")
	}
	s.enc.raw("]\n")
	return s.flush()
}

func (s *jsonStream) flush() error {
	s.enc.flush()
	s.u.printed = true // as far as it went
	if s.enc.err == nil && s.u.jsonl {
		s.enc.err = s.u.out.Flush()
	}
	return stdoutError(s.enc.err)
}

// jsonPart is about how much is written at once.
const jsonPart = 32 << 10

// A jsonEncoder writes values as compact JSON, in parts that end with a
// character. Beside what encoding/json knows it takes iterators, as lists, and
// values that write themselves.
type jsonEncoder struct {
	w   io.Writer
	buf []byte
	err error // the first
}

// A jsonWriter writes itself as JSON.
type jsonWriter interface{ WriteJSON(w io.Writer) error }

func (e *jsonEncoder) flush() {
	if e.err == nil && len(e.buf) > 0 {
		_, e.err = e.w.Write(e.buf)
	}
	e.buf = e.buf[:0]
}

func (e *jsonEncoder) raw(s string) {
	if e.buf = append(e.buf, s...); len(e.buf) >= jsonPart {
		e.flush()
	}
}

func (e *jsonEncoder) value(v reflect.Value) {
	if e.err != nil {
		return
	}
	switch x := v.Interface().(type) {
	case jsonWriter:
		e.flush()
		if e.err == nil {
			e.err = x.WriteJSON(e.w)
		}
		return
	case string:
		e.text(x)
		return
	}
	switch v.Kind() {
	case reflect.Func:
		e.sequence(v)
	case reflect.Struct:
		if _, ok := v.Interface().(json.Marshaler); ok {
			e.marshal(v.Interface())
			return
		}
		e.object(v)
	case reflect.Slice:
		if _, ok := v.Interface().(json.Marshaler); ok {
			e.marshal(v.Interface())
			return
		}
		e.raw("[")
		for i := range v.Len() {
			if i > 0 {
				e.raw(",")
			}
			e.value(v.Index(i))
		}
		e.raw("]")
	case reflect.Pointer:
		if v.IsNil() {
			e.raw("null")
			return
		}
		e.value(v.Elem())
	case reflect.String:
		e.text(v.String())
	case reflect.Int, reflect.Int64:
		e.raw("")
		e.buf = fmt.Append(e.buf, v.Int())
	default:
		e.marshal(v.Interface())
	}
}

// marshal is for what is small.
func (e *jsonEncoder) marshal(v any) {
	b, err := json.Marshal(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("encoding JSON: %w", err)
	}
	e.raw(string(b))
}

// sequence writes an iterator; nil is an empty one.
func (e *jsonEncoder) sequence(v reflect.Value) {
	e.raw("[")
	if !v.IsNil() {
		first := true
		for x := range v.Seq() {
			if !first {
				e.raw(",")
			}
			first = false
			if e.value(x); e.err != nil {
				break
			}
		}
	}
	e.raw("]")
}

func (e *jsonEncoder) object(v reflect.Value) {
	e.raw("{")
	first := true
	for _, f := range jsonFieldsOf(v.Type()) {
		x := v.Field(f.index)
		if f.omitEmpty && isEmptyJSON(x) || f.omitZero && x.IsZero() {
			continue
		}
		if !first {
			e.raw(",")
		}
		first = false
		e.raw(f.key)
		e.value(x)
	}
	e.raw("}")
}

func isEmptyJSON(v reflect.Value) bool {
	return v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

type jsonField struct {
	key                 string // with quotes and colon
	index               int
	omitEmpty, omitZero bool
}

var jsonFields sync.Map // by type

func jsonFieldsOf(t reflect.Type) []jsonField {
	if known, ok := jsonFields.Load(t); ok {
		return known.([]jsonField)
	}
	var fields []jsonField
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" {
			fields = append(fields, jsonField{`"` + name + `":`, i, options == "omitempty", options == "omitzero"})
		}
	}
	jsonFields.Store(t, fields)
	return fields
}

// text writes a string.
func (e *jsonEncoder) text(s string) {
	e.raw(`"`)
	for part := range term.Parts(s, jsonPart) {
		if isPlainJSON(part) {
			e.raw(part)
			continue
		}
		var b bytes.Buffer
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false) // URLs are full of &
		_ = enc.Encode(part)     // a string always encodes
		e.raw(string(b.Bytes()[1 : b.Len()-2]))
	}
	e.raw(`"`)
}

// isPlainJSON reports whether a text is itself in JSON.
func isPlainJSON(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// An indenter indents compact JSON as it passes, as json.Indent does, but no
// deeper than maxIndent: with the depth of a torrent's nesting the text would be
// many times as long as the torrent.
type indenter struct {
	w        io.Writer
	buf      []byte
	depth    int
	inText   bool
	escaped  bool // the byte before was a backslash
	justOpen bool // nothing stands yet in the list or object
}

const maxIndent = 20

func (d *indenter) Write(p []byte) (int, error) {
	d.buf = d.buf[:0]
	for i := 0; i < len(p); i++ {
		c := p[i]
		if d.inText {
			// Whole stretches of text at once.
			n := 0
			for ; i+n < len(p); n++ {
				if c := p[i+n]; d.escaped {
					d.escaped = false
				} else if c == '\\' {
					d.escaped = true
				} else if c == '"' {
					d.inText = false
					n++
					break
				}
			}
			d.buf = append(d.buf, p[i:i+n]...)
			i += n - 1
			continue
		}
		if d.justOpen && c != ']' && c != '}' {
			d.newline()
		}
		opened := d.justOpen
		d.justOpen = false
		switch c {
		case '"':
			d.inText = true
		case '{', '[':
			d.depth++
			d.justOpen = true
		case '}', ']':
			if d.depth--; !opened {
				d.newline()
			}
		}
		switch d.buf = append(d.buf, c); c {
		case ',':
			d.newline()
		case ':':
			d.buf = append(d.buf, ' ')
		}
	}
	if _, err := d.w.Write(d.buf); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (d *indenter) newline() {
	const blanks = "\n                                        "
	d.buf = append(d.buf, blanks[:1+2*min(d.depth, maxIndent)]...)
}
