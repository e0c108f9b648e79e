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
		list = append(list, Change{"$trailing", asJSON(Bytes(old.Trailing())), asJSON(Bytes(new.Trailing()))})
	}
	return list
}

// dictChanges lists the keys whose values differ, those of the new dict in its
// order and then those that are gone.
func dictChanges(list []Change, prefix string, old, new bencode.Value) []Change {
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
			list = append(list, Change{prefix + key, asJSON(was[key]), asJSON(is[key])})
		}
	}
	if len(list) == 0 && !bytes.Equal(old.Raw(), new.Raw()) {
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

// asJSON writes the first of the values.
func asJSON(raw []byte) json.RawMessage {
	if raw == nil {
		return nil
	}
	doc, err := bencode.Parse(raw)
	if err != nil {
		return nil
	}
	doc, err = bencode.Parse(doc.Root().Raw())
	if err != nil {
		return nil
	}
	return doc.AppendJSON(nil)
}
