// Package torrentpage writes the page of bt info --html: one HTML file that shows torrents
// and magnet links. It needs no script and requests nothing.
package torrentpage

import (
	"bytes"
	"io"
	"strings"
	"time"

	"bt/inspect"
	"bt/internal/term"
	"bt/internal/web"
)

// The page has a section for each torrent. Its size is limited, whatever the number of
// torrents and files; what is left out is counted:
//
//   - a tree has at most maxFiles files, and maxTree bytes
//   - of each kind of finding, maxMessages are listed
//   - a magnet link has at most maxMagnet bytes
//   - sections are left out after maxBody bytes, and torrents beyond maxTorrents have no
//     row in the summary
const (
	maxFiles    = 5000
	maxTree     = 1 << 20
	maxMessages = 20
	maxMagnet   = 8 << 10
	maxBody     = 4 << 20
	maxTorrents = 10_000
)

// A Torrent is a torrent or magnet link on the page. Texts may be anything; secrets in them
// are masked by the caller.
type Torrent struct {
	Path  string // where it was read
	Name  string
	Error string // why there is nothing else, or ""

	Format  string
	Size    int64 // bytes, or inspect.Unknown
	Figures [][2]string
	Facts   [][2]string
	Pieces  [][2]string // facts about the pieces

	Trackers     []Tracker
	MoreTrackers int // trackers that are left out

	Magnet     string // the link, without secrets
	MagnetNote string // what the link lacks, or ""

	Files     term.TreeFiles // Numbers is nil if there are none
	FileCount int
	Root      string // of the tree; "" for a single file

	Findings []inspect.Finding
}

// A Tracker is a tracker and its tier, from 1.
type Tracker struct {
	Tier int
	URL  string
}

// Options are the choices of New.
type Options struct {
	Version  string    // of the program
	Time     time.Time // of the page
	Revealed bool      // secrets are not masked
}

// A Page is a page of any number of torrents. It keeps what it will write, but no torrent.
type Page struct {
	options  Options
	sections bytes.Buffer
	rows     []row
	count    int // torrents
	left     int // torrents whose section is left out
}

// New returns an empty page.
func New(o Options) *Page { return &Page{options: o} }

// Add adds a torrent.
func (p *Page) Add(t *Torrent) {
	p.count++
	r := row{Name: shortText(t.Name), Format: shortText(t.Format), Error: shortText(t.Error), Size: t.Size, Files: t.FileCount}
	if t.Name == "" {
		r.Name = shortText(t.Path)
	}
	r.Name = strings.Clone(r.Name) // which may share the memory of the torrent
	r.Class, r.Result = verdict(t)
	if p.sections.Len() < maxBody {
		r.Number = p.count
		execute(&p.sections, "torrent", newSection(t, r))
	} else {
		p.left++
	}
	if len(p.rows) < maxTorrents {
		p.rows = append(p.rows, r)
	}
}

// WriteTo writes the page. It implements io.WriterTo.
func (p *Page) WriteTo(w io.Writer) (int64, error) {
	data := struct {
		Options
		Rows        []row
		Count       int
		Left, Extra int
	}{p.options, p.rows, p.count, p.left, p.count - len(p.rows)}
	var body bytes.Buffer
	execute(&body, "head", data)
	body.Write(p.sections.Bytes())
	execute(&body, "foot", data)
	title := count(p.count, "torrent")
	if p.count == 1 {
		title = p.rows[0].Name
	}
	d := web.Document{Title: title + " - bt info", CSS: web.Report + pageCSS, Body: &body}
	return d.WriteTo(w)
}

// verdict returns a word about the findings of a torrent, and its class in the page.
func verdict(t *Torrent) (class, result string) {
	errors, warnings := 0, 0
	for _, f := range t.Findings {
		switch f.Severity {
		case inspect.SeverityError:
			errors++
		case inspect.SeverityWarning:
			warnings++
		}
	}
	var parts []string
	if errors > 0 {
		parts = append(parts, count(errors, "error"))
	}
	if warnings > 0 {
		parts = append(parts, count(warnings, "warning"))
	}
	switch {
	case t.Error != "":
		return "no", "not read"
	case errors > 0:
		return "no", strings.Join(parts, ", ")
	case warnings > 0:
		return "doubt", strings.Join(parts, ", ")
	}
	return "ok", "no problems"
}

// count formats a number and a noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return term.Count(int64(n)) + " " + noun
}

// shortText returns any text as a text of limited length that can be shown.
func shortText(s string) string { return term.Palette{}.Shorten(s, "") }
