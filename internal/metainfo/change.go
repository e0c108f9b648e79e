package metainfo

import (
	"bytes"
	"io"
	"iter"
	"slices"
	"strings"

	"bt/internal/bencode"
)

// A Change is a key whose value differs between two torrents.
type Change struct {
	// Key is a key of the torrent, or "info.KEY" for a key of its info dict. "$trailing"
	// stands for bytes after the end of the torrent. "$order" and "info.$order" mean that
	// only the order of the keys differs, and "$more" and "info.$more" that a dict has
	// more keys than are compared; they have no values.
	Key string

	Old Value // nil if the key was added
	New Value // nil if the key was removed
}

// OnlyEncoding reports whether Old and New are the same value, encoded differently: with
// leading zeros, or with the keys of a dict in another order.
func (c *Change) OnlyEncoding() bool {
	return c.Old != nil && c.New != nil && equalValues(c.Old.document().Root(), c.New.document().Root())
}

// A Value is a bencoded value, or nil. If a dict has a key several times, the Value of a
// Change is a dict with all entries of that key. The methods panic if the Value is
// neither nil nor valid bencode.
type Value []byte

// WriteJSON writes the value as lossless JSON; see bencode.Document.WriteJSON. For nil
// it writes null.
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

// Get returns the value of a key of a dict, the first if the key is duplicate, or nil.
// It returns nil for any other kind.
func (v Value) Get(key string) Value {
	if v == nil {
		return nil
	}
	return v.document().Root().Get(key).Raw()
}

func (v Value) document() *bencode.Document {
	doc, err := bencode.Parse(v)
	if err != nil {
		panic(err) // a Value is valid bencode
	}
	return doc
}

// equalValues reports whether two values are the same except for their encoding.
func equalValues(a, b bencode.Value) bool {
	if bytes.Equal(a.Raw(), b.Raw()) {
		return true
	}
	if a.Kind() != b.Kind() {
		return false
	}
	switch a.Kind() {
	case bencode.KindInteger:
		return bytes.Equal(canonicalDigits(a), canonicalDigits(b))
	case bencode.KindString:
		return bytes.Equal(a.Bytes(), b.Bytes())
	case bencode.KindList:
		next, stop := iter.Pull(b.Items())
		defer stop()
		for x := range a.Items() {
			if y, ok := next(); !ok || !equalValues(x, y) {
				return false
			}
		}
		_, more := next()
		return !more
	}
	return equalDicts(a, b)
}

// canonicalDigits returns the digits of an integer without leading zeros.
func canonicalDigits(v bencode.Value) []byte {
	digits := v.Raw()[1 : len(v.Raw())-1]
	rest, negative := bytes.CutPrefix(digits, []byte("-"))
	rest = bytes.TrimLeft(rest, "0")
	if negative && len(rest) > 0 {
		return append([]byte("-"), rest...)
	}
	return rest
}

// equalDicts reports whether two dicts have equal values for the same keys. Entries of a
// duplicate key are compared in their order.
func equalDicts(a, b bencode.Value) bool {
	values := make(map[string][]bencode.Value)
	n := 0
	for k, v := range a.Entries() {
		values[k.Text()] = append(values[k.Text()], v)
		n++
	}
	for k, v := range b.Entries() {
		left := values[k.Text()]
		if len(left) == 0 || !equalValues(left[0], v) {
			return false
		}
		values[k.Text()] = left[1:]
		n--
	}
	return n == 0
}

// A DictEntry is an entry of a dict.
type DictEntry struct {
	Key    string
	RawKey []byte // the bencoded key
	Value  []byte // bencode
}

// MaxEntries is the maximum number of entries of a dict that is edited or compared. It
// bounds the memory for entries; real torrents have far fewer.
const MaxEntries = 100_000

