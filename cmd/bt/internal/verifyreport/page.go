package verifyreport

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
	"strconv"
	"time"

	"bt/inspect"
	"bt/internal/term"
	"bt/internal/web"
)

// The page has a section for each torrent: its picture, its damage, its files and facts.
// Its size is limited, whatever the number of files and torrents:
//
//   - each list has a maximum number of rows, after which it says how many are left out
//   - sections are left out after maxPage bytes, those of good torrents after maxGood
//   - torrents beyond maxTorrents have no row
const (
	maxDamaged  = 2000 // rows for files that are certainly damaged
	maxDoubtful = 500  // rows for pieces in doubt, and for files in doubt
	maxOK       = 500  // rows for files that are ok
	maxExtra    = 500
	maxRanges   = 5 // bad ranges of one file
	maxTorrents = 20_000
	maxGood     = 2 << 20
	maxPage     = 12 << 20
)

var (
	//go:embed page.css
	pageCSS string
	//go:embed page.tmpl
	pageText     string
	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"count": func(n int) string { return term.Count(int64(n)) },
		"size":  term.Size, "bytes": term.Count, "safe": term.Safe,
		"name": shortText, "time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"icon":    func() template.HTML { return template.HTML(web.Icon) },
	}).Parse(pageText))
)

// A page is what an HTML report has beside its sections.
type page struct {
	rows []pageRow
	left int // torrents whose section is left out
}

// A pageRow is a torrent in the list of torrents.
type pageRow struct {
	Number           int // of the section, or 0 if it is left out
	OK               bool
	Name             string
	Result, Summary  string
	Size             int64
	HasVerdict       bool
	Files, FilesOK   int
	Pieces, GoodOnes int
}

// shortText returns any text as a text of limited length that can be shown.
func shortText(s string) string { return term.Palette{}.Shorten(s, "") }

func (r *Report) addHTML(t *Torrent) {
	row := pageRow{Name: shortText(t.Name), Result: shortText(t.Result), Summary: shortText(t.Summary), Size: t.Size}
	if t.Name == "" {
		row.Name = shortText(t.Path)
	}
	limit := maxPage
	if v := t.Verdict; v != nil {
		row.OK, row.HasVerdict = v.OK, true
		row.Files, row.FilesOK = v.FileCount, v.Statuses[inspect.StatusOK]
		row.Pieces, row.GoodOnes = v.Pieces.Total, v.Pieces.Good
		if v.OK {
			limit = maxGood
		}
	}
	if r.body.Len() < limit {
		row.Number = r.count
		execute(&r.body, "torrent", newSection(t, row))
	} else {
		r.page.left++
	}
	if len(r.page.rows) < maxTorrents {
		r.page.rows = append(r.page.rows, row)
	}
}

// execute runs a template. Writing to blocks can't fail, and the templates are tested.
func execute(w io.Writer, name string, data any) {
	if err := pageTemplate.ExecuteTemplate(w, name, data); err != nil {
		panic(err)
	}
}

func (r *Report) writeHTML(w io.Writer) (int64, error) {
	data := struct {
		Options
		Summary            string
		Rows               []pageRow
		MoreRows, Left, OK int
		AllOK              bool
	}{r.options, r.summary(), r.page.rows, r.count - len(r.page.rows), r.page.left, r.ok, r.ok == r.count}
	var head, foot bytes.Buffer
	execute(&head, "head", data)
	execute(&foot, "foot", data)
	title := r.summary()
	if r.count == 1 {
		title = r.page.rows[0].Result + ": " + r.page.rows[0].Name
	}
	d := web.Document{Title: title + " - bt verify", CSS: pageCSS, Body: joined{&head, &r.body, &foot}}
	return d.WriteTo(w)
}

// joined writes its parts one after another.
type joined []io.WriterTo

func (j joined) WriteTo(w io.Writer) (int64, error) { return writeAll(w, j...) }

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
	for p := range v.BadPieces {
		if p.Doubtful {
			s.Doubtful.add(maxDoubtful, func() doubtRow {
				return doubtRow{p.Index, p.Cause.String(), p.FileCount, shortText(FirstAndLast(p.Files))}
			})
		}
	}
	others(s, t)
	s.HasExtra = v.Extra != nil
	for _, path := range v.Extra {
		s.Extra.add(maxExtra, func() string { return shortText(path) })
	}
	return s
}

// others adds the files that are not certainly damaged: those in doubt, then those that
// are ok.
func others(s *section, t *Torrent) {
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
