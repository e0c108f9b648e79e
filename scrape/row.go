package scrape

import (
	"net/netip"
	"slices"
	"time"
)

// A Row is the answer of one tracker for one swarm. If the tracker was asked over two
// address families, it is the best of both.
type Row struct {
	URL  string // as in the target, including any passkey
	Tier int    // counted from 1

	Status  Status // "" if there is no answer yet
	Counts  Counts // Unknown if there is no number; of two families the maximum of each
	Err     error  // an *Error, or nil; with Options.Peers or Options.Availability, if Status is StatusOK, the error of the announce
	Private bool   // not announced because the torrent is private
	Elapsed time.Duration
	Peers   []Peer // with Options.Peers or Options.Availability

	families *families // nil if the tracker was not asked
}

// families are the address families of a tracker, and the answers over each of them. Rows
// share it if there is one family, because there may be many rows.
type families struct {
	addresses *[]address // of the tracker; shared by its rows
	answers   *[2]answer // nil if there is one family, whose answer is the row's
}

// A Family is the answer of a tracker over one address family.
type Family struct {
	Network string         // "4" or "6"; "" if a proxy chooses it
	Addr    netip.AddrPort // of the tracker; the zero AddrPort if it is unknown
	Status  Status         // "" if there is no answer yet
	Counts  Counts         // Unknown if there is no number
	Err     error          // as in Row
	Elapsed time.Duration
}

// An address is that of a tracker in one address family.
type address struct {
	network string
	addr    netip.AddrPort
}

// An answer is what a tracker answers about a swarm.
type answer struct {
	status  Status
	counts  Counts
	err     error
	elapsed time.Duration
}

// Families returns the answers over each address family of the tracker, in the order of
// their versions. There is none if the tracker was not asked.
func (r *Row) Families() []Family {
	if r.families == nil {
		return nil
	}
	var list []Family
	for i, a := range *r.families.addresses {
		f := Family{a.network, a.addr, r.Status, r.Counts, r.Err, r.Elapsed}
		if r.families.answers != nil {
			b := r.families.answers[i]
			f = Family{a.network, a.addr, b.status, b.counts, b.err, b.elapsed}
		}
		list = append(list, f)
	}
	return list
}

// note records an answer.
func (r *Row) note(e *event) {
	r.Private = r.Private || e.private
	for _, p := range e.peers {
		at := slices.IndexFunc(r.Peers, func(known Peer) bool { return known.Addr == p.Addr })
		switch {
		case at < 0:
			r.Peers = append(r.Peers, p)
		case r.Peers[at].Client == "":
			r.Peers[at].Client = p.Client
		}
	}
	if e.families == nil || len(*e.families.addresses) == 1 {
		r.families = e.families
		r.set(&e.answer)
		return
	}
	if r.families == nil {
		r.families = &families{e.families.addresses, &[2]answer{{counts: unknown}, {counts: unknown}}}
	}
	r.families.answers[e.at] = e.answer
	r.merge()
}

func (r *Row) set(a *answer) {
	r.Status, r.Counts, r.Err, r.Elapsed = a.status, a.counts, a.err, a.elapsed
}

// merge sets the row by the answers over two families. Their numbers are never added,
// because a tracker may count the same peers over both.
func (r *Row) merge() {
	a, b := &r.families.answers[0], &r.families.answers[1]
	if b.rank() < a.rank() {
		a, b = b, a
	}
	switch {
	case b.status == "" && a.status != StatusOK: // b may have numbers
	case b.status == StatusOK:
		r.set(a)
		r.Counts = maxCounts(a.counts, b.counts)
	default:
		r.set(a)
	}
}

// rank orders answers by how much they say about the tracker.
func (a *answer) rank() int {
	switch a.status {
	case StatusOK:
		if a.err == nil {
			return 0
		}
		return 1
	case StatusNotRegistered:
		return 2
	case StatusFailed:
		return 3
	case StatusNoRoute: // this machine may lack the family
		return 5
	case StatusStopped:
		return 6
	case "":
		return 7
	}
	return 4
}

// A Peer is a peer that a tracker returned.
type Peer struct {
	Addr   string // host:port
	Client string // the client, by the peer id (BEP 20) or, with Options.Availability, its own words; "" if it is unknown
}

// unknown are Counts without a number.
var unknown = Counts{Seeders: Unknown, Leechers: Unknown, Completed: Unknown}

// maxCounts returns the maximum of each number.
func maxCounts(a, b Counts) Counts {
	return Counts{Seeders: max(a.Seeders, b.Seeders), Leechers: max(a.Leechers, b.Leechers), Completed: max(a.Completed, b.Completed)}
}
