package inspect

import (
	"iter"
	"path/filepath"
)

// neighbors yields Verdict.Neighbors.
func (c *check) neighbors(v *Verdict) iter.Seq[Neighbor] {
	return func(yield func(Neighbor) bool) {
		good := c.goodFiles(v)
		type neighbor struct {
			file int
			at   string
		}
		seen := make(map[neighbor]bool) // a file may be in two pieces
		for p, state := range c.states {
			if state != CauseNone && !c.solved[p] {
				continue
			}
			files, any, wrong := 0, false, false
			for s := range c.partsOf(p) {
				files++
				any, wrong = any || good[s.File], wrong || c.wrong[part{p, s.File}]
			}
			any = any || wrong && files > 1 // the hash alone shows that a piece of one file is damaged
			for s := range c.partsOf(p) {
				at := c.rightPath(part{p, s.File})
				if n := (neighbor{s.File, at}); any && !good[s.File] && at != "" && !seen[n] {
					seen[n] = true
					if !yield(Neighbor{s.File, c.path(s.File), at}) {
						return
					}
				}
			}
		}
	}
}

// goodFiles reports of each file whether it is in order or was found.
func (c *check) goodFiles(v *Verdict) []bool {
	good := make([]bool, len(c.files))
	for i := range c.contentFiles() {
		good[i] = c.status(i, c.ranges(i)) == StatusOK
	}
	for _, f := range v.Found {
		good[f.Index] = true
	}
	return good
}

// rightPath returns the absolute path of the file that has the right bytes of a file in a
// piece; "" if they are zeros.
func (c *check) rightPath(p part) string {
	path := ""
	if right, ok := c.right[p]; ok {
		path = right.path
	} else if c.states[p.piece] == CauseNone {
		path = c.tree.Path(p.file)
	}
	if path == "" {
		return ""
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return ""
	}
	return abs
}
