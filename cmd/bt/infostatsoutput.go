package main

import (
	"fmt"
	"slices"
	"strconv"

	"bt/internal/term"
)

// A statsDocument is the JSON of bt info --stats.
type statsDocument struct {
	Torrents     int            `json:"torrents"`
	Bytes        int64          `json:"bytes"` // of the content
	Files        int64          `json:"files"`
	Formats      map[string]int `json:"formats"`
	Sizes        []sizeCount    `json:"sizes"`
	PieceLengths []lengthCount  `json:"piece_lengths"`
	Trackers     []hostCount    `json:"trackers"` // torrents by host
	Duplicates   [][]string     `json:"duplicates"`
	SameContent  [][]string     `json:"same_content"`
	Keys         []keyCount     `json:"keys"`
	Creators     []creatorCount `json:"creators"`
	Years        []yearCount    `json:"years"`
	Failed       []jsonFailure  `json:"failed"`
}

type sizeCount struct {
	UpTo  int64 `json:"up_to"`
	Count int   `json:"count"`
}

type lengthCount struct {
	Length int64 `json:"length"`
	Count  int   `json:"count"`
}

type hostCount struct {
	Host  string `json:"host"`
	Count int    `json:"count"`
}

type keyCount struct {
	Key     string `json:"key"`
	Count   int    `json:"count"`
	Unknown bool   `json:"unknown,omitempty"`
}

type creatorCount struct {
	Creator string `json:"creator"`
	Count   int    `json:"count"`
}

type yearCount struct {
	Year  int `json:"year"`
	Count int `json:"count"`
}

func (c *collection) document(failed []jsonFailure) *statsDocument {
	doc := &statsDocument{
		Torrents: c.torrents, Bytes: c.bytes, Files: c.files, Formats: c.formats, Sizes: sizeSteps(c.sizes),
		PieceLengths: []lengthCount{}, Trackers: []hostCount{}, Duplicates: c.duplicates(), SameContent: c.sameContent(),
		Keys: []keyCount{}, Creators: []creatorCount{}, Years: []yearCount{}, Failed: failed,
	}
	for _, x := range c.lengths.sorted(ascending) {
		doc.PieceLengths = append(doc.PieceLengths, lengthCount{x.value, x.count})
	}
	for _, x := range c.trackers.sorted(ranked) {
		doc.Trackers = append(doc.Trackers, hostCount{x.value, x.count})
	}
	for _, x := range c.keys.sorted(ranked) {
		doc.Keys = append(doc.Keys, keyCount{x.value, x.count, false})
	}
	for _, x := range c.unknown.sorted(ranked) {
		doc.Keys = append(doc.Keys, keyCount{x.value, x.count, true})
	}
	for _, x := range c.creators.sorted(ranked) {
		doc.Creators = append(doc.Creators, creatorCount{x.value, x.count})
	}
	for _, x := range c.years.sorted(ascending) {
		doc.Years = append(doc.Years, yearCount{x.value, x.count})
	}
	return doc
}

// A statsPrinter prints the sums for people, with pictures that fit the width.
type statsPrinter struct {
	*ui
	columns int
	err     error
}

const (
	statsWidth  = 80 // without a terminal
	statsRows   = 25 // of a list
	statsGroups = 20 // of equal torrents
	statsGroup  = 10 // torrents of a group
)

func printStats(u *ui, d *statsDocument, c *collection) error {
	columns, _ := u.env.window()
	if columns <= 0 {
		columns = statsWidth
	}
	p := &statsPrinter{ui: u, columns: columns}
	l := infoLines{u: u}
	l.add("torrents", term.Count(int64(d.Torrents)))
	l.addIf(len(d.Failed) > 0, "not read", count(len(d.Failed), "input"))
	l.add("size", term.SizeExact(d.Bytes))
	l.add("files", term.Count(d.Files))
	for _, format := range []string{"v1", "v2", "hybrid"} {
		l.addIf(d.Formats[format] > 0, format, term.Count(int64(d.Formats[format])))
	}
	p.err = term.Fields(u.out, u.pal, columns, l.fields)
	p.charts(d, c)
	p.groups("duplicates: torrents with the same info-hash", d.Duplicates)
	p.groups("same content with different info-hashes, proven by the pieces roots (v2), or by the sizes and the hashes of pieces (v1)", d.SameContent)
	return p.err
}

