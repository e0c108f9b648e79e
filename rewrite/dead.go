package rewrite

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// deadAtOnce are the statuses of bt scrape that say for good that a tracker is
// dead.
var deadAtOnce = map[string]bool{"bad-url": true, "http-410": true}

// deadInTime are those that may pass: the tracker restarts, or the network is
// down. All others are answers of a tracker, or may be at fault on this side, or
// say nothing.
var deadInTime = map[string]bool{
	"dns": true, "refused": true, "timeout": true, "tls": true,
	"redirect": true, "html": true, "empty": true, "malformed": true,
}

// deadAfter is how long a tracker has to be found dead for.
const deadAfter = time.Hour

// A Scrape is what one JSON document of bt scrape says of trackers.
type Scrape struct {
	time     time.Time // zero: not told
	verdicts map[string]verdict
}

// A verdict is what a document says of one tracker, for all torrents together.
type verdict uint8

const (
	deadNow     verdict = iota + 1 // every answer is of deadInTime
	deadForGood                    // and one of them is of deadAtOnce
	notDead
)

// ReadScrape reads the JSON document of bt scrape.
func ReadScrape(text []byte) (*Scrape, error) {
	var doc struct {
		Time     time.Time
		Torrents []struct {
			Swarms []struct {
				Trackers []struct{ URL, Status string }
			}
		}
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("not the JSON of bt scrape: %w", err)
	}
	s := &Scrape{time: doc.Time, verdicts: make(map[string]verdict)}
	for _, t := range doc.Torrents {
		for _, swarm := range t.Swarms {
			for _, tracker := range swarm.Trackers {
				v := notDead
				switch {
				case deadAtOnce[tracker.Status]:
					v = deadForGood
				case deadInTime[tracker.Status]:
					v = deadNow
				}
				s.verdicts[tracker.URL] = max(s.verdicts[tracker.URL], v)
			}
		}
	}
	if len(s.verdicts) == 0 {
		return nil, errors.New("not the JSON of bt scrape: there is no tracker in it")
	}
	return s, nil
}

// Dead returns what reports which trackers are dead: those that no document found
// alive for any torrent, and that one found dead for good, or two, at least an
// hour apart, dead. How far a document that tells no time is from others is not
// known.
func Dead(scrapes []*Scrape) func(url string) bool {
	type span struct {
		worst       verdict
		first, last time.Time // zero: in none that tells its time
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
		return x.worst == deadForGood || x.worst == deadNow && x.last.Sub(x.first) >= deadAfter
	}
}
