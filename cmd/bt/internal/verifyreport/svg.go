package verifyreport

import (
	"fmt"
	"html/template"
	"strings"

	"bt/internal/term"
)

// Pictures are SVG inside the page. They have only classes, numbers and the names of
// states, so they need no escaping. A state has a shape of its own, because colours alone
// are not enough for everyone, nor for a printer.

const (
	pictureCells = 640 // cells of the picture of pieces
	wideRow      = 80  // cells in a row
	narrowRow    = 40  // likewise, if there are few
	barCells     = 48  // cells of the bar of a file
)

// shapes are the shapes of the states in a cell of 10 x 10. %[1]d and %[2]d are the
// corner of the cell.
var shapes = []string{
	good:         "M%[1]d.5 %[2]d.5h9v9h-9z",
	unverifiable: "M%[1]d.5 %[2]d.5h9l-9 9z",
	missing:      "M%[1]d.5 %[2]d.5h9v9h-9zm1.6 1.6v5.8h5.8v-5.8z",
	bad:          "M%[1]d.5 %[2]d.5h9v9h-9zm1.2 2.4 2.1 2.1-2.1 2.1 1.2 1.2 2.1-2.1 2.1 2.1 1.2-1.2-2.1-2.1 2.1-2.1-1.2-1.2-2.1 2.1-2.1-2.1z",
	unreadable:   "M%[1]d.5 %[2]d.5h9v9h-9zm3.6 1.2v4.1h1.8v-4.1zm0 5v1.6h1.8v-1.6z",
}

// picture draws pieces in rows of cells. Each run of cells has a tooltip.
func picture(cells term.Cells, total int64) template.HTML {
	if len(cells) == 0 {
		return ""
	}
	row := wideRow
	if len(cells) <= 4*narrowRow {
		row = narrowRow
	}
	class := "pieces"
	if len(cells) <= row { // it may be narrower than the page
		class, row = "pieces row", len(cells)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="%s" preserveAspectRatio="xMinYMid" viewBox="0 0 %d %d" role="img" aria-label="picture of the pieces">`, class, row*10, (len(cells)+row-1)/row*10)
	for i := 0; i < len(cells); {
		n := 1
		for i+n < len(cells) && cells[i+n] == cells[i] && (i+n)%row != 0 {
			n++
		}
		first, _ := cells.Items(i, total)
		_, end := cells.Items(i+n-1, total)
		state := stateNames[cells[i]]
		fmt.Fprintf(&b, `<path class="%s" d="`, state)
		for k := i; k < i+n; k++ {
			fmt.Fprintf(&b, shapes[cells[i]], k%row*10, k/row*10)
		}
		fmt.Fprintf(&b, `"><title>%s: %s</title></path>`, pieceRange(first, end), worst(state, end-first, n))
		i += n
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// worst says that a state is only the worst of several in a cell.
func worst(state string, items int64, cells int) string {
	if state == stateNames[good] || items <= int64(cells) {
		return state
	}
	return "at worst " + state
}

func pieceRange(first, end int64) string {
	if end == first+1 {
		return "piece " + term.Count(first)
	}
	return "pieces " + term.Count(first) + "–" + term.Count(end-1)
}

// cellIcon draws one cell, for the legend.
func cellIcon(state uint8) template.HTML {
	return template.HTML(fmt.Sprintf(`<svg viewBox="0 0 10 10" aria-hidden="true"><path class="%s" d="`, stateNames[state]) +
		fmt.Sprintf(shapes[state], 0, 0) + `"/></svg>`)
}

// barShapes are the tops and heights of the stripes of each state in a bar of 20.
var barShapes = [][]struct{ top, height int }{
	good: {{6, 8}}, unverifiable: {{3, 4}, {13, 4}}, missing: {{9, 2}}, bad: {{0, 20}}, unreadable: {{0, 8}, {12, 8}},
}

// bar draws the bytes of a file.
func bar(cells term.Cells) template.HTML {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="bar" viewBox="0 0 %d 20" preserveAspectRatio="none" aria-hidden="true">`, len(cells))
	for i := 0; i < len(cells); {
		n := 1
		for i+n < len(cells) && cells[i+n] == cells[i] {
			n++
		}
		fmt.Fprintf(&b, `<path class="%s" d="`, stateNames[cells[i]])
		for _, s := range barShapes[cells[i]] {
			fmt.Fprintf(&b, "M%d %dh%dv%dh-%dz", i, s.top, n, s.height, n)
		}
		b.WriteString(`"/>`)
		i += n
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}
