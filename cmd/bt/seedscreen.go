package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bt/internal/term"
	"bt/seed"
)

// draw draws the live screen.
func (s *seedScreen) draw(status seed.Status) {
	columns, rows := s.env.window()
	var b strings.Builder
	if s.single != nil && len(status.Torrents) == 1 {
		s.drawOne(&b, columns, &status.Torrents[0])
	} else {
		s.drawMany(&b, columns, rows, &status)
	}
	_ = s.live.Draw(columns, rows, b.String())
}

func (s *seedScreen) drawOne(b *strings.Builder, columns int, t *seed.TorrentStatus) {
	fields := [][2]string{
		{"state", s.pal.Green(stateText(t))},
		{"rate", term.Rate(float64(t.Rate))},
		{"peers", term.Count(int64(len(t.Peers)))},
		{"uploaded", fmt.Sprintf("%s (ratio %s)", term.Size(t.Uploaded), ratioText(t.Uploaded, t.Size))},
	}
	if t.State == seed.StateWaiting {
		fields[0][1] = s.pal.Red(stateText(t))
		fields = slices.Insert(fields, 1, [2]string{"because", term.Safe(s.shownText(t.Message))})
	}
	var times []time.Time
	for _, k := range t.Trackers {
		times = append(times, k.Next)
	}
	fields = slices.Concat(fields, nextAnnounce(times), s.lastFields(columns))
	b.WriteString(s.pal.Bold(s.pal.CutMiddle(term.Safe(t.Name), columns)) + "\n")
	_ = term.Fields(b, s.pal, columns, fields) // a Builder returns no errors
}

// lastFields returns the fields that one torrent and many torrents have in
// common.
func (s *seedScreen) lastFields(columns int) (fields [][2]string) {
	if s.page != nil {
		fields = append(fields, [2]string{"status page", s.page.url()})
	}
	return append(fields, s.messageFields(columns, s.message)...)
}

// stateText describes the state of a torrent, with sizes.
func stateText(t *seed.TorrentStatus) string {
	switch {
	case t.State == seed.StateChecking:
		return fmt.Sprintf("checking: %s of %s", term.Size(t.Done), term.Size(t.Total))
	case t.State == seed.StateWaiting:
		return "stopped, waiting for the data"
	case t.State == seed.StateSeeding && t.Left > 0:
		return fmt.Sprintf("seeding %s of %s", term.Size(t.Size-t.Left), term.Size(t.Size))
	}
	return string(t.State)
}

// shortState describes the state of a torrent in at most 13 columns.
func shortState(t *seed.TorrentStatus) string {
	switch {
	case t.State == seed.StateChecking && t.Total > 0:
		return fmt.Sprintf("checking %d %%", int(100*float64(t.Done)/float64(t.Total)))
	case t.State == seed.StateSeeding && t.Left > 0:
		return fmt.Sprintf("seeding %d %%", int(100*float64(t.Size-t.Left)/float64(t.Size)))
	}
	return string(t.State)
}

func ratioText(uploaded, size int64) string {
	if size == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(uploaded)/float64(size))
}

// A seedRow is the row of a torrent in the table of many.
type seedRow struct {
	name, state, ratio string
	rate, uploaded     int64
	peers              int
	severity           int           // severity of the problem; 0 if there is none
	trouble            func() string // describes the problem; nil if there is none
}

