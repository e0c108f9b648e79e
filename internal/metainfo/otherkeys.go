package metainfo

import (
	"bytes"
	"slices"
	"strconv"

	"bt/internal/bencode"
)

// comparedKeys are the keys of a file that have fields in a File.
var comparedKeys = []string{"length", "path", "path.utf-8", "pieces root"}

// OtherFileKeys returns the keys of two files whose values differ, except those that
// say the length, path and pieces root, as in Change.Key. For a single file of v1, whose
// keys are in the info dict, there are none.
func OtherFileKeys(a *Torrent, fileA int, b *Torrent, fileB int) []string {
	if a.isPlainEntry(fileA) && b.isPlainEntry(fileB) {
		return nil
	}
	x, y := a.fileEntry(fileA), b.fileEntry(fileB)
	if bytes.Equal(x.Raw(), y.Raw()) {
		return nil
	}
	var keys []string
	for _, c := range dictChanges(nil, filePrefix, DictEntries(x), DictEntries(y)) {
		if key := c.Key[len(filePrefix):]; !slices.Contains(comparedKeys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}

// filePrefix is the prefix of keys of files in a Change.
const filePrefix = "files."

// isPlainEntry reports whether a file has, in the usual encoding, no other keys. Most
// files have none, and need not be parsed again.
func (t *Torrent) isPlainEntry(file int) bool {
	f := &t.Files[file]
	var room [256]byte
	b := room[:0]
	if t.raw[f.at] == 'd' {
		b = append(b, "d6:lengthi"...)
		b = strconv.AppendInt(b, f.Length, 10)
		b = append(b, "e4:pathl"...)
		b = append(b, f.names...)
		b = append(b, "ee"...)
	} else {
		b = append(b, f.names...)
		b = append(b, "d0:d6:lengthi"...)
		b = strconv.AppendInt(b, f.Length, 10)
		b = append(b, 'e')
		if f.PiecesRoot != nil {
			b = append(b, "11:pieces root32:"...)
			b = append(b, f.PiecesRoot[:]...)
		}
		b = append(b, "ee"...)
	}
	return bytes.HasPrefix(t.raw[f.at:], b)
}

// fileEntry parses the dict of a file again. It returns the zero Value for a single file
// of v1.
func (t *Torrent) fileEntry(file int) bencode.Value {
	at := t.raw[t.Files[file].at:]
	switch at[0] {
	case 'i':
		return bencode.Value{}
	case 'd': // an entry of the list
		return Value(at).document().Root()
	}
	node := Value(at).document().Trailing() // after the name in the file tree
	return Value(node).document().Root().Get("")
}
