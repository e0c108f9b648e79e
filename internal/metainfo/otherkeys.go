package metainfo

import (
	"bytes"
	"slices"

	"bt/internal/bencode"
)

// comparedKeys are the keys of a file that have fields in a File.
var comparedKeys = []string{"length", "path", "path.utf-8", "pieces root"}

// OtherFileKeys returns the keys of two files whose values differ, except those that
// say the length, path and pieces root, as in Change.Key. For a single file of v1, whose
// keys are in the info dict, there are none.
func OtherFileKeys(a *Torrent, fileA int, b *Torrent, fileB int) []string {
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
