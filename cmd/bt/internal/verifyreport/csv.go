package verifyreport

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"bt/inspect"
	"bt/repair"
)

// addCSV writes the lines of a torrent.
func addCSV(w io.Writer, t *Torrent) {
	out := csv.NewWriter(w) // blocks returns no errors
	defer out.Flush()
	record := make([]string, len(Columns))
	write := func(l csvLine) {
		l["torrent"] = cell(t.Path)
		for i, c := range Columns {
			record[i] = l[c[0]]
		}
		_ = out.Write(record)
	}
	v := t.Verdict
	if v == nil {
		write(csvLine{"error": cell(t.Summary)})
		return
	}
	ofContent := func(l csvLine) {
		l["content"], l["proof"] = cell(v.Content), string(v.Basis)
		write(l)
	}
	done := mendedFiles(t)
	for f := range v.Files {
		l := fileLine(t, &f)
		done[f.Index].addTo(l, t, &f)
		ofContent(l)
	}
	var bad pieceList
	for _, p := range Padding(v) {
		bad.add(p)
	}
	if s := bad.String(); s != "" {
		ofContent(csvLine{"status": string(inspect.StatusCorrupt), "certain": "true", "bad_pieces": s, "error": "the hashes of the padding in the torrent are wrong"})
	}
	for _, path := range v.Extra {
		l := csvLine{"status": "extra"}
		l.path("path", path)
		ofContent(l)
	}
	for _, m := range v.Maybe {
		for _, at := range m.At {
			l := csvLine{"status": "candidate", "candidates_reason": string(m.Reason)}
			l.path("path", m.Path)
			l.path("found_at", at)
			ofContent(l)
		}
	}
	if t.Linked != nil && t.Linked.Built == nil {
		ofContent(csvLine{"error": cell(t.Linked.Err)})
	}
}

// fileLine returns the line of a file, without what was found and done.
func fileLine(t *Torrent, f *inspect.FileVerdict) csvLine {
	l := csvLine{
		"status": string(f.Status), "size": number(f.Size), "found": number(f.Found),
		"certain": strconv.FormatBool(f.Certain || f.Status == inspect.StatusOK),
	}
	l.path("path", f.Path)
	l.path("at", f.At)
	l["bad_bytes"], l["bad_ranges"], l["bad_pieces"] = badCells(f)
	if f.Status == inspect.StatusUnreadable {
		l["error"] = cell(t.Detail(f))
	}
	return l
}

// A mendedFile is what was found of a file elsewhere, and what was done to it.
type mendedFile struct {
	found   *inspect.Found
	maybe   *inspect.Maybe
	done    *repair.File
	refused *repair.Refusal
}

// mendedFiles returns what there is of each file, by its index.
func mendedFiles(t *Torrent) map[int]mendedFile {
	list := make(map[int]mendedFile)
	change := func(i int, set func(*mendedFile)) {
		m := list[i]
		set(&m)
		list[i] = m
	}
	for i := range t.Verdict.Found {
		f := &t.Verdict.Found[i]
		change(f.Index, func(m *mendedFile) { m.found = f })
	}
	for i := range t.Verdict.Maybe {
		x := &t.Verdict.Maybe[i]
		change(x.Index, func(m *mendedFile) { m.maybe = x })
	}
	if t.Repaired == nil {
		return list
	}
	for i := range t.Repaired.Files {
		f := &t.Repaired.Files[i]
		change(f.Index, func(m *mendedFile) { m.done = f })
	}
	for i := range t.Repaired.Refused {
		r := &t.Repaired.Refused[i]
		change(r.Index, func(m *mendedFile) { m.refused = r })
	}
	return list
}

// addTo sets the columns of what was found and done.
func (m mendedFile) addTo(l csvLine, t *Torrent, f *inspect.FileVerdict) {
	if m.found != nil {
		l.path("found_at", m.found.At)
		l["found_proof"], l["found_unproven"] = string(m.found.Proof), number(m.found.Unproven)
	}
	if m.maybe != nil {
		l["candidates"], l["candidates_reason"] = number(int64(m.maybe.Count)), string(m.maybe.Reason)
	}
	switch {
	case m.refused != nil:
		l["repair"], l["repair_reason"] = "refused", cell(t.Repaired.Reason(*m.refused))
	case m.done != nil:
		l["repair"] = RepairWord(*m.done, false)
		l["repair_pieces"], l["repair_bytes"] = number(int64(m.done.Pieces)), number(m.done.Bytes)
		l["repair_from"] = cell(t.Repaired.names(*m.done))
	}
	if t.Linked.has(f, m.found != nil) {
		l.path("linked_at", t.Linked.At(f.Path))
	}
	if t.Repaired != nil && t.Repaired.DryRun || t.Linked != nil && t.Linked.DryRun {
		l["dry_run"] = "true"
	}
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// badCells returns the number of bad bytes of a file, its bad ranges, and its bad
// pieces.
func badCells(f *inspect.FileVerdict) (bytes, ranges, list string) {
	var (
		sum int64
		b   strings.Builder
		all pieceList
	)
	for i, r := range f.Bad {
		if i > 0 {
			b.WriteByte(' ')
		}
		fmt.Fprintf(&b, "%d+%d:%s", r.Offset, r.Length, r.Cause)
		sum += r.Length
		for _, p := range r.Pieces {
			all.add(p)
		}
	}
	return number(sum), b.String(), all.String()
}

// A pieceList collects ascending piece numbers.
type pieceList struct {
	b           strings.Builder
	first, last int
	any         bool
}

func (l *pieceList) add(i int) {
	if l.any && i <= l.last+1 {
		l.last = i
		return
	}
	l.flush()
	l.first, l.last, l.any = i, i, true
}

func (l *pieceList) flush() {
	if !l.any {
		return
	}
	if l.b.Len() > 0 {
		l.b.WriteByte(' ')
	}
	l.b.WriteString(strconv.Itoa(l.first))
	if l.last > l.first {
		l.b.WriteString("-" + strconv.Itoa(l.last))
	}
}

// String ends the list.
func (l *pieceList) String() string {
	l.flush()
	l.any = false
	return l.b.String()
}
