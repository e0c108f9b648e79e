package swarm

import (
	"net/netip"
	"slices"
)

// A Source is how addresses of peers were found. Each source has its fair share of the
// contacts of a torrent, and of the calls.
type Source uint8

// The sources, the most trustworthy first: what several have named counts as found by the
// first of them.
const (
	SourceTracker Source = iota
	SourceLSD
	SourceDHT
	SourcePEX

	sources // is their number
)

// An Origin is where addresses come from.
type Origin struct {
	Source Source

	// Giver is the peer that has sent the addresses by PEX. A torrent has a limited
	// number of contacts from one host that have not answered yet.
	Giver netip.Addr
}

const (
	// maxOfSource is how many contacts there are of each source except trackers, of all
	// torrents.
	maxOfSource = maxAllContacts / 4

	// maxOfGiver is how many contacts a torrent has that one host has given by PEX, and
	// that have not answered yet.
	maxOfGiver = 100
)

// dueContacts are the contacts of a torrent that may be called now: first those that are
// pinned, then those of the sources in turn.
type dueContacts struct {
	pinned []*contact
	by     [sources][]*contact
	turn   Source // whose contact is next
}

// list returns the list that a contact belongs to.
func (d *dueContacts) list(k *contact) *[]*contact {
	if k.pinned {
		return &d.pinned
	}
	return &d.by[k.origin.Source]
}

func (d *dueContacts) push(k *contact) {
	list := d.list(k)
	*list = append(*list, k)
}

// pop removes and returns the next contact, or nil if there is none.
func (d *dueContacts) pop() *contact {
	if len(d.pinned) > 0 {
		return popFirst(&d.pinned)
	}
	for range sources {
		list := &d.by[d.turn]
		d.turn = (d.turn + 1) % sources
		if len(*list) > 0 {
			return popFirst(list)
		}
	}
	return nil
}

func popFirst(list *[]*contact) *contact {
	k := (*list)[0]
	(*list)[0] = nil
	*list = (*list)[1:]
	return k
}

// remove removes a contact, if it is due.
func (d *dueContacts) remove(k *contact) {
	list := d.list(k)
	if i := slices.Index(*list, k); i >= 0 {
		*list = slices.Delete(*list, i, i+1)
	}
}

func (d *dueContacts) len() int {
	n := len(d.pinned)
	for _, list := range d.by {
		n += len(list)
	}
	return n
}
