package main

import (
	"fmt"
	"io"
	"strconv"

	"bt/internal/term"
	"bt/scrape"
)

// A scrapedAvailability is the JSON of what the peers of a swarm have.
type scrapedAvailability struct {
	Peers        int            `json:"peers"`
	Asked        int            `json:"asked"`
	Answered     int            `json:"answered"`
	Unreachable  int            `json:"unreachable"`
	Seeds        int            `json:"seeds"`
	PartialSeeds int            `json:"partial_seeds"`
	Pieces       int            `json:"pieces,omitempty"`
	Copies       *float64       `json:"copies,omitempty"`
	Rarest       *scrapedRarest `json:"rarest,omitempty"`
}

type scrapedRarest struct {
	Piece  int `json:"piece"`
	Copies int `json:"copies"`
	Pieces int `json:"pieces"`
}

// availabilityOf returns the JSON of an availability, or nil if the peers were not asked.
func availabilityOf(a *scrape.Availability) *scrapedAvailability {
	if a == nil {
		return nil
	}
	x := &scrapedAvailability{
		Peers: a.Peers, Asked: a.Asked, Answered: a.Answered, Unreachable: a.Unreachable,
		Seeds: a.Seeds, PartialSeeds: a.PartialSeeds, Pieces: a.Pieces,
	}
	if a.Known() {
		x.Copies, x.Rarest = &a.Copies, &scrapedRarest{a.Rarest.Piece, a.Rarest.Copies, a.Rarest.Pieces}
	}
	return x
}

// availabilityHeader has the names of the columns of CSV for --availability.
var availabilityHeader = []string{"peers", "asked", "answered", "unreachable", "seeds", "partial_seeds", "pieces", "copies", "rarest_piece", "rarest_copies", "rarest_pieces"}

// availabilityCells returns the cells for availabilityHeader.
func availabilityCells(a *scrape.Availability) []string {
	cells := make([]string, len(availabilityHeader))
	if a == nil {
		return cells
	}
	for i, n := range []int{a.Peers, a.Asked, a.Answered, a.Unreachable, a.Seeds, a.PartialSeeds} {
		cells[i] = strconv.Itoa(n)
	}
	if a.Pieces > 0 {
		cells[6] = strconv.Itoa(a.Pieces)
	}
	if a.Known() {
		cells[7] = copies(a)
		for i, n := range []int{a.Rarest.Piece, a.Rarest.Copies, a.Rarest.Pieces} {
			cells[8+i] = strconv.Itoa(n)
		}
	}
	return cells
}

func copies(a *scrape.Availability) string { return strconv.FormatFloat(a.Copies, 'f', 3, 64) }

// copiesCell returns the copies, or a dash if they are unknown. Less than one copy is red.
func (s *scraper) copiesCell(a *scrape.Availability) string {
	switch {
	case a == nil || !a.Known():
		return s.pal.Dim("-")
	case a.Copies < 1:
		return s.pal.Red(copies(a))
	}
	return copies(a)
}

// rarestCell describes the rarest pieces.
func rarestCell(a *scrape.Availability) string {
	if !a.Known() {
		return ""
	}
	which := "piece " + strconv.Itoa(a.Rarest.Piece)
	switch more := a.Rarest.Pieces - 1; {
	case a.Rarest.Pieces == a.Pieces:
		which = "all pieces"
	case more > 0:
		which += fmt.Sprintf(" and %s more", term.Count(int64(more)))
	}
	if a.Rarest.Copies == 1 {
		return which + ": 1 copy"
	}
	return fmt.Sprintf("%s: %d copies", which, a.Rarest.Copies)
}

// availability writes a row for each swarm whose peers were asked, after an empty line.
func (s *scraper) availability(w io.Writer, t *scrape.Table, columns int) error {
	table := term.Table{
		Width: columns, Palette: s.pal,
		Header: []string{"TORRENT", "COPIES", "SEEDS", "PARTIAL", "ANSWERED", "UNREACHABLE", "RAREST"},
		Right:  []bool{false, true, true, true, true, true, false},
		Drop:   []int{5, 3}, Least: []int{12},
		Short: map[int]func(string, int) string{0: s.pal.CutMiddle},
	}
	if s.single {
		table.Header[0] = "SWARM"
	}
	for i := range t.Torrents {
		torrent := &t.Torrents[i]
		for k := range torrent.Swarms {
			swarm := &torrent.Swarms[k]
			a := swarm.Availability
			if a == nil {
				continue
			}
			name := swarm.Kind
			if !s.single {
				name = term.Safe(nameOf(torrent, swarm))
				if len(torrent.Swarms) > 1 {
					name += " (" + swarm.Kind + ")"
				}
			}
			table.Rows = append(table.Rows, []string{name, s.copiesCell(a),
				term.Count(int64(a.Seeds)), term.Count(int64(a.PartialSeeds)),
				fmt.Sprintf("%d of %d", a.Answered, a.Peers), term.Count(int64(a.Unreachable)), rarestCell(a)})
		}
	}
	if len(table.Rows) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	return table.Write(w)
}
