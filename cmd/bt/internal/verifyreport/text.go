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

// addText writes all of a verdict: facts, picture, certain damage, pieces in doubt, what
// was found, repaired and linked, extra files, and the other files.
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
	textFound(w, v)
	textRepaired(w, t)
	if t.Linked != nil {
		fmt.Fprintf(w, "\nthe tree\n\n%s\n", t.Linked.text())
	}
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
		textFile(w, string(f.Status), &f)
		textDetail(w, t.Detail(&f))
		for _, r := range f.Bad {
			textDetail(w, fmt.Sprintf("bytes %s: %s, %s", byteRange(r), r.Cause, pieces(r.Pieces)))
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

// textFile writes the line of a file, after a word, which usually is its status. The path
// is last, because it is of any length.
func textFile(w io.Writer, word string, f *inspect.FileVerdict) {
	fmt.Fprintf(w, "%-12s  %20s  %s", word, term.Count(f.Size), term.Safe(f.Path))
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
		fmt.Fprintf(w, "%spiece %-8d  %-12s  %s: %s\n", heading, p.Index, CauseText(p), count(p.FileCount, "file"), term.Safe(FirstAndLast(p.Files)))
		heading = ""
	}
}

// textDetail writes a line below that of a file, unless it is empty.
func textDetail(w io.Writer, text string) {
	if text != "" {
		fmt.Fprintf(w, "              %s\n", term.Safe(text))
	}
}

// textFound writes the files that were found elsewhere, then the ambiguous ones.
func textFound(w io.Writer, v *inspect.Verdict) {
	if v.Found == nil {
		return
	}
	fmt.Fprintf(w, "\n%s found elsewhere\n", count(len(v.Found), "file"))
	if len(v.Found) > 0 {
		fmt.Fprintln(w)
	}
	for _, x := range v.Found {
		f := v.File(x.Index)
		textFile(w, "found", &f)
		textDetail(w, "at "+x.At)
		textDetail(w, ProofText(x))
	}
	if len(v.Maybe) > 0 {
		fmt.Fprintf(w, "\n%s\n\n", count(len(v.Maybe), "ambiguous file"))
	}
	for _, x := range v.Maybe {
		f := v.File(x.Index)
		textFile(w, "ambiguous", &f)
		textDetail(w, count(x.Count, "candidate")+": "+ReasonText(x.Reason))
		for _, at := range x.At {
			textDetail(w, "at "+at)
		}
		textDetail(w, moreCandidates(x, len(x.At)))
	}
}

// textRepaired writes what was repaired, or would be, and what could not be.
func textRepaired(w io.Writer, t *Torrent) {
	r := t.Repaired
	if r == nil {
		return
	}
	fmt.Fprintf(w, "\n%s\n", RepairSums(r.Report, r.DryRun))
	if len(r.Files)+len(r.Refused)+len(r.From) > 0 {
		fmt.Fprintln(w)
	}
	word := func(s string) string { return fmt.Sprintf("%-*s", len(repairedWord(r.DryRun)), s) }
	for _, x := range r.Files {
		f := t.Verdict.File(x.Index)
		textFile(w, word(RepairWord(x, r.DryRun)), &f)
		textDetail(w, RepairDetails(x))
		if names := r.names(x); names != "" {
			textDetail(w, "from "+names)
		}
	}
	for _, x := range r.Refused {
		f := t.Verdict.File(x.Index)
		textFile(w, word("refused"), &f)
		textDetail(w, r.Reason(x))
	}
	for i, s := range r.From {
		fmt.Fprintf(w, "source        %s\n", term.Safe(s.Name))
		textDetail(w, r.suppliedText(i))
		textDetail(w, s.Problem)
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
			textFile(w, string(f.Status), &f)
		}
	}
}
