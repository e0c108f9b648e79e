package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"bt/internal/term"
	"bt/scrape"
)

// A checkReport is the report about trackers themselves.
type checkReport struct {
	*scraper
	list []scrape.Tracker
	at   time.Time
}

// checker returns an asker that checks trackers, each once.
func (s *scraper) checker(tiers [][]string) asker {
	var urls []string
	for _, tier := range tiers {
		for _, url := range tier {
			if !slices.Contains(urls, url) {
				urls = append(urls, url)
			}
		}
	}
	return func(ctx context.Context, tick func(scrapeResult)) scrapeResult {
		report := func(list []scrape.Tracker) *checkReport { return &checkReport{s, list, s.env.now()} }
		return report(scrape.Check(ctx, urls, scrape.CheckOptions{
			Client: s.options.Client, AnnounceFallback: s.options.AnnounceFallback,
			Tick: func(list []scrape.Tracker) { tick(report(list)) },
		}))
	}
}

func (r *checkReport) progress() (done, all int) {
	for i := range r.list {
		if r.list[i].Status != "" {
			done++
		}
	}
	return done, len(r.list)
}

func (r *checkReport) answered() bool {
	return slices.ContainsFunc(r.list, func(t scrape.Tracker) bool { return t.Works() })
}

func (r *checkReport) note() {}

func (r *checkReport) more(io.Writer, int) error { return nil }

// table has a row for each tracker, or one for each IP version.
func (r *checkReport) table(w io.Writer, columns, limit int) error {
	table := term.Table{
		Width: columns, Palette: r.pal,
		Header: []string{"TRACKER", "IP", "ADDRESS", "TIME", "SCRAPE", "INTERVAL", "CERTIFICATE", "UNLISTED", "STATUS"},
		Right:  []bool{false, false, false, true},
	}
	list := r.list
	if limit > 0 {
		list = list[:min(len(list), limit)]
	}
	urls := make([]string, len(list))
	for i := range list {
		urls[i] = r.shownURL(list[i].URL)
	}
	r.shorten(&table, 0, urls)
	for i := range list {
		table.Rows = append(table.Rows, r.lines(&list[i], urls[i])...)
	}
	dropEmpty(&table)
	table.Drop = dropOrder(table.Header, "ADDRESS", "INTERVAL", "TIME", "CERTIFICATE", "UNLISTED", "SCRAPE", "IP")
	return table.Write(w)
}

// lines returns the rows of a tracker. What is true of all IP versions is in the first.
func (r *checkReport) lines(t *scrape.Tracker, url string) [][]string {
	families := slices.DeleteFunc(slices.Clone(t.Families), isLacking)
	if len(families) == 0 {
		families = []scrape.Family{{Status: t.Status, Err: t.Err}}
	}
	var rows [][]string
	for i, f := range families {
		row := scrape.Row{URL: t.URL, Status: f.Status, Err: f.Err}
		cells := []string{"", "", "", elapsed(f.Elapsed), "", "", "", "", r.checkStatus(&row)}
		if f.Network != "" {
			cells[1] = f.Network
		}
		if f.Addr.IsValid() {
			cells[2] = f.Addr.Addr().String()
		}
		if i == 0 {
			cells[0], cells[4], cells[5], cells[6], cells[7] = url, scrapeCell(t), intervalCell(t), r.certificateCell(t), yesNo(t.Unlisted)
		}
		rows = append(rows, cells)
	}
	return rows
}

// checkStatus is status, but that a tracker refuses a random info-hash is no problem.
func (r *checkReport) checkStatus(row *scrape.Row) string {
	switch row.Status {
	case scrape.StatusNotRegistered:
		return r.pal.Green(string(row.Status))
	case scrape.StatusFailed:
		return r.pal.Green(string(row.Status)) + ": " + r.words(row)
	}
	return r.status(row)
}

func yesNo(a scrape.Answered) string {
	switch a {
	case scrape.AnsweredYes:
		return "yes"
	case scrape.AnsweredNo:
		return "no"
	}
	return ""
}

func scrapeCell(t *scrape.Tracker) string {
	if t.Limit > 0 {
		return "up to " + strconv.Itoa(t.Limit)
	}
	return yesNo(t.Scrapes)
}

func intervalCell(t *scrape.Tracker) string {
	switch {
	case t.Interval > 0 && t.MinInterval > 0 && t.MinInterval != t.Interval:
		return term.Duration(t.Interval) + ", min " + term.Duration(t.MinInterval)
	case t.Interval > 0:
		return term.Duration(t.Interval)
	case t.MinInterval > 0:
		return "min " + term.Duration(t.MinInterval)
	}
	return ""
}

// certificateSoon is how long before the end of a certificate a warning begins.
const certificateSoon = 14 * 24 * time.Hour

func (r *checkReport) certificateCell(t *scrape.Tracker) string {
	if t.CertificateEnds.IsZero() {
		return ""
	}
	date := t.CertificateEnds.UTC().Format(time.DateOnly)
	switch left := t.CertificateEnds.Sub(r.at); {
	case left <= 0:
		return r.pal.Red(date)
	case left < certificateSoon:
		return r.pal.Yellow(date)
	}
	return date
}

