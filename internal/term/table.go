package term

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// gap is the number of blanks between two columns.
const gap = 2

// Table prints rows in columns, without borders. Its cells are safe text
// already; they may hold colours and newlines.
type Table struct {
	Header  []string // nil: no header
	Rows    [][]string
	Right   []bool // columns that are right aligned; those beyond its end are not
	Width   int    // columns of the terminal; 0: no limit
	Palette Palette

	// Drop are columns that are left out of a table that is wider than Width, the
	// first of them first.
	Drop []int

	// Least is how wide a text column stays, if it is that wide, while a column can
	// be left out or another one narrowed; 0, and beyond its end: 8.
	Least []int

	// Short makes the cells of a column fit that is narrowed, to a number of columns;
	// without one they break at blanks, and words that are too long lose their middle.
	Short map[int]func(cell string, limit int) string
}

// Write prints the table. One that is wider than Width loses the columns of Drop,
// and then has its widest text columns narrowed; only if they can be narrowed no
// further also those that are right aligned. A terminal too narrow for one
// character a column is overrun.
func (t Table) Write(w io.Writer) error {
	t, widths := t.layOut()
	if len(widths) == 0 {
		return nil
	}

	out := &lineTrimmer{w: bufio.NewWriter(w)}
	table := t.layout(out, widths)
	if err := table.Start(); err != nil {
		return fmt.Errorf("laying out a table: %w", err)
	}
	if t.Header != nil {
		header := make([]string, len(t.Header))
		for i, cell := range t.Header {
			header[i] = t.Palette.Bold(cell)
		}
		table.Header(t.fit(header, widths, nil))
	}
	for _, row := range t.Rows {
		if err := table.Append(t.fit(row, widths, t.Short)); err != nil {
			return fmt.Errorf("laying out a table: %w", err)
		}
	}
	if err := table.Close(); err != nil {
		return fmt.Errorf("laying out a table: %w", err)
	}
	// The renderer drops the errors of its writer, which has kept them.
	return out.w.Flush()
}

// layout returns a tablewriter for columns of these widths. It streams: else it
// would hold several copies of all rows until the end.
func (t Table) layout(w io.Writer, widths []int) *tablewriter.Table {
	align := make([]tw.Align, len(widths))
	padding := make([]tw.Padding, len(widths))
	padded := tw.NewMapper[int, int]()
	for i, columns := range widths {
		align[i] = tw.AlignLeft
		if t.right(i) {
			align[i] = tw.AlignRight
		}
		// The gap is one blank on either side: tablewriter repeats the padding
		// to fill a cell, which goes wrong with one that is two blanks.
		padding[i] = tw.Padding{Left: " ", Right: " ", Overwrite: true}
		if i == 0 {
			padding[i].Left = ""
		}
		padded.Set(i, len(padding[i].Left)+columns+len(padding[i].Right))
	}
	cells := tw.CellConfig{
		Formatting: tw.CellFormatting{AutoWrap: tw.WrapNone, AutoFormat: tw.Off},
		Alignment:  tw.CellAlignment{PerColumn: align},
		Padding:    tw.CellPadding{PerColumn: padding},
	}
	return tablewriter.NewTable(w,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:   tw.BorderNone,
			Settings:  tw.Settings{Lines: tw.LinesNone, Separators: tw.SeparatorsNone},
			Streaming: true,
		})),
		tablewriter.WithConfig(tablewriter.Config{
			Header:   cells,
			Row:      cells,
			Stream:   tw.StreamConfig{Enable: true},
			Widths:   tw.CellWidth{PerColumn: padded},
			Behavior: tw.Behavior{TrimSpace: tw.Off, TrimTab: tw.Off},
		}),
	)
}

func (t Table) right(column int) bool {
	return column < len(t.Right) && t.Right[column]
}

// fit returns a row's cells, one for each column, made to fit the widths. A
// header has no Short.
func (t Table) fit(row []string, widths []int, short map[int]func(string, int) string) []string {
	cells := make([]string, len(widths))
	for i, cell := range row {
		if f := short[i]; f != nil && width(cell) > widths[i] {
			cell = f(cell, widths[i])
		}
		cells[i] = t.Palette.fit(cell, widths[i])
	}
	return cells
}

