package main

import (
	"fmt"
	"slices"
	"strings"

	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// listLimit is the maximum number of files, trackers and the like that are
// printed unless the user asks for all of them.
const listLimit = 200

// more returns a text that says how many items of a list are not shown.
func (u *ui) more(n int, noun string) string {
	return fmt.Sprintf("%s and %s (--json has all of them)", u.pal.Ellipsis(), count(n, "more "+noun))
}

// printInfo prints one torrent or magnet link as text.
func printInfo(u *ui, f *infoFlags, x infoInput) error {
	if err := u.printFields(infoFields(u, x)); err != nil {
		return err
	}
	if x.torrent != nil && !f.noFiles {
		if err := printFiles(u, f, x.torrent); err != nil {
			return err
		}
	}
	if x.torrent != nil && f.pieces {
		printPieces(u, x.torrent)
	}
	return printFindings(u, x.facts.Findings)
}

func severity(pal term.Palette, s inspect.Severity) string {
	switch s {
	case inspect.SeverityError:
		return pal.Red(string(s))
	case inspect.SeverityWarning:
		return pal.Yellow(string(s))
	}
	return string(s)
}

func (u *ui) pieces(n int, length int64) string {
	return fmt.Sprintf("%s %s %s", term.Count(int64(n)), u.pal.Times(), term.SizeDistinct(length))
}

func printFiles(u *ui, f *infoFlags, t *metainfo.Torrent) error {
	files := treeFiles(t, f.pads)
	if f.files {
		fmt.Fprintln(u.out)
		return u.printFileLines(t, files)
	}
	if t.Single && !f.tree || len(t.Files) == 0 {
		return nil // its name and size are already in the fields
	}
	limit := listLimit
	if f.tree {
		limit = 0
	}
	root := t.Name
	if t.Single {
		root = ""
	}
	fmt.Fprintln(u.out)
	return term.Tree(u.out, u.pal, root, files, limit, u.env.width)
}

// printFileLines prints files of a torrent with their sizes, one per line.
func (u *ui) printFileLines(t *metainfo.Torrent, files term.TreeFiles) error {
	for _, i := range u.listed(files) {
		f := &t.Files[i]
		line := fmt.Sprintf("%10s  %s%s", term.Size(f.Length), fileNote(f), term.SafeJoin(files.Path(i)))
		if _, err := fmt.Fprintln(u.out, term.WrapHanging(line, "            ", u.env.width)); err != nil {
			return err
		}
	}
	return nil
}

// listed returns the indexes of the files in the order of bt info --files:
// natural order on a terminal, else the order of the torrent.
func (u *ui) listed(files term.TreeFiles) []int {
	numbers := slices.Collect(files.Numbers)
	if u.env.stdoutTerminal {
		var path []string // a copy, because the next call of files.Path overwrites its result
		slices.SortStableFunc(numbers, func(a, b int) int {
			path = append(path[:0], files.Path(a)...)
			return slices.CompareFunc(path, files.Path(b), term.Natural)
		})
	}
	return numbers
}

func treeFiles(t *metainfo.Torrent, pads bool) term.TreeFiles {
	var path []string
	return term.TreeFiles{
		Numbers: func(yield func(int) bool) {
			for i := range t.Files {
				if (pads || !t.Files[i].Pad) && !yield(i) {
					return
				}
			}
		},
		Path: func(i int) []string {
			path = t.Files[i].AppendPath(path[:0])
			return path
		},
		Note: func(i int) string { return fileNote(&t.Files[i]) + term.Size(t.Files[i].Length) },
	}
}

// fileNote returns the attributes of a file (BEP 47) that are worth showing.
func fileNote(f *metainfo.File) string {
	note := ""
	if f.Pad {
		note += "pad  "
	}
	if strings.Contains(f.Attr(), "x") {
		note += "executable  "
	}
	if strings.Contains(f.Attr(), "h") {
		note += "hidden  "
	}
	if len(f.Symlink()) > 0 {
		note += "-> " + term.Safe(strings.Join(f.Symlink(), "/")) + "  "
	}
	return note
}

func printPieces(u *ui, t *metainfo.Torrent) {
	fmt.Fprintln(u.out)
	line := func(format string, args ...any) {
		fmt.Fprintln(u.out, term.WrapHanging(fmt.Sprintf(format, args...), "    ", u.env.width))
	}
	i := 0
	for h := range slices.Chunk(t.Pieces, 20) {
		line("%d  %x", i, h)
		i++
	}
	for i := range t.Files {
		f := &t.Files[i]
		if f.PiecesRoot == nil {
			continue
		}
		line("%x  %s", f.PiecesRoot[:], term.SafeJoin(f.Path()))
		piece := 0
		for h := range slices.Chunk(t.PieceLayer(f.PiecesRoot), 32) {
			line("  %d  %x", piece, h)
			piece++
		}
	}
}
