package main

import (
	"fmt"
	"slices"
	"strings"

	"bt/cmd/bt/internal/verifyreport"
	"bt/inspect"
	"bt/internal/metainfo"
	"bt/internal/term"
)

// The map of bt verify --map, for a window of any size:
//
//   - a picture of all pieces in a few lines, each cell with the worst of its pieces,
//     and a legend
//   - a bar for each file: all that are certainly damaged, then some of those in doubt,
//     then as many that are ok as fit into the window
//
// With -q it is only the picture.

// mapWidth is the width of the map without a terminal, and mapRows the greatest height
// of the picture.
const (
	mapWidth = 80
	mapRows  = 8
)

// printMap prints the map of a verdict.
func printMap(u *ui, t *metainfo.Torrent, v *inspect.Verdict) error {
	columns, rows := u.env.window()
	if columns <= 0 {
		columns = mapWidth
	}
	m := mapPrinter{u: u, t: t, columns: columns, left: rows}
	m.picture(v, min(mapRows, max(rows/3, 1)))
	if !u.quiet {
		m.files(v)
	}
	return m.err
}

// A mapPrinter prints lines. After an error it stops.
type mapPrinter struct {
	u       *ui
	t       *metainfo.Torrent
	columns int
	left    int // lines that fit into the window
	err     error
}

func (m *mapPrinter) line(text string) {
	if m.err == nil {
		_, m.err = fmt.Fprintln(m.u.out, text)
		m.left -= 1 + strings.Count(text, "\n")
	}
}

func (m *mapPrinter) picture(v *inspect.Verdict, rows int) {
	pal := m.u.pal
	cells := verifyreport.PieceCells(v, m.columns*rows)
	m.line(term.Wrap(count(v.Pieces.Total, "piece")+verifyreport.CellNote(v, cells), m.columns))
	for row := range slices.Chunk(cells, m.columns) {
		m.line(pal.Cells(row, verifyreport.Glyphs))
	}
	var legend []string
	for _, e := range verifyreport.Legend(v.Pieces) {
		legend = append(legend, pal.Cut(pal.Glyph(e.Glyph, 1)+" "+term.Count(int64(e.Count))+" "+e.State, m.columns))
	}
	m.line(term.Flow(legend, m.columns))
	m.line("")
}

// files prints the bars. The last lines of the window are for the sums and the prompt.
func (m *mapPrinter) files(v *inspect.Verdict) {
	damaged, doubtful := damagedFiles(m.t, v)
	for _, i := range damaged {
		f := v.File(int(i))
		m.file(&f)
	}
	m.some(v, min(doubtful, maxDoubtful), doubtful, "in doubt", func(f *inspect.FileVerdict) bool { return !f.Certain && f.Status != inspect.StatusOK })
	const sums = 4
	ok := v.Statuses[inspect.StatusOK]
	fit := max(m.left-sums, 0)
	if ok > fit {
		fit = max(fit-1, 0) // the line that counts the others
	}
	m.some(v, min(ok, fit), ok, "that are ok", func(f *inspect.FileVerdict) bool { return f.Status == inspect.StatusOK })
	m.line("")
}

// some prints the first most of the files that belong to a group, in the order of the
// torrent, and the number of the others.
func (m *mapPrinter) some(v *inspect.Verdict, most, all int, group string, belongs func(*inspect.FileVerdict) bool) {
	shown := 0
	for f := range v.Files {
		if shown == most || m.err != nil {
			break
		}
		if belongs(&f) {
			m.file(&f)
			shown++
		}
	}
	if more := all - most; more > 0 {
		m.line(m.u.pal.Cut(m.u.pal.Ellipsis()+" and "+count(more, "more file")+" "+group, m.columns))
	}
}

func (m *mapPrinter) file(f *inspect.FileVerdict) {
	pal := m.u.pal
	color := pal.Yellow // in doubt
	switch {
	case f.Status == inspect.StatusOK:
		color = pal.Green
	case f.Certain:
		color = pal.Red
	}
	line := pal.Cells(verifyreport.FileCells(f, m.barWidth()), verifyreport.Glyphs) + "  "
	room := m.columns - m.barWidth() - 2
	if !m.isNarrow() {
		line = color(fmt.Sprintf("%-*s", statusWidth, f.Status)) + "  " + line
		room -= statusWidth + 2
	}
	m.line(pal.Cut(line+pal.CutMiddle(term.SafeJoin(m.t.Files[f.Index].Path()), max(room, 1)), m.columns))
}

const statusWidth = len(inspect.StatusUnverifiable)

// isNarrow reports whether there is no room for the status of files, which their bars
// show too.
func (m *mapPrinter) isNarrow() bool { return m.columns < 32 }

func (m *mapPrinter) barWidth() int {
	if m.isNarrow() {
		return max(m.columns/3, 1)
	}
	return min(max(m.columns/4, 8), 40)
}
