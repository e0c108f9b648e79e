package verifyreport

import (
	"bytes"
	_ "embed"
	"html/template"
	"io"
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
	maxFound    = 500  // rows for files that were found elsewhere, and for ambiguous ones
	maxAt       = 3    // candidates of one file
	maxMended   = 1000 // rows for files that were repaired, and for those that could not be
	maxRanges   = 5    // bad ranges of one file
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
