package rewrite

import (
	"fmt"
	"slices"

	"bt/internal/bencode"
	"bt/internal/metainfo"
)

// A dict is a dict that is being edited. Entries that were not set keep the bytes that
// they have in the file. A key may have several entries.
type dict struct{ entries []metainfo.DictEntry }

// splitDict returns the entries of a dict.
func splitDict(v bencode.Value) (*dict, error) {
	d := &dict{metainfo.DictEntries(v)}
	if len(d.entries) > metainfo.MaxEntries {
		return nil, fmt.Errorf("a dict with more than %d keys can't be edited", metainfo.MaxEntries)
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
		case e.Key != key:
		case first == nil:
			first = e.Value
		case all == nil:
			all = slices.Concat(first, e.Value)
		default:
			all = append(all, e.Value...)
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
		n += len(e.RawKey) + len(e.Value)
	}
	return n
}

// checkNew returns an error if the dict is not valid bencode. It skips the largest
// values, which are already checked.
func (d *dict) checkNew() error {
	_, err := bencode.Parse((&dict{slices.Collect(func(yield func(metainfo.DictEntry) bool) {
		for _, e := range d.entries {
			if e.Key == "info" || e.Key == "piece layers" {
				e.Value = []byte("de")
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
		dst = append(dst, e.RawKey...)
		dst = append(dst, e.Value...)
	}
	return append(dst, 'e')
}

func (d *dict) has(key string) bool {
	return slices.ContainsFunc(d.entries, func(e metainfo.DictEntry) bool { return e.Key == key })
}

// get returns the value of the first entry of a key.
func (d *dict) get(key string) bencode.Value {
	for _, e := range d.entries {
		if e.Key == key {
			doc, err := bencode.Parse(e.Value)
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
	d.entries = slices.DeleteFunc(d.entries, func(e metainfo.DictEntry) bool { return e.Key == key })
}

// set sets the value of a key. If the key has several entries, the first gets the value
// and the others are removed, as programs differ in which entry they read. A new entry
// is inserted before the first key that sorts after it, which keeps a sorted dict
// sorted.
func (d *dict) set(key string, value []byte) {
	for i := range d.entries {
		if e := &d.entries[i]; e.Key == key {
			e.Value = value
			rest := slices.DeleteFunc(d.entries[i+1:], func(e metainfo.DictEntry) bool { return e.Key == key })
			d.entries = d.entries[:i+1+len(rest)]
			return
		}
	}
	at := slices.IndexFunc(d.entries, func(e metainfo.DictEntry) bool { return e.Key > key })
	if at < 0 {
		at = len(d.entries)
	}
	d.entries = slices.Insert(d.entries, at, metainfo.DictEntry{Key: key, RawKey: Text(key), Value: value})
}
