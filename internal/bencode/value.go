package bencode

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"unsafe"
)

// A Document is an input and an index of the long lists and dicts in it. It is
// read only, and safe for use by several goroutines.
type Document struct {
	src            []byte
	end            int      // of the root value
	long           []extent // by offset
	twice          []uint32 // offsets of dicts that have a key twice; ascending
	irregular      []Irregularity
	irregularCount int
}

// Root returns the value that the input begins with.
func (d *Document) Root() Value { return Value{d, 0, uint32(d.end)} }

// endOf returns where the value or key at off ends. It is sound: it was parsed.
func (d *Document) endOf(off uint32, inLong bool) uint32 {
	if c := d.src[off]; inLong && (c == 'l' || c == 'd') {
		i, ok := slices.BinarySearchFunc(d.long, off, func(x extent, off uint32) int { return cmp.Compare(x.off, off) })
		if ok {
			return d.long[i].end
		}
	}
	for depth := 0; ; {
		switch d.src[off] {
		case 'l', 'd':
			depth++
			off++
		case 'e':
			depth--
			off++
		case 'i':
			off += uint32(bytes.IndexByte(d.src[off:], 'e')) + 1
		default:
			n := uint32(0)
			for ; d.src[off] != ':'; off++ {
				n = n*10 + uint32(d.src[off]-'0')
			}
			off += 1 + n
		}
		if depth == 0 {
			return off
		}
	}
}

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
	doc      *Document
	off, end uint32
}

// Kind tells what v is.
func (v Value) Kind() Kind {
	if v.doc == nil {
		return KindInvalid
	}
	switch v.doc.src[v.off] {
	case 'i':
		return KindInteger
	case 'l':
		return KindList
	case 'd':
		return KindDict
	}
	return KindString
}

// Exists reports whether v is there at all.
func (v Value) Exists() bool { return v.doc != nil }

// Offset is where v begins in the input, in bytes.
func (v Value) Offset() int {
	return int(v.off)
}

// Raw returns v as it stands in the input, from its first byte to its last.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	return v.doc.src[v.off:v.end:v.end]
}

// Bytes returns what a String holds; nil for any other kind.
func (v Value) Bytes() []byte {
	if v.Kind() != KindString {
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
	if v.Kind() != KindInteger {
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

// isLong reports whether v is in the index, so that what is in it may be too.
func (v Value) isLong() bool { return v.end-v.off >= longExtent }

// Items yields the values of a List in order; nothing for any other kind.
func (v Value) Items() iter.Seq[Value] {
	return func(yield func(Value) bool) {
		if v.Kind() != KindList {
			return
		}
		long := v.isLong()
		for off := v.off + 1; v.doc.src[off] != 'e'; {
			end := v.doc.endOf(off, long)
			if !yield(Value{v.doc, off, end}) {
				return
			}
			off = end
		}
	}
}

// Entries yields the keys and values of a Dict in file order, duplicates
// included; nothing for any other kind.
func (v Value) Entries() iter.Seq2[Value, Value] {
	return func(yield func(k, v Value) bool) {
		if v.Kind() != KindDict {
			return
		}
		long := v.isLong()
		for off := v.off + 1; v.doc.src[off] != 'e'; {
			keyEnd := v.doc.endOf(off, false)
			end := v.doc.endOf(keyEnd, long)
			if !yield(Value{v.doc, off, keyEnd}, Value{v.doc, keyEnd, end}) {
				return
			}
			off = end
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
