package partial

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/text/unicode/norm"

	"bt/internal/metainfo"
)

const (
	// partSuffix ends the names of unfinished files.
	partSuffix = ".part"

	// Files of this package begin with ownPrefix and the info-hash in hex.
	ownPrefix      = ".bt-"
	stateSuffix    = ".state"
	metadataSuffix = ".metadata"
	lockSuffix     = ".lock"
	tempSuffix     = ".tmp"

	// longestName is the length of the longest name that common file systems allow.
	longestName = 255
)

// ownName returns the name of a file of this package, for a torrent.
func ownName(hash [20]byte, suffix string) string {
	return ownPrefix + hex.EncodeToString(hash[:]) + suffix
}

// names are the paths of a torrent's files.
type names struct {
	content *metainfo.Content
	hash    [20]byte
	taken   map[string]bool // paths, folded, that end in partSuffix, without it
}

// newNames returns the names of a torrent. It returns a *NameError if one of them must not
// be used.
func newNames(c *metainfo.Content, hash [20]byte) (*names, error) {
	n := &names{content: c, hash: hash, taken: make(map[string]bool)}
	var path []string
	for i := range c.Files {
		if c.Files[i].Pad {
			continue
		}
		path = n.appendFinal(path[:0], i)
		for k, name := range path {
			folded := fold(name)
			if strings.HasPrefix(folded, ownPrefix) {
				return nil, &NameError{strings.Join(path, "/"), "names that begin with " + ownPrefix + " are those of files of this program"}
			}
			if base, ok := strings.CutSuffix(folded, partSuffix); ok {
				n.taken[foldPath(append(slices.Clone(path[:k]), base))] = true
			}
		}
	}
	return n, nil
}

// fold returns a name as file systems compare it that ignore case.
func fold(name string) string { return strings.ToLower(norm.NFC.String(name)) }

func foldPath(path []string) string { return fold(strings.Join(path, "/")) }

// appendFinal appends the path of a file that is complete.
func (n *names) appendFinal(dst []string, i int) []string {
	dst = append(dst, n.content.Name)
	if n.content.Single {
		return dst
	}
	return n.content.Files[i].AppendPath(dst)
}

func (n *names) final(i int) []string { return n.appendFinal(nil, i) }

// part returns the path of a file that is not complete. It has partSuffix after the name,
// unless that is the path of another file or too long: then it is a name that no torrent
// may use.
func (n *names) part(i int) []string {
	path := n.final(i)
	last := len(path) - 1
	name := path[last] + partSuffix
	if len(name) > longestName || len(n.taken) > 0 && n.taken[foldPath(path)] {
		name = ownName(n.hash, fmt.Sprintf("-%d%s", i, partSuffix))
	}
	path[last] = name
	return path
}

// foldsCase reports whether the file system takes two names for the same that differ only
// in case. name is that of a file that exists.
func (d *disk) foldsCase(name string) bool {
	_, err := d.lstat([]string{strings.ToUpper(name)})
	return err == nil
}

// checkCase returns a *NameError if two files of the torrent would be the same on disk.
func checkCase(t *metainfo.Torrent, d *disk, name string) error {
	for _, f := range t.Findings {
		if f.Code == metainfo.CodeCaseCollision && d.foldsCase(name) {
			return &NameError{t.Name, "this file system ignores case, and " + f.Message}
		}
	}
	return nil
}