// DictEntries returns the entries of a dict, or MaxEntries + 1 of them if there are more.
func DictEntries(dict bencode.Value) []DictEntry {
	var list []DictEntry
	for k, v := range dict.Entries() {
		if list = append(list, DictEntry{k.Text(), k.Raw(), v.Raw()}); len(list) > MaxEntries {
			break
		}
	}
	return list
}

// Compare returns the keys whose values differ between two torrents: those of new in its
// order, and then those that only old has.
func Compare(old, new *Torrent) []Change {
	if bytes.Equal(old.raw, new.raw) {
		return nil
	}
	a, b := Value(old.raw).document(), Value(new.raw).document()
	return CompareDicts(DictEntries(a.Root()), DictEntries(b.Root()), a.Trailing(), b.Trailing())
}

// CompareDicts is Compare for the entries of the outer dicts, and the bytes after the
// ends of the torrents.
func CompareDicts(old, new []DictEntry, oldTrailing, newTrailing []byte) []Change {
	list := dictChanges(nil, "", old, new)
	if !bytes.Equal(oldTrailing, newTrailing) {
		list = append(list, Change{"$trailing", trailingValue(oldTrailing), trailingValue(newTrailing)})
	}
	return list
}

// dictChanges appends the changes of a dict to list.
func dictChanges(list []Change, prefix string, old, new []DictEntry) []Change {
	before := len(list)
	seen := make(map[string]bool)
	was, is := byKey(old), byKey(new)
	for _, entries := range [][]DictEntry{new, old} {
		for _, e := range entries {
			if seen[e.Key] || bytes.Equal(was[e.Key].all, is[e.Key].all) {
				continue
			}
			seen[e.Key] = true
			a, b := Value(was[e.Key].first), Value(is[e.Key].first)
			if prefix == "" && e.Key == "info" && a.isDict() && b.isDict() {
				list = dictChanges(list, "info.", DictEntries(a.document().Root()), DictEntries(b.document().Root()))
				continue
			}
			list = append(list, Change{strings.Clone(prefix + e.Key), was[e.Key].value(e.Key), is[e.Key].value(e.Key)})
		}
	}
	switch {
	case len(old) > MaxEntries || len(new) > MaxEntries:
		list = append(list, Change{Key: prefix + "$more"})
	case len(list) == before && !slices.EqualFunc(old, new, equalEntries):
		list = append(list, Change{Key: prefix + "$order"})
	}
	return list
}

func (v Value) isDict() bool { return v != nil && v[0] == 'd' }

// equalEntries reports whether two entries have the same bytes.
func equalEntries(a, b DictEntry) bool {
	return bytes.Equal(a.RawKey, b.RawKey) && bytes.Equal(a.Value, b.Value)
}

// keyValues are the bencoded values of the n entries of a key.
type keyValues struct {
	first, all []byte
	n          int
}

func byKey(entries []DictEntry) map[string]keyValues {
	values := make(map[string]keyValues, len(entries))
	for _, e := range entries {
		v := values[e.Key]
		switch v.n++; v.n {
		case 1:
			v.first, v.all = e.Value, e.Value
		case 2:
			v.all = slices.Concat(v.first, e.Value) // not in the torrent's memory
		default:
			v.all = append(v.all, e.Value...)
		}
		values[e.Key] = v
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
		dict = append(append(dict, TextValue(key)...), doc.Root().Raw()...)
		rest = doc.Trailing()
	}
	return append(dict, 'e')
}

// trailingValue returns bytes after the end of a torrent as a string, or nil if there
// are none.
func trailingValue(b []byte) Value {
	if len(b) == 0 {
		return nil
	}
	return TextValue(string(b))
}

// TextValue returns a bencoded string.
func TextValue(s string) Value {
	var e bencode.Encoder
	e.String(s)
	return e.Bytes()
}

// TextsValue returns a bencoded list of strings.
func TextsValue(list []string) Value {
	var e bencode.Encoder
	e.List()
	for _, s := range list {
		e.String(s)
	}
	e.End()
	return e.Bytes()
}
