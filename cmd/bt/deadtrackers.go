package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"time"

	"bt/scrape"
)

// deadAtOnce holds the statuses of bt scrape that prove a tracker dead in a
// single report.
var deadAtOnce = map[scrape.Status]bool{scrape.StatusBadURL: true, "http-410": true}

// deadInTime holds the statuses that may be temporary, such as a restart of the
// tracker or a network failure. All other statuses are answers of a tracker, may
// be caused on this side, or prove nothing.
var deadInTime = map[scrape.Status]bool{
	scrape.StatusDNS: true, scrape.StatusRefused: true, scrape.StatusTimeout: true, scrape.StatusTLS: true,
	scrape.StatusRedirect: true, scrape.StatusHTML: true, scrape.StatusEmpty: true, scrape.StatusMalformed: true,
}

// deadAfter is the minimum time between two reports that prove a tracker with a
// status of deadInTime dead.
const deadAfter = time.Hour

// A scrapeReport is the result of one JSON document of bt scrape.
type scrapeReport struct {
	time     time.Time // zero if the document has none
	verdicts map[string]verdict
}

// A reportedTracker is the status of a tracker in a document.
type reportedTracker struct {
	URL    string
	Status scrape.Status
}

// A verdict summarizes what one document reports of a tracker for all its
// torrents.
type verdict uint8

const (
	deadNow         verdict = iota + 1 // every status is in deadInTime
	deadPermanently                    // every status is in deadInTime or deadAtOnce, and one is in deadAtOnce
	notDead
)

// readScrapes reads the JSON of bt scrape: one document, or one for each round of
// --watch.
func readScrapes(text []byte) ([]*scrapeReport, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	var scrapes []*scrapeReport
	trackers := 0
	d := json.NewDecoder(bytes.NewReader(text))
	for {
		var doc json.RawMessage
		if err := d.Decode(&doc); err == io.EOF {
			break
		} else if err != nil {
			return nil, badScrape(text, len(text), err)
		}
		s, err := readScrapeReport(doc)
		if err != nil {
			return nil, badScrape(text, int(d.InputOffset())-len(doc), err)
		}
		scrapes = append(scrapes, s)
		trackers += len(s.verdicts)
	}
	if trackers == 0 {
		return nil, errors.New("not the JSON of bt scrape: there is no tracker in it")
	}
	return scrapes, nil
}

// badScrape rewords an error of encoding/json. from is the offset in text of the
// document that caused it.
func badScrape(text []byte, from int, err error) error {
	line := func(offset int) int { return 1 + bytes.Count(text[:min(offset, len(text))], []byte("\n")) }
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("line %d: not JSON: %w", line(int(syntax.Offset)-1), err)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kinds := map[reflect.Kind]string{reflect.Struct: "an object", reflect.Slice: "a list", reflect.String: "a text"}
		what := "it"
		if wrong.Field != "" {
			what = strings.ToLower(wrong.Field)
		}
		return fmt.Errorf("line %d: not the JSON of bt scrape: %s is not %s", line(from+int(wrong.Offset)-1), what, kinds[wrong.Type.Kind()])
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("not JSON: it ends too early")
	}
	return fmt.Errorf("line %d: not the JSON of bt scrape: %w", line(from), err)
}

func readScrapeReport(document []byte) (*scrapeReport, error) {
	var doc struct {
		Time     *string
		Torrents []struct {
			Swarms []struct{ Trackers []reportedTracker }
		}
		Trackers []reportedTracker // without torrents
	}
	if err := json.Unmarshal(document, &doc); err != nil {
		return nil, err
	}
	s := &scrapeReport{verdicts: make(map[string]verdict)}
	if doc.Time != nil {
		var err error
		if s.time, err = time.Parse(time.RFC3339, *doc.Time); err != nil {
			return nil, fmt.Errorf("time is %.40q, and not a time such as 2026-01-31T12:00:00Z", *doc.Time)
		}
	}
	s.judge(doc.Trackers)
	for _, t := range doc.Torrents {
		for _, swarm := range t.Swarms {
			s.judge(swarm.Trackers)
		}
	}
	return s, nil
}

// judge adds the statuses of trackers to the verdicts.
func (s *scrapeReport) judge(trackers []reportedTracker) {
	for _, tracker := range trackers {
		v := notDead
		switch {
		case deadAtOnce[tracker.Status]:
			v = deadPermanently
		case deadInTime[tracker.Status]:
			v = deadNow
		}
		s.verdicts[tracker.URL] = max(s.verdicts[tracker.URL], v)
	}
}

// deadTrackers returns a function that reports whether a tracker is dead. A
// tracker is dead if no document reports it alive for any torrent, and either one
// document has a status of deadAtOnce or two documents that are at least
// deadAfter apart report it dead. Documents without a time are not counted as
// apart from others.
func deadTrackers(scrapes []*scrapeReport) func(url string) bool {
	type span struct {
		worst       verdict
		first, last time.Time // zero if no document has a time
	}
	found := make(map[string]span)
	for _, s := range scrapes {
		for url, v := range s.verdicts {
			x := found[url]
			x.worst = max(x.worst, v)
			if !s.time.IsZero() {
				if x.first.IsZero() || s.time.Before(x.first) {
					x.first = s.time
				}
				if s.time.After(x.last) {
					x.last = s.time
				}
			}
			found[url] = x
		}
	}
	return func(url string) bool {
		x := found[strings.TrimSpace(url)]
		return x.worst == deadPermanently || x.worst == deadNow && x.last.Sub(x.first) >= deadAfter
	}
}
