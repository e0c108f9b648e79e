package verifyreport

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"bt/inspect"
	"bt/internal/term"
)

// textCells is the width of the picture in a report as text, and textRows its greatest
// height.
const (
	textCells = 100
	textRows  = 20
)

// textPalette draws in ASCII, which every editor shows.
var textPalette = term.Palette{}.ASCII()

func (r *Report) textHead() string {
	return fmt.Sprintf("report of bt verify, %s (bt %s)\n%s\n", r.options.Time.UTC().Format(time.RFC3339), r.options.Version, r.summary())
}

// addText writes all of a verdict: facts, picture, certain damage, pieces in doubt,
// extra files, and the other files.
func addText(w io.Writer, t *Torrent) {
	fmt.Fprintf(w, "\n%s\n%s: %s: %s\n\n", strings.Repeat("=", textCells), shortName(t.Name, t.Path), term.Safe(t.Result), term.Safe(t.Summary))
	for _, f := range t.Facts {
		fmt.Fprintf(w, "%-16s  %s\n", term.Safe(f[0]), term.Safe(f[1]))
	}
	if t.Verdict == nil {
		return
	}
	v := t.Verdict
	fmt.Fprintf(w, "%-16s  %s\n%-16s  %s\n", "content", term.Safe(v.Content), "proof", term.Safe(t.Proof))
	textPicture(w, v)
	textDamaged(w, t)
	textDoubtful(w, v)
	if v.Extra != nil {
		fmt.Fprintf(w, "\n%s\n\n", count(len(v.Extra), "extra file"))
		for _, path := range v.Extra {
			fmt.Fprintf(w, "extra         %s\n", term.Safe(path))
		}
	}
	textOthers(w, v)
}

// shortName returns the name of a torrent for a line, else its path.
func shortName(name, path string) string {
	if name == "" {
		return term.Safe(path)
	}
	return textPalette.Shorten(name, "")
}

func textPicture(w io.Writer, v *inspect.Verdict) {
	cells := PieceCells(v, textCells*textRows)
	fmt.Fprintf(w, "\n%s%s\n\n", count(v.Pieces.Total, "piece"), CellNote(v, cells))
	for row := range slices.Chunk(cells, textCells) {
		fmt.Fprintln(w, textPalette.Cells(row, Glyphs))
	}
	var items []string
	for _, e := range Legend(v.Pieces) {
		items = append(items, textPalette.Glyph(e.Glyph, 1)+" "+term.Count(int64(e.Count))+" "+e.State)
	}
	fmt.Fprintln(w, term.Flow(items, 0))
}

// CellNote returns how many pieces a cell of a picture stands for, or "" for one.
func CellNote(v *inspect.Verdict, cells term.Cells) string {
	if v.Pieces.Total <= len(cells) {
		return ""
	}
	return ", up to " + term.Count(int64((v.Pieces.Total+len(cells)-1)/len(cells))) + " in a cell, which shows the worst"
}

func textDamaged(w io.Writer, t *Torrent) {
	pads := Padding(t.Verdict)
	if len(t.Damaged)+len(pads) == 0 {
		return
	}
	fmt.Fprintf(w, "\n%s certainly damaged\n\n", count(len(t.Damaged), "file"))
	for _, i := range t.Damaged {
		f := t.Verdict.File(int(i))
		textFile(w, &f)
		if detail := t.Detail(&f); detail != "" {
			fmt.Fprintf(w, "              %s\n", term.Safe(detail))
		}
		for _, r := range f.Bad {
			fmt.Fprintf(w, "              bytes %s: %s, %s\n", byteRange(r), r.Cause, pieces(r.Pieces))
		}
	}
	for _, p := range pads {
		fmt.Fprintf(w, "%-12s  padding: the hash of piece %d in the torrent is wrong\n", inspect.StatusCorrupt, p)
	}
}

// byteRange formats the first and the last byte of a range.
func byteRange(r inspect.Range) string {
	return term.Count(r.Offset) + "-" + term.Count(r.Offset+r.Length-1)
}

// textFile writes the line of a file. The path is last, because it is of any length.
func textFile(w io.Writer, f *inspect.FileVerdict) {
	fmt.Fprintf(w, "%-12s  %20s  %s", f.Status, term.Count(f.Size), term.Safe(f.Path))
	if f.At != "" {
		fmt.Fprintf(w, "  (on disk: %s)", term.Safe(f.At))
	}
	fmt.Fprintln(w)
}

func textDoubtful(w io.Writer, v *inspect.Verdict) {
	heading := "\npieces in doubt: several files share them\n\n"
	for p := range v.BadPieces {
		if !p.Doubtful {
			continue
		}
		fmt.Fprintf(w, "%spiece %-8d  %-12s  %s: %s\n", heading, p.Index, p.Cause, count(p.FileCount, "file"), term.Safe(FirstAndLast(p.Files)))
		heading = ""
	}
}

// textOthers writes the files that are not certainly damaged: those in doubt, then those
// that are ok.
func textOthers(w io.Writer, v *inspect.Verdict) {
	for _, ok := range []bool{false, true} {
		heading := "\nfiles in doubt\n\n"
		if ok {
			heading = "\nfiles that are ok\n\n"
		}
		for f := range v.Files {
			if f.Certain || (f.Status == inspect.StatusOK) != ok {
				continue
			}
			io.WriteString(w, heading)
			heading = ""
			textFile(w, &f)
		}
	}
}
