package main

import (
	"math/rand/v2"
	"strings"
	"testing"

	"bt/get"
	"bt/internal/term"
	"bt/internal/testenv"
)

// pieceStates returns the states that a text draws: # there, o open, . missing, - not wanted.
func pieceStates(text string) (list []get.PieceStatus) {
	for _, c := range text {
		list = append(list, map[rune]get.PieceStatus{'#': get.PieceVerified, 'o': get.PieceOpen, '.': get.PieceMissing, '-': get.PieceUnwanted}[c])
	}
	return list
}

func TestPieceCells(t *testing.T) {
	ascii := term.Palette{}.ASCII()
	for _, test := range []struct {
		pieces string
		cells  int
		want   string
	}{
		{"#.o-", 4, "#.:-"},
		{"#.o-", 100, "#.:-"},   // one cell per piece
		{"##..--oo", 4, "#.-:"}, // two pieces in a cell
		{"#.", 1, "+"},
		{"#..", 1, ":"},
		{"#o.", 1, ":"},
		{"##o", 1, "+"},
		{"#-", 1, "#"}, // all that is wanted is there
		{".-", 1, "."},
		{"--", 1, "-"},
		{"#", 1, "#"},
	} {
		if got := ascii.Cells(pieceCells(pieceStates(test.pieces), test.cells), downloadGlyphs); got != test.want {
			t.Errorf("%s in %d cells: %s, want %s", test.pieces, test.cells, got, test.want)
		}
	}
}

// The picture fits the window, whatever its size, or is left out.
func TestPiecePictureFits(t *testing.T) {
	testenv.Large(t)
	pieces := make([]get.PieceStatus, 5000)
	for i := range pieces {
		pieces[i] = get.PieceStatus(rand.IntN(4))
	}
	for _, pal := range []term.Palette{{}, term.NewPalette(true), term.Palette{}.ASCII()} {
		for _, n := range []int{1, 2, 79, 81, 5000} {
			drawn := 0
			for columns := 0; columns <= 210; columns += 7 {
				for rows := -3; rows <= 30; rows++ {
					picture := piecePicture(pal, pieces[:n], columns, rows)
					lines := strings.Count(picture, "\n")
					if lines > max(rows, 0) || lines == 1 {
						t.Fatalf("%d pieces in %d columns and %d rows: %d lines", n, columns, rows, lines)
					}
					for line := range strings.SplitSeq(picture, "\n") {
						if term.Width(line) > columns {
							t.Fatalf("%d pieces in %d columns: %q", n, columns, line)
						}
					}
					if lines > 0 {
						drawn++
					}
				}
			}
			if drawn == 0 {
				t.Errorf("no picture of %d pieces", n)
			}
		}
	}
	if picture := piecePicture(term.Palette{}, nil, 80, 24); picture != "" {
		t.Errorf("a picture of no pieces: %q", picture)
	}
}
