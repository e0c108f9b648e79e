package term

import (
	"bufio"
	"fmt"
	"io"
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
}

// Write prints the table. One that is wider than Width has its widest text
// columns narrowed, and only if they can be narrowed no further also those that
// are right aligned; cells break at blanks, and words that are too long lose
// their middle. A terminal too narrow for one character a column is overrun.
func (t Table) Write(w io.Writer) error {
	widths := t.widths()
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
		table.Header(t.fit(header, widths))
	}
	for _, row := range t.Rows {
		if err := table.Append(t.fit(row, widths)); err != nil {
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

// fit returns a row's cells, one for each column, made to fit the widths.
func (t Table) fit(row []string, widths []int) []string {
	cells := make([]string, len(widths))
	for i, cell := range row {
		cells[i] = fit(cell, widths[i])
	}
	return cells
}

// widths returns the width of each column, the gaps not counted.
func (t Table) widths() []int {
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
	if t.Width <= 0 || len(widths) == 0 {
		return widths
	}

	excess := gap * (len(widths) - 1)
	for i, w := range widths {
		// Anything wider is cut anyway, and shrinking takes a step a column.
		widths[i] = min(w, t.Width)
		excess += widths[i]
	}
	excess -= t.Width
	excess = shrink(widths, excess, func(i int) bool { return !t.right(i) && widths[i] > 8 })
	excess = shrink(widths, excess, func(i int) bool { return !t.right(i) && widths[i] > 1 })
	shrink(widths, excess, func(i int) bool { return widths[i] > 1 })
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
