package torrentpage

import (
	_ "embed"
	"html/template"
	"io"
	"strings"
	"sync"
	"time"

	"bt/inspect"
	"bt/internal/term"
	"bt/internal/web"
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
		"count": count, "number": func(n int) string { return term.Count(int64(n)) },
		"size": func(n int64) string {
			if n == inspect.Unknown {
				return ""
			}
			return term.Size(n)
		},
		"safe": term.Safe, "short": shortText,
		"time":    func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"rfc3339": func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"icon":    func() template.HTML { return template.HTML(web.Icon) },
	}).Parse(pageText))
})

// execute runs a template. Writing to a buffer can't fail, and the templates are tested.
func execute(w io.Writer, name string, data any) {
	if err := pageTemplate().ExecuteTemplate(w, name, data); err != nil {
		panic(err)
	}
}

// A row is a torrent in the summary.
type row struct {
	Number        int // of the section, or 0 if it is left out
	Name, Format  string
	Class, Result string
	Error         string
	Size          int64
	Files         int
}

// A section is the data of the template of a torrent.
type section struct {
	Row      row
	Torrent  *Torrent
	Link     template.URL // the magnet link, or "" if it is too long
	Tree     []*node
	More     int // files that are left out
	Findings []finding
}

// A node is a file or directory of the tree.
type node struct {
	Label, Note string
	Dir, Open   bool
	Files       int
	Nodes       []*node
}

// A finding is all findings of a code.
type finding struct {
	inspect.Kind
	Messages []message
	More     int // messages that are left out
}

type message struct {
	Text   string
	Offset int
}

func newSection(t *Torrent, r row) *section {
	s := &section{Row: r, Torrent: t, Findings: findings(t.Findings)}
	if len(t.Magnet) <= maxMagnet && strings.HasPrefix(t.Magnet, "magnet:?") {
		s.Link = template.URL(t.Magnet)
	}
	if t.Files.Numbers != nil {
		s.Tree, s.More = tree(t)
	}
	return s
}

// tree returns the tree of a torrent, and the number of files that are left out.
// Directories are open where that makes no long page.
func tree(t *Torrent) (nodes []*node, more int) {
	const openAll, perLine = 100, 100 // files; and bytes of HTML
	size := 0
	open := []*node{{}} // the directories around the next line
	drawn := term.TreeLines(t.Root, t.Files, maxFiles, func(l term.TreeLine) bool {
		n := &node{Label: shortText(l.Label), Note: l.Note, Dir: l.Dir, Files: l.Files}
		if size += perLine + len(n.Label); size > maxTree {
			return false
		}
		n.Open = l.Depth == 0 || t.FileCount <= openAll
		parent := open[l.Depth]
		parent.Nodes = append(parent.Nodes, n)
		if l.Dir {
			open = append(open[:l.Depth+1], n)
		}
		return true
	})
	return open[0].Nodes, t.FileCount - drawn
}

// findings groups findings by their codes, errors first.
func findings(list []inspect.Finding) (groups []finding) {
	for _, severity := range []inspect.Severity{inspect.SeverityError, inspect.SeverityWarning, inspect.SeverityNote} {
		for _, kind := range inspect.Kinds() {
			if kind.Severity != severity {
				continue
			}
			g := finding{Kind: kind}
			for _, f := range list {
				switch {
				case f.Code != kind.Code:
				case len(g.Messages) == maxMessages:
					g.More++
				default:
					g.Messages = append(g.Messages, message{shortText(f.Message), f.Offset})
				}
			}
			if len(g.Messages) > 0 {
				groups = append(groups, g)
			}
		}
	}
	return groups
}
