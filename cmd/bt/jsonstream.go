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

// JSON of unbounded length is streamed: lists item by item, and long texts in
// parts. The result is that of encoding/json.

// A jsonStream writes JSON to stdout: one document, a list of documents, or with
// --jsonl one document per line.
type jsonStream struct {
	u     *ui
	list  bool // write a list
	items int
	enc   jsonEncoder
	out   io.Writer // indents, unless --jsonl is set, and escapes for the terminal
}

// newJSON returns a stream for the JSON of a command. It writes a list if list is
// set.
func (u *ui) newJSON(list bool) *jsonStream {
	s := &jsonStream{u: u, list: list && !u.jsonl, out: safeWriter{u.out}}
	if !u.jsonl {
		s.out = &indenter{w: s.out}
	}
	s.enc.w = s.out
	return s
}

// item writes one document.
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

// end completes the list.
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

// stop completes a list that was begun. It does nothing if s is nil or nothing
// was written.
func (s *jsonStream) stop() error {
	if s == nil || s.items == 0 {
		return nil
	}
	return s.end()
}

func (s *jsonStream) flush() error {
	s.enc.flush()
	s.u.printed = true // possibly incomplete
	if s.enc.err == nil && s.u.jsonl {
		s.enc.err = s.u.out.Flush()
	}
	return stdoutError(s.enc.err)
}

// jsonPart is the approximate number of bytes per write.
const jsonPart = 32 << 10

// A jsonEncoder writes compact JSON in parts, and never splits a character. In
// addition to the types of encoding/json, it encodes iterators as lists, and
// values that implement jsonWriter.
type jsonEncoder struct {
	w   io.Writer
	buf []byte
	err error // first error
}

// A jsonWriter is a value that encodes itself as JSON.
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
	if e.err != nil || e.basic(v) {
		return
	}
	x := v.Interface()
	if w, ok := x.(jsonWriter); ok {
		e.written(w)
		return
	}
	switch v.Kind() {
	case reflect.Func:
		e.sequence(v)
	case reflect.Slice:
		e.slice(v)
	case reflect.Struct:
		if _, ok := x.(json.Marshaler); ok {
			e.marshal(x)
		} else {
			e.object(v)
		}
	case reflect.Pointer:
		e.value(v.Elem())
	case reflect.String:
		e.text(v.String())
	default:
		e.marshal(x)
	}
}

// basic encodes strings, integers and pointers to them. It reports whether v is
// one. These are the most frequent values, and it does not call v.Interface, which
// allocates.
func (e *jsonEncoder) basic(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.String:
		if v.Type() != reflect.TypeFor[string]() {
			return false // it may be a jsonWriter
		}
		e.text(v.String())
	case reflect.Int, reflect.Int64:
		e.buf = strconv.AppendInt(e.buf, v.Int(), 10)
	case reflect.Pointer:
		if !v.IsNil() {
			return e.basic(v.Elem())
		}
		e.raw("null")
	default:
		return false
	}
	return true
}

// written calls the WriteJSON method of a value, which writes directly to the
// output.
func (e *jsonEncoder) written(x jsonWriter) {
	if e.flush(); e.err == nil {
		e.err = x.WriteJSON(e.w)
	}
}

func (e *jsonEncoder) slice(v reflect.Value) {
	e.raw("[")
	for i := range v.Len() {
		if i > 0 {
			e.raw(",")
		}
		e.value(v.Index(i))
	}
	e.raw("]")
}

// marshal encodes a small value with encoding/json.
func (e *jsonEncoder) marshal(v any) {
	b, err := compactJSON(v)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("encoding JSON: %w", err)
	}
	e.raw(string(b))
}

// compactJSON is like json.Marshal but does not escape &, which is frequent in
// URLs.
func compactJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// sequence encodes an iterator as a list. A nil iterator is an empty list.
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
	key                 string // quoted, with the colon
	index               int
	omitEmpty, omitZero bool
}

var jsonFields sync.Map // map[reflect.Type][]jsonField

func jsonFieldsOf(t reflect.Type) []jsonField {
	if known, ok := jsonFields.Load(t); ok {
		return known.([]jsonField)
	}
	var fields []jsonField
	for i := range t.NumField() {
		name, options, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name != "-" && t.Field(i).IsExported() {
			fields = append(fields, jsonField{`"` + name + `":`, i, options == "omitempty", options == "omitzero"})
		}
	}
	jsonFields.Store(t, fields)
	return fields
}

// text encodes a string.
func (e *jsonEncoder) text(s string) {
	e.raw(`"`)
	for part := range term.Parts(s, jsonPart) {
		if isPlainJSON(part) {
			e.raw(part)
			continue
		}
		b, _ := compactJSON(part) // encoding a string can't fail
		e.raw(string(b[1 : len(b)-1]))
	}
	e.raw(`"`)
}

// isPlainJSON reports whether s needs no escaping in JSON.
func isPlainJSON(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
