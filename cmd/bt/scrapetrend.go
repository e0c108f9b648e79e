package main

import (
	"fmt"

	"bt/scrape"
)

// A swarmIndex identifies a swarm in the table by its indexes.
type swarmIndex struct{ torrent, swarm int }

// sparkWidth is the number of rounds in a sparkline.
const sparkWidth = 20

// note appends the seeders of a round to the history.
func (r *torrentReport) note() {
	s, t := r.scraper, r.Table
	if s.interval == 0 {
		return
	}
	if s.history == nil {
		s.history = make(map[swarmIndex][]int64)
	}
	for i := range t.Torrents {
		for k := range t.Torrents[i].Swarms {
			list := append(s.history[swarmIndex{i, k}], t.Torrents[i].Swarms[k].Best().Seeders)
			s.history[swarmIndex{i, k}] = list[max(0, len(list)-sparkWidth):]
		}
	}
}

// trend returns a sparkline of the seeders of a swarm, and the last change.
func (s *scraper) trend(at swarmIndex) string {
	list := s.history[at]
	text := s.pal.Sparkline(list, sparkWidth)
	if n := len(list); n > 1 && list[n-1] != scrape.Unknown && list[n-2] != scrape.Unknown {
		switch change := list[n-1] - list[n-2]; {
		case change > 0:
			text += s.pal.Green(fmt.Sprintf(" +%d", change))
		case change < 0:
			text += s.pal.Red(fmt.Sprintf(" %d", change))
		}
	}
	return text
}
