package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"

	"bt/internal/term"
	"bt/scrape"
)

// A swarmLine is a row of the table of many torrents.
type swarmLine struct {
	name  string
	swarm *scrape.Swarm
	at    swarmIndex
}

// swarmLines returns the swarms in descending order of seeders, then of leechers, then
// by name.
func swarmLines(t *scrape.Table) []swarmLine {
	lines := make([]swarmLine, 0, len(t.Torrents))
	for i, torrent := range t.Torrents {
		for k := range torrent.Swarms {
			swarm := &torrent.Swarms[k]
			name := nameOf(&t.Torrents[i], swarm)
			if len(torrent.Swarms) > 1 {
				name += " (" + swarm.Kind + ")"
			}
			lines = append(lines, swarmLine{term.Safe(name), swarm, swarmIndex{i, k}})
		}
	}
	slices.SortStableFunc(lines, func(a, b swarmLine) int {
		x, y := a.swarm.Best(), b.swarm.Best()
		return cmp.Or(cmp.Compare(y.Seeders, x.Seeders), cmp.Compare(y.Leechers, x.Leechers), term.Natural(a.name, b.name))
	})
	return lines
}

func (s *scraper) manyTorrents(w io.Writer, t *scrape.Table, columns, limit int) error {
	lines := swarmLines(t)
	table := term.Table{
		Width: columns, Palette: s.pal,
		Header: []string{"TORRENT", "SEEDERS", "LEECHERS", "COMPLETED", "TRACKERS", "PROBLEMS"},
		Right:  []bool{false, true, true, true, true, false},
		Drop:   []int{3, 4, 2}, Least: []int{16},
		Short: map[int]func(string, int) string{0: s.pal.CutMiddle},
	}
	if s.interval > 0 {
		table.Header = append(table.Header, "TREND")
		table.Drop = []int{3, 4, 6, 2}
	}
	if s.options.DHT != nil {
		table.Header = append(table.Header, "DHT")
	}
	if s.options.Availability {
		table.Header = append(table.Header, "COPIES")
		table.Right = append(table.Right, make([]bool, len(table.Header)-len(table.Right))...)
		table.Right[len(table.Header)-1] = true
	}
	if limit > 0 {
		lines = lines[:min(len(lines), limit)]
	}
	table.Rows = make([][]string, 0, len(lines))
	for _, l := range lines {
		row := append(make([]string, 0, len(table.Header)), l.name)
		row = append(row, s.counts(l.swarm.Best())...)
		row = append(row, fmt.Sprintf("%d/%d", answers(l.swarm), len(l.swarm.Rows)), s.problems(l.swarm))
		if s.interval > 0 {
			row = append(row, s.trend(l.at))
		}
		if s.options.DHT != nil {
			row = append(row, s.dhtCell(l.swarm.DHT))
		}
		if s.options.Availability {
			row = append(row, s.copiesCell(l.swarm.Availability))
		}
		table.Rows = append(table.Rows, row)
	}
	return table.Write(w)
}

// nameOf returns the torrent's name, or the info-hash if it has none.
func nameOf(t *scrape.TableTorrent, s *scrape.Swarm) string {
	return cmp.Or(t.Name, hex.EncodeToString(s.InfoHash[:]))
}

// problems lists the failure statuses of a swarm, each once.
func (s *scraper) problems(swarm *scrape.Swarm) string {
	var list []string
	waiting := false
	for i := range swarm.Rows {
		switch r := &swarm.Rows[i]; {
		case r.Status == "":
			waiting = true
		case r.Status != scrape.StatusOK && !slices.Contains(list, string(r.Status)):
			list = append(list, string(r.Status))
		}
	}
	text := s.pal.Yellow(strings.Join(list, ", "))
	if waiting {
		text += s.pal.Dim(s.pal.Ellipsis())
	}
	return text
}

// A trackerSum is the summary of a tracker, or of one IP version of it, for all torrents.
type trackerSum struct {
	url                string
	ok, unknown, wrong int
	first              scrape.Row // the first that failed, if wrong is not 0

	families map[string]*trackerSum // by network; of a trackerSum for a tracker
	address  scrape.Family          // of a trackerSum for an IP version
}

func (x *trackerSum) add(status scrape.Status, err error) {
	switch status {
	case scrape.StatusOK:
		x.ok++
	case scrape.StatusNotRegistered:
		x.unknown++
	default:
		if x.wrong++; x.wrong == 1 {
			x.first = scrape.Row{URL: x.url, Status: status, Err: err}
		}
	}
}

// addFamilies adds the answers over both IP versions.
func (x *trackerSum) addFamilies(list []scrape.Family) {
	for _, f := range shownFamilies(list) {
		y := x.families[f.Network]
		if y == nil {
			y = &trackerSum{url: x.url, address: f}
			x.families[f.Network] = y
		}
		y.add(f.Status, f.Err)
	}
}

// trackerSums returns the summary of each tracker, those with most answers first.
func (r *torrentReport) trackerSums() []*trackerSum {
	var sums []*trackerSum
	byURL := make(map[string]*trackerSum)
	for row := range r.rows() {
		x := byURL[row.URL]
		if x == nil {
			x = &trackerSum{url: row.URL, families: make(map[string]*trackerSum)}
			sums = append(sums, x)
			byURL[row.URL] = x
		}
		x.add(row.Status, row.Err)
		x.addFamilies(row.Families())
	}
	slices.SortStableFunc(sums, func(a, b *trackerSum) int { return cmp.Or(cmp.Compare(b.ok, a.ok), term.Natural(a.url, b.url)) })
	return sums
}

// trackers writes a summary of each tracker for all torrents.
func (r *torrentReport) trackers(w io.Writer, columns int) error {
	sums := r.trackerSums()
	if len(sums) == 0 {
		return nil
	}
	table := term.Table{
		Width: columns, Palette: r.pal,
		Header: []string{"TRACKER", "OK", "NOT REGISTERED", "FAILED", "WHY"},
		Right:  []bool{false, true, true, true, false},
		Drop:   []int{2, 3},
	}
	urls := make([]string, len(sums))
	for i, x := range sums {
		urls[i] = r.shownURL(x.url)
	}
	r.shorten(&table, 0, urls)
	add := func(first string, x *trackerSum) {
		why := ""
		if x.wrong > 0 {
			why = r.status(&x.first)
		}
		table.Rows = append(table.Rows, []string{first,
			term.Count(int64(x.ok)), term.Count(int64(x.unknown)), term.Count(int64(x.wrong)), why})
	}
	for i, x := range sums {
		add(urls[i], x)
		for _, network := range networks {
			if y := x.families[network]; y != nil {
				add(familyName(&y.address), y)
			}
		}
	}
	fmt.Fprintln(w)
	return table.Write(w)
}
