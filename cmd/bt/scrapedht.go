package main

import (
	"fmt"
	"strconv"

	"bt/internal/term"
	"bt/scrape"
)

// A scrapedDHT is the JSON of what the DHT knows of a swarm.
type scrapedDHT struct {
	Nodes    int    `json:"nodes"`
	Peers    int    `json:"peers"`
	Seeders  *int64 `json:"seeders,omitempty"`
	Leechers *int64 `json:"leechers,omitempty"`
	Error    string `json:"error,omitempty"`
	MS       int64  `json:"ms"`
}

// dhtOf returns the JSON of an answer, or nil if there is none.
func dhtOf(a *scrape.DHTAnswer) *scrapedDHT {
	if a == nil {
		return nil
	}
	counts := countsOf(a.Counts)
	x := &scrapedDHT{Nodes: a.Nodes, Peers: a.Peers, Seeders: counts.Seeders, Leechers: counts.Leechers, MS: a.Elapsed.Milliseconds()}
	if a.Err != nil {
		x.Error = a.Err.Error()
	}
	return x
}

// dhtHeader has the names of the columns of CSV for --dht.
var dhtHeader = []string{"dht_nodes", "dht_peers", "dht_seeders", "dht_leechers"}

// dhtCells returns the cells for dhtHeader.
func dhtCells(a *scrape.DHTAnswer) []string {
	if a == nil {
		return make([]string, len(dhtHeader))
	}
	return []string{strconv.Itoa(a.Nodes), strconv.Itoa(a.Peers), number(a.Counts.Seeders), number(a.Counts.Leechers)}
}

// dhtStatus is the status of the row of the DHT.
func (s *scraper) dhtStatus(a *scrape.DHTAnswer) string {
	text := fmt.Sprintf("%s, of %s", count(a.Peers, "peer"), count(a.Nodes, "node"))
	switch {
	case a.Nodes == 0 && a.Err != nil:
		return s.pal.Red("failed") + ": " + term.Safe(a.Err.Error())
	case a.Err != nil:
		return s.pal.Yellow("incomplete") + ": " + text
	}
	return s.pal.Green("ok") + ": " + text
}

// dhtCell returns the peers that the DHT knows, or a dash if it has not answered.
func (s *scraper) dhtCell(a *scrape.DHTAnswer) string {
	if a == nil || a.Nodes == 0 {
		return s.pal.Dim("-")
	}
	return count(a.Peers, "peer")
}