// layOut returns the table with the columns that are shown, and the width of each,
// the gaps not counted.
func (t Table) layOut() (Table, []int) {
	widths := t.natural()
	if t.Width <= 0 || len(widths) == 0 {
		return t, widths
	}
	shown := make([]bool, len(widths))
	for i := range shown {
		shown[i] = true
	}
	for _, drop := range t.Drop {
		if t.least(widths, shown) <= t.Width {
			break
		}
		shown[drop] = false
	}
	t, widths = t.without(shown, widths)

	excess := gap*(len(widths)-1) - t.Width
	for i, w := range widths {
		// Anything wider is cut anyway, and shrinking takes a step a column.
		widths[i] = min(w, t.Width)
		excess += widths[i]
	}
	excess = shrink(widths, excess, func(i int) bool { return !t.right(i) && widths[i] > t.leastOf(i) })
	excess = shrink(widths, excess, func(i int) bool { return !t.right(i) && widths[i] > 1 })
	shrink(widths, excess, func(i int) bool { return widths[i] > 1 })
	return t, widths
}

// leastOf is how far a text column is narrowed first.
func (t Table) leastOf(column int) int {
	if column < len(t.Least) && t.Least[column] > 0 {
		return t.Least[column]
	}
	return 8
}

// least is how wide the table is with the columns that are shown as narrow as they
// are made gladly.
func (t Table) least(widths []int, shown []bool) int {
	sum := -gap
	for i, w := range widths {
		if !shown[i] {
			continue
		}
		if !t.right(i) {
			w = min(w, t.leastOf(i))
		}
		sum += gap + w
	}
	return sum
}

// without returns the table, and the widths of its columns, without the columns
// that are not shown.
func (t Table) without(shown []bool, widths []int) (Table, []int) {
	if !slices.Contains(shown, false) {
		return t, widths
	}
	row := func(row []string) (left []string) {
		for i, cell := range row {
			if shown[i] {
				left = append(left, cell)
			}
		}
		return left
	}
	small := Table{Header: row(t.Header), Width: t.Width, Palette: t.Palette, Short: make(map[int]func(string, int) string)}
	for _, r := range t.Rows {
		small.Rows = append(small.Rows, row(r))
	}
	var left []int
	for i, w := range widths {
		if !shown[i] {
			continue
		}
		small.Right = append(small.Right, t.right(i))
		small.Least = append(small.Least, t.leastOf(i))
		small.Short[len(left)] = t.Short[i]
		left = append(left, w)
	}
	return small, left
}

// natural returns the width that each column has unless it is narrowed.
func (t Table) natural() []int {
	var widths []int
	measure := func(row []string) {
		for len(widths) < len(row) {
			widths = append(widths, 0)
		}
		for i, cell := range row {
			for line := range strings.SplitSeq(cell, "\n") {
				widths[i] = max(widths[i], width(line))
			}
		}
	}
	measure(t.Header)
	for _, row := range t.Rows {
		measure(row)
	}
	return widths
}

// shrink narrows the widest of the columns that may be narrowed, one by one,
// and returns the excess that it could not take away.
func shrink(widths []int, excess int, may func(column int) bool) int {
	for ; excess > 0; excess-- {
		widest := -1
		for i, w := range widths {
			if may(i) && (widest < 0 || w > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
	}
	return excess
}

// lineTrimmer leaves out the blanks at the ends of lines.
type lineTrimmer struct {
	w      *bufio.Writer
	blanks int // not yet written: a newline may follow
}

func (t *lineTrimmer) Write(p []byte) (int, error) {
	for _, c := range p {
		switch c {
		case ' ':
			t.blanks++
			continue
		case '\n':
			t.blanks = 0
		}
		for ; t.blanks > 0; t.blanks-- {
			t.w.WriteByte(' ')
		}
		t.w.WriteByte(c) // the error stays in t.w until Flush
	}
	return len(p), nil
}

// Fields prints pairs of a key and a value, the values in a column of their
// own. A value may have several lines. Without a width nothing is to be fitted,
// and no table is laid out: there may be thousands of such lists.
func Fields(w io.Writer, p Palette, limit int, fields [][2]string) error {
	if limit > 0 {
		t := Table{Width: limit, Palette: p}
		for _, f := range fields {
			t.Rows = append(t.Rows, []string{p.Dim(f[0]), f[1]})
		}
		return t.Write(w)
	}
	keys := 0
	for _, f := range fields {
		keys = max(keys, width(f[0]))
	}
	out := lineTrimmer{w: bufio.NewWriter(w)}
	for _, f := range fields {
		key := f[0]
		for line := range strings.SplitSeq(f[1], "\n") {
			fmt.Fprintf(&out, "%s%*s%s\n", p.Dim(key), keys-width(key)+gap, "", line)
			key = ""
		}
	}
	return out.w.Flush()
}
