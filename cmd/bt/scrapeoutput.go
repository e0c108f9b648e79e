package main

import (
	"cmp"
	"context"
	"fmt"
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
	single   bool // one torrent: the table has one row per tracker, else one per torrent

	live     *term.Live // draws the table on a terminal; else nil
	round    int
	asked    int       // completed rounds
	lastLine time.Time // time of the last progress line on stderr

	history map[swarmIndex][]int64 // with --watch: the best number of seeders in each round, or Unknown
}

// A swarmIndex identifies a swarm in the table by its indexes.
type swarmIndex struct{ torrent, swarm int }

func (s *scraper) run(ctx context.Context, targets []scrape.Target) error {
	if len(targets) == 0 { // no argument could be read
		if s.json {
			return s.newJSON(false).item(s.document(new(scrape.Table), s.env.now()))
		}
		return errNo
	}
	terminal := s.env.stdoutTerminal && !s.json && !s.csv
	if terminal {
		s.live = term.NewLive(s.env.stdout)
		s.live.Palette = s.pal
		defer s.live.Close()
	}
	s.options.Tick = s.tick
	start := time.Now()
	s.explain("asking about %s", count(len(targets), "torrent"))
	if err := s.rounds(ctx, targets); err != nil {
		return err
	}
	if interruption(ctx) != nil {
		return s.stopped(ctx, start) // a partial table stays on the terminal
	}
	t := s.options.Previous
	if s.live != nil {
		_ = s.live.Clear() // print the whole table instead of the part that fits the window
		if err := s.printTables(t); err != nil {
			return err
		}
	}
	if s.interval > 0 {
		s.printStopped(start)
	}
	if ok, _ := t.Answered(); ok == 0 {
		return errNo
	}
	return nil
}

// rounds asks the trackers once, or with --watch again and again until ctx ends.
func (s *scraper) rounds(ctx context.Context, targets []scrape.Target) error {
	for s.round = 0; ; s.round++ {
		at, began := s.env.now(), time.Now()
		s.lastLine = began
		t := scrape.Run(ctx, targets, s.options)
		if interruption(ctx) != nil || s.round > 0 && ctx.Err() != nil {
			return nil // a signal, or --max-time ended during a later round
		}
		s.options.Previous = t
		s.asked++
		s.note(t)
		if s.live == nil {
			if err := s.print(t, at); err != nil {
				return err
			}
		}
		if s.interval == 0 || ctx.Err() != nil || !s.wait(ctx, t, at, began.Add(s.interval)) {
			return nil
		}
	}
}

// stopped ends the run after a signal. With --watch a signal is the normal end,
// unless no round is complete.
func (s *scraper) stopped(ctx context.Context, start time.Time) error {
	if s.interval > 0 && s.options.Previous != nil {
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
func (s *scraper) tick(t *scrape.Table) {
	done, all := 0, 0
	for _, torrent := range t.Torrents {
		for _, swarm := range torrent.Swarms {
			for _, r := range swarm.Rows {
				if all++; r.Status != "" {
					done++
				}
			}
		}
	}
	progress := fmt.Sprintf("%s of %s", term.Count(int64(done)), count(all, "answer"))
	if s.live != nil {
		s.draw(cmp.Or(s.options.Previous, t), s.pal.Dim(progress))
		return
	}
	if now := time.Now(); now.Sub(s.lastLine) >= 10*time.Second && !s.quiet {
		s.lastLine = now
		fmt.Fprintf(s.env.stderr, "bt: %s\n", progress)
	}
}

// draw draws the part of the table that fits the window, and a line below it.
func (s *scraper) draw(t *scrape.Table, below string) {
	columns, rows := s.env.window()
	var b strings.Builder
	_ = s.table(&b, t, columns, rows) // a Builder returns no errors
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if most := max(rows-3, 1); len(lines) > most {
		lines = append(lines[:most-1], s.pal.Dim(s.pal.Ellipsis()))
	}
	text := strings.Join(append(lines, below), "\n") + "\n"
	_ = s.live.Draw(columns, rows, text) // if the terminal is closed, printing the result fails too
}

// wait waits for the next round and shows the time left. It returns false when
// ctx ends.
func (s *scraper) wait(ctx context.Context, t *scrape.Table, at, until time.Time) bool {
	next := time.NewTimer(time.Until(until))
	defer next.Stop()
	second := time.NewTicker(time.Second)
	defer second.Stop()
	for {
		if s.live != nil {
			left := max(time.Until(until).Round(time.Second), 0)
			s.draw(t, s.pal.Dim(fmt.Sprintf("asked at %s, again %s", at.Format(time.TimeOnly), countdown(left))))
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
func (s *scraper) print(t *scrape.Table, at time.Time) error {
	switch {
	case s.json:
		return s.newJSON(false).item(s.document(t, at))
	case s.csv:
		return stdoutError(s.printCSV(t, at))
	}
	if s.round > 0 {
		fmt.Fprintln(s.out)
	}
	if s.interval > 0 {
		fmt.Fprintln(s.out, at.Format(time.RFC3339))
	}
	return s.printTables(t)
}

// printTables prints the result as text, with hints.
func (s *scraper) printTables(t *scrape.Table) error {
	columns, _ := s.env.window()
	err := s.table(s.out, t, columns, 0)
	if err == nil && !s.single && !s.quiet {
		err = s.trackers(s.out, t, columns)
	}
	if err == nil {
		err = s.peers(s.out, t, columns)
	}
	if err == nil {
		err = s.out.Flush()
	}
	if err == nil && s.round == 0 {
		s.hints(t)
	}
	return stdoutError(err)
}
