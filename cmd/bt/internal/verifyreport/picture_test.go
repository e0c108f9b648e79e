package verifyreport

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"bt/inspect"
	"bt/internal/term"
)

func TestPieceCells(t *testing.T) {
	causes := []inspect.Cause{inspect.CauseCorrupt, inspect.CauseMissing, inspect.CauseShort, inspect.CauseUnreadable, inspect.CauseUnverifiable, inspect.CauseChanged}
	v := &inspect.Verdict{Pieces: inspect.PieceCounts{Total: 1000, Good: 994}}
	v.BadPieces = func(yield func(inspect.BadPiece) bool) {
		for i, cause := range causes {
			if !yield(inspect.BadPiece{Index: 100 * (i + 1), Cause: cause}) {
				return
			}
		}
	}
	pal := term.Palette{}.ASCII()
	for cells, want := range map[int]string{
		20: "##X#.#.#!#?#X#######",
		10: "#X..!?X###",
		2:  "!X",
		1:  "!", // the worst of all
	} {
		if got := pal.Cells(PieceCells(v, cells), Glyphs); got != want {
			t.Errorf("in %d cells: %s, want %s", cells, got, want)
		}
	}
	if got := PieceCells(v, 5000); len(got) != 1000 || got[100] != bad || got[101] != good {
		t.Error("with room for all, a piece is not one cell")
	}
	if got := PieceCells(&inspect.Verdict{}, 10); len(got) != 0 {
		t.Errorf("no pieces: %v", got)
	}
}

func TestFileCells(t *testing.T) {
	pal := term.Palette{}.ASCII()
	for _, tt := range []struct {
		f    inspect.FileVerdict
		want string
	}{
		{inspect.FileVerdict{Size: 100, Status: inspect.StatusOK}, "##########"},
		{inspect.FileVerdict{Size: 100, Status: inspect.StatusLong, Found: 200}, "##########"},
		{inspect.FileVerdict{Size: 100, Status: inspect.StatusCorrupt, Bad: []inspect.Range{{Offset: 99, Length: 1, Cause: inspect.CauseCorrupt}}}, "#########X"},
		{inspect.FileVerdict{Size: 100, Status: inspect.StatusShort, Bad: []inspect.Range{{Offset: 42, Length: 58, Cause: inspect.CauseShort}}}, "####......"},
		{inspect.FileVerdict{Size: 3, Status: inspect.StatusCorrupt, Bad: []inspect.Range{{Offset: 1, Length: 1, Cause: inspect.CauseChanged}}}, "####XXX###"},
		{inspect.FileVerdict{Size: 1 << 62, Status: inspect.StatusUnreadable, Bad: []inspect.Range{{Length: 1, Cause: inspect.CauseUnreadable}}}, "!#########"},
		{inspect.FileVerdict{Status: inspect.StatusOK}, "##########"},
		{inspect.FileVerdict{Status: inspect.StatusMissing}, ".........."},
		{inspect.FileVerdict{Status: inspect.StatusNotAFile}, ".........."},
		{inspect.FileVerdict{Status: inspect.StatusUnreadable}, "!!!!!!!!!!"},
	} {
		if got := pal.Cells(FileCells(&tt.f, 10), Glyphs); got != tt.want {
			t.Errorf("%s of %d bytes: %s, want %s", tt.f.Status, tt.f.Size, got, tt.want)
		}
	}
}

// Each state has its own character, shape and name.
func TestStatesDiffer(t *testing.T) {
	var list [5][]string
	for i, g := range Glyphs {
		list[0] = append(list[0], g.Unicode)
		list[1] = append(list[1], g.ASCII)
		list[2] = append(list[2], shapes[i])
		list[3] = append(list[3], stateNames[i])
		list[4] = append(list[4], fmt.Sprint(barShapes[i]))
	}
	for _, l := range list {
		if slices.Sort(l); len(slices.Compact(slices.Clone(l))) != len(Glyphs) {
			t.Errorf("not all differ: %q", l)
		}
	}
}

// Content of empty files has no pieces, and is drawn without a picture.
func TestNoPieces(t *testing.T) {
	x := torrentOf(verdict([]file{ok("a", 0), {path: "b", status: inspect.StatusMissing}}))
	if page := reportOf(t, HTML, x); !strings.Contains(page, "0 pieces") || strings.Contains(page, "piece 0") {
		t.Error("the page shows a piece")
	}
	if text := reportOf(t, Text, x); !strings.Contains(text, "\n0 pieces\n") || !strings.Contains(text, "missing") {
		t.Errorf("the text is\n%s", text)
	}
}
