package main

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
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
	t.Short = map[int]func(string, int) string{column: short}
}

// table writes one row per tracker if there is a single torrent, else one per
// swarm. It writes at most limit rows unless limit is 0.
func (s *scraper) table(w io.Writer, t *scrape.Table, columns, limit int) error {
	if s.single {
		return s.oneTorrent(w, &t.Torrents[0], columns, limit)
	}
	return s.manyTorrents(w, t, columns, limit)
}

func (s *scraper) oneTorrent(w io.Writer, t *scrape.TableTorrent, columns, limit int) error {
	if t.Name != "" {
		fmt.Fprintln(w, s.pal.Bold(term.Safe(t.Name)))
	}
	type line struct {
		*scrape.Row
		kind string
	}
	var lines []line
	for i := range t.Swarms {
		for k := range t.Swarms[i].Rows {
			lines = append(lines, line{&t.Swarms[i].Rows[k], t.Swarms[i].Kind})
		}
	}
	// Rows with numbers first, in descending order of seeders, then failures,
	// then rows without an answer yet.
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(rank(a.Row), rank(b.Row)), cmp.Compare(b.Counts.Seeders, a.Counts.Seeders), cmp.Compare(a.kind, b.kind))
	})
	if len(lines) == 0 {
		return nil // readTargets has warned that there is no tracker
	}
	if limit > 0 {
		lines = lines[:min(len(lines), limit)]
	}
	hybrid := len(t.Swarms) > 1
	table := term.Table{Width: columns, Palette: s.pal, Header: []string{"TRACKER"}, Right: []bool{false}}
	add := func(names []string, right bool) {
		for _, name := range names {
			table.Header, table.Right = append(table.Header, name), append(table.Right, right)
		}
	}
	if hybrid {
		add([]string{"SWARM"}, true)
	}
	add([]string{"SEEDERS", "LEECHERS", "COMPLETED", "TIME"}, true)
	add([]string{"STATUS"}, false)
	urls := make([]string, len(lines))
	for i, l := range lines {
		urls[i] = s.shownURL(l.URL)
	}
	s.shorten(&table, 0, urls)
	table.Drop = []int{len(table.Header) - 2, len(table.Header) - 3, len(table.Header) - 4} // time, completed, leechers
	for i, l := range lines {
		row := []string{urls[i]}
		if hybrid {
			row = append(row, l.kind)
		}
		row = append(row, s.counts(l.Counts)...)
		table.Rows = append(table.Rows, append(row, elapsed(l.Row), s.status(l.Row)))
	}
	for i := range t.Swarms {
		swarm := &t.Swarms[i]
		if s.interval > 0 || answers(swarm) > 1 {
			row := []string{s.pal.Bold("best")}
			if hybrid {
				row = append(row, swarm.Kind)
			}
			row = append(row, s.counts(swarm.Best())...)
			table.Rows = append(table.Rows, append(row, "", s.trend(swarmIndex{0, i})))
		}
	}
	return table.Write(w)
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

