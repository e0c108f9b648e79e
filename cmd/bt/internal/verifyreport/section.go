package verifyreport

import (
	"html/template"
	"strconv"

	"bt/inspect"
)

// A section is the data of the template of a torrent.
type section struct {
	pageRow
	Facts    [][2]string
	Content  string
	Proof    string
	Percent  string
	Picture  template.HTML
	Note     string
	Legend   []legendRow
	Damaged  list[fileRow]
	Padding  string
	Doubtful list[doubtRow]
	Found    list[foundRow]
	Maybe    list[maybeRow]
	Repaired *repairedPart
	Tree     string // of --link
	TreeBad  bool   // it could not be built
	Others   list[fileRow]
	Extra    list[string]
	HasExtra bool
}

// A list is the beginning of a list, and the number of items that are left out.
type list[T any] struct {
	Rows []T
	More int
}

// add adds an item, unless there are most.
func (l *list[T]) add(most int, item func() T) {
	if len(l.Rows) >= most {
		l.More++
		return
	}
	l.Rows = append(l.Rows, item())
}

type legendRow struct {
	Icon  template.HTML
	Count int
	State string
}

type fileRow struct {
	Path, At    string
	Status      inspect.Status
	Size, Found int64
	Bar         template.HTML
	Detail      string
	Ranges      list[rangeRow]
}

type rangeRow struct{ Bytes, Cause, Pieces string }

type foundRow struct{ Path, At, Proof string }

type maybeRow struct {
	Path, Reason string
	Count        int
	At           list[string]
}

// A repairedPart is what a repair did, or would do.
type repairedPart struct {
	DryRun  bool
	Sums    string
	Files   list[mendedRow]
	Refused list[refusedRow]
	Sources []sourceRow
}

type mendedRow struct{ Path, Word, Details, From string }

type refusedRow struct{ Path, Reason string }

type sourceRow struct{ Name, Supplied, Problem string }

type doubtRow struct {
	Index int
	Cause string
	Files int
	Paths string
}

func newSection(t *Torrent, row pageRow) *section {
	s := &section{pageRow: row, Facts: t.Facts, Proof: t.Proof}
	v := t.Verdict
	if v == nil {
		return s
	}
	s.Content = v.Content
	s.Percent = percent(v.Pieces.Good, v.Pieces.Total)
	cells := PieceCells(v, pictureCells)
	s.Picture, s.Note = picture(cells, int64(v.Pieces.Total)), CellNote(v, cells)
	for _, e := range Legend(v.Pieces) {
		s.Legend = append(s.Legend, legendRow{cellIcon(e.state), e.Count, e.State})
	}
	for _, i := range t.Damaged {
		s.Damaged.add(maxDamaged, func() fileRow { return newFileRow(t, v.File(int(i))) })
	}
	if bad := Padding(v); len(bad) > 0 {
		s.Padding = count(len(bad), "piece")
	}
	s.addDoubtful(v)
	s.addFound(v)
	s.addRepaired(t)
	s.addOthers(t)
	s.HasExtra = v.Extra != nil
	for _, path := range v.Extra {
		s.Extra.add(maxExtra, func() string { return shortText(path) })
	}
	return s
}

// addDoubtful adds the pieces in doubt.
func (s *section) addDoubtful(v *inspect.Verdict) {
	for p := range v.BadPieces {
		if p.Doubtful {
			s.Doubtful.add(maxDoubtful, func() doubtRow {
				return doubtRow{p.Index, CauseText(p), p.FileCount, shortText(FirstAndLast(p.Files))}
			})
		}
	}
}

// addFound adds the files that were found elsewhere, and the ambiguous ones.
func (s *section) addFound(v *inspect.Verdict) {
	for _, f := range v.Found {
		s.Found.add(maxFound, func() foundRow { return foundRow{shortText(f.Path), shortText(f.At), ProofText(f)} })
	}
	for _, m := range v.Maybe {
		s.Maybe.add(maxFound, func() maybeRow {
			row := maybeRow{Path: shortText(m.Path), Reason: ReasonText(m.Reason), Count: m.Count}
			for _, at := range m.At {
				row.At.add(maxAt, func() string { return shortText(at) })
			}
			row.At.More = m.Count - len(row.At.Rows)
			return row
		})
	}
}

// addRepaired adds what was repaired and linked, or would be.
func (s *section) addRepaired(t *Torrent) {
	if l := t.Linked; l != nil {
		s.Tree, s.TreeBad = shortText(l.text()), l.Built == nil
	}
	r := t.Repaired
	if r == nil {
		return
	}
	s.Repaired = &repairedPart{DryRun: r.DryRun, Sums: repairSums(r.Report, r.DryRun)}
	path := func(i int) string { return shortText(t.Verdict.File(i).Path) }
	for _, f := range r.Files {
		s.Repaired.Files.add(maxMended, func() mendedRow {
			return mendedRow{path(f.Index), RepairWord(f, r.DryRun), RepairDetails(f), shortText(r.names(f))}
		})
	}
	for _, x := range r.Refused {
		s.Repaired.Refused.add(maxMended, func() refusedRow { return refusedRow{path(x.Index), shortText(r.Reason(x))} })
	}
	for i, x := range r.From {
		s.Repaired.Sources = append(s.Repaired.Sources, sourceRow{shortText(x.Name), r.suppliedText(i), shortText(x.Problem)})
	}
}

// addOthers adds the files that are not certainly damaged: those in doubt, then those that
// are ok.
func (s *section) addOthers(t *Torrent) {
	var ok list[fileRow]
	for f := range t.Verdict.Files {
		switch row := func() fileRow { return newFileRow(t, f) }; {
		case f.Certain:
		case f.Status == inspect.StatusOK:
			ok.add(maxOK, row)
		default:
			s.Others.add(maxDoubtful, row)
		}
	}
	s.Others = list[fileRow]{append(s.Others.Rows, ok.Rows...), s.Others.More + ok.More}
}

func newFileRow(t *Torrent, f inspect.FileVerdict) fileRow {
	row := fileRow{
		Path: shortText(f.Path), At: shortText(f.At), Status: f.Status, Size: f.Size, Found: f.Found,
		Bar: bar(FileCells(&f, barCells)), Detail: shortText(t.Detail(&f)),
	}
	for _, r := range f.Bad {
		row.Ranges.add(maxRanges, func() rangeRow { return rangeRow{byteRange(r), r.Cause.String(), pieces(r.Pieces)} })
	}
	return row
}

// percent returns the share of good pieces. It is 100 only if all are good, and 0 only
// if none is.
func percent(good, total int) string {
	if good == total {
		return "100"
	}
	hundredths := min(max(int64(good)*10_000/int64(total), 1), 9_999)
	if good == 0 {
		return "0"
	}
	return strconv.FormatFloat(float64(hundredths)/100, 'f', -1, 64)
}
