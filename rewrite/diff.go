package rewrite

import (
	"bytes"
	"encoding/json"

	"bt/internal/bencode"
)

// A Change is one key that an edit gave another value. Old and New are lossless
// JSON (see bencode.Document.AppendJSON); nil where there is none. The key of
// bytes after the end of the torrent is "$trailing".
type Change struct {
	Key string          `json:"key"` // inside the info dict "info.key"
	Old json.RawMessage `json:"old,omitempty"`
	New json.RawMessage `json:"new,omitempty"`
}

// changes compares two documents, key by key.
func changes(old, new *bencode.Document) []Change {
	list := dictChanges(nil, "", old.Root(), new.Root())
	if !bytes.Equal(old.Trailing(), new.Trailing()) {
		list = append(list, Change{"$trailing", trailingJSON(old), trailingJSON(new)})
	}
	return list
}

// dictChanges lists the keys whose values differ, those of the new dict in its
// order and then those that are gone.
func dictChanges(list []Change, prefix string, old, new bencode.Value) []Change {
	before := len(list)
	seen := make(map[string]bool)
	was, is := valuesByKey(old), valuesByKey(new)
	for _, d := range []bencode.Value{new, old} {
		for k := range d.Entries() {
			key := k.Text()
			if seen[key] || bytes.Equal(was[key], is[key]) {
				continue
			}
			seen[key] = true
			a, b := old.Get(key), new.Get(key)
			if prefix == "" && key == "info" && a.Kind() == bencode.Dict && b.Kind() == bencode.Dict {
				list = dictChanges(list, "info.", a, b)
				continue
			}
			list = append(list, Change{prefix + key, valueJSON(key, was[key]), valueJSON(key, is[key])})
		}
	}
	if len(list) == before && !bytes.Equal(old.Raw(), new.Raw()) {
		list = append(list, Change{Key: prefix + "$order"}) // the same entries, in another order
	}
	return list
}

// valuesByKey are the raw values of a dict; of a key that stands twice both, one
// after another.
func valuesByKey(d bencode.Value) map[string][]byte {
	values := make(map[string][]byte)
	for k, v := range d.Entries() {
		key := k.Text()
		values[key] = append(values[key][:len(values[key]):len(values[key])], v.Raw()...)
	}
	return values
}

// valueJSON writes the value of a key; of a key that stands several times all of
// them, as a dict of pairs.
func valueJSON(key string, values []byte) json.RawMessage {
	if values == nil {
		return nil
	}
	doc, err := bencode.Parse(values)
	if err == nil && len(doc.Trailing()) > 0 {
		dict := []byte{'d'}
		for rest := values; len(rest) > 0 && err == nil; rest = doc.Trailing() {
			if doc, err = bencode.Parse(rest); err == nil {
				dict = append(append(dict, Text(key)...), doc.Root().Raw()...)
			}
		}
		doc, err = bencode.Parse(append(dict, 'e'))
	}
	if err != nil {
		panic(err) // it is sound: it was parsed
	}
	return doc.AppendJSON(nil)
}

func trailingJSON(doc *bencode.Document) json.RawMessage {
	if len(doc.Trailing()) == 0 {
		return nil
	}
	return valueJSON("", Bytes(doc.Trailing()))
}
