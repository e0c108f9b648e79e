package rewrite

import (
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

// appendTo returns a list with those values in it that it lacks; what else is in
// it stays as it is. Instead of a list there may be one text (BEP 19).
func appendTo(list bencode.Value, add [][]byte) (edited []byte, more bool) {
	var items [][]byte
	if list.Kind() == bencode.String && len(list.Bytes()) > 0 {
		items = append(items, list.Raw())
	}
	for item := range list.Items() {
		items = append(items, item.Raw())
	}
	for _, v := range add {
		if !slices.ContainsFunc(items, func(item []byte) bool { return string(item) == string(v) }) {
			items = append(items, v)
			more = true
		}
	}
	edited = append(edited, 'l')
	for _, item := range items {
		edited = append(edited, item...)
	}
	return append(edited, 'e'), more
}
