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

// scraper asks, once or again and again, and prints the answers in one of three
// faces: a table, JSON, CSV.
type scraper struct {
	*ui
	options scrape.Options
	csv     bool
	every   time.Duration // 0: once
	most    time.Duration // 0: no limit
	failed  []jsonFailure
	single  bool // one torrent: a row a tracker; else a row a torrent

	live     *term.Live // the table on a terminal, while it fills; nil: none
	round    int
	asked    int       // rounds that came to their end
	lastLine time.Time // when a line on stderr told how far it is

	history map[place][]int64 // of --watch: the best seeders of each round; Unknown where nobody told
}

// A place in the table: a torrent, and one of its swarms.
type place struct{ torrent, swarm int }

func (s *scraper) run(ctx context.Context, targets []scrape.Target) error {
	if len(targets) == 0 { // none that could be read
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
	for s.round = 0; ; s.round++ {
		at, began := s.env.now(), time.Now()
		s.lastLine = began
		t := scrape.Run(ctx, targets, s.options)
		if interruption(ctx) != nil {
			return s.stopped(ctx, start) // what came so far stays on the terminal
		}
		if s.round > 0 && ctx.Err() != nil {
			break // --max-time has cut it off
		}
		s.options.Previous = t
		s.asked++
		s.note(t)
		if s.live == nil {
			if err := s.print(t, at); err != nil {
				return err
			}
		}
		if s.every == 0 || ctx.Err() != nil || !s.wait(ctx, t, at, began.Add(s.every)) {
			break
		}
	}
	if interruption(ctx) != nil {
		return s.stopped(ctx, start)
	}
	t := s.options.Previous
	if s.live != nil {
		_ = s.live.Clear() // it comes as a whole, and not what of it fits the window
		if err := s.printTables(t); err != nil {
			return err
		}
	}
	if s.every > 0 {
		s.sayStopped(start)
	}
	if ok, _ := t.Answered(); ok == 0 {
		return errNo
	}
	return nil
}

// stopped is the end by a signal. Of --watch it is the end that was asked for, once
// there was an answer to see.
func (s *scraper) stopped(ctx context.Context, start time.Time) error {
	if s.every > 0 && s.options.Previous != nil {
		s.ended = true
		s.live.Close()
		s.sayStopped(start)
	}
	return ctx.Err()
}

// sayStopped says how --watch ended.
func (s *scraper) sayStopped(start time.Time) {
	if !s.quiet {
		fmt.Fprintf(s.env.stderr, "bt: stopped: asked %s in %s\n", count(s.asked, "time"), term.Duration(time.Since(start)))
	}
}

// tick shows how far the asking has come. What the last round of --watch found
// stays to be seen meanwhile.
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

// draw shows the table as it is, as much as fits, with a line below.
func (s *scraper) draw(t *scrape.Table, below string) {
	columns, rows := s.env.window()
	var b strings.Builder
	_ = s.table(&b, t, columns, rows) // a Builder makes no errors
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	if most := max(rows-3, 1); len(lines) > most {
		lines = append(lines[:most-1], s.pal.Dim(s.pal.Ellipsis()))
	}
	text := strings.Join(append(lines, below), "\n") + "\n"
	_ = s.live.Draw(columns, rows, text) // a terminal that is gone shows with the result
}

// wait waits for the next round and says how long still; false: the end.
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

// print prints the result of a round where nothing is drawn.
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
	if s.every > 0 {
		fmt.Fprintln(s.out, at.Format(time.RFC3339))
	}
	return s.printTables(t)
}

// printTables prints the tables for people, and what to do.
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
