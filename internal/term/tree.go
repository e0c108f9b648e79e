package term

import (
	"bufio"
	"io"
	"iter"
	"math"
	"strings"
)

const (
	// Directories below this depth are not drawn as levels of their own but
	// stand in the file's line, joined with "/". Without such a bound the
	// indentation alone would be the square of a depth that a torrent chooses.
	maxTreeDepth = 32

	// Notes stand in a column, unless a name reaches beyond this one.
	maxNoteColumn = 60
)

// TreeFiles are the files of a tree, each with a number. Their paths and notes
// are asked for when they are needed: there may be millions.
type TreeFiles struct {
	Numbers iter.Seq[int]
	Path    func(file int) []string // as found: Tree makes it safe; it may change with the next call
	Note    func(file int) string   // shown after the name, a size for instance; safe already
}

// Tree draws files as the tool "tree" does, below a line for the root. The
// entries of a directory stand in the order of their first appearance, under
// one line that says how many files are in and below it. With a limit above 0
// it stops after so many files, and says how many are left.
func Tree(w io.Writer, p Palette, root string, files TreeFiles, limit int) error {
	if limit <= 0 {
		limit = math.MaxInt32
	}
	t := newTree(root, files, int32(limit))

	nameWidth, noteWidth := 0, 0
	t.walk(limit, func(n *treeNode, indent string) {
		if n.dir == 0 {
			if w := width(indent) + width(t.label(n)); w <= maxNoteColumn {
				nameWidth = max(nameWidth, w)
			}
			noteWidth = max(noteWidth, width(files.Note(int(n.file))))
		}
	})

	out := bufio.NewWriter(w) // keeps the first error until Flush
	shown := int32(0)
	t.walk(limit, func(n *treeNode, indent string) {
		label := t.label(n)
		out.WriteString(p.Dim(indent))
		if n.dir > 0 {
			out.WriteString(p.Bold(label+"/") + " " + p.Dim("("+plural(int64(t.dirs[n.dir].files), "file")+")"))
		} else if note := files.Note(int(n.file)); note != "" {
			used := width(indent) + width(label)
			pad := max(nameWidth-used, 0) + 2 + noteWidth - width(note)
			out.WriteString(label + strings.Repeat(" ", pad) + note)
		} else {
			out.WriteString(label)
		}
		if out.WriteByte('\n'); n.dir == 0 {
			shown++
		}
	})
	if more := t.dirs[1].files - shown; more > 0 {
		out.WriteString(p.Dim("… and " + plural(int64(more), "more file")))
		out.WriteByte('\n')
	}
	return out.Flush()
}

// treeNode is a directory or a file. Nodes are in one slice and name each other
// by their index in it; the root is 0, which therefore also means "none".
type treeNode struct {
	file         int32 // its number; of a directory that of the first file in or below it
	parent, next int32
	dir          int32 // where it is in dirs; 0: it is a file
	depth        int16 // components before its own
}

// treeDir is what a directory has beside its node.
type treeDir struct {
	first, last int32 // its entries
	files       int32 // in and below it
	before      int32 // files before it, at least
	beforeLast  int32 // the same of its last entry
}

type tree struct {
	TreeFiles
	root  string
	nodes []treeNode
	dirs  []treeDir // the root is 1
}

// label is the name of a directory, or what is left of the path of a file.
func (t *tree) label(n *treeNode) string {
	if n.depth < 0 {
		return safeComponent(t.root)
	}
	path := t.Path(int(n.file))[n.depth:]
	if n.dir > 0 {
		path = path[:1]
	}
	return SafeJoin(path)
}

// newTree makes the nodes of the files that are among the first in the order of
// the lines, and a few more; of the others it counts in which directories they are.
func newTree(root string, files TreeFiles, limit int32) *tree {
	n := int32(0)
	for range files.Numbers {
		if n++; n == limit {
			break
		}
	}
	// Growing would take twice the memory, of what may be millions.
	t := &tree{files, root, make([]treeNode, 1, 1+n+n/8), make([]treeDir, 2)}
	t.nodes[0] = treeNode{depth: -1, dir: 1}

	type entry struct {
		parent int32
		name   string
	}
	dirs := make(map[entry]int32)
	for file := range files.Numbers {
		path := files.Path(file)
		at := int32(0)
		depth := min(max(len(path)-1, 0), maxTreeDepth)
		for i := range depth {
			e := entry{at, path[i]}
			dir, ok := dirs[e]
			if !ok {
				if dir = t.add(at, treeNode{file: int32(file), depth: int16(i), dir: int32(len(t.dirs))}, limit); dir == 0 {
					break
				}
				dirs[e] = dir
			}
			t.dirs[t.nodes[at].dir].files++
			at = dir
		}
		t.add(at, treeNode{file: int32(file), depth: int16(depth)}, limit)
		t.dirs[t.nodes[at].dir].files++
	}
	return t
}

// add makes n the last entry of parent, and returns 0 if enough files stand before
// it and before another entry of parent, which shows that there are more.
func (t *tree) add(parent int32, n treeNode, limit int32) int32 {
	p := &t.dirs[t.nodes[parent].dir]
	before := p.before + p.files
	if before > limit && p.last != 0 && p.beforeLast > limit {
		return 0
	}
	i := int32(len(t.nodes))
	n.parent = parent
	if p.last != 0 {
		t.nodes[p.last].next = i
	} else {
		p.first = i
	}
	p.last, p.beforeLast = i, before
	if t.nodes = append(t.nodes, n); n.dir > 0 {
		t.dirs = append(t.dirs, treeDir{before: before})
	}
	return i
}

// walk visits the root and what is below it in the order of the lines, with the
// branches that stand before each, until it has visited limit files.
func (t *tree) walk(limit int, visit func(n *treeNode, indent string)) {
	visit(&t.nodes[0], "")
	var trunk []string // for each directory that is open: its line, or none after the last
	at := t.dirs[1].first
	for files := 0; at != 0 && files < limit; {
		n := &t.nodes[at]
		branch, below := "├── ", "│   "
		if n.next == 0 {
			branch, below = "└── ", "    "
		}
		visit(n, strings.Join(trunk, "")+branch)
		if n.dir > 0 {
			trunk = append(trunk, below)
			at = t.dirs[n.dir].first // a directory is there because a file is in it
			continue
		}
		files++
		for n.next == 0 && n.parent != 0 {
			n = &t.nodes[n.parent]
			trunk = trunk[:len(trunk)-1]
		}
		at = n.next
	}
}
