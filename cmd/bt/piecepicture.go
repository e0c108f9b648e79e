package main

import (
	"slices"
	"strings"

	"bt/get"
	"bt/internal/term"
)

// The states of a cell of the picture of a download, which stands for one piece or more.
const (
	cellUnwanted uint8 = iota
	cellMissing
	cellBegun // some of it is there, or on its way
	cellMost  // half of it or more is there
	cellThere
)

var downloadGlyphs = []term.Glyph{
	cellUnwanted: {Unicode: "·", ASCII: "-", Color: term.Palette.Dim},
	cellMissing:  {Unicode: "░", ASCII: "."},
	cellBegun:    {Unicode: "▒", ASCII: ":", Color: term.Palette.Yellow},
	cellMost:     {Unicode: "▓", ASCII: "+", Color: term.Palette.Yellow},
	cellThere:    {Unicode: "█", ASCII: "#", Color: term.Palette.Green},
}

// piecePicture returns a picture of the pieces of a download in at most rows lines: a blank
// line, the cells, and what they mean. It returns "" if there is no room for it.
func piecePicture(pal term.Palette, pieces []get.PieceStatus, columns, rows int) string {
	if len(pieces) == 0 || columns <= 0 {
		return ""
	}
	legend := pieceLegend(pal, pieces, columns)
	rows = min(rows-2-strings.Count(legend, "\n"), mapRows)
	if rows < 1 {
		return ""
	}
	var b strings.Builder
	b.WriteByte('\n')
	for row := range slices.Chunk(pieceCells(pieces, columns*rows), columns) {
		b.WriteString(pal.Cells(row, downloadGlyphs) + "\n")
	}
	return b.String() + legend + "\n"
}

// pieceCells returns a picture of the pieces in at most most cells.
func pieceCells(pieces []get.PieceStatus, most int) term.Cells {
	cells := term.NewCells(min(most, len(pieces)))
	for i := range cells {
		first, end := cells.Items(i, int64(len(pieces)))
		cells[i] = cellOf(pieces[first:end])
	}
	return cells
}

// cellOf returns the state of a cell that stands for some pieces.
func cellOf(pieces []get.PieceStatus) uint8 {
	n := countPieces(pieces)
	switch there, wanted := n[get.PieceVerified], len(pieces)-n[get.PieceUnwanted]; {
	case wanted == 0:
		return cellUnwanted
	case there == wanted:
		return cellThere
	case there == 0 && n[get.PieceOpen] == 0:
		return cellMissing
	case 2*there >= wanted:
		return cellMost
	}
	return cellBegun
}

// countPieces counts the pieces in each state.
func countPieces(pieces []get.PieceStatus) (n [4]int) {
	for _, p := range pieces {
		n[p]++
	}
	return n
}

// pieceLegend says what the cells mean, and how many pieces there are.
func pieceLegend(pal term.Palette, pieces []get.PieceStatus, columns int) string {
	n := countPieces(pieces)
	var items []string
	for _, e := range []struct {
		cell  uint8
		state get.PieceStatus
		text  string
	}{
		{cellThere, get.PieceVerified, "there"},
		{cellBegun, get.PieceOpen, "begun"},
		{cellMissing, get.PieceMissing, "missing"},
		{cellUnwanted, get.PieceUnwanted, "not wanted"},
	} {
		if n[e.state] > 0 {
			items = append(items, pal.Cut(pal.Glyph(downloadGlyphs[e.cell], 1)+" "+term.Count(int64(n[e.state]))+" "+e.text, columns))
		}
	}
	return term.Flow(items, columns)
}
