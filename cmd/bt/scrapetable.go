package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"syscall"
	"unicode/utf8"

	"bt/internal/term"
	"bt/scrape"
)

// shownURL returns a tracker URL as printable text, masked unless --reveal is
// set.
func (s *scraper) shownURL(url string) string {
	return term.Safe(s.ui.shownURL(url))
}

// shorten sets up a column of tracker URLs. They are shortened to fit, but their
// hosts and ports are kept as long as possible.
func (s *scraper) shorten(t *term.Table, column int, urls []string) {
	short := shortURLs(urls)
	widest := 0
	for _, u := range urls {
		widest = max(widest, utf8.RuneCountInString(short(u, 0)))
	}
	t.Least = make([]int, column+1)
	t.Least[column] = widest
	t.Short = map[int]func(string, int) string{column: func(cell string, limit int) string {
		if strings.HasPrefix(cell, " ") { // see familyName
			return s.pal.CutMiddle(cell, limit)
		}
		return short(cell, limit)
	}}
}

// A torrentReport is the report about torrents.
type torrentReport struct {
	*scraper
	*scrape.Table
}

func (s *scraper) resultOf(t *scrape.Table) *torrentReport { return &torrentReport{s, t} }

// torrentAsker returns an asker for the trackers of torrents.
func (s *scraper) torrentAsker(targets []scrape.Target) asker {
	return func(ctx context.Context, tick func(scrapeResult)) scrapeResult {
		o := s.options
		if last, ok := s.last.(*torrentReport); ok {
			o.Previous = last.Table
		}
		o.Tick = func(t *scrape.Table) { tick(s.resultOf(t)) }
		return s.resultOf(scrape.Run(ctx, targets, o))
	}
}

func (r *torrentReport) progress() (done, all int) {
	for row := range r.rows() {
		if all++; row.Status != "" {
			done++
		}
	}
	for swarm := range r.swarms() {
		if a := swarm.Availability; a != nil {
			done, all = done+a.Asked, all+a.Peers
		}
	}
	return done, all
}

// swarms yields all swarms.
func (r *torrentReport) swarms() iter.Seq[*scrape.Swarm] {
	return func(yield func(*scrape.Swarm) bool) {
		for _, torrent := range r.Torrents {
			for i := range torrent.Swarms {
				if !yield(&torrent.Swarms[i]) {
					return
				}
			}
		}
	}
}

// rows yields all rows.
func (r *torrentReport) rows() iter.Seq[*scrape.Row] {
	return func(yield func(*scrape.Row) bool) {
		for swarm := range r.swarms() {
			for i := range swarm.Rows {
				if !yield(&swarm.Rows[i]) {
					return
				}
			}
		}
	}
}

// answered reports whether any tracker has answered with numbers, any peer has, or the DHT
// knows any.
func (r *torrentReport) answered() bool {
	for swarm := range r.swarms() {
		if a := swarm.Availability; a != nil && a.Answered > 0 {
			return true
		}
		if a := swarm.DHT; a != nil && a.Peers > 0 {
			return true
		}
	}
	ok, _ := r.Answered()
	return ok > 0
}

// table writes one row per tracker if there is a single torrent, else one per
// swarm.
func (r *torrentReport) table(w io.Writer, columns, limit int) error {
	if r.single {
		if err := r.oneTorrent(w, &r.Torrents[0], columns, limit); err != nil {
			return err
		}
		return r.availability(w, r.Table, columns)
	}
	return r.manyTorrents(w, r.Table, columns, limit)
}

func (r *torrentReport) more(w io.Writer, columns int) error {
	if !r.single && !r.quiet {
		if err := r.trackers(w, columns); err != nil {
			return err
		}
	}
	if !r.single {
		if err := r.availability(w, r.Table, columns); err != nil {
			return err
		}
	}
	return r.peers(w, r.Table, columns)
}

// A trackerLine is a row of the table of one torrent.
type trackerLine struct {
	*scrape.Row
	kind string
}

// trackerLines returns those with numbers first, in descending order of seeders, then
// failures, then those without an answer yet.
func trackerLines(t *scrape.TableTorrent) []trackerLine {
	var lines []trackerLine
	for i := range t.Swarms {
		for k := range t.Swarms[i].Rows {
			lines = append(lines, trackerLine{&t.Swarms[i].Rows[k], t.Swarms[i].Kind})
		}
	}
	slices.SortStableFunc(lines, func(a, b trackerLine) int {
		return cmp.Or(cmp.Compare(rank(a.Row), rank(b.Row)), cmp.Compare(b.Counts.Seeders, a.Counts.Seeders), cmp.Compare(a.kind, b.kind))
	})
	return lines
}

