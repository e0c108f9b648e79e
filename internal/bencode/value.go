package bencode

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"unsafe"
)

// A Document is a parsed input with an index of its long lists and dicts. It is
// read-only and safe for concurrent use.
type Document struct {
	src            []byte
	end            int      // of the root value
	long           []extent // by offset
	twice          []uint32 // offsets of dicts with a duplicate key; ascending
	irregular      []Irregularity
	irregularCount int
}

// Root returns the root value.
func (d *Document) Root() Value { return Value{d, 0, uint32(d.end)} }

// endOf returns the end of the value or key at off, which was parsed before.
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

// Bytes returns the whole input, unchanged.
func (d *Document) Bytes() []byte { return d.src }

// Trailing returns the bytes after the root value.
func (d *Document) Trailing() []byte { return d.src[d.end:] }

// Irregularities returns the irregularities of the input by offset, at most 1000 of
// them, and their total number.
func (d *Document) Irregularities() ([]Irregularity, int) { return d.irregular, d.irregularCount }

// A Value is a value in a Document. The zero Value, of KindInvalid, represents an
// absent value; its methods return zero values.
type Value struct {
	doc      *Document
	off, end uint32
}

// Kind returns the kind of v.
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

// Exists reports whether v is not the zero Value.
func (v Value) Exists() bool { return v.doc != nil }

// Offset returns the offset of v in the input, in bytes.
func (v Value) Offset() int {
	return int(v.off)
}

// Raw returns the bytes of v in the input.
func (v Value) Raw() []byte {
	if v.doc == nil {
		return nil
	}
	return v.doc.src[v.off:v.end:v.end]
}

// Bytes returns the content of a string, or nil for any other kind.
func (v Value) Bytes() []byte {
	if v.Kind() != KindString {
		return nil
	}
	return payload(v.Raw())
}

func payload(raw []byte) []byte { return raw[bytes.IndexByte(raw, ':')+1:] }

// Text returns the content of a string, or "" for any other kind. It shares the memory
// of the input.
func (v Value) Text() string {
	b := v.Bytes()
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// Int returns the value of an integer. It returns false for any other kind, or if the
// integer overflows 64 bits.
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

// isLong reports whether v is in the index, so that lists and dicts in it may be too.
func (v Value) isLong() bool { return v.end-v.off >= longExtent }

// Items yields the values of a list in order, and nothing for any other kind.
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

// Entries yields the keys and values of a dict in the order of the input, including
// duplicates, and nothing for any other kind.
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

// Get returns the value of a key of a dict, or the zero Value. If the key is duplicate,
// it returns the first value, like libtorrent.
func (v Value) Get(key string) Value {
	for k, val := range v.Entries() {
		if string(k.Bytes()) == key {
			return val
		}
	}
	return Value{}
}

// Len returns the number of values of a list or entries of a dict, in time proportional
// to that number.
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
