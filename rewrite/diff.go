package rewrite

import "bt/internal/metainfo"

// A Change is a key whose value an edit changed, from Old to New. Old is nil if the key
// was added, New if it was removed.
//
// Key is a key of the torrent, or "info.KEY" for a key of its info dict. "$trailing"
// stands for bytes after the end of the torrent. "$order" and "info.$order" mean that
// only the order of the keys changed; they have no values.
type Change = metainfo.Change

// A Value is a bencoded value, or nil. If a dict has a key several times, the Value of a
// [Change] is a dict with all entries of that key.
//
// WriteJSON writes it as lossless JSON, as [FromJSON] reads it, and null for nil. It does
// not buffer the JSON, as a value may be as long as a torrent. Text returns the text of a
// string, Items yields the items of a list, and Get returns the value of a key of a dict,
// each for a value of that kind only. The methods panic if the Value is neither nil nor
// valid bencode.
type Value = metainfo.Value

// Texts returns a bencoded list of strings.
func Texts(list []string) Value { return metainfo.TextsValue(list) }
