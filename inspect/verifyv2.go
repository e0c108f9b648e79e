package inspect

import (
	"fmt"
	"slices"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// layerless is the state of a file without a piece layer in the torrent. Its pieces
// can't be checked one by one, only all together, against the root.
type layerless struct {
	tree   metainfo.HashTree
	faults bool // some pieces could not be hashed
	unread bool // some pieces were not read
}

// A disagreement is a file of a hybrid torrent whose data matches the v1 hashes or the
// v2 hashes, but not both: the torrent contradicts itself.
type disagreement struct {
	file int
	good string // "v1" or "v2": the hashes that match
}

// resultV2 checks a piece against the v2 hashes, after the v1 hashes.
func (c *check) resultV2(r piece.Result) {
	file, n := c.filePiece(r.Index)
	hash, known := c.content.PieceHash(file, n)
	switch {
	case !known:
		c.withoutLayer(r, file, n)
	case !r.Failed && c.states[r.Index] != unread:
		c.compare(r.Index, r.Index, file, r.Root == hash)
	}
}

// compare combines the result of the v2 hashes for some pieces with that of the v1
// hashes, if the torrent has any.
func (c *check) compare(first, last, file int, good bool) {
	v1 := true
	for i := first; i <= last; i++ {
		v1 = v1 && c.states[i] == CauseNone
	}
	switch {
	case !c.content.V1 && !good:
		for i := first; i <= last; i++ {
			c.states[i] = CauseCorrupt
		}
	case c.content.V1 && good && !v1:
		c.disagreed(file, "v2")
	case c.content.V1 && !good && v1:
		c.disagreed(file, "v1")
	}
}

func (c *check) disagreed(file int, good string) {
	if d := (disagreement{file, good}); !slices.Contains(c.disagree[max(len(c.disagree)-2, 0):], d) {
		c.disagree = append(c.disagree, d)
	}
}

// withoutLayer adds piece n of a file without a piece layer, and checks the root after
// the last piece.
func (c *check) withoutLayer(r piece.Result, file, n int) {
	l := &c.layerless
	if n == 0 {
		l.tree.Reset(metainfo.PieceHeight(c.content.Layout.PieceLength()))
		l.faults, l.unread = false, false
	}
	l.tree.Add(&r.Root)
	l.faults = l.faults || r.Failed
	l.unread = l.unread || c.states[r.Index] == unread
	first, last, _ := c.content.Layout.FilePieces(file)
	switch {
	case r.Index < last:
	case !l.faults && !l.unread:
		c.compare(first, last, file, l.tree.Root(0) == *c.content.Files[file].PiecesRoot)
	case !c.content.V1:
		// The other pieces exist, but there is no hash to check them against.
		state := CauseUnverifiable
		if !l.faults {
			state = unread
		}
		for i := first; i <= last; i++ {
			if !c.states[i].isBad() {
				c.states[i] = state
			}
		}
	}
}

// disagreements returns findings about the disagreements, except in files that changed
// while they were read.
func (c *check) disagreements() []metainfo.Finding {
	var list []metainfo.Finding
	for _, d := range c.disagree {
		if first, _, _ := c.content.Layout.FilePieces(d.file); c.states[first] == CauseChanged {
			continue
		}
		path := strings.Join(c.files[d.file].Path(), "/")
		message := fmt.Sprintf("the v1 and v2 hashes of the hybrid are of different data: %q matches its v1 hashes, so its v2 root is forged or a mistake", path)
		if d.good == "v2" {
			message = fmt.Sprintf("the v1 and v2 hashes of the hybrid are of different data: %q matches its v2 root, so its v1 hashes are forged or a mistake", path)
		}
		list = append(list, metainfo.Finding{Code: metainfo.CodeHybridMismatch, Severity: metainfo.SeverityError, Message: message})
	}
	return list
}
