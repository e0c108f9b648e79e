package term

import (
	"bufio"
	"cmp"
	"io"
	"iter"
	"slices"
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
// entries of a directory stand in the order of Natural, under one line that says
// how many files are in and below it. With a limit above 0 the first so many files
// of that order are drawn, and the number of the others is said.
func Tree(w io.Writer, p Palette, root string, files TreeFiles, limit int) error {
	t := newTree(files, limit)
	nameWidth, noteWidth := 0, 0
	t.lines(p, root, func(l treeLine) {
		if w := width(l.indent) + width(l.label); w <= maxNoteColumn && !l.dir {
			nameWidth = max(nameWidth, w)
		}
		noteWidth = max(noteWidth, width(l.note))
	})

	out := bufio.NewWriter(w) // keeps the first error until Flush
	t.lines(p, root, func(l treeLine) {
		out.WriteString(p.Dim(l.indent))
		switch {
		case l.dir:
			out.WriteString(p.Bold(l.label+"/") + " " + p.Dim("("+plural(int64(l.files), "file")+")"))
		case l.note != "":
			used := width(l.indent) + width(l.label)
			pad := max(nameWidth-used, 0) + 2 + noteWidth - width(l.note)
			out.WriteString(l.label + strings.Repeat(" ", pad) + l.note)
		default:
			out.WriteString(l.label)
		}
		out.WriteByte('\n')
	})
	if more := int(t.counts[0]) - len(t.drawn); more > 0 {
		out.WriteString(p.Dim(p.Ellipsis() + " and " + plural(int64(more), "more file")))
		out.WriteByte('\n')
	}
	return out.Flush()
}

// tree has the files that are drawn, and the directories that they are in.
type tree struct {
	TreeFiles
	drawn  []int32             // numbers of files, in the order of their lines
	dirs   map[treeEntry]int32 // directories; the root is 0
	counts []int32             // of each directory: the files in and below it
	path   []string            // a copy for less
}

// A treeEntry is a directory by its name in its parent.
type treeEntry struct {
	parent int32
	name   string
}

func newTree(files TreeFiles, limit int) *tree {
	t := &tree{TreeFiles: files, dirs: make(map[treeEntry]int32), counts: make([]int32, 1)}
	t.drawn = t.first(limit)
	for _, file := range t.drawn {
		path := files.Path(int(file))
		dir := int32(0)
		for _, name := range path[:treeDepth(path)] {
			e := treeEntry{dir, name}
			var ok bool
			if dir, ok = t.dirs[e]; !ok {
				dir = int32(len(t.counts))
				t.dirs[e], t.counts = dir, append(t.counts, 0)
			}
		}
	}
	for file := range files.Numbers {
		t.counts[0]++
		path := files.Path(file)
		dir, ok := int32(0), true
		for _, name := range path[:treeDepth(path)] {
			if dir, ok = t.dirs[treeEntry{dir, name}]; !ok {
				break // nothing below it is drawn
			}
			t.counts[dir]++
		}
	}
	return t
}

// treeDepth is how many components of a file's path are drawn as directories.
func treeDepth(path []string) int {
	return min(max(len(path)-1, 0), maxTreeDepth)
}

// first returns the numbers of the first files in the order of the lines, or of all
// if limit is not above 0.
func (t *tree) first(limit int) []int32 {
	var list []int32
	full := false
	for file := range t.Numbers {
		n := int32(file)
		if full && t.compare(n, list[limit-1]) > 0 {
			continue
		}
		if list = append(list, n); limit > 0 && len(list) == 2*limit {
			slices.SortFunc(list, t.compare)
			list, full = list[:limit], true
		}
	}
	slices.SortFunc(list, t.compare)
	if limit > 0 && len(list) > limit {
		list = list[:limit]
	}
	return list
}

// compare compares files by the order of their lines: those of a directory are
// together, and a file comes before a directory with its name.
func (t *tree) compare(a, b int32) int {
	t.path = append(t.path[:0], t.Path(int(a))...)
	return cmp.Or(slices.CompareFunc(t.path, t.Path(int(b)), Natural), cmp.Compare(a, b))
}

// A treeLine is a line of the tree.
type treeLine struct {
	indent, label string
	note          string // of a file
	dir           bool
	files         int32 // in and below a directory
}

// branches are what stands before an entry and before what is below it, and the
// same of the last entry.
type branches struct{ entry, below, last, belowLast string }

var (
	unicodeBranches = branches{"├── ", "│   ", "└── ", "    "}
	asciiBranches   = branches{"|-- ", "|   ", "`-- ", "    "}
)

// lines visits the lines in their order.
func (t *tree) lines(p Palette, root string, visit func(treeLine)) {
	visit(treeLine{label: safeComponent(root), dir: true, files: t.counts[0]})
	chars := unicodeBranches
	if p.ascii {
		chars = asciiBranches
	}
	// The directories that the last line is in.
	type level struct {
		dir    int32
		left   int32 // files below it in entries that have no line yet
		indent string
	}
	open := []level{{0, t.counts[0], ""}}
	for _, file := range t.drawn {
		path := t.Path(int(file))
		depth := treeDepth(path)
		at := 0
		for at < min(depth, len(open)-1) && t.dirs[treeEntry{open[at].dir, path[at]}] == open[at+1].dir {
			at++
		}
		open = open[:at+1]
		for ; at <= depth; at++ {
			parent := &open[at]
			line, dir := treeLine{files: 1}, int32(0)
			if at < depth {
				dir = t.dirs[treeEntry{parent.dir, path[at]}]
				line = treeLine{label: safeComponent(path[at]), dir: true, files: t.counts[dir]}
			} else {
				line.label, line.note = SafeJoin(path[at:]), t.Note(int(file))
			}
			branch, below := chars.entry, chars.below
			if parent.left -= line.files; parent.left == 0 {
				branch, below = chars.last, chars.belowLast
			}
			line.indent = parent.indent + branch
			visit(line)
			if line.dir {
				open = append(open, level{dir, line.files, parent.indent + below})
			}
		}
	}
}