func (s *scraper) oneTorrent(w io.Writer, t *scrape.TableTorrent, columns, limit int) error {
	if t.Name != "" {
		fmt.Fprintln(w, fitted(s.pal, s.pal.Bold, term.Safe(t.Name), columns))
	}
	lines := trackerLines(t)
	if len(lines) == 0 && s.options.DHT == nil {
		return nil // readTargets has warned that there is no tracker
	}
	if limit > 0 {
		lines = lines[:min(len(lines), limit)]
	}
	hybrid := len(t.Swarms) > 1
	table := s.trackerTable(columns, hybrid)
	urls := make([]string, len(lines))
	for i, l := range lines {
		urls[i] = s.shownURL(l.URL)
	}
	s.shorten(&table, 0, urls)
	add := func(first, kind string, rest ...string) {
		row := []string{first}
		if hybrid {
			row = append(row, kind)
		}
		table.Rows = append(table.Rows, append(row, rest...))
	}
	for i, l := range lines {
		add(urls[i], l.kind, append(s.counts(l.Counts), elapsed(l.Elapsed), s.status(l.Row))...)
		for _, f := range shownFamilies(l.Families()) {
			part := scrape.Row{URL: l.URL, Status: f.Status, Err: f.Err}
			add(familyName(&f), l.kind, append(s.counts(f.Counts), elapsed(f.Elapsed), s.status(&part))...)
		}
	}
	for i := range t.Swarms {
		if a := t.Swarms[i].DHT; a != nil {
			add("DHT", t.Swarms[i].Kind, append(s.counts(a.Counts), elapsed(a.Elapsed), s.dhtStatus(a))...)
		}
	}
	for i := range t.Swarms {
		swarm := &t.Swarms[i]
		if s.interval > 0 || answers(swarm) > 1 {
			add(s.pal.Bold("best"), swarm.Kind, append(s.counts(swarm.Best()), "", s.trend(swarmIndex{0, i}))...)
		}
	}
	return table.Write(w)
}

// trackerTable returns the empty table of one torrent.
func (s *scraper) trackerTable(columns int, hybrid bool) term.Table {
	table := term.Table{Width: columns, Palette: s.pal, Header: []string{"TRACKER"}, Right: []bool{false}}
	if hybrid {
		table.Header, table.Right = append(table.Header, "SWARM"), append(table.Right, true)
	}
	table.Header = append(table.Header, "SEEDERS", "LEECHERS", "COMPLETED", "TIME", "STATUS")
	table.Right = append(table.Right, true, true, true, true, false)
	last := len(table.Header) - 1
	table.Drop = []int{last - 1, last - 2, last - 3} // time, completed, leechers
	return table
}

// fitted returns a line in a style, cut to the width if that is not 0.
func fitted(p term.Palette, style func(string) string, line string, columns int) string {
	if columns > 0 {
		line = p.CutMiddle(line, columns)
	}
	return style(line)
}

// shownFamilies returns the answers over both IP versions, or nil if only one was asked, or
// this machine has only one.
func shownFamilies(list []scrape.Family) []scrape.Family {
	if len(list) < 2 || slices.ContainsFunc(list, isLacking) {
		return nil
	}
	return list
}

// isLacking reports whether this machine lacks an IP version.
func isLacking(f scrape.Family) bool {
	return f.Status == scrape.StatusNoRoute && (errors.Is(f.Err, syscall.ENETUNREACH) || errors.Is(f.Err, syscall.EADDRNOTAVAIL) || errors.Is(f.Err, syscall.EAFNOSUPPORT))
}

// familyName returns the first cell of a row for one IP version of a tracker.
func familyName(f *scrape.Family) string {
	name := "  IPv" + f.Network
	if f.Addr.IsValid() {
		name += " " + f.Addr.Addr().String()
	}
	return name
}

// rank orders rows by status.
func rank(r *scrape.Row) int {
	switch r.Status {
	case scrape.StatusOK:
		return 0
	case scrape.StatusNotRegistered:
		return 1
	case "":
		return 3
	}
	return 2
}

func answers(s *scrape.Swarm) int {
	n := 0
	for _, r := range s.Rows {
		if r.Status == scrape.StatusOK {
			n++
		}
	}
	return n
}
