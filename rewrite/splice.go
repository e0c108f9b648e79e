package rewrite

import (
	"fmt"
	"slices"

	"bt/internal/bencode"
)

// A dict is a dict that is being edited. Entries that were not set keep the bytes that
// they have in the file. A key may have several entries.
type dict struct{ entries []entry }

type entry struct {
	key    string
	rawKey []byte
	value  []byte // bencode
}

// maxEntries is the maximum number of entries of a dict that is edited. It bounds the
// memory for entries; real torrents have far fewer.
const maxEntries = 100_000

// splitDict returns the entries of a dict.
func splitDict(v bencode.Value) (*dict, error) {
	d := new(dict)
	for k, val := range v.Entries() {
		if len(d.entries) == maxEntries {
			return nil, fmt.Errorf("a dict with more than %d keys can't be edited", maxEntries)
		}
		d.entries = append(d.entries, entry{key: k.Text(), rawKey: k.Raw(), value: val.Raw()})
	}
	return d, nil
}

// with returns a copy in which a key is set to value.
func (d *dict) with(key string, value []byte) *dict {
	c := &dict{slices.Clone(d.entries)}
	c.set(key, value)
	return c
}

// values returns the bencoded values of all entries of a key, concatenated.
func (d *dict) values(key string) []byte {
	var first []byte
	var all []byte // nil while there is one
	for _, e := range d.entries {
		switch {
		case e.key != key:
		case first == nil:
			first = e.value
		case all == nil:
			all = slices.Concat(first, e.value)
		default:
			all = append(all, e.value...)
		}
	}
	if all != nil {
		return all
	}
	return first
}

// size is the number of bytes of the bencoded dict.
func (d *dict) size() int {
	n := len("de")
	for _, e := range d.entries {
		n += len(e.rawKey) + len(e.value)
	}
	return n
}

// checkNew returns an error if the dict is not valid bencode. It skips the largest
// values, which are already checked.
func (d *dict) checkNew() error {
	_, err := bencode.Parse((&dict{slices.Collect(func(yield func(entry) bool) {
		for _, e := range d.entries {
			if e.key == "info" || e.key == "piece layers" {
				e.value = []byte("de")
			}
			if !yield(e) {
				return
			}
		}
	})}).append(nil))
	return err
}

// append appends the bencoded dict to dst.
func (d *dict) append(dst []byte) []byte {
	dst = append(dst, 'd')
	for _, e := range d.entries {
		dst = append(dst, e.rawKey...)
		dst = append(dst, e.value...)
	}
	return append(dst, 'e')
}

func (d *dict) has(key string) bool {
	return slices.ContainsFunc(d.entries, func(e entry) bool { return e.key == key })
}

// get returns the value of the first entry of a key.
func (d *dict) get(key string) bencode.Value {
	for _, e := range d.entries {
		if e.key == key {
			doc, err := bencode.Parse(e.value)
			if err != nil {
				panic(err) // values of entries are valid bencode
			}
			return doc.Root()
		}
	}
	return bencode.Value{}
}

func (d *dict) edit(k KeyEdit) {
	if k.Value == nil {
		d.remove(k.Key)
	} else {
		d.set(k.Key, k.Value)
	}
}

func (d *dict) remove(key string) {
	d.entries = slices.DeleteFunc(d.entries, func(e entry) bool { return e.key == key })
}

// set sets the value of a key. If the key has several entries, the first gets the value
// and the others are removed, as programs differ in which entry they read. A new entry
// is inserted before the first key that sorts after it, which keeps a sorted dict
// sorted.
func (d *dict) set(key string, value []byte) {
	for i := range d.entries {
		if e := &d.entries[i]; e.key == key {
			e.value = value
			rest := slices.DeleteFunc(d.entries[i+1:], func(e entry) bool { return e.key == key })
			d.entries = d.entries[:i+1+len(rest)]
			return
		}
	}
	at := slices.IndexFunc(d.entries, func(e entry) bool { return e.key > key })
	if at < 0 {
		at = len(d.entries)
	}
	d.entries = slices.Insert(d.entries, at, entry{key, Text(key), value})
}
