package bencode

import (
	"bytes"
	"iter"
	"unsafe"
)

// A Document is an input and an index of the values in it. It is read only,
// and safe for use by several goroutines.
type Document struct {
	src            []byte
	end            int // of the root value
	nodes          index
	irregular      []Irregularity
	irregularCount int
}

// Root returns the value that the input begins with.
func (d *Document) Root() Value { return Value{d, 0} }

// Bytes returns the whole input, as it was read.
func (d *Document) Bytes() []byte { return d.src }

// Trailing returns the bytes after the root value.
func (d *Document) Trailing() []byte { return d.src[d.end:] }

// Irregularities returns the rules that the input broke, by offset: at most
// 1000 of them, and how many there were in all.
func (d *Document) Irregularities() ([]Irregularity, int) { return d.irregular, d.irregularCount }

// A Value is one value of a Document: a place in its bytes. The zero Value is
// Invalid: it stands for a value that is absent and answers every question
// with nothing.
type Value struct {
	doc *Document
	i   uint32
}

// Kind tells what v is.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return Invalid
	}
	switch v.doc.src[v.node().off] {
	case 'i':
		return Integer
	case 'l':
		return List
	case 'd':
		return Dict
	}
	return String
}

func (v Value) node() *node { return v.doc.nodes.at(v.i) }

// Exists reports whether v is there at all.
func (v Value) Exists() bool { return v.doc != nil }

// Offset is where v begins in the input, in bytes.
func (v Value) Offset() int {
	if v.doc == nil {
		return 0
	}
	return int(v.node().off)
}

// Raw returns v as it stands in the input, from its first byte to its last.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	n := v.node()
	return v.doc.src[n.off:n.end:n.end]
}

// Bytes returns what a String holds; nil for any other kind.
func (v Value) Bytes() []byte {
	if v.Kind() != String {
		return nil
	}
	return payload(v.Raw())
}

func payload(raw []byte) []byte { return raw[bytes.IndexByte(raw, ':')+1:] }

// Text returns what a String holds; "" for any other kind. It shares the memory
// of the input.
func (v Value) Text() string {
	b := v.Bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Int returns the number of an Integer; false when v is no Integer or its
// number passes 64 bits.
func (v Value) Int() (int64, bool) {
	if v.Kind() != Integer {
		return 0, false
	}
	digits := v.Raw()
	digits = digits[1 : len(digits)-1]
	negative := digits[0] == '-'
	if negative {
		digits = digits[1:]
	}
	return parseInt(negative, digits)
}

// Items yields the values of a List in order; nothing for any other kind.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != List {
			return
		}
		for i := v.i + 1; i < v.node().next; i = v.doc.nodes.at(i).next {
			if !yield(Value{v.doc, i}) {
				return
			}
		}
	}
}

// Entries yields the keys and values of a Dict in file order, duplicates
// included; nothing for any other kind.
func (v Value) Entries() iter.Seq2[Value, Value] {
	return func(yield func(k, v Value) bool) {
		if v.Kind() != Dict {
			return
		}
		for i := v.i + 1; i < v.node().next; {
			val := i + 1 // a key is one node
			if !yield(Value{v.doc, i}, Value{v.doc, val}) {
				return
			}
			i = v.doc.nodes.at(val).next
		}
	}
}

// Get returns the value of key in a Dict, of its first when there are several
// (as libtorrent does); the zero Value when there is none or v is no Dict.
func (v Value) Get(key string) Value {
	for k, val := range v.Entries() {
		if string(k.Bytes()) == key {
			return val
		}
	}
	return Value{}
}

// Len counts the values of a List or the entries of a Dict, in time
// proportional to their number.
func (v Value) Len() int {
	n := 0
	for range v.Items() {
		n++
	}
	for range v.Entries() {
		n++
	}
	return n
}
