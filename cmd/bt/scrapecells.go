package main

import (
	"slices"
	"time"

	"bt/internal/term"
	"bt/scrape"
)

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

func elapsed(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return term.Count(d.Milliseconds()) + " ms"
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

// maxHints is the maximum number of hints.
const maxHints = 5

// advise prints hints about the failures, each once, and with -v which trackers cut
// long scrapes.
func (r *torrentReport) advise() {
	var said, explained []string
	for row := range r.rows() {
		said = r.adviseOn(said, row.Status, rowHint(row))
		if limit := r.Limit(row.URL); limit > 0 && !slices.Contains(explained, row.URL) {
			explained = append(explained, row.URL)
			r.explain("%s: asked about %s at a time, because it cuts longer scrapes", r.shownURL(row.URL), count(limit, "torrent"))
		}
	}
}

// adviseOn prints the hint about a status, unless it is one of those said. It returns what
// was said.
func (s *scraper) adviseOn(said []string, status scrape.Status, hint string) []string {
	text := string(status) + ": " + hint
	if s.quiet || hint == "" || slices.Contains(said, text) || len(said) == maxHints {
		return said
	}
	s.env.say(s.errPal.Bold("hint:"), text)
	return append(said, text)
}