// charts prints the counts of all kinds.
func (p *statsPrinter) charts(d *statsDocument, c *collection) {
	var rows []chartRow
	for _, x := range d.Sizes {
		rows = append(rows, chartRow{"up to " + term.Size(x.UpTo), x.Count})
	}
	p.chart("size", rows, 0, false)
	rows = nil
	for _, x := range d.PieceLengths {
		rows = append(rows, chartRow{term.SizeDistinct(x.Length), x.Count})
	}
	p.chart("piece length", rows, c.lengths.more, len(rows) > statsRows)
	rows = nil
	for _, x := range d.Trackers {
		rows = append(rows, chartRow{x.Host, x.Count})
	}
	p.chart("tracker", rows, c.trackers.more, true)
	rows = nil
	for _, x := range d.Keys {
		name := x.Key
		if x.Unknown {
			name += " (unknown)"
		}
		rows = append(rows, chartRow{name, x.Count})
	}
	slices.SortStableFunc(rows, func(a, b chartRow) int { return b.count - a.count })
	p.chart("key", rows, c.keys.more+c.unknown.more, true)
	rows = nil
	for _, x := range d.Creators {
		rows = append(rows, chartRow{x.Creator, x.Count})
	}
	p.chart("created by", rows, c.creators.more, true)
	rows = nil
	for _, x := range d.Years {
		rows = append(rows, chartRow{strconv.Itoa(x.Year), x.Count})
	}
	p.chart("created in", rows, c.years.more, len(rows) > statsRows)
}

// A chartRow is a bar of a chart.
type chartRow struct {
	label string // any text
	count int
}

// chart prints a row with a bar for each count. uncounted is how often others occurred. If
// cut is set, it prints the first rows only.
func (p *statsPrinter) chart(title string, rows []chartRow, uncounted int, cut bool) {
	if len(rows) == 0 || p.err != nil {
		return
	}
	shown := rows
	if cut {
		shown = rows[:min(len(rows), statsRows)]
	}
	most := 0
	for _, r := range shown {
		most = max(most, r.count)
	}
	width := min(p.columns/3, 40)
	table := term.Table{
		Header: []string{title, "torrents", ""}, Right: []bool{false, true}, Width: p.columns, Palette: p.pal,
		Drop: []int{2}, Least: []int{12, 0, width},
		Short: map[int]func(string, int) string{0: p.pal.CutMiddle},
	}
	for _, r := range shown {
		table.Rows = append(table.Rows, []string{
			p.pal.Shorten(p.shownText(r.label), ""), term.Count(int64(r.count)), p.pal.Green(p.pal.Bar(int64(r.count), int64(most), width)),
		})
	}
	fmt.Fprintln(p.out)
	p.err = table.Write(p.out)
	if more := len(rows) - len(shown); more > 0 {
		p.line(p.more(more, "row"))
	}
	if uncounted > 0 {
		p.line(p.pal.Ellipsis() + " and " + term.Count(int64(uncounted)) + " uncounted, as they are too long or too many")
	}
}

// line prints a line, wrapped.
func (p *statsPrinter) line(text string) {
	if p.err == nil {
		_, p.err = fmt.Fprintln(p.out, term.Wrap(text, p.columns))
	}
}

// groups prints groups of torrents that are equal.
func (p *statsPrinter) groups(title string, groups [][]string) {
	if len(groups) == 0 {
		return
	}
	p.line("")
	p.line(title + ": " + count(len(groups), "group"))
	for i, g := range groups {
		if i == statsGroups {
			p.line(p.more(len(groups)-i, "group"))
			return
		}
		for k, name := range g {
			if k == statsGroup {
				p.line("    " + p.more(len(g)-k, "torrent"))
				break
			}
			lead := "    "
			if k == 0 {
				lead = "  = "
			}
			name = p.pal.Shorten(p.shownArg(name), "")
			if p.env.stdoutTerminal {
				name = p.pal.CutMiddle(name, max(p.columns-len(lead), 1))
			}
			if p.err == nil {
				_, p.err = fmt.Fprintln(p.out, lead+name)
			}
		}
	}
}
