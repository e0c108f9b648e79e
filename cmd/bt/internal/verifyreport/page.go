package verifyreport

import (
	"bufio"
	_ "embed"
	"errors"
	"html/template"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"bt/inspect"
	"bt/internal/term"
	"bt/internal/web"
)

// The page has a section for each torrent: its picture, its damage, its files and facts.
// Before them it lists several torrents. Those that are not ok are first in both. The size
// of the page is limited, whatever the number of files and torrents:
//
//   - each list has a maximum number of rows, after which it says how many are left out
//   - sections are left out after maxPage bytes, those of torrents that are ok after maxGood
//   - rows of torrents are left out after maxTorrents, or maxRows bytes of text, first
//     those of torrents that are ok
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
	maxRows     = 8 << 20
	maxGood     = 2 << 20
	maxPage     = 12 << 20
)

var (
	//go:embed page.css
	pageCSS string
	//go:embed page.tmpl
	pageText string
)

// pageTemplate is parsed when it is needed: that takes memory, which most runs of bt don't
// need.
var pageTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("page").Funcs(template.FuncMap{
		"count": func(n int) string { return term.Count(int64(n)) },
		"size":  term.Size, "bytes": term.Count, "safe": term.Safe,
		"name": shortText, "time": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"icon":    func() template.HTML { return template.HTML(web.Icon) },
	}).Parse(pageText))
})

// A page is an HTML report: what is not ok, then what is.
type page struct {
	bad, ok pagePart
	left    int // torrents whose section is left out
}

// A pagePart is the sections of some torrents, and their rows in the list.
type pagePart struct {
	sections blocks
	rows     []pageRow
	text     int // bytes in rows
}

// addRow adds a row, unless there are too many.
func (p *pagePart) addRow(row pageRow) {
	if len(p.rows) < maxTorrents && p.text < maxRows {
		p.rows = append(p.rows, row)
		p.text += len(row.Name) + len(row.Path) + len(row.Summary)
	}
}

// rows returns the rows of the list.
func (p *page) rows() []pageRow {
	rows, text := slices.Clip(p.bad.rows), p.bad.text
	for _, row := range p.ok.rows {
		if len(rows) >= maxTorrents || text >= maxRows {
			break
		}
		rows = append(rows, row)
		text += len(row.Name) + len(row.Path)
	}
	return rows
}

// A pageRow is a torrent in the list of torrents.
type pageRow struct {
	Number           int // of the section, or 0 if it is left out
	OK               bool
	Name, Path       string
	Result, Summary  string
	Size             int64
	HasVerdict       bool
	Files, FilesOK   int
	Pieces, GoodOnes int
}

// shortText returns any text as a text of limited length that can be shown. It is a copy,
// because a name may be a part of a torrent, which would be kept with it.
func shortText(s string) string { return strings.Clone(term.Palette{}.Shorten(s, "")) }

func (r *Report) addHTML(t *Torrent) {
	row := pageRow{Name: shortText(t.Name), Path: shortText(t.Path), Result: shortText(t.Result), Summary: shortText(t.Summary), Size: t.Size}
	if t.Name == "" {
		row.Name, row.Path = row.Path, ""
	}
	part := &r.page.bad
	if v := t.Verdict; v != nil {
		row.OK, row.HasVerdict = v.OK, true
		row.Files, row.FilesOK = v.FileCount, v.Statuses[inspect.StatusOK]
		row.Pieces, row.GoodOnes = v.Pieces.Total, v.Pieces.Good
		if v.OK {
			part = &r.page.ok
		}
	}
	if r.page.isFull(part) {
		r.page.left++
	} else {
		row.Number = r.count
		execute(&part.sections, "torrent", newSection(t, row))
	}
	part.addRow(row)
}

// isFull reports whether there is no room for another section.
func (p *page) isFull(part *pagePart) bool {
	return p.bad.sections.Len()+p.ok.sections.Len() >= maxPage || part == &p.ok && p.ok.sections.Len() >= maxGood
}

// execute runs a template. Writing to blocks can't fail, and the templates are tested.
func execute(w io.Writer, name string, data any) {
	if err := pageTemplate().ExecuteTemplate(w, name, data); err != nil {
		panic(err)
	}
}

func (r *Report) writeHTML(w io.Writer) (int64, error) {
	rows := r.page.rows()
	data := struct {
		Options
		Summary        string
		Rows           []pageRow
		MoreRows, Left int
	}{r.options, r.summary(), rows, r.count - len(rows), r.page.left}
	title := r.summary()
	if r.count == 1 {
		title = rows[0].Result + ": " + rows[0].Name
	}
	d := web.Document{Title: title + " - bt verify", CSS: web.Report + pageCSS, Body: joined{part{"head", data}, &r.page.bad.sections, &r.page.ok.sections, part{"foot", data}}}
	return d.WriteTo(w)
}

// joined writes its parts one after another.
type joined []io.WriterTo

func (j joined) WriteTo(w io.Writer) (int64, error) { return writeAll(w, j...) }

// A part is a part of the page that is made by a template when it is written.
type part struct {
	name string
	data any
}

func (p part) WriteTo(w io.Writer) (int64, error) {
	counted := counter{w: bufio.NewWriter(w)}
	err := pageTemplate().ExecuteTemplate(&counted, p.name, p.data)
	return counted.n, errors.Join(err, counted.w.Flush())
}

// A counter counts the bytes that are written.
type counter struct {
	w *bufio.Writer
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
