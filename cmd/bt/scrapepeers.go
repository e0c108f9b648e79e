package main

import (
	"fmt"
	"io"

	"bt/internal/term"
	"bt/scrape"
)

// peers lists the peers of each swarm, each once.
func (s *scraper) peers(w io.Writer, t *scrape.Table, columns int) error {
	if !s.options.Peers {
		return nil
	}
	for i := range t.Torrents {
		torrent := &t.Torrents[i]
		for k := range torrent.Swarms {
			swarm := &torrent.Swarms[k]
			table := s.peerTable(swarm, columns)
			if len(table.Rows) == 0 {
				continue
			}
			fmt.Fprintln(w)
			if !s.single || len(torrent.Swarms) > 1 {
				kind := " (" + swarm.Kind + ")"
				fmt.Fprintf(w, "%s%s\n", fitted(s.pal, s.pal.Bold, term.Safe(nameOf(torrent, swarm)), max(columns-len(kind), 0)), kind)
			}
			if err := table.Write(w); err != nil {
				return err
			}
		}
	}
	return nil
}

// peerTable returns the table of the peers of a swarm.
func (s *scraper) peerTable(swarm *scrape.Swarm, columns int) term.Table {
	table := term.Table{Width: columns, Palette: s.pal, Header: []string{"PEER", "CLIENT", "TRACKER"}}
	at := make(map[string]int)
	var urls []string
	for _, r := range swarm.Rows {
		urls = append(urls, s.shownURL(r.URL))
		for _, p := range r.Peers {
			n, seen := at[p.Addr]
			switch {
			case !seen:
				at[p.Addr] = len(table.Rows)
				table.Rows = append(table.Rows, []string{term.Safe(p.Addr), term.Safe(p.Client), s.shownURL(r.URL)})
			case p.Client != "" && table.Rows[n][1] == "":
				table.Rows[n][1] = term.Safe(p.Client)
			}
		}
	}
	s.shorten(&table, 2, urls)
	table.Least[0] = len("[2001:db8:1111:2222:3333:4444:5555:6666]:65535") // addresses are not cut
	table.Drop = []int{2}
	return table
}
