package main

import (
	"fmt"
	"slices"
	"strings"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// A diffGroup is the kind of line that a file has in the text of bt info --diff.
type diffGroup uint8

const (
	diffChanged diffGroup = iota // the same path, and other content or keys
	diffMoved
	diffOnlyA
	diffOnlyB
	diffSize // the same path and size
	diffSame
	diffGroups
)

// diffNouns are what the files of a group are called in a count of those that are left out.
var diffNouns = [diffGroups]string{
	diffChanged: "changed file", diffMoved: "moved file", diffOnlyA: "file only in a", diffOnlyB: "file only in b", diffSize: "file of the same size",
}

// groupOf returns the group of a file. ok is false for a moved file of the first torrent,
// which has one line with that of the second.
func (d *diffResult) groupOf(f *inspect.FileDifference) (group diffGroup, ok bool) {
	switch {
	case f.Moved:
		return diffMoved, f.In == inspect.SideB
	case f.In == inspect.SideA:
		return diffOnlyA, true
	case f.In == inspect.SideB:
		return diffOnlyB, true
	case f.Same == inspect.SameNot || f.Keys != nil:
		return diffChanged, true
	case f.Same == inspect.SameSize && !d.isEmpty(f):
		return diffSize, true
	}
	return diffSame, true
}

// isEmpty reports whether a file that both torrents have is empty, or a symlink.
func (d *diffResult) isEmpty(f *inspect.FileDifference) bool {
	file := &d.a.torrent.Files[f.A]
	return file.Length == 0 || file.IsLink()
}

// A diffCount counts the files of a difference, and keeps the first of each group.
type diffCount struct {
	groups [diffGroups]int
	first  [diffGroups][]inspect.FileDifference

	root, pieces, size, empty int      // files that are the same, also if they are moved
	changed                   int      // files of both torrents that are not
	keys                      []string // further keys of files that differ
}

func (d *diffResult) count() *diffCount {
	c := new(diffCount)
	for f := range d.Files {
		group, ok := d.groupOf(&f)
		if !ok {
			continue
		}
		c.groups[group]++
		if len(c.first[group]) < listLimit && group != diffSame {
			c.first[group] = append(c.first[group], f)
		}
		for _, key := range f.Keys {
			if len(c.keys) < maxKeys && !slices.Contains(c.keys, key) {
				c.keys = append(c.keys, key)
			}
		}
		if group != diffOnlyA && group != diffOnlyB {
			*c.counter(d, &f)++
		}
	}
	return c
}

// areSame reports whether no file differs or is in only one torrent.
func (c *diffCount) areSame() bool {
	return c.changed+c.groups[diffOnlyA]+c.groups[diffOnlyB]+c.groups[diffMoved] == 0
}

// counter returns the counter of a file that is in both torrents.
func (c *diffCount) counter(d *diffResult, f *inspect.FileDifference) *int {
	switch {
	case f.Same == inspect.SameRoot:
		return &c.root
	case f.Same == inspect.SamePieces:
		return &c.pieces
	case f.Same == inspect.SameNot:
		return &c.changed
	case d.isEmpty(f):
		return &c.empty
	}
	return &c.size
}

// text returns the counts in one sentence.
func (c *diffCount) text() string {
	var parts []string
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, term.Count(int64(n))+" "+text)
		}
	}
	add(c.root, "the same by pieces root")
	add(c.pieces, "the same by pieces")
	add(c.size, "of the same size")
	add(c.empty, "empty in both")
	add(c.changed, "changed")
	add(c.groups[diffOnlyA], "only in a")
	add(c.groups[diffOnlyB], "only in b")
	text := strings.Join(parts, ", ")
	if n := c.groups[diffMoved]; n > 0 {
		text += "; " + term.Count(int64(n)) + " of them moved or renamed"
	}
	return text
}

// printGroups prints the files that differ, by what differs.
func (d *diffResult) printGroups(u *ui, c *diffCount) error {
	for group, files := range c.first {
		if len(files) == 0 {
			continue
		}
		fmt.Fprintln(u.out)
		for _, f := range files {
			d.printFile(u, diffGroup(group), &f)
		}
		if more := c.groups[group] - len(files); more > 0 {
			noun := diffNouns[group]
			if more > 1 {
				noun = strings.Replace(noun, "file", "files", 1)
			}
			text := fmt.Sprintf("%s and %s more %s (--files lists all)", u.pal.Ellipsis(), term.Count(int64(more)), noun)
			if err := u.printText(text); err != nil {
				return err
			}
		}
	}
	return nil
}

