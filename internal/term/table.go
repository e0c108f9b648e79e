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

// gap is the number of blanks between columns.
const gap = 2

// A Table prints rows in columns, without borders. Its cells must be safe, see Safe.
// They may contain colours and newlines.
type Table struct {
	Header  []string // nil means no header
	Rows    [][]string
	Right   []bool // whether each column is right aligned; false beyond its end
	Width   int    // columns of the terminal; 0 means no limit
	Palette Palette

	// Drop are the columns to leave out, in this order, if the table is wider than
	// Width.
	Drop []int

	// Least is the width to which each text column may be narrowed before columns are
	// dropped; 0, and beyond its end, 8.
	Least []int

	// Short shortens the cells of a column to a width. If it is nil for a column, cells
	// are wrapped at blanks, and words that are too long lose their middle.
	Short map[int]func(cell string, limit int) string
}

// Write prints the table. If it is wider than Width, it leaves out columns of Drop,
// then narrows the widest text columns, and at last right-aligned columns. If there is
// not even one character per column, the table is wider than Width.
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
	// The renderer ignores errors of its writer, which stores them.
	return out.w.Flush()
}

// layout returns a tablewriter for columns of the given widths. It streams, because
// otherwise it stores several copies of all rows.
func (t Table) layout(w io.Writer, widths []int) *tablewriter.Table {
	align := make([]tw.Align, len(widths))
	padding := make([]tw.Padding, len(widths))
	padded := tw.NewMapper[int, int]()
	for i, columns := range widths {
		align[i] = tw.AlignLeft
		if t.right(i) {
			align[i] = tw.AlignRight
		}
		// The gap is one blank on either side: tablewriter repeats the padding to fill
		// a cell, which fails with a padding of two blanks.
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

// fit returns the cells of a row, one per column, cut or wrapped to the widths. Short
// is not used for the header.
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

// layOut returns the table with the remaining columns, and their widths without gaps.
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
		// Anything wider is cut anyway, and shrink decreases a width by one in each
		// step.
		widths[i] = min(w, t.Width)
		excess += widths[i]
	}
	excess = shrink(widths, excess, func(i int) bool { return !t.right(i) && widths[i] > t.leastOf(i) })
	excess = shrink(widths, excess, func(i int) bool { return !t.right(i) && widths[i] > 1 })
	shrink(widths, excess, func(i int) bool { return widths[i] > 1 })
	return t, widths
}

// leastOf returns the least width of a text column.
func (t Table) leastOf(column int) int {
	if column < len(t.Least) && t.Least[column] > 0 {
		return t.Least[column]
	}
	return 8
}

// least returns the width of the table if all shown columns have their least width.
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

// without returns the table and the widths without the hidden columns.
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

// natural returns the width of each column without narrowing.
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

// shrink narrows the widest of the allowed columns step by step. It returns the
// remaining excess.
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

// A lineTrimmer removes blanks at the ends of lines.
type lineTrimmer struct {
	w      *bufio.Writer
	blanks int // blanks that are not written yet, as a newline may follow
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
		t.w.WriteByte(c) // Flush returns the error
	}
	return len(p), nil
}

// Fields prints pairs of a key and a value, with the values in a column. Values may
// have several lines. Without a limit it does not use a Table, which would be slow for
// thousands of lists.
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