func (s *scraper) manyTorrents(w io.Writer, t *scrape.Table, columns, limit int) error {
	type line struct {
		name  string
		swarm *scrape.Swarm
		best  scrape.Counts
		trend string
	}
	var lines []line
	for i, torrent := range t.Torrents {
		for k := range torrent.Swarms {
			swarm := &torrent.Swarms[k]
			name := nameOf(&t.Torrents[i], swarm)
			if len(torrent.Swarms) > 1 {
				name += " (" + swarm.Kind + ")"
			}
			lines = append(lines, line{term.Safe(name), swarm, swarm.Best(), s.trend(swarmIndex{i, k})})
		}
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(cmp.Compare(b.best.Seeders, a.best.Seeders), cmp.Compare(b.best.Leechers, a.best.Leechers), term.Natural(a.name, b.name))
	})
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
	if limit > 0 {
		lines = lines[:min(len(lines), limit)]
	}
	for _, l := range lines {
		row := append([]string{l.name}, s.counts(l.best)...)
		row = append(row, fmt.Sprintf("%d/%d", answers(l.swarm), len(l.swarm.Rows)), s.problems(l.swarm))
		if s.interval > 0 {
			row = append(row, l.trend)
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

// trackers writes a summary of each tracker for all torrents.
func (s *scraper) trackers(w io.Writer, t *scrape.Table, columns int) error {
	type sum struct {
		url                string
		ok, unknown, wrong int
		first              *scrape.Row // the first that failed
	}
	var sums []*sum
	byURL := make(map[string]*sum)
	for _, torrent := range t.Torrents {
		for _, swarm := range torrent.Swarms {
			for i := range swarm.Rows {
				r := &swarm.Rows[i]
				x := byURL[r.URL]
				if x == nil {
					x = &sum{url: r.URL}
					sums = append(sums, x)
					byURL[r.URL] = x
				}
				switch r.Status {
				case scrape.StatusOK:
					x.ok++
				case scrape.StatusNotRegistered:
					x.unknown++
				default:
					if x.wrong++; x.first == nil {
						x.first = r
					}
				}
			}
		}
	}
	slices.SortStableFunc(sums, func(a, b *sum) int { return cmp.Or(cmp.Compare(b.ok, a.ok), term.Natural(a.url, b.url)) })
	table := term.Table{
		Width: columns, Palette: s.pal,
		Header: []string{"TRACKER", "OK", "NOT REGISTERED", "FAILED", "WHY"},
		Right:  []bool{false, true, true, true, false},
		Drop:   []int{2, 3},
	}
	urls := make([]string, len(sums))
	for i, x := range sums {
		urls[i] = s.shownURL(x.url)
	}
	s.shorten(&table, 0, urls)
	for i, x := range sums {
		why := ""
		if x.first != nil {
			why = s.status(x.first)
		}
		table.Rows = append(table.Rows, []string{urls[i],
			term.Count(int64(x.ok)), term.Count(int64(x.unknown)), term.Count(int64(x.wrong)), why})
	}
	if len(sums) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return table.Write(w)
}

// peers lists the peers of each swarm, each once.
func (s *scraper) peers(w io.Writer, t *scrape.Table, columns int) error {
	if !s.options.Peers {
		return nil
	}
	for i := range t.Torrents {
		torrent := &t.Torrents[i]
		for k := range torrent.Swarms {
			swarm := &torrent.Swarms[k]
			table := term.Table{Width: columns, Palette: s.pal, Header: []string{"PEER", "CLIENT", "TRACKER"}}
			at := make(map[string]int)
			var urls []string
			for _, r := range swarm.Rows {
				urls = append(urls, s.shownURL(r.URL))
				for _, p := range r.Peers {
					n, seen := at[p.Addr]
					switch {
					case !seen:
						at[p.Addr] = len(table.Rows)
						table.Rows = append(table.Rows, []string{term.Safe(p.Addr), term.Safe(p.Client), s.shownURL(r.URL)})
					case p.Client != "" && table.Rows[n][1] == "":
						table.Rows[n][1] = term.Safe(p.Client)
					}
				}
			}
			if len(table.Rows) == 0 {
				continue
			}
			s.shorten(&table, 2, urls)
			table.Least[0] = len("[2001:db8:1111:2222:3333:4444:5555:6666]:65535") // addresses are not cut
			table.Drop = []int{2}
			fmt.Fprintln(w)
			if !s.single || len(torrent.Swarms) > 1 {
				fmt.Fprintf(w, "%s (%s)\n", s.pal.Bold(term.Safe(nameOf(torrent, swarm))), swarm.Kind)
			}
			if err := table.Write(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxHints is the maximum number of hints.
const maxHints = 5

// hints prints hints about the failures, each once.
func (s *scraper) hints(t *scrape.Table) {
	if s.quiet {
		return
	}
	var said []string
	for _, torrent := range t.Torrents {
		for _, swarm := range torrent.Swarms {
			for _, r := range swarm.Rows {
				hint := rowHint(&r)
				text := string(r.Status) + ": " + hint
				if hint == "" || slices.Contains(said, text) || len(said) == maxHints {
					continue
				}
				said = append(said, text)
				s.env.say(s.errPal.Bold("hint:"), text)
			}
		}
	}
}

func (s *scraper) counts(c scrape.Counts) []string {
	var cells []string
	for _, n := range []int64{c.Seeders, c.Leechers, c.Completed} {
		if n == scrape.Unknown {
			cells = append(cells, s.pal.Dim("-"))
		} else {
			cells = append(cells, term.Count(n))
		}
	}
	return cells
}

func elapsed(r *scrape.Row) string {
	if r.Elapsed == 0 {
		return ""
	}
	return term.Count(r.Elapsed.Milliseconds()) + " ms"
}

func (s *scraper) status(r *scrape.Row) string {
	switch r.Status {
	case "":
		return s.pal.Dim(s.pal.Ellipsis())
	case scrape.StatusOK:
		if r.Err != nil {
			return s.pal.Green("ok") + ": " + s.words(r)
		}
		return s.pal.Green("ok")
	case scrape.StatusNotRegistered:
		return s.pal.Yellow(string(r.Status))
	}
	return s.pal.Red(string(r.Status)) + ": " + s.words(r)
}

// words returns the message of a tracker, or of its failure, as printable text.
func (s *scraper) words(r *scrape.Row) string { return term.Safe(s.shownWords(rowError(r), r.URL)) }

// sparkWidth is the number of rounds in a sparkline.
const sparkWidth = 20

// note appends the seeders of a round to the history.
func (s *scraper) note(t *scrape.Table) {
	if s.interval == 0 {
		return
	}
	if s.history == nil {
		s.history = make(map[swarmIndex][]int64)
	}
	for i := range t.Torrents {
		for k := range t.Torrents[i].Swarms {
			list := append(s.history[swarmIndex{i, k}], t.Torrents[i].Swarms[k].Best().Seeders)
			s.history[swarmIndex{i, k}] = list[max(0, len(list)-sparkWidth):]
		}
	}
}

// trend returns a sparkline of the seeders of a swarm, and the last change.
func (s *scraper) trend(at swarmIndex) string {
	list := s.history[at]
	text := s.pal.Sparkline(list, sparkWidth)
	if n := len(list); n > 1 && list[n-1] != scrape.Unknown && list[n-2] != scrape.Unknown {
		switch change := list[n-1] - list[n-2]; {
		case change > 0:
			text += s.pal.Green(fmt.Sprintf(" +%d", change))
		case change < 0:
			text += s.pal.Red(fmt.Sprintf(" %d", change))
		}
	}
	return text
}
