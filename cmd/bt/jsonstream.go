package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"sync"

	"bt/internal/term"
)

// JSON that is as long as a torrent, or longer, is written as it goes: lists item
// by item, and long texts in parts. What it says is what encoding/json would say.

// A jsonStream writes documents to stdout: one, or the items of a list.
type jsonStream struct {
	u     *ui
	list  bool // else one document, or with --jsonl one per line
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

// stop ends a list early, if it has begun. A nil jsonStream has not.
func (s *jsonStream) stop() error {
	if s == nil || s.items == 0 {
		return nil
	}
	return s.end()
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
	// Interface allocates, so what there is most of does without.
	switch t := v.Type(); t.Kind() {
	case reflect.String:
		if t == reflect.TypeFor[string]() {
			e.text(v.String())
			return
		}
	case reflect.Int, reflect.Int64:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
		return
	case reflect.Pointer:
		if v.IsNil() {
			e.raw("null")
			return
		}
		if t.Elem().Kind() == reflect.Int || t.Elem().Kind() == reflect.Int64 {
			e.value(v.Elem())
			return
		}
	}
	if x, ok := v.Interface().(jsonWriter); ok { // it writes its own part of the document
		e.flush()
		if e.err == nil {
			e.err = x.WriteJSON(e.w)
		}
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
		e.raw("[")
		for i := range v.Len() {
			if i > 0 {
				e.raw(",")
			}
			e.value(v.Index(i))
		}
		e.raw("]")
	case reflect.Pointer:
		e.value(v.Elem())
	case reflect.String:
		e.text(v.String())
	default:
		e.marshal(v.Interface())
	}
}

// marshal is for what is small.
func (e *jsonEncoder) marshal(v any) {
	b, err := compactJSON(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("encoding JSON: %w", err)
	}
	e.raw(string(b))
}

// compactJSON is json.Marshal, but URLs, which are full of &, stay readable.
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
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
		b, _ := compactJSON(part) // a string always encodes
		e.raw(string(b[1 : len(b)-1]))
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