// dropEmpty removes the columns without any cell.
func dropEmpty(t *term.Table) {
	for column := len(t.Header) - 1; column > 0; column-- {
		if slices.ContainsFunc(t.Rows, func(row []string) bool { return row[column] != "" }) {
			continue
		}
		t.Header = slices.Delete(t.Header, column, column+1)
		if column < len(t.Right) {
			t.Right = slices.Delete(t.Right, column, column+1)
		}
		for i := range t.Rows {
			t.Rows[i] = slices.Delete(t.Rows[i], column, column+1)
		}
	}
}

// dropOrder returns the columns of the names that the header has.
func dropOrder(header []string, names ...string) []int {
	var order []int
	for _, name := range names {
		if column := slices.Index(header, name); column >= 0 {
			order = append(order, column)
		}
	}
	return order
}

// advise warns of certificates, and prints hints about trackers that do not work.
func (r *checkReport) advise() {
	var said []string
	for i := range r.list {
		t := &r.list[i]
		r.warnCertificate(t)
		if !t.Works() {
			row := scrape.Row{URL: t.URL, Status: t.Status, Err: t.Err}
			said = r.adviseOn(said, t.Status, checkHint(&row))
		}
	}
}

func (r *checkReport) warnCertificate(t *scrape.Tracker) {
	if t.CertificateEnds.IsZero() {
		return
	}
	url, end := r.shownURL(t.URL), t.CertificateEnds.UTC().Format(time.DateOnly)
	switch left := t.CertificateEnds.Sub(r.at); {
	case left <= 0:
		r.warn("%s: its certificate expired on %s", url, end)
	case left < certificateSoon:
		r.warn("%s: its certificate ends on %s, in %s", url, end, term.Duration(left))
	}
}

// checkDocument is the JSON of bt scrape without a torrent.
type checkDocument struct {
	Time     time.Time        `json:"time"` // start of the round, in UTC
	Trackers []checkedTracker `json:"trackers"`
}

type checkedTracker struct {
	URL         string          `json:"url"`
	Status      scrape.Status   `json:"status"`
	Error       string          `json:"error,omitempty"`
	Hint        string          `json:"hint,omitempty"`
	Families    []checkedFamily `json:"families"`
	Scrapes     *bool           `json:"scrapes,omitempty"`
	Cuts        int             `json:"cuts,omitempty"`         // torrents in a scrape
	Interval    int64           `json:"interval,omitempty"`     // in seconds, like the next
	MinInterval int64           `json:"min_interval,omitempty"` //
	TLSExpires  *time.Time      `json:"tls_expires,omitempty"`  // in UTC
	Unlisted    *bool           `json:"unlisted,omitempty"`
}

type checkedFamily struct {
	Family string        `json:"family"`
	Addr   string        `json:"addr,omitempty"`
	Status scrape.Status `json:"status"`
	MS     int64         `json:"ms"`
}

// document has unmasked URLs, like that of torrents.
func (r *checkReport) document(at time.Time) any {
	doc := checkDocument{Time: at.UTC().Truncate(time.Second), Trackers: []checkedTracker{}}
	for i := range r.list {
		t := &r.list[i]
		row := scrape.Row{URL: t.URL, Status: t.Status, Err: t.Err}
		x := checkedTracker{
			URL: t.URL, Status: t.Status, Error: rowError(&row), Families: []checkedFamily{}, Scrapes: truth(t.Scrapes), Cuts: t.Limit,
			Interval: int64(t.Interval.Seconds()), MinInterval: int64(t.MinInterval.Seconds()), Unlisted: truth(t.Unlisted),
		}
		if !t.Works() {
			x.Hint = checkHint(&row)
		}
		if end := t.CertificateEnds.UTC(); !end.IsZero() {
			x.TLSExpires = &end
		}
		for _, f := range familiesOf(t.Families) {
			x.Families = append(x.Families, checkedFamily{f.Family, f.Addr, f.Status, f.MS})
		}
		doc.Trackers = append(doc.Trackers, x)
	}
	return doc
}

func truth(a scrape.Answered) *bool {
	yes := a == scrape.AnsweredYes
	if a == scrape.AnsweredNot {
		return nil
	}
	return &yes
}

// csv has a line for each tracker.
func (r *checkReport) csv(line func(cells ...string), header bool) {
	if header {
		cells := []string{"url", "status", "error", "scrapes", "cuts", "interval", "min_interval", "tls_expires", "unlisted"}
		line(append(cells, familyHeader("addr", "status", "ms")...)...)
	}
	known := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for i := range r.list {
		t := &r.list[i]
		end := ""
		if !t.CertificateEnds.IsZero() {
			end = t.CertificateEnds.UTC().Format(time.RFC3339)
		}
		cells := []string{
			term.Safe(t.URL), string(t.Status), term.Safe(rowError(&scrape.Row{URL: t.URL, Status: t.Status, Err: t.Err})), yesNo(t.Scrapes), known(int64(t.Limit)),
			known(int64(t.Interval.Seconds())), known(int64(t.MinInterval.Seconds())), end, yesNo(t.Unlisted),
		}
		line(append(cells, familyCells(t.Families, 3, func(f *scrape.Family) []string {
			return []string{trackerAddr(f), string(f.Status), fmt.Sprint(f.Elapsed.Milliseconds())}
		})...)...)
	}
}
