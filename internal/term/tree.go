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
	// Directories below this depth, or one that fits the width, are not drawn as levels, but as a path joined with
	// "/". Otherwise the indentation would grow with the square of the depth, which a
	// torrent chooses.
	maxTreeDepth = 32

	// Notes are aligned in a column, unless a name reaches beyond this one.
	maxNoteColumn = 60

	// Names have at least this width, in the narrowest tree.
	leastName = 16
)

// TreeFiles are the files of a tree, by number. Paths and notes are requested on
// demand, as there may be millions.
type TreeFiles struct {
	Numbers iter.Seq[int]
	Path    func(file int) []string // unsafe: Tree makes it safe; valid until the next call
	Note    func(file int) string   // printed after the name, such as a size; must be safe
}

// Tree draws files like the program "tree", below a line for the root. The entries of a
// directory are in natural order, below a line with the number of files in it. If limit
// is above 0, only the first limit files are drawn, and the number of the others is
// printed. In fewer columns than the tree needs, fewer directories are levels of it, and
// names and notes lose their middle; columns of 0 means no limit.
func Tree(w io.Writer, p Palette, root string, files TreeFiles, limit, columns int) error {
	t := newTree(files, limit, treeLevels(columns))
	nameWidth, noteWidth := 0, 0
	t.lines(p, root, func(l treeLine) bool {
		if w := width(l.indent) + width(l.label); w <= maxNoteColumn && !l.dir {
			nameWidth = max(nameWidth, w)
		}
		noteWidth = max(noteWidth, width(l.note))
		return true
	})
	if columns > 0 {
		noteWidth = min(noteWidth, columns/2)
		nameWidth = min(nameWidth, max(columns-gap-noteWidth, 0))
	}

	out := bufio.NewWriter(w) // Flush returns its first error
	t.lines(p, root, func(l treeLine) bool {
		out.WriteString(p.Dim(l.indent))
		room := columns - width(l.indent)
		switch {
		case l.dir:
			note := "(" + plural(int64(l.files), "file") + ")"
			out.WriteString(p.Bold(p.cutTo(l.label+"/", room-width(note)-1, columns)) + " " + p.Dim(note))
		case l.note != "":
			note := p.cutTo(l.note, noteWidth, columns)
			label := p.cutTo(l.label, room-gap-noteWidth, columns)
			pad := max(nameWidth-width(l.indent)-width(label), 0) + gap + noteWidth - width(note)
			out.WriteString(label + strings.Repeat(" ", pad) + note)
		default:
			out.WriteString(p.cutTo(l.label, room, columns))
		}
		out.WriteByte('\n')
		return true
	})
	if more := int(t.counts[0]) - len(t.drawn); more > 0 {
		out.WriteString(p.Dim(p.Ellipsis() + " and " + plural(int64(more), "more file")))
		out.WriteByte('\n')
	}
	return out.Flush()
}

// treeLevels returns how many levels of directories a tree has at most.
func treeLevels(columns int) int {
	if columns <= 0 {
		return maxTreeDepth
	}
	levels := (columns/2 - leastName/2) / width(unicodeBranches.entry)
	return max(min(levels, maxTreeDepth), 0)
}

// cutTo is CutMiddle if columns is not 0, which means no limit.
func (p Palette) cutTo(s string, limit, columns int) string {
	if columns <= 0 {
		return s
	}
	return p.CutMiddle(s, limit)
}

// A TreeLine is a file or a directory of a tree.
type TreeLine struct {
	Depth int    // 0 for the root
	Label string // safe to print
	Dir   bool
	Files int    // of a directory: files in and below it
	File  int    // of a file: its number
	Note  string // of a file
}

// TreeLines calls visit for each line of a tree, in the order and with the limit of Tree,
// until it returns false. It returns the number of files that have a line.
func TreeLines(root string, files TreeFiles, limit int, visit func(TreeLine) bool) (drawn int) {
	t := newTree(files, limit, maxTreeDepth)
	t.lines(Palette{}, root, func(l treeLine) bool {
		if !visit(TreeLine{l.depth, l.label, l.dir, int(l.files), int(l.file), l.note}) {
			return false
		}
		if !l.dir {
			drawn++
		}
		return true
	})
	return drawn
}

