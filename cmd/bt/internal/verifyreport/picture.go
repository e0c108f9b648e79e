package verifyreport

import (
	"bt/inspect"
	"bt/internal/term"
)

// The states of pieces, and of bytes of a file, in pictures. A greater one is worse.
const (
	good uint8 = iota
	unverifiable
	missing
	bad
	unreadable
)

// Glyphs draws each state.
var Glyphs = []term.Glyph{
	good:         {Unicode: "█", ASCII: "#", Color: term.Palette.Green},
	unverifiable: {Unicode: "?", ASCII: "?", Color: term.Palette.Yellow},
	missing:      {Unicode: "░", ASCII: ".", Color: term.Palette.Red},
	bad:          {Unicode: "X", ASCII: "X", Color: term.Palette.Red},
	unreadable:   {Unicode: "!", ASCII: "!", Color: term.Palette.Red},
}

// stateNames are the names that the counters of a verdict have.
var stateNames = []string{good: "good", unverifiable: "unverifiable", missing: "missing", bad: "bad", unreadable: "unreadable"}

func stateOf(c inspect.Cause) uint8 {
	switch c {
	case inspect.CauseNone:
		return good
	case inspect.CauseUnverifiable:
		return unverifiable
	case inspect.CauseMissing, inspect.CauseShort:
		return missing
	case inspect.CauseUnreadable:
		return unreadable
	}
	return bad // corrupt or changed
}

// PieceCells returns a picture of all pieces in at most most cells. Content of empty
// files has no pieces, and no cells.
func PieceCells(v *inspect.Verdict, most int) term.Cells {
	if v.Pieces.Total == 0 {
		return nil
	}
	c := term.NewCells(min(most, v.Pieces.Total))
	for p := range v.BadPieces {
		c.Mark(int64(p.Index), int64(p.Index)+1, int64(v.Pieces.Total), stateOf(p.Cause))
	}
	return c
}

// FileCells returns a picture of the bytes of a file in n cells.
func FileCells(f *inspect.FileVerdict, n int) term.Cells {
	c := term.NewCells(n)
	for _, r := range f.Bad {
		c.Mark(r.Offset, r.Offset+r.Length, f.Size, stateOf(r.Cause))
	}
	if f.Size > 0 {
		return c
	}
	switch f.Status { // an empty file is in no piece
	case inspect.StatusMissing, inspect.StatusNotAFile:
		c.Mark(0, 1, 1, missing)
	case inspect.StatusUnreadable:
		c.Mark(0, 1, 1, unreadable)
	}
	return c
}

// A LegendEntry is the number of pieces in a state.
type LegendEntry struct {
	Glyph term.Glyph
	State string
	Count int

	state uint8
}

// Legend returns the states that occur.
func Legend(n inspect.PieceCounts) []LegendEntry {
	var list []LegendEntry
	for state, count := range []int{good: n.Good, unverifiable: n.Unverifiable, missing: n.Missing, bad: n.Bad, unreadable: n.Unreadable} {
		if count > 0 {
			list = append(list, LegendEntry{Glyphs[state], stateNames[state], count, uint8(state)})
		}
	}
	return list
}
