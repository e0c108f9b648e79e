package main

import (
	"encoding/hex"
	"iter"
	"slices"
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

	DHT          *scrapedDHT          `json:"dht,omitempty"`
	Availability *scrapedAvailability `json:"availability,omitempty"`
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
	Status   scrape.Status   `json:"status"`
	Error    string          `json:"error,omitempty"`
	Hint     string          `json:"hint,omitempty"`
	MS       int64           `json:"ms"`
	Families []scrapedFamily `json:"families"`
	Peers    []scrapedPeer   `json:"peers"`
}

// A scrapedFamily is the answer over one IP version.
type scrapedFamily struct {
	Family string        `json:"family"`
	Addr   string        `json:"addr,omitempty"`
	Status scrape.Status `json:"status"`
	scrapedCounts
	MS int64 `json:"ms"`
}

type scrapedPeer struct {
	Addr   string `json:"addr"`
	Client string `json:"client,omitempty"`
}

// document returns the JSON of a table. URLs are not masked: bt retracker
// --drop-dead needs them.
func (r *torrentReport) document(at time.Time) any {
	return &scrapeDocument{Time: at.UTC().Truncate(time.Second), Torrents: func(yield func(scrapedItem) bool) {
		for i := range r.Torrents {
			if !yield(scrapedItem{r.scraped(&r.Torrents[i])}) {
				return
			}
		}
		for _, f := range r.failed {
			if !yield(scrapedItem{f}) {
				return
			}
		}
	}}
}

func (r *torrentReport) scraped(t *scrape.TableTorrent) scrapedTorrent {
	torrent := scrapedTorrent{Name: t.Name, Swarms: []scrapedSwarm{}}
	for k := range t.Swarms {
		swarm := &t.Swarms[k]
		x := scrapedSwarm{InfoHash: hex.EncodeToString(swarm.InfoHash[:]), Kind: swarm.Kind, Trackers: []scrapedTracker{}}
		if answers(swarm) > 0 {
			best := countsOf(swarm.Best())
			x.Best = &best
		}
		for i := range swarm.Rows {
			x.Trackers = append(x.Trackers, r.scrapedTracker(&swarm.Rows[i]))
		}
		x.DHT = dhtOf(swarm.DHT)
		x.Availability = availabilityOf(swarm.Availability)
		torrent.Swarms = append(torrent.Swarms, x)
	}
	return torrent
}

func (r *torrentReport) scrapedTracker(row *scrape.Row) scrapedTracker {
	x := scrapedTracker{
		URL: row.URL, Tier: row.Tier, scrapedCounts: countsOf(row.Counts),
		Status: row.Status, Error: rowError(row), Hint: rowHint(row), MS: row.Elapsed.Milliseconds(),
		Families: familiesOf(row.Families()), Peers: []scrapedPeer{},
	}
	if r.options.Peers {
		for _, p := range row.Peers {
			x.Peers = append(x.Peers, scrapedPeer(p))
		}
	}
	return x
}

// familiesOf returns the JSON of the answers over each IP version. There is none if a proxy
// was asked.
func familiesOf(list []scrape.Family) []scrapedFamily {
	families := []scrapedFamily{}
	for _, f := range list {
		if f.Network != "" {
			families = append(families, scrapedFamily{"ipv" + f.Network, trackerAddr(&f), f.Status, countsOf(f.Counts), f.Elapsed.Milliseconds()})
		}
	}
	return families
}

// trackerAddr returns the address of a tracker, or "" if it is unknown.
func trackerAddr(f *scrape.Family) string {
	if !f.Addr.IsValid() {
		return ""
	}
	return f.Addr.String()
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

// csv has a line for each torrent, swarm and tracker, and with --dht or --availability also
// for a swarm without trackers.
func (r *torrentReport) csv(line func(cells ...string), header bool) {
	if header {
		cells := []string{"name", "info_hash", "kind", "url", "tier", "seeders", "leechers", "completed", "status", "error", "ms"}
		cells = append(cells, familyHeader("addr", "status", "seeders", "leechers", "completed", "ms")...)
		if r.options.DHT != nil {
			cells = append(cells, dhtHeader...)
		}
		if r.options.Availability {
			cells = append(cells, availabilityHeader...)
		}
		line(cells...)
	}
	for _, torrent := range r.Torrents {
		for _, swarm := range torrent.Swarms {
			first := []string{term.Safe(torrent.Name), hex.EncodeToString(swarm.InfoHash[:]), swarm.Kind}
			var last []string
			if r.options.DHT != nil {
				last = append(last, dhtCells(swarm.DHT)...)
			}
			if r.options.Availability {
				last = append(last, availabilityCells(swarm.Availability)...)
			}
			for i := range swarm.Rows {
				line(slices.Concat(first, rowCells(&swarm.Rows[i]), last)...)
			}
			if len(swarm.Rows) == 0 && last != nil {
				line(slices.Concat(first, make([]string, len(rowCells(new(scrape.Row)))), last)...)
			}
		}
	}
}

// rowCells returns the cells of the answer of a tracker.
func rowCells(row *scrape.Row) []string {
	cells := []string{term.Safe(row.URL), strconv.Itoa(row.Tier), number(row.Counts.Seeders), number(row.Counts.Leechers), number(row.Counts.Completed),
		string(row.Status), term.Safe(rowError(row)), strconv.FormatInt(row.Elapsed.Milliseconds(), 10)}
	return append(cells, familyCells(row.Families(), 6, func(f *scrape.Family) []string {
		return []string{trackerAddr(f), string(f.Status), number(f.Counts.Seeders), number(f.Counts.Leechers), number(f.Counts.Completed), strconv.FormatInt(f.Elapsed.Milliseconds(), 10)}
	})...)
}

// networks are the IP versions, in the order of the columns of CSV.
var networks = []string{"4", "6"}

// familyHeader returns the names of the columns for each IP version.
func familyHeader(names ...string) []string {
	var cells []string
	for _, network := range networks {
		for _, name := range names {
			cells = append(cells, "ipv"+network+"_"+name)
		}
	}
	return cells
}

// familyCells returns n cells for each IP version, which are empty if it was not asked.
func familyCells(list []scrape.Family, n int, cellsOf func(f *scrape.Family) []string) []string {
	var all []string
	for _, network := range networks {
		cells := make([]string, n)
		for _, f := range list {
			if f.Network == network {
				cells = cellsOf(&f)
			}
		}
		all = append(all, cells...)
	}
	return all
}

// number formats a number, or "" if it is unknown.
func number(n int64) string {
	if n == scrape.Unknown {
		return ""
	}
	return strconv.FormatInt(n, 10)
}
