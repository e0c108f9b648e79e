package rewrite

import (
	"bytes"
	"io"
	"iter"
	"strings"

	"bt/internal/bencode"
)

// A Change is a key whose value an edit changed.
type Change struct {
	// Key is a key of the torrent, or "info.KEY" for a key of its info dict. "$trailing"
	// stands for bytes after the end of the torrent. "$order" and "info.$order" mean that
	// only the order of the keys changed; they have no values.
	Key string

	Old Value // nil if the key was added
	New Value // nil if the key was removed
}

// A Value is a bencoded value, or nil. If a dict has a key several times, the Value of a
// [Change] is a dict with all entries of that key. The methods panic if the Value is
// neither nil nor valid bencode.
type Value []byte

// WriteJSON writes the value as lossless JSON, as [FromJSON] reads it. It does not
// buffer the JSON, as a value may be as long as a torrent. For nil it writes null.
func (v Value) WriteJSON(w io.Writer) error {
	if v == nil {
		_, err := io.WriteString(w, "null")
		return err
	}
	return v.document().WriteJSON(w)
}

// Text returns the text of a string; ok is false if the value is not a string.
func (v Value) Text() (text string, ok bool) {
	if v == nil {
		return "", false
	}
	root := v.document().Root()
	return root.Text(), root.Kind() == bencode.KindString
}

// Items yields the items of a list; ok is false if the value is not a list.
func (v Value) Items() (items iter.Seq[Value], ok bool) {
	if v == nil {
		return func(func(Value) bool) {}, false
	}
	root := v.document().Root()
	return func(yield func(Value) bool) {
		for item := range root.Items() {
			if !yield(item.Raw()) {
				return
			}
		}
	}, root.Kind() == bencode.KindList
}

func (v Value) document() *bencode.Document {
	doc, err := bencode.Parse(v)
	if err != nil {
		panic(err) // a Value is valid bencode
	}
	return doc
}

// Texts returns a bencoded list of strings.
func Texts(list []string) Value {
	var e bencode.Encoder
	e.List()
	for _, s := range list {
		e.String(s)
	}
	e.End()
	return e.Bytes()
}

// changes compares two torrents, key by key.
func changes(old, new *dict, oldTrailing, newTrailing []byte) []Change {
	list := dictChanges(nil, "", old, new)
	if !bytes.Equal(oldTrailing, newTrailing) {
		list = append(list, Change{"$trailing", trailing(oldTrailing), trailing(newTrailing)})
	}
	return list
}

// dictChanges lists the keys whose values differ, those of the new dict in its
// order and then those that are gone.
func dictChanges(list []Change, prefix string, old, new *dict) []Change {
	before := len(list)
	seen := make(map[string]bool)
	was, is := old.byKey(), new.byKey()
	for _, d := range []*dict{new, old} {
		for _, e := range d.entries {
			if seen[e.key] || bytes.Equal(was[e.key].all, is[e.key].all) {
				continue
			}
			seen[e.key] = true
			if prefix == "" && e.key == "info" {
				a, aErr := splitDict(old.get("info"))
				b, bErr := splitDict(new.get("info"))
				if aErr == nil && bErr == nil && old.get("info").Kind() == bencode.KindDict && new.get("info").Kind() == bencode.KindDict {
					list = dictChanges(list, "info.", a, b)
					continue
				}
			}
			list = append(list, Change{strings.Clone(prefix + e.key), was[e.key].value(e.key), is[e.key].value(e.key)})
		}
	}
	if len(list) == before && !old.equal(new) {
		list = append(list, Change{Key: prefix + "$order"})
	}
	return list
}

// keyValues are the bencoded values of the n entries of a key.
type keyValues struct {
	all []byte
	n   int
}

func (d *dict) byKey() map[string]keyValues {
	values := make(map[string]keyValues, len(d.entries))
	for _, e := range d.entries {
		v := values[e.key]
		if v.n++; v.n == 1 {
			v.all = e.value
		} else {
			v.all = append(v.all[:len(v.all):len(v.all)], e.value...)
		}
		values[e.key] = v
	}
	return values
}

// value returns the Value for a Change. It copies short ones, so that they don't keep
// the memory of the torrent.
func (v keyValues) value(key string) Value {
	const short = 64 << 10
	switch {
	case v.n < 2 && len(v.all) < short:
		return bytes.Clone(v.all)
	case v.n < 2:
		return v.all
	}
	dict := []byte{'d'}
	for rest := v.all; len(rest) > 0; {
		doc := Value(rest).document()
		dict = append(append(dict, Text(key)...), doc.Root().Raw()...)
		rest = doc.Trailing()
	}
	return append(dict, 'e')
}

// equal reports whether two dicts have the same bytes.
func (d *dict) equal(other *dict) bool {
	if len(d.entries) != len(other.entries) {
		return false
	}
	for i, e := range d.entries {
		if o := other.entries[i]; !bytes.Equal(e.rawKey, o.rawKey) || !bytes.Equal(e.value, o.value) {
			return false
		}
	}
	return true
}

func trailing(b []byte) Value {
	if len(b) == 0 {
		return nil
	}
	return Bytes(b)
}