// printAll prints all files in the order of the difference.
func (d *diffResult) printAll(u *ui) (err error) {
	fmt.Fprintln(u.out)
	for f := range d.Files {
		if group, ok := d.groupOf(&f); ok {
			if err = d.printFile(u, group, &f); err != nil {
				return err
			}
		}
	}
	return nil
}

// printFile prints the line of a file.
func (d *diffResult) printFile(u *ui, group diffGroup, f *inspect.FileDifference) error {
	var text string
	color := func(s string) string { return s }
	switch group {
	case diffOnlyA:
		text, color = "- "+d.only(d.a.torrent, f.A, f), u.pal.Red
	case diffOnlyB:
		text, color = "+ "+d.only(d.b.torrent, f.B, f), u.pal.Green
	case diffMoved:
		text, color = fmt.Sprintf("> %s -> %s  %s", pathOf(d.a.torrent, f.A), pathOf(d.b.torrent, f.B), d.sameness(f)), u.pal.Yellow
	case diffChanged:
		text, color = fmt.Sprintf("~ %s  %s", pathOf(d.b.torrent, f.B), d.change(f)), u.pal.Yellow
	case diffSize:
		text = fmt.Sprintf("? %s  %s", pathOf(d.b.torrent, f.B), d.sameness(f))
	case diffSame:
		text = fmt.Sprintf("= %s  %s", pathOf(d.b.torrent, f.B), d.sameness(f))
	}
	return u.printColored(color, text)
}

func pathOf(t *metainfo.Torrent, file int) string { return term.SafeJoin(t.Files[file].Path()) }

// only describes a file that one torrent has.
func (d *diffResult) only(t *metainfo.Torrent, file int, f *inspect.FileDifference) string {
	text := pathOf(t, file) + "  " + term.Size(t.Files[file].Length)
	if f.OtherPath != "" {
		text += ", the same as " + term.Safe(f.OtherPath)
	}
	return text
}

// sameness describes what is known of two files that may be the same.
func (d *diffResult) sameness(f *inspect.FileDifference) string {
	size := term.Size(d.b.torrent.Files[f.B].Length)
	switch {
	case f.Same == inspect.SameRoot:
		return size + ", the same by pieces root"
	case f.Same == inspect.SamePieces:
		return size + ", the same by pieces"
	case d.isEmpty(f):
		return "empty in both"
	case f.EqualPieces > 0:
		return fmt.Sprintf("the same size, %s; %s of its %s are the same", size, term.Count(int64(f.EqualPieces)), count(f.Pieces, "piece"))
	}
	return "the same size, " + size
}

// change describes how a file changed.
func (d *diffResult) change(f *inspect.FileDifference) string {
	a, b := &d.a.torrent.Files[f.A], &d.b.torrent.Files[f.B]
	var parts []string
	switch {
	case f.Same != inspect.SameNot:
		parts = append(parts, d.sameness(f))
	case a.IsLink() || b.IsLink():
		parts = append(parts, target(a)+" -> "+target(b))
	case a.Length != b.Length:
		parts = append(parts, sizeChange(a.Length, b.Length))
	default:
		parts = append(parts, term.Size(b.Length)+" of other content")
	}
	if len(f.Keys) > 0 {
		parts = append(parts, "differs in "+term.Safe(joinFirst(f.Keys)))
	}
	return strings.Join(parts, ", ")
}

// sizeChange formats two sizes: exactly if they are rounded to the same.
func sizeChange(a, b int64) string {
	x, y := term.Size(a), term.Size(b)
	if x == y {
		x, y = count64(a), count64(b)
	}
	return x + " -> " + y
}

func count64(n int64) string { return term.Count(n) + " bytes" }

// target describes what a path is: a link to a target, or a file.
func target(f *metainfo.File) string {
	if f.IsLink() {
		return "link to " + term.SafeJoin(f.Symlink())
	}
	return "file of " + term.Size(f.Length)
}