// A tree is the files that are drawn, and their directories.
type tree struct {
	TreeFiles
	depth  int                 // maximum number of levels of directories
	drawn  []int32             // numbers of files, in order
	dirs   map[treeEntry]int32 // directories; the root is 0
	counts []int32             // number of files in and below each directory
	path   []string            // buffer of less
}

// A treeEntry identifies a directory by its parent and name.
type treeEntry struct {
	parent int32
	name   string
}

func newTree(files TreeFiles, limit, depth int) *tree {
	t := &tree{TreeFiles: files, depth: depth, dirs: make(map[treeEntry]int32), counts: make([]int32, 1)}
	t.drawn = t.first(limit)
	for _, file := range t.drawn {
		path := files.Path(int(file))
		dir := int32(0)
		for _, name := range path[:t.levels(path)] {
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
		for _, name := range path[:t.levels(path)] {
			if dir, ok = t.dirs[treeEntry{dir, name}]; !ok {
				break // nothing below it is drawn
			}
			t.counts[dir]++
		}
	}
	return t
}

// levels returns the number of components of a path that are drawn as directories.
func (t *tree) levels(path []string) int {
	return min(max(len(path)-1, 0), t.depth)
}

// first returns the numbers of the first limit files, in order, or of all if limit is
// not above 0.
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

// compare compares files in the order of their lines. The files of a directory are
// consecutive, and a file is before a directory with its name.
func (t *tree) compare(a, b int32) int {
	t.path = append(t.path[:0], t.Path(int(a))...)
	return cmp.Or(slices.CompareFunc(t.path, t.Path(int(b)), Natural), cmp.Compare(a, b))
}

// A treeLine is a line of the tree.
type treeLine struct {
	indent, label string
	note          string // of a file
	dir           bool
	files         int32 // number of files in and below a directory
	file          int32 // number of the file
	depth         int   // below the root
}

// branches are the prefixes of an entry and of entries below it, and the same for the
// last entry of a directory.
type branches struct{ entry, below, last, belowLast string }

var (
	unicodeBranches = branches{"├── ", "│   ", "└── ", "    "}
	asciiBranches   = branches{"|-- ", "|   ", "`-- ", "    "}
)

// lines calls visit for each line, in order, until it returns false.
func (t *tree) lines(p Palette, root string, visit func(treeLine) bool) {
	if !visit(treeLine{label: safeComponent(root), dir: true, files: t.counts[0]}) {
		return
	}
	chars := unicodeBranches
	if p.ascii {
		chars = asciiBranches
	}
	// The directories of the last line.
	type level struct {
		dir    int32
		left   int32 // files below it without a line yet
		indent string
	}
	open := []level{{0, t.counts[0], ""}}
	for _, file := range t.drawn {
		path := t.Path(int(file))
		depth := t.levels(path)
		at := 0
		for at < min(depth, len(open)-1) && t.dirs[treeEntry{open[at].dir, path[at]}] == open[at+1].dir {
			at++
		}
		open = open[:at+1]
		for ; at <= depth; at++ {
			parent := &open[at]
			line, dir := treeLine{files: 1, file: file, depth: at + 1}, int32(0)
			if at < depth {
				dir = t.dirs[treeEntry{parent.dir, path[at]}]
				line.label, line.dir, line.files = safeComponent(path[at]), true, t.counts[dir]
			} else {
				line.label, line.note = SafeJoin(path[at:]), t.Note(int(file))
			}
			branch, below := chars.entry, chars.below
			if parent.left -= line.files; parent.left == 0 {
				branch, below = chars.last, chars.belowLast
			}
			line.indent = parent.indent + branch
			if !visit(line) {
				return
			}
			if line.dir {
				open = append(open, level{dir, line.files, parent.indent + below})
			}
		}
	}
}
