package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"bt/internal/term"
	"bt/scrape"
)

// scraper asks trackers, once or repeatedly, and prints the answers as a table,
// JSON or CSV.
type scraper struct {
	*ui
	options  scrape.Options
	csv      bool
	interval time.Duration // 0 for once
	maxTime  time.Duration // 0 for no limit
	failed   []jsonFailure
	named    []netip.AddrPort // peers to ask about each torrent
	family   familyOptions
	single   bool // one torrent: the table has one row per tracker, else one per torrent

	live     *term.Live // draws the table on a terminal; else nil
	round    int
	asked    int          // completed rounds
	last     scrapeResult // of the last complete round
	lastLine time.Time    // time of the last progress line on stderr

	history map[swarmIndex][]int64 // with --watch: the best number of seeders in each round, or Unknown
}

// A scrapeResult is the result of a round, or the part of it that is known so far.
type scrapeResult interface {
	progress() (done, all int)

	// answered reports whether any tracker has answered, which decides the exit code.
	answered() bool

	// note is called once for each complete round.
	note()

	// document returns the JSON of a round that began at a time.
	document(at time.Time) any

	// csv calls line for each line, the first time also for the header.
	csv(line func(cells ...string), header bool)

	// table writes the table, at most limit rows of it unless limit is 0.
	table(w io.Writer, columns, limit int) error

	// more writes what follows the table at the end.
	more(w io.Writer, columns int) error

	// advise prints hints and warnings.
	advise()
}

// An asker asks all trackers once. It calls tick, if it is not nil, with the result so
// far.
type asker func(ctx context.Context, tick func(scrapeResult)) scrapeResult

func (s *scraper) run(ctx context.Context, ask asker) error {
	if s.env.stdoutTerminal && !s.json && !s.csv {
		s.live = term.NewLive(s.env.stdout)
		s.live.Palette = s.pal
		defer s.live.Close()
	}
	start := time.Now()
	if err := s.rounds(ctx, ask); err != nil {
		return err
	}
	if interruption(ctx) != nil {
		return s.stopped(ctx, start) // a partial table stays on the terminal
	}
	if s.live != nil {
		_ = s.live.Clear() // print the whole table instead of the part that fits the window
		if err := s.printTables(s.last); err != nil {
			return err
		}
	}
	if s.interval > 0 {
		s.printStopped(start)
	}
	if !s.last.answered() {
		return errNo
	}
	return nil
}

// rounds asks the trackers once, or with --watch again and again until ctx ends.
func (s *scraper) rounds(ctx context.Context, ask asker) error {
	for s.round = 0; ; s.round++ {
		at, began := s.env.now(), time.Now()
		s.lastLine = began
		r := ask(ctx, s.tick)
		if interruption(ctx) != nil || s.round > 0 && ctx.Err() != nil {
			return nil // a signal, or --max-time ended during a later round
		}
		s.last = r
		s.asked++
		r.note()
		if s.live == nil {
			if err := s.print(r, at); err != nil {
				return err
			}
		}
		if s.interval == 0 || ctx.Err() != nil || !s.wait(ctx, r, at, began.Add(s.interval)) {
			return nil
		}
	}
}

// stopped ends the run after a signal. With --watch a signal is the normal end,
// unless no round is complete.
func (s *scraper) stopped(ctx context.Context, start time.Time) error {
	if s.interval > 0 && s.last != nil {
		s.ended = true
		s.live.Close()
		s.printStopped(start)
	}
	return ctx.Err()
}

// printStopped prints how often --watch has asked.
func (s *scraper) printStopped(start time.Time) {
	if !s.quiet {
		fmt.Fprintf(s.env.stderr, "bt: stopped: asked %s in %s\n", count(s.asked, "time"), term.Duration(time.Since(start)))
	}
}

// tick shows the progress of a round. With --watch it keeps the table of the
// previous round on the terminal.
func (s *scraper) tick(r scrapeResult) {
	done, all := r.progress()
	progress := fmt.Sprintf("%s of %s", term.Count(int64(done)), count(all, "answer"))
	if s.live != nil {
		if s.last != nil {
			r = s.last
		}
		s.draw(r, s.pal.Dim(progress))
		return
	}
	if now := time.Now(); now.Sub(s.lastLine) >= 10*time.Second && !s.quiet {
		s.lastLine = now
		fmt.Fprintf(s.env.stderr, "bt: %s\n", progress)
	}
}

// draw draws the part of the table that fits the window, and a line below it.
func (s *scraper) draw(r scrapeResult, below string) {
	columns, rows := s.env.window()
	var b strings.Builder
	_ = r.table(&b, columns, rows) // a Builder returns no errors
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if most := max(rows-3, 1); len(lines) > most {
		lines = append(lines[:most-1], s.pal.Dim(s.pal.Ellipsis()))
	}
	text := strings.Join(append(lines, below), "\n") + "\n"
	_ = s.live.Draw(columns, rows, text) // if the terminal is closed, printing the result fails too
}

// wait waits for the next round and shows the time left. It returns false when
// ctx ends.
func (s *scraper) wait(ctx context.Context, r scrapeResult, at, until time.Time) bool {
	next := time.NewTimer(time.Until(until))
	defer next.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		if s.live != nil {
			left := max(time.Until(until).Round(time.Second), 0)
			s.draw(r, s.pal.Dim(fmt.Sprintf("asked at %s, again %s", at.Format(time.TimeOnly), countdown(left))))
		}
		select {
		case <-ctx.Done():
			return false
		case <-next.C:
			return true
		case <-second.C:
		}
	}
}

// print prints the result of a round if there is no live table.
func (s *scraper) print(r scrapeResult, at time.Time) error {
	switch {
	case s.json:
		return s.newJSON(false).item(r.document(at))
	case s.csv:
		return stdoutError(s.printCSV(r, at))
	}
	if s.round > 0 {
		fmt.Fprintln(s.out)
	}
	if s.interval > 0 {
		fmt.Fprintln(s.out, at.Format(time.RFC3339))
	}
	return s.printTables(r)
}

// printCSV prints the lines of a report. With --watch each line begins with the time of
// the round.
func (s *scraper) printCSV(r scrapeResult, at time.Time) error {
	w := csv.NewWriter(s.out)
	first := at.UTC().Format(time.RFC3339)
	if s.round == 0 {
		first = "time"
	}
	r.csv(func(cells ...string) {
		if s.interval > 0 {
			cells = append([]string{first}, cells...)
			first = at.UTC().Format(time.RFC3339)
		}
		_ = w.Write(cells) // w.Error returns the error below
	}, s.round == 0)
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return s.out.Flush()
}

// printTables prints the result as text, with hints.
func (s *scraper) printTables(r scrapeResult) error {
	columns, _ := s.env.window()
	err := r.table(s.out, columns, 0)
	if err == nil {
		err = r.more(s.out, columns)
	}
	if err == nil {
		err = s.out.Flush()
	}
	if err == nil && s.round == 0 {
		r.advise()
	}
	return stdoutError(err)
}
