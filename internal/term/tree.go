package term

import (
	"bufio"
	"io"
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

// TreeFile is one file of a tree.
type TreeFile struct {
	Path []string // as found: Tree makes it safe
	Note string   // shown after the name, a size for instance; safe already
}

// Tree draws files as the tool "tree" does, below a line for the root. The
// entries of a directory stand in the order of their first appearance, under
// one line that says how many files are in and below it. With a limit above 0
// it stops after so many files, and says how many are left.
func Tree(w io.Writer, p Palette, root string, files []TreeFile, limit int) error {
	t := newTree(root, files)
	if limit <= 0 || limit > len(files) {
		limit = len(files)
	}

	nameWidth, noteWidth := 0, 0
	t.walk(limit, func(n *treeNode, indent string) {
		if !n.dir {
			if w := width(indent) + width(n.label()); w <= maxNoteColumn {
				nameWidth = max(nameWidth, w)
			}
			noteWidth = max(noteWidth, width(n.note))
		}
	})

	out := bufio.NewWriter(w) // keeps the first error until Flush
	t.walk(limit, func(n *treeNode, indent string) {
		label := n.label()
		out.WriteString(p.Dim(indent))
		switch {
		case n.dir:
			out.WriteString(p.Bold(label+"/") + " " + p.Dim("("+plural(int64(n.files), "file")+")"))
		case n.note != "":
			used := width(indent) + width(label)
			pad := max(nameWidth-used, 0) + 2 + noteWidth - width(n.note)
			out.WriteString(label + strings.Repeat(" ", pad) + n.note)
		default:
			out.WriteString(label)
		}
		out.WriteByte('\n')
	})
	if more := len(files) - limit; more > 0 {
		out.WriteString(p.Dim("… and " + plural(int64(more), "more file")))
		out.WriteByte('\n')
	}
	return out.Flush()
}

// treeNode is a directory or a file. Nodes are in one slice and name each other
// by their index in it; the root is 0, which therefore also means "none".
type treeNode struct {
	path                      []string // of a directory one component, of a file one or more
	note                      string
	parent, first, last, next int32
	files                     int32 // in and below a directory
	dir                       bool
}

func (n *treeNode) label() string {
	return SafeJoin(n.path)
}

type tree struct {
	nodes []treeNode
}

func newTree(root string, files []TreeFile) *tree {
	t := &tree{nodes: make([]treeNode, 1, len(files)+1)}
	t.nodes[0] = treeNode{path: []string{root}, dir: true}

	type entry struct {
		parent int32
		name   string
	}
	dirs := make(map[entry]int32)
	for _, f := range files {
		at := int32(0)
		t.nodes[at].files++
		depth := min(max(len(f.Path)-1, 0), maxTreeDepth)
		for i := range depth {
			e := entry{at, f.Path[i]}
			dir, ok := dirs[e]
			if !ok {
				dir = t.add(at, treeNode{path: f.Path[i : i+1], dir: true})
				dirs[e] = dir
			}
			at = dir
			t.nodes[at].files++
		}
		t.add(at, treeNode{path: f.Path[depth:], note: f.Note})
	}
	return t
}

// add makes n the last entry of parent.
func (t *tree) add(parent int32, n treeNode) int32 {
	i := int32(len(t.nodes))
	n.parent = parent
	t.nodes = append(t.nodes, n)
	if last := t.nodes[parent].last; last != 0 {
		t.nodes[last].next = i
	} else {
		t.nodes[parent].first = i
	}
	t.nodes[parent].last = i
	return i
}

// walk visits the root and what is below it in the order of the lines, with the
// branches that stand before each, until it has visited limit files.
func (t *tree) walk(limit int, visit func(n *treeNode, indent string)) {
	visit(&t.nodes[0], "")
	var trunk []string // for each directory that is open: its line, or none after the last
	at := t.nodes[0].first
	for files := 0; at != 0 && files < limit; {
		n := &t.nodes[at]
		branch, below := "├── ", "│   "
		if n.next == 0 {
			branch, below = "└── ", "    "
		}
		visit(n, strings.Join(trunk, "")+branch)
		if n.dir {
			trunk = append(trunk, below)
			at = n.first // a directory is there because a file is in it
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
