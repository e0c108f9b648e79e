package inspect

import (
	"fmt"
	"slices"
	"strings"

	"bt/internal/metainfo"
	"bt/internal/piece"
)

// layerless is the file that pieces come from now if the torrent has no piece
// layer of it: only all of them together can be checked, against its root.
type layerless struct {
	tree   metainfo.HashTree
	faults bool // not all of it could be hashed
}

// A disagreement is a file of a hybrid whose data is what one half promises and
// not what the other does. No data can be both.
type disagreement struct {
	file int
	good string // the half that the data agrees with
}

// resultV2 checks a piece against the v2 hashes, after v1 had its say.
func (c *check) resultV2(r piece.Result) {
	cursor := c.content.Layout.Cursor(r.Index)
	span, _ := cursor.Next()
	length := c.content.Layout.PieceLength()
	n := int(span.Offset / length)
	hash, known := c.content.PieceHash(span.File, n)
	switch {
	case !known:
		c.withoutLayer(r, span.File, n)
	case !r.Failed:
		c.compare(r.Index, r.Index, span.File, r.Root == hash)
	}
}

// compare has the verdict of v2 on pieces that v1, if there is one, found all
// good or not.
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

// withoutLayer takes piece n of a file whose pieces have no hashes.
func (c *check) withoutLayer(r piece.Result, file, n int) {
	l := &c.layerless
	if n == 0 {
		l.tree.Reset(metainfo.PieceHeight(c.content.Layout.PieceLength()))
		l.faults = false
	}
	l.tree.Add(&r.Root)
	l.faults = l.faults || r.Failed
	first, last, _ := c.content.Layout.FilePieces(file)
	switch {
	case r.Index < last:
	case !l.faults:
		c.compare(first, last, file, l.tree.Root(0) == *c.content.Files[file].PiecesRoot)
	case !c.content.V1:
		// The rest is there, and no hash says whether it is right.
		for i := first; i <= last; i++ {
			if c.states[i] == CauseNone {
				c.states[i] = CauseUnverifiable
			}
		}
	}
}

// disagreements are findings about files that did not change meanwhile.
func (c *check) disagreements() []metainfo.Finding {
	var list []metainfo.Finding
	for _, d := range c.disagree {
		if first, _, _ := c.content.Layout.FilePieces(d.file); c.states[first] == CauseChanged {
			continue
		}
		path := strings.Join(c.files[d.file].Path(), "/")
		message := fmt.Sprintf("the halves of the hybrid promise different data: %q is what its v1 hashes say, so its v2 root is forged or a mistake", path)
		if d.good == "v2" {
			message = fmt.Sprintf("the halves of the hybrid promise different data: %q is what its v2 root says, so its v1 hashes are forged or a mistake", path)
		}
		list = append(list, metainfo.Finding{Code: metainfo.CodeHybridMismatch, Severity: metainfo.SeverityError, Message: message})
	}
	return list
}
