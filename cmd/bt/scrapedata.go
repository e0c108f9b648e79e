package main

import (
	"encoding/csv"
	"encoding/hex"
	"iter"
	"strconv"
	"time"

	"bt/internal/term"
	"bt/scrape"
)

// scrapeDocument is the JSON of bt scrape. Torrents are encoded one by one,
// because there may be many.
type scrapeDocument struct {
	Time     time.Time             `json:"time"` // start of the round, in UTC
	Torrents iter.Seq[scrapedItem] `json:"torrents"`
}

// A scrapedItem is a scrapedTorrent or a jsonFailure.
type scrapedItem struct{ item any }

func (x scrapedItem) MarshalJSON() ([]byte, error) { return compactJSON(x.item) }

type scrapedTorrent struct {
	Name   string         `json:"name,omitempty"`
	Swarms []scrapedSwarm `json:"swarms"`
}

type scrapedSwarm struct {
	InfoHash string           `json:"info_hash"`
	Kind     string           `json:"kind"`
	Trackers []scrapedTracker `json:"trackers"`
	Best     *scrapedCounts   `json:"best,omitempty"`
}

type scrapedCounts struct {
	Seeders   *int64 `json:"seeders,omitempty"`
	Leechers  *int64 `json:"leechers,omitempty"`
	Completed *int64 `json:"completed,omitempty"`
}

type scrapedTracker struct {
	URL  string `json:"url"`
	Tier int    `json:"tier"`
	scrapedCounts
	Status scrape.Status `json:"status"`
	Error  string        `json:"error,omitempty"`
	Hint   string        `json:"hint,omitempty"`
	MS     int64         `json:"ms"`
	Peers  []scrapedPeer `json:"peers"`
}

type scrapedPeer struct {
	Addr   string `json:"addr"`
	Client string `json:"client,omitempty"`
}

// document returns the JSON of a table. URLs are not masked: bt retracker
// --drop-dead needs them.
func (s *scraper) document(t *scrape.Table, at time.Time) *scrapeDocument {
	return &scrapeDocument{Time: at.UTC().Truncate(time.Second), Torrents: func(yield func(scrapedItem) bool) {
		for i := range t.Torrents {
			if !yield(scrapedItem{scraped(&t.Torrents[i])}) {
				return
			}
		}
		for _, f := range s.failed {
			if !yield(scrapedItem{f}) {
				return
			}
		}
	}}
}

func scraped(t *scrape.TableTorrent) scrapedTorrent {
	torrent := scrapedTorrent{Name: t.Name, Swarms: []scrapedSwarm{}}
	for k := range t.Swarms {
		swarm := &t.Swarms[k]
		x := scrapedSwarm{InfoHash: hex.EncodeToString(swarm.InfoHash[:]), Kind: swarm.Kind, Trackers: []scrapedTracker{}}
		if answers(swarm) > 0 {
			best := countsOf(swarm.Best())
			x.Best = &best
		}
		for _, r := range swarm.Rows {
			row := scrapedTracker{
				URL: r.URL, Tier: r.Tier, scrapedCounts: countsOf(r.Counts),
				Status: r.Status, Error: rowError(&r), Hint: rowHint(&r), MS: r.Elapsed.Milliseconds(), Peers: []scrapedPeer{},
			}
			for _, p := range r.Peers {
				row.Peers = append(row.Peers, scrapedPeer(p))
			}
			x.Trackers = append(x.Trackers, row)
		}
		torrent.Swarms = append(torrent.Swarms, x)
	}
	return torrent
}

func countsOf(c scrape.Counts) scrapedCounts {
	known := func(n int64) *int64 {
		if n == scrape.Unknown {
			return nil
		}
		return &n
	}
	return scrapedCounts{known(c.Seeders), known(c.Leechers), known(c.Completed)}
}

// printCSV prints a line for each torrent, swarm and tracker. With --watch each
// line begins with the time of the round.
func (s *scraper) printCSV(t *scrape.Table, at time.Time) error {
	w := csv.NewWriter(s.out)
	line := func(cells ...string) {
		if s.interval == 0 {
			cells = cells[1:]
		}
		_ = w.Write(cells) // w.Error returns the error below
	}
	if s.round == 0 {
		line("time", "name", "info_hash", "kind", "url", "tier", "seeders", "leechers", "completed", "status", "error", "ms")
	}
	number := func(n int64) string {
		if n == scrape.Unknown {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, torrent := range t.Torrents {
		for _, swarm := range torrent.Swarms {
			for _, r := range swarm.Rows {
				line(at.UTC().Format(time.RFC3339), term.Safe(torrent.Name), hex.EncodeToString(swarm.InfoHash[:]), swarm.Kind,
					term.Safe(r.URL), strconv.Itoa(r.Tier), number(r.Counts.Seeders), number(r.Counts.Leechers), number(r.Counts.Completed),
					string(r.Status), term.Safe(rowError(&r)), strconv.FormatInt(r.Elapsed.Milliseconds(), 10))
			}
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	return s.out.Flush()
}
