package rewrite

import (
	"bytes"
	"slices"

	"bt/internal/bencode"
)

func texts(list []string) [][]byte {
	var values [][]byte
	for _, s := range list {
		values = append(values, Text(s))
	}
	return values
}

func nodeValues(nodes []Node) [][]byte {
	var values [][]byte
	for _, n := range nodes {
		var e bencode.Encoder
		e.List()
		e.String(n.Host)
		e.Int(int64(n.Port))
		e.End()
		values = append(values, e.Bytes())
	}
	return values
}

// appendTo returns a list with values appended that it does not contain yet; more
// reports whether there were any. list may be a single string instead (BEP 19).
func appendTo(list bencode.Value, add [][]byte) (edited []byte, more bool) {
	var items []byte // bencoded
	switch {
	case list.Kind() == bencode.KindString && len(list.Bytes()) > 0:
		items = list.Raw()
	case list.Kind() == bencode.KindList:
		items = list.Raw()[1 : len(list.Raw())-1]
	}
	has := func(v []byte) bool {
		if list.Kind() == bencode.KindString {
			return bytes.Equal(items, v)
		}
		for item := range list.Items() {
			if bytes.Equal(item.Raw(), v) {
				return true
			}
		}
		return false
	}
	var missing [][]byte
	for _, v := range add {
		if !has(v) && !slices.ContainsFunc(missing, func(m []byte) bool { return bytes.Equal(m, v) }) {
			missing = append(missing, v)
		}
	}
	return slices.Concat([]byte("l"), items, slices.Concat(missing...), []byte("e")), len(missing) > 0
}