// rows returns the rows in the order of the screen: torrents with problems first,
// then by activity.
func (s *seedScreen) rows(status *seed.Status) []seedRow {
	rows := make([]seedRow, 0, len(status.Torrents))
	for i := range status.Torrents {
		t := &status.Torrents[i]
		row := seedRow{
			name: t.Name, state: shortState(t), rate: t.Rate, uploaded: t.Uploaded, peers: len(t.Peers),
			ratio: ratioText(t.Uploaded, t.Size),
		}
		if t.State == seed.StateError {
			row.severity, row.trouble = 3, func() string { return s.shownText(t.Message) }
		} else if t.State == seed.StateWaiting {
			row.severity, row.trouble = 2, func() string { return s.shownText(t.Message) }
		} else if k := failedTracker(t); k != nil {
			row.severity, row.trouble = 1, func() string {
				return trackerName(s.shownURL(k.URL)) + ": " + s.shownWords(k.Message, k.URL)
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b seedRow) int {
		return cmp.Or(cmp.Compare(b.severity, a.severity), cmp.Compare(b.rate, a.rate), cmp.Compare(b.peers, a.peers),
			cmp.Compare(b.uploaded, a.uploaded), term.Natural(a.name, b.name))
	})
	return rows
}

// failedTracker returns a tracker of a torrent if all its trackers have failed,
// else nil.
func failedTracker(t *seed.TorrentStatus) *seed.TrackerStatus {
	for i := range t.Trackers {
		if !t.Trackers[i].Failed || t.Trackers[i].Message == "" {
			return nil
		}
	}
	if len(t.Trackers) == 0 {
		return nil
	}
	return &t.Trackers[0]
}

// drawMany draws the totals and as many torrents as fit the window.
func (s *seedScreen) drawMany(b *strings.Builder, columns, rows int, status *seed.Status) {
	list := s.rows(status)
	count := make(map[seed.State]int)
	for i := range status.Torrents {
		count[status.Torrents[i].State]++
	}
	var states []string
	for _, state := range []seed.State{seed.StateSeeding, seed.StateSuperSeeding, seed.StateChecking, seed.StateQueued, seed.StateWaiting, seed.StateDone} {
		if n := count[state]; n > 0 {
			states = append(states, fmt.Sprintf("%s %s", term.Count(int64(n)), state))
		}
	}
	if n := count[seed.StateError]; n > 0 {
		states = append(states, s.pal.Red(term.Count(int64(n))+" with errors"))
	}
	fields := [][2]string{
		{"torrents", cmp.Or(strings.Join(states, ", "), "none")},
		{"rate", term.Rate(float64(status.Rate))},
		{"peers", term.Count(int64(status.Peers))},
		{"uploaded", term.Size(status.Uploaded)},
	}
	fields = append(fields, s.lastFields(columns)...)
	_ = term.Fields(b, s.pal, columns, fields) // a Builder returns no errors
	// Three lines are not for rows: a blank line, the header, and the line of the
	// cursor.
	room := rows - strings.Count(b.String(), "\n") - 3
	if room < 1 || len(list) == 0 {
		return
	}
	b.WriteByte('\n')
	b.WriteString(s.seedTable(list, columns, room))
}

// seedTable returns a table of the rows that fit into room lines, not counting
// the header. Below a torrent with a problem is a line that describes it.
func (s *seedScreen) seedTable(list []seedRow, columns, room int) string {
	table := term.Table{
		Width: columns, Palette: s.pal,
		Header: []string{"Torrent", "State", "Rate", "Peers", "Uploaded", "Ratio"}, Right: []bool{2: true, 3: true, 4: true, 5: true},
		Drop: []int{3, 2, 5, 4, 1}, Least: []int{13, 13},
		Short: map[int]func(string, int) string{0: s.pal.CutMiddle},
	}
	shown := 0
	for _, r := range list {
		if room--; r.trouble != nil {
			room--
		}
		if room < 0 {
			break
		}
		shown++
		// Fixed widths keep the columns in place.
		table.Rows = append(table.Rows, []string{
			term.Safe(r.name), fmt.Sprintf("%-13s", r.state), fmt.Sprintf("%12s", term.Rate(float64(r.rate))),
			term.Count(int64(r.peers)), fmt.Sprintf("%10s", term.Size(r.uploaded)), fmt.Sprintf("%6s", r.ratio),
		})
	}
	var b strings.Builder
	_ = table.Write(&b) // a Builder returns no errors
	header, text, _ := strings.Cut(b.String(), "\n")
	lines := []string{header}
	for i, line := range strings.Split(strings.TrimSuffix(text, "\n"), "\n") {
		lines = append(lines, line)
		if i < shown && list[i].trouble != nil {
			lines = append(lines, s.pal.Yellow(s.pal.Cut("  "+term.Safe(list[i].trouble()), columns)))
		}
	}
	return strings.Join(lines, "\n") + "\n"
}
